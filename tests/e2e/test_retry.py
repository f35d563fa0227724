"""A training under Snakemake that is stopped is started again by its launcher and resumes."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from checkout import Checkout, merged

EPOCHS = 8  # of 3 steps
CONFIG = {"models": {"ours": {"train": {"epochs": EPOCHS}}}, "runtime": {"save_steps": 1000}}
TARGET = "results/models/ours/manifest.json"


def test_a_training_that_is_told_to_stop_is_tried_again_and_goes_on(finished_run, tmp_path):
    checkout = finished_run("world").copy(tmp_path / "here")
    here = checkout.folder
    old = {path.name for path in here.glob("work/train/*")}
    snakemake = start(checkout, CONFIG)
    folder, log = signal_once_it_trains(here, old, signal.SIGTERM)
    said, _ = snakemake.communicate(timeout=300)
    assert snakemake.returncode == 0, said[-3000:]
    text = log.read_text(encoding="utf-8")
    assert log.samefile(here / folder / "attempt-1.log")
    assert "stopped by a signal; the checkpoint is saved" in text and "attempt 2 of 3" in text and "resuming from" in text
    assert "Trying to restart job" not in said
    made = json.loads((here / TARGET).read_bytes())
    assert made["epoch"] == EPOCHS


@pytest.mark.parametrize("orphans", ["wait", "end"])
def test_a_training_whose_snakemake_was_killed_is_waited_for_or_ended(finished_run, tmp_path, orphans):
    checkout = finished_run("world").copy(tmp_path / "here")
    here, config = checkout.folder, merged(CONFIG, {"runtime": {"orphans": orphans}})
    old = {path.name for path in here.glob("work/train/*")}
    snakemake = start(checkout, config)
    folder, log = signal_once_it_trains(here, old, signal.SIGSTOP)
    snakemake.kill()
    snakemake.communicate()
    trainer = int((here / folder / "lock").read_text(encoding="utf-8"))
    status = tool(checkout, "status.py")
    assert status.startswith("orphaned; ") and f"process {trainer} ({folder})" in status
    assert "to go on: python tools/unlock.py, then the same command again" in status
    assert "unlocked" in tool(checkout, "unlock.py")
    again = start(checkout, config)
    while "waiting for process" not in (log.read_text(encoding="utf-8") if log.exists() else ""):
        assert again.poll() is None
        time.sleep(0.1)
    os.kill(trainer, signal.SIGCONT)
    said, _ = again.communicate(timeout=300)
    assert again.returncode == 0, said[-3000:]
    text = log.read_text(encoding="utf-8")
    assert ("ending it (runtime.orphans: end)" in text) is (orphans == "end")
    assert "resuming from" in text
    assert json.loads((here / TARGET).read_bytes())["epoch"] == EPOCHS


def start(here: Checkout, config: dict) -> subprocess.Popen:
    env = os.environ | {"OMP_NUM_THREADS": "1", "DISTILL_PROGRESS_S": "0"}
    return here.start("--cores", "1", TARGET, config=config, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def tool(here: Checkout, name: str) -> str:
    command = [here.python, here.folder / "tools" / name]
    return subprocess.run(command, cwd=here.folder, capture_output=True, text=True, timeout=60, check=True).stdout


def signal_once_it_trains(here: Path, old: set[str], number: signal.Signals) -> tuple[Path, Path]:
    """Send a signal to the process that trains, once it has done some steps; its work folder and its rule's log."""
    log = here / "results/logs/train/ours.log"
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        time.sleep(0.05)
        new = [path for path in here.glob("work/train/*") if path.name not in old and (path / "lock").exists()]
        if new and log.exists() and log.read_bytes().count(b"\ntrain: ") >= 3:
            os.kill(int((new[0] / "lock").read_text(encoding="utf-8")), number)
            return new[0].relative_to(here), log
    raise AssertionError("no training began")
