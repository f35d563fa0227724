"""scripts/train.py as the rule runs it: under its launcher, resumed to the byte, with and without packing."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
RECIPE = {
    "learning_rate": 1e-3,
    "packing": "none",
    "group_by_length": True,
    "dtype": "float32",
    "max_length": 256,
    "epochs": 2,
    "eos_token": "<|im_end|>",
}


@pytest.fixture(scope="module")
def train(finished, tmp_path_factory):
    """A trainer over the tiny miniature's base and data: train(folder, **recipe) starts it and returns the process."""

    def train(folder: Path, work: Path, **recipe) -> subprocess.Popen:
        command = [sys.executable, PROJECT / "scripts/launch.py", "--accelerate", PROJECT / "config/accelerate/single.yaml"]
        command += [PROJECT / "scripts/train.py", "--base", finished.folder / "results/models/base"]
        command += ["--data", finished.folder / "results/data/mini_stratos/sft.jsonl", "--work", work, "--output", folder]
        command += ["--spec", json.dumps(RECIPE | recipe), "--runtime", '{"device": "cpu", "save_steps": 7}']
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env=os.environ | {"OMP_NUM_THREADS": "1", "DISTILL_PROGRESS_S": "0"},
        )

    return train


def end(process: subprocess.Popen) -> str:
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 0, out[-3000:]
    return out


def digest(folder: Path) -> str:
    return json.loads((folder / "manifest.json").read_bytes())["digest"]


def log(folder: Path) -> list[dict]:
    return [json.loads(line) | {"tokens_per_s": None} for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def unbroken(train, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken") / "model"
    end(train(folder, folder.parent / "work"))
    return folder


def kill_at(process: subprocess.Popen, step: int, how: signal.Signals) -> None:
    """End the whole group once the log shows `step`."""
    for line in process.stdout:
        if line.startswith(f"train: {step} of "):
            os.killpg(process.pid, how)
    process.wait(timeout=60)


def check_kills(train, unbroken, folder, kills):
    for step, how in kills:
        process = train(folder / "model", folder / "work")
        kill_at(process, step, how)
        assert process.returncode != 0
        assert not (folder / "model" / "manifest.json").exists()
    assert "resuming from" in end(train(folder / "model", folder / "work"))
    assert digest(folder / "model") == digest(unbroken)
    assert log(folder / "model") == log(unbroken)


def test_a_killed_training_resumes_and_ends_in_the_same_bytes(train, unbroken, tmp_path):
    check_kills(train, unbroken, tmp_path, [(10, signal.SIGKILL), (30, signal.SIGTERM)])


def test_a_second_trainer_of_the_same_run_is_refused_and_the_first_goes_on(train, tmp_path):
    first = train(tmp_path / "model", tmp_path / "work", epochs=3)
    for line in first.stdout:
        if line.startswith("train: 1 of "):
            break
    second = train(tmp_path / "model", tmp_path / "work", epochs=3)
    out, _ = second.communicate(timeout=120)
    assert second.returncode != 0
    assert "still works on this very run" in out
    os.killpg(first.pid, signal.SIGKILL)
    first.wait(timeout=60)
    time.sleep(0.1)


def test_packed_training_learns_and_loses_no_token(train, unbroken, tmp_path):
    end(train(tmp_path / "model", tmp_path / "work", packing="bfd_split", group_by_length=False, max_length=512))
    packed, plain = log(tmp_path / "model"), log(unbroken)
    assert packed[-1]["tokens"] == plain[-1]["tokens"]
    assert packed[-1]["step"] < plain[-1]["step"] / 2
    assert packed[-1]["loss"] < packed[0]["loss"]
