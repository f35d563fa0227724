"""scripts/distill_model.py for real: the same bytes twice and after any kill, and the same training on one process and on two."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny_distillation as tiny
import tiny_training

from distill.base.files import read_json

PROJECT = tiny_training.PROJECT
ENV = os.environ | {"OMP_NUM_THREADS": "1", "DISTILL_PROGRESS_S": "0", "TOKENIZERS_PARALLELISM": "false"}
STEPS = 20  # over more than two epochs of 44 prompts, in rollouts of 12


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> Path:
    return tiny.world(tmp_path_factory.mktemp("pair") / "world")


@pytest.fixture(scope="module")
def distill(pair, warm_python) -> Callable[..., tuple[int, str]]:
    """distill(output, **changes): the exit code of scripts/distill_model.py, or minus the signal that ended it, and what it printed.

    With `kill_after`, `how` is sent to it `delay_s` after that many of its steps have been logged.
    """

    def distill(output, kill_after=None, delay_s=0.0, how=signal.SIGKILL, **changes) -> tuple[int, str]:
        command = [warm_python, PROJECT / "scripts/distill_model.py", *tiny.arguments(pair, output, **{"steps": STEPS, **changes})]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENV, process_group=0)
        printed, steps = [], 0
        for line in process.stdout:
            printed.append(line)
            steps += line.startswith("distill: ")
            if steps == kill_after:
                time.sleep(delay_s)
                os.killpg(process.pid, how)
                break
        printed.append(process.stdout.read())
        return process.wait(), "".join(printed)

    return distill


@pytest.fixture(scope="module")
def unbroken(distill, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("unbroken") / "model"
    status, out = distill(folder)
    assert status == 0, out[-3000:]
    return folder


def check_equal(folder: Path, other: Path) -> None:
    assert read_json(folder / "manifest.json") == read_json(other / "manifest.json")
    assert tiny.log(folder) == tiny.log(other)


def test_the_same_command_makes_the_same_bytes(distill, unbroken, tmp_path):
    status, out = distill(tmp_path / "model")
    assert status == 0, out[-3000:]
    check_equal(tmp_path / "model", unbroken)


def test_kills_at_five_random_moments_end_in_the_bytes_of_an_unbroken_run(distill, unbroken, tmp_path):
    draw = random.Random(5)
    for _ in range(5):
        status, out = distill(tmp_path / "model", kill_after=draw.randint(1, 3), delay_s=draw.random() / 10)
        assert status == -signal.SIGKILL, out[-3000:]
    assert not (tmp_path / "model").exists()
    status, out = distill(tmp_path / "model")
    assert status == 0 and "resuming from" in out, out[-3000:]
    check_equal(tmp_path / "model", unbroken)


@pytest.mark.parametrize("save_steps", [4, 7])
def test_a_checkpoint_between_two_steps_of_a_rollout_goes_on_with_its_completions(distill, unbroken, tmp_path, save_steps):
    status, _ = distill(tmp_path / "model", kill_after=save_steps + 2, runtime={"save_steps": save_steps})
    assert status == -signal.SIGKILL
    status, out = distill(tmp_path / "model", runtime={"save_steps": save_steps})
    assert status == 0 and f"checkpoint-{save_steps}\n" in out, out[-3000:]
    check_equal(tmp_path / "model", unbroken)


def test_sigterm_ends_in_a_checkpoint_and_one_line(distill, unbroken, tmp_path):
    status, out = distill(tmp_path / "model", kill_after=5, how=signal.SIGTERM, runtime={"save_steps": 100})
    assert status == 75
    assert out.rstrip().split("\n")[-1] == "stopped by a signal; the checkpoint is saved: run the same command again"
    assert list(tmp_path.glob("work/*/checkpoint-*")) and not (tmp_path / "model").exists()
    status, out = distill(tmp_path / "model", runtime={"save_steps": 100})
    assert status == 0 and "resuming from" in out, out[-3000:]
    check_equal(tmp_path / "model", unbroken)


def test_the_manifest_says_what_it_was_made_from(unbroken, pair):
    made, log = read_json(unbroken / "manifest.json"), tiny.log(unbroken)
    assert (made["parent"], made["teacher"]) == (tiny_training.digest(pair / "student"), tiny_training.digest(pair / "teacher"))
    assert (made["made_by"], made["rows"], made["steps"]) == ("distill_model", 48, STEPS)
    assert (made["tokens_seen"], made["tokens_generated"]) == (log[-1]["tokens"], log[-1]["generated_tokens"])
    assert {key: made["recipe"][key] for key in tiny.RECIPE} == {**tiny.RECIPE, "steps": STEPS}
    assert not set(made["recipe"]) & {"min_length", "max_cut", "min_headroom"}


def test_what_stops_a_distillation_is_no_part_of_what_it_learns(distill, unbroken, tmp_path):
    status, out = distill(tmp_path / "model", watch={"min_length": 0, "max_cut": 0})
    assert (status, out.rstrip().split("\n")[-1]) == (
        2,
        "error: distill: step 16: 100% of the completions are cut at 10 tokens: "
        "raise distill.max_new_tokens, or distill.max_cut if so many may be cut",
    )
    status, out = distill(tmp_path / "model")
    assert status == 0 and "resuming from" in out, out[-3000:]
    check_equal(tmp_path / "model", unbroken)


def start(pair: Path, output: Path, launcher: str, processes: int, python: Path | str = sys.executable) -> subprocess.Popen:
    """scripts/launch.py over scripts/distill_model.py."""
    command = [python, PROJECT / "scripts/launch.py", "--accelerate", PROJECT / f"config/accelerate/{launcher}.yaml"]
    command += ["--processes", str(processes), PROJECT / "scripts/distill_model.py", *tiny.arguments(pair, output, steps=STEPS)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENV, process_group=0)


@pytest.mark.parametrize(
    "launcher", ["ddp", "zero3", pytest.param("zero2", marks=pytest.mark.slow), pytest.param("fsdp2", marks=pytest.mark.slow)]
)
def test_two_processes_learn_from_the_completions_that_one_learns_from(pair, unbroken, warm_python, tmp_path, launcher):
    tiny_training.end(start(pair, tmp_path / "model", launcher, 2, warm_python))
    assert read_json(tmp_path / "model/manifest.json")["world_size"] == 2
    (run,) = tmp_path.glob("work/*/run.json")
    assert json.loads(run.read_bytes())["sharing"] == launcher
    for row, other in zip(tiny.log(unbroken), tiny.log(tmp_path / "model"), strict=True):
        same = ("step", "epoch", "tokens", "generated_tokens", "lr", "mean_length", "max_length", "cut")
        assert {key: row[key] for key in same} == {key: other[key] for key in same}
        assert other["loss"] == pytest.approx(row["loss"], rel=1e-4)
        assert other["entropy"] == pytest.approx(row["entropy"], rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["ddp", "zero3", "fsdp2"])
def test_two_processes_that_are_stopped_resume_to_the_byte(pair, tmp_path, launcher):
    for name, stop_at in (("whole", None), ("stopped", 5)):
        process = start(pair, tmp_path / name / "model", launcher, 2)
        for line in process.stdout if stop_at else ():
            if line.startswith(f"distill: {stop_at} of "):
                os.kill(process.pid, signal.SIGTERM)
        assert stop_at is None or process.wait(timeout=120) == 75
        if stop_at:
            process = start(pair, tmp_path / name / "model", launcher, 2)
        assert ("resuming from" in tiny_training.end(process)) == bool(stop_at)
    check_equal(tmp_path / "stopped/model", tmp_path / "whole/model")


def test_a_teacher_that_does_not_fit_is_one_line(distill, pair, tmp_path):
    status, out = distill(tmp_path / "model", max_new_tokens=500)
    line = out.rstrip().split("\n")[-1]
    assert status == 2 and line.startswith("error: distill.max_new_tokens: the longest prompt has")
    assert "Traceback" not in out and not (tmp_path / "model").exists()
