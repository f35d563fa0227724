"""Recorded probabilities are the same bytes after any number of kills, and a training on them resumes to the byte."""

import json
import os
import random
import signal
import subprocess
import time

import pytest
import tiny_chat
import tiny_training
from checkout import PROJECT

from distill.base import manifest

KILLS = 5


@pytest.fixture(scope="module")
def world(tiny_world, tmp_path_factory):
    """A base, which is the teacher too, and 640 rows: ten parts."""
    folder = tmp_path_factory.mktemp("world")
    (folder / "base").symlink_to(tiny_world / "base")
    tiny_training.data(folder / "sft.jsonl", rows=640)
    return folder


def command(world, folder, python) -> list[str]:
    words = [python, PROJECT / "scripts/logits.py", "--data", world / "sft.jsonl", "--teacher", world / "base"]
    words += ["--tokenizer", world / "base", "--spec", json.dumps({"top_k": 4, "eos_token": "<|im_end|>"})]
    return list(map(str, [*words, "--runtime", '{"device": "cpu"}', "--work", folder / "work", "--output", folder / "logits"]))


ENV = os.environ | {"OMP_NUM_THREADS": "1", "DISTILL_PROGRESS_S": "0"}


@pytest.fixture(scope="module")
def unbroken(world, warm_python, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    subprocess.run(command(world, folder, warm_python), check=True, env=ENV, capture_output=True)
    return folder / "logits"


def files(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_kills_at_random_moments_end_in_the_bytes_of_an_unbroken_run(world, unbroken, warm_python, tmp_path):
    draw, started = random.Random(0), 0
    for _ in range(KILLS):
        process = subprocess.Popen(
            command(world, tmp_path, warm_python), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENV, process_group=0
        )
        for line in process.stdout:
            if line.startswith("logits: "):  # one part more
                started += 1
                time.sleep(draw.random() / 20)
                break
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    assert started and not (tmp_path / "logits").exists()
    subprocess.run(command(world, tmp_path, warm_python), check=True, env=ENV, capture_output=True)
    assert files(tmp_path / "logits") == files(unbroken)


def test_a_training_on_them_resumes_to_the_byte_and_is_the_same_twice(world, unbroken, warm_python, tmp_path):
    def train(name, **runtime):
        return tiny_training.start(
            world,
            tmp_path / name / "model",
            runtime={"save_steps": 2, **runtime},
            python=warm_python,
            options=(),
            arguments=("--logits", unbroken),
            loss="kl",
            kl_weight=0.5,
            max_steps=8,
        )

    tiny_training.end(train("one"))
    tiny_training.end(train("two"))
    killed, steps = train("killed"), 0
    for line in killed.stdout:
        steps += line.startswith("train: ")
        if steps == 5:
            os.killpg(killed.pid, signal.SIGKILL)
            break
    killed.communicate()
    said = tiny_training.end(train("killed"))
    assert "resuming from" in said
    digests = {name: tiny_training.digest(tmp_path / name / "model") for name in ("one", "two", "killed")}
    assert len(set(digests.values())) == 1
    about = manifest.read(tmp_path / "one/model")
    assert about["logits"] == manifest.read(unbroken)["digest"] and about["recipe"]["kl_weight"] == 0.5
    logs = [[row | {"tokens_per_s": None} for row in tiny_chat.read_jsonl(tmp_path / name / "model/log.jsonl")] for name in digests]
    assert logs[0] == logs[1] == logs[2]
