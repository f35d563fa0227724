"""scripts/train.py as the rule runs it: under its launcher, resumed to the byte, with and without packing."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
RECIPE = {
    "learning_rate": 1e-3,
    "packing": "none",
    "group_by_length": True,
    "dtype": "float32",
    "max_length": 96,
    "epochs": 10,  # 120 steps of milliseconds: a kill at step 30 is far from the end
    "global_batch": 4,
    "eos_token": "<|im_end|>",
}


@pytest.fixture(scope="module")
def train(tiny_world, warm_python):
    """A trainer over a tiny base and 48 rows: train(folder, work, **recipe) starts it and returns the process."""

    def train(folder: Path, work: Path, options=(), stdout=subprocess.PIPE, **recipe) -> subprocess.Popen:
        command = [warm_python, PROJECT / "scripts/launch.py", "--accelerate", PROJECT / "config/accelerate/single.yaml"]
        command += [*options, PROJECT / "scripts/train.py", "--base", tiny_world / "base"]
        command += ["--data", tiny_world / "sft.jsonl", "--work", work, "--output", folder]
        command += ["--spec", json.dumps(RECIPE | recipe), "--runtime", '{"device": "cpu", "save_steps": 7}']
        return subprocess.Popen(
            command,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
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


def test_a_second_trainer_of_the_same_run_waits_for_the_first(train, unbroken, tmp_path):
    first = train(tmp_path / "model", tmp_path / "work")
    wait_for_line(first, "train: 10 of ")
    os.killpg(first.pid, signal.SIGSTOP)  # so that it is still there
    second = train(tmp_path / "model", tmp_path / "work")
    wait_for_line(second, "waiting for process ")
    os.killpg(first.pid, signal.SIGKILL)
    first.wait(timeout=60)
    assert "resuming from" in end(second)
    assert digest(tmp_path / "model") == digest(unbroken)


def wait_for_line(process: subprocess.Popen, start: str) -> None:
    assert any(line.startswith(start) for line in process.stdout)


def test_a_failed_training_is_started_again_and_bad_input_is_not(train, unbroken, tmp_path):
    process = train(tmp_path / "model", tmp_path / "work", options=["--retries", "1"])
    wait_for_line(process, "train: 10 of ")
    os.kill(trainer(tmp_path), signal.SIGKILL)
    out = end(process)
    assert "the training ended with exit code" in out and "attempt 2 of 2" in out
    assert "resuming from" in out and digest(tmp_path / "model") == digest(unbroken)
    refused = train(tmp_path / "model", tmp_path / "work", options=["--retries", "3"], packing="nonsense")
    out, _ = refused.communicate(timeout=120)
    assert refused.returncode == 2 and "attempt" not in out
    assert out.splitlines()[-1].startswith("error: ")


def trainer(folder: Path) -> int:
    (lock,) = folder.glob("work/*/lock")
    return int(lock.read_text(encoding="utf-8"))


def test_ctrl_c_in_a_training_leaves_one_line_in_its_log(train, unbroken, tmp_path):
    """Snakemake shows the log of a job that did not end well; the work folder keeps all of it."""
    log = tmp_path / "train.log"
    with open(log, "w", encoding="utf-8") as file:
        process = train(tmp_path / "model", tmp_path / "work", stdout=file)
    while "train: 10 of " not in log.read_text(encoding="utf-8"):
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=60) == 75
    assert log.read_text(encoding="utf-8") == "stopped by SIGINT; the same command goes on from the last checkpoint\n"
    (kept,) = tmp_path.glob("work/*/attempt-1.log")
    text = kept.read_text(encoding="utf-8")
    assert "train: 10 of " in text and "Traceback" not in text and "the checkpoint is saved" in text
    assert "resuming from" in end(train(tmp_path / "model", tmp_path / "work"))
    assert digest(tmp_path / "model") == digest(unbroken)


def test_packed_training_learns_and_loses_no_token(train, unbroken, tmp_path):
    end(train(tmp_path / "model", tmp_path / "work", packing="bfd_split", group_by_length=False, max_length=512))
    packed, plain = log(tmp_path / "model"), log(unbroken)
    assert packed[-1]["tokens"] == plain[-1]["tokens"]
    assert packed[-1]["step"] < plain[-1]["step"] / 2
    assert packed[-1]["loss"] < packed[0]["loss"]
