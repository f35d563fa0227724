"""tools/status.py beside a real Snakemake that runs: what it tells, and that the run does not notice."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
STATUS = SCRIPTS.parent / "tools" / "status.py"
# Two rules of another workflow, the first with a log of progress that goes on until the test says stop.
SNAKEFILE = """
rule all:
    default_target: True
    input: "b.txt"
rule a:
    output: "a.txt"
    log: "a.log"
    shell: "python step.py >{log} 2>&1 && touch {output}"
rule b:
    input: "a.txt"
    output: "b.txt"
    shell: "touch {output}"
"""
STEP = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1] if len(sys.argv) > 1 else "SCRIPTS")
from distill.base.progress import Progress
with Progress("step", 1000, "rows") as progress:
    while not Path("stop").exists():
        progress.add(min(5, 999 - progress.done))
        time.sleep(0.02)
"""


def status(folder: Path) -> dict:
    done = subprocess.run(
        [sys.executable, STATUS, "--json"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return json.loads(done.stdout) if done.returncode == 0 else {"state": done.stderr}


def unlock(folder: Path) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, STATUS.with_name("unlock.py")], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout, done.stderr


def wait_for(folder: Path, state: str, ready) -> dict:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        told = status(folder)
        if told["state"] == state and ready(told):
            return told
        time.sleep(0.2)
    raise AssertionError(f"never {state}: {told}")


def snakemake(folder: Path, *args: str, **env: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "snakemake", *args]
    path = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | path | env)


def test_while_it_runs_after_it_was_killed_and_when_it_has_ended(tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE, encoding="utf-8")
    (tmp_path / "step.py").write_text(STEP.replace("SCRIPTS", str(SCRIPTS)), encoding="utf-8")
    assert "no run of Snakemake here" in status(tmp_path)["state"]
    run = snakemake(tmp_path, "--cores", "1", DISTILL_PROGRESS_S="0.1")
    told = wait_for(tmp_path, "running", lambda told: told["running"] and told["running"][0]["progress"])
    code, _, error = unlock(tmp_path)
    assert code == 2 and "a Snakemake is running here" in error and list((tmp_path / ".snakemake/locks").glob("*"))
    (step,) = told["running"]
    assert step["job"] == "a" and 0 < step["progress"]["done"] < 1000 and step["progress"]["rate"] > 0 and step["progress"]["left_s"] > 0
    assert told["to_come"] == [{"rule": "b", "jobs": 1, "each_s": None}]
    run.kill()
    run.wait(timeout=60)
    told = wait_for(tmp_path, "cut off", lambda told: told["running"])
    assert told["locked"]
    (tmp_path / "stop").touch()
    assert unlock(tmp_path) == (0, f"{tmp_path}: unlocked; run the same command again\n", "")
    assert unlock(tmp_path) == (0, f"{tmp_path}: not locked\n", "")
    assert snakemake(tmp_path, "--cores", "1", "--rerun-incomplete").wait(timeout=120) == 0
    told = status(tmp_path)
    assert (told["state"], told["steps_done"], told["running"], told["to_come"]) == ("finished", told["steps"], [], [])
    assert {entry["rule"] for entry in told["done"]} == {"a", "b"}


@pytest.mark.slow
def test_a_real_run_is_told_of_to_its_end(finished, tmp_path):
    here = finished.copy(tmp_path / "here")
    config = {"models": {"ours": {"train": {"epochs": 3}}}}
    run = here.start("--cores", "1", config=config, env=os.environ | {"DISTILL_PROGRESS_S": "0.5"})
    told = wait_for(
        here.folder, "running", lambda told: any(entry["job"] == "train ours" and entry["progress"] for entry in told["running"])
    )
    training = next(entry for entry in told["running"] if entry["job"] == "train ours")
    assert training["progress"]["unit"] == "steps" and "loss" in training["progress"]["note"]
    assert {entry["rule"] for entry in told["to_come"]} >= {"respond", "grade", "report"}
    assert run.wait(timeout=600) == 0
    assert status(here.folder)["state"] == "finished"
