"""A training under Snakemake that is told to stop saves, is tried again and goes on; what the first attempt printed is not lost."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import yaml

EPOCHS = {"models": {"ours": {"train": {"epochs": 4}}}, "runtime": {"save_steps": 1000}}
TARGET = "results/models/ours/manifest.json"


def test_a_training_that_is_told_to_stop_is_tried_again_and_goes_on(finished, tmp_path):
    here = finished.copy(tmp_path / "here").folder
    (here / "overlay.yaml").write_text(yaml.safe_dump({"title": "Tiny", **EPOCHS}), encoding="utf-8")
    old = {path.name for path in here.glob("work/train/*")}
    command = [sys.executable, "-m", "snakemake", "--cores", "1", TARGET]
    command += ["--configfile", "config/config.yaml", "tests/tiny.yaml", "overlay.yaml"]
    snakemake = subprocess.Popen(
        command,
        cwd=here,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "DISTILL_PROGRESS_S": "0"},
    )
    folder, log = stop_once_it_trains(here, old)
    said, _ = snakemake.communicate(timeout=300)
    assert snakemake.returncode == 0, said[-3000:]
    assert said.count("Trying to restart job") == 1
    first, second = (here / folder / f"attempt-{number}.log" for number in (1, 2))
    assert "stopped by a signal; the checkpoint is saved" in first.read_text(encoding="utf-8")
    assert log.samefile(second)
    text = second.read_text(encoding="utf-8")
    assert f"what the one before printed: {folder}/attempt-1.log" in text and "resuming from" in text
    made = json.loads((here / TARGET).read_bytes())
    assert made["epoch"] == 4


def stop_once_it_trains(here: Path, old: set[str]) -> tuple[Path, Path]:
    """SIGTERM to the process that trains, once it has done some steps; its work folder and its rule's log."""
    log = here / "results/logs/train/ours.log"
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        time.sleep(0.05)
        new = [path for path in here.glob("work/train/*") if path.name not in old and (path / "lock").exists()]
        if new and log.exists() and log.read_bytes().count(b"\ntrain: ") >= 3:
            os.kill(int((new[0] / "lock").read_text(encoding="utf-8")), signal.SIGTERM)
            return new[0].relative_to(here), log
    raise AssertionError("no training began")
