"""A run that is killed anywhere ends, when the same command is given again, in the same bytes as one that nobody touched."""

import os
import random
import re
import signal
import time

import pytest
from checkout import Checkout, checkout, digests

RUN = ("--cores", "2")


@pytest.fixture(scope="module")
def unbroken(warm_python, tmp_path_factory):
    """(digests of the results of a run that nobody touched, seconds that it took)."""
    here = checkout("small", tmp_path_factory.mktemp("unbroken") / "project", warm_python)
    started = time.monotonic()
    here.jobs(*RUN)
    return digests(here.folder), time.monotonic() - started


@pytest.fixture
def here(warm_python, tmp_path) -> Checkout:
    return checkout("small", tmp_path / "project", warm_python)


def kill(here: Checkout, how: signal.Signals, after_s: float, *options: str) -> bool:
    """Send a signal to the whole process group of a run after a while; whether the run was still going."""
    process = here.start(*RUN, *options)
    time.sleep(after_s)
    going = process.poll() is None
    if going:
        os.killpg(process.pid, how)
    process.wait(timeout=120)
    while going and group_lives(process.pid):
        time.sleep(0.02)
    return going


def group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def unlock(here: Checkout) -> None:
    """As a person does: give the command again, and if Snakemake says that the folder is locked, type what it says."""
    if list(here.folder.glob(".snakemake/locks/*")):
        said = here.snakemake(*RUN)
        assert said.returncode != 0
        assert "--unlock" in said.stdout + said.stderr
        assert here.snakemake("--unlock").returncode == 0


def check(here: Checkout, unbroken, *options: str) -> None:
    unlock(here)
    done = here.snakemake(*RUN, *options)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert digests(here.folder) == unbroken[0]
    assert here.jobs("--dry-run") == []


def killed(here: Checkout, unbroken, how: signal.Signals, kills: int, seed: int, *options: str) -> int:
    """Kill a run at random moments, each time starting it again. How many kills met a run."""
    draw = random.Random(seed)
    met = 0
    for _ in range(kills):
        met += kill(here, how, draw.uniform(0.05, 0.5) * unbroken[1], *options)
        unlock(here)
    return met


@pytest.mark.parametrize(
    ("how", "kills", "options"),
    [
        ("SIGKILL", 5, ()),
        pytest.param("SIGTERM", 5, (), marks=pytest.mark.slow),
        pytest.param("SIGINT", 5, ("--keep-going",), marks=pytest.mark.slow),
    ],
)
def test_a_run_that_is_killed_at_random_moments_ends_in_the_same_bytes(here, unbroken, how, kills, options):
    assert killed(here, unbroken, signal.Signals[how], kills, 0, *options) > 0
    check(here, unbroken, *options)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_fifty_kills_end_in_the_same_bytes(warm_python, unbroken, tmp_path, how):
    """DISTILL_KILLS kills (50) over as many runs as they last for."""
    left, seed = int(os.environ.get("DISTILL_KILLS", 50)), 0
    while left > 0:
        seed += 1
        here = checkout("small", tmp_path / f"{seed}", warm_python)
        left -= killed(here, unbroken, signal.Signals[how], min(left, 10), seed)
        check(here, unbroken)


def test_an_orphaned_training_is_waited_for_and_what_it_made_is_taken(here, unbroken):
    process = here.start(*RUN)
    trainer = trainer_of(here, process)
    os.kill(trainer, signal.SIGSTOP)
    os.kill(process.pid, signal.SIGKILL)  # Snakemake alone, as the kernel does when memory runs out
    process.wait()
    unlock(here)
    again = here.start(*RUN)
    log = here.folder / "results/logs/train/ours.log"
    while "waiting for process" not in (log.read_text(encoding="utf-8") if log.exists() else ""):
        assert again.poll() is None
        time.sleep(0.05)
    os.kill(trainer, signal.SIGCONT)
    assert again.wait(timeout=600) == 0
    check(here, unbroken)


def trainer_of(here: Checkout, process) -> int:
    """The process that trains, once it does."""
    while True:
        for lock in here.folder.glob("work/train/*/lock"):
            if re.fullmatch(r"\d+", holder := lock.read_text(encoding="utf-8").strip()):
                return int(holder)
        assert process.poll() is None, "ended before it trained"
        time.sleep(0.02)


def test_of_two_runs_at_once_the_second_is_told_and_the_first_goes_on(here, unbroken):
    first = here.start(*RUN)
    while not list(here.folder.glob(".snakemake/locks/*")):
        assert first.poll() is None
        time.sleep(0.02)
    second = here.snakemake(*RUN)
    assert second.returncode != 0
    assert "cannot be locked" in second.stdout + second.stderr
    assert first.wait(timeout=600) == 0
    check(here, unbroken)
