"""A run that is killed anywhere ends, when the same command is given again, in the same bytes as one that nobody touched."""

import os
import random
import re
import signal
import time

import pytest
from world import World, make, plan, results_of

RUN = ("--cores", "2")


@pytest.fixture(scope="module")
def unbroken(warm_python, tmp_path_factory):
    """(results of a run that nobody touched, seconds that it took)."""
    started = time.monotonic()
    world = make("small", warm_python, tmp_path_factory.mktemp("unbroken") / "project")
    return results_of(world.folder), time.monotonic() - started


@pytest.fixture
def world(warm_python, tmp_path) -> World:
    return plan("small", warm_python, tmp_path / "project")


def kill(world: World, how: signal.Signals, after_s: float, *options: str) -> bool:
    """Send a signal to the whole process group of a run after a while; whether the run was still going."""
    process = world.start(*RUN, *options)
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


def unlock(world: World) -> None:
    """As a person does: give the command again, and if Snakemake says that the folder is locked, type what it says."""
    if list(world.folder.glob(".snakemake/locks/*")):
        said = world.snakemake(*RUN)
        assert said.returncode != 0
        assert "--unlock" in said.stdout + said.stderr
        assert world.snakemake("--unlock").returncode == 0


def check(world: World, unbroken, *options: str) -> None:
    unlock(world)
    done = world.snakemake(*RUN, *options)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert results_of(world.folder) == unbroken[0]
    assert world.jobs("--dry-run") == []


def killed(world: World, unbroken, how: signal.Signals, kills: int, seed: int, *options: str) -> int:
    """Kill a run at random moments, each time starting it again. How many kills met a run."""
    draw = random.Random(seed)
    met = 0
    for _ in range(kills):
        met += kill(world, how, draw.uniform(0.05, 0.5) * unbroken[1], *options)
        unlock(world)
    return met


@pytest.mark.parametrize(
    ("how", "kills", "options"),
    [
        ("SIGKILL", 5, ()),
        pytest.param("SIGTERM", 5, (), marks=pytest.mark.slow),
        pytest.param("SIGINT", 5, ("--keep-going",), marks=pytest.mark.slow),
    ],
)
def test_a_run_that_is_killed_at_random_moments_ends_in_the_same_bytes(world, unbroken, how, kills, options):
    assert killed(world, unbroken, signal.Signals[how], kills, 0, *options) > 0
    check(world, unbroken, *options)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_fifty_kills_end_in_the_same_bytes(warm_python, unbroken, tmp_path, how):
    """DISTILL_KILLS kills (50) over as many runs as they last for."""
    left, seed = int(os.environ.get("DISTILL_KILLS", 50)), 0
    while left > 0:
        seed += 1
        world = plan("small", warm_python, tmp_path / f"{seed}")
        left -= killed(world, unbroken, signal.Signals[how], min(left, 10), seed)
        check(world, unbroken)


def test_an_orphaned_training_is_waited_for_and_what_it_made_is_taken(world, unbroken):
    process = world.start(*RUN)
    trainer = trainer_of(world, process)
    os.kill(trainer, signal.SIGSTOP)
    os.kill(process.pid, signal.SIGKILL)  # Snakemake alone, as the kernel does when memory runs out
    process.wait()
    unlock(world)
    again = world.start(*RUN)
    log = world.folder / "results/logs/train/ours.log"
    while "waiting for process" not in (log.read_text(encoding="utf-8") if log.exists() else ""):
        assert again.poll() is None
        time.sleep(0.05)
    os.kill(trainer, signal.SIGCONT)
    assert again.wait(timeout=600) == 0
    check(world, unbroken)


def trainer_of(world: World, process) -> int:
    """The process that trains, once it does."""
    while True:
        for lock in world.folder.glob("work/train/*/lock"):
            if re.fullmatch(r"\d+", holder := lock.read_text(encoding="utf-8").strip()):
                return int(holder)
        assert process.poll() is None, "ended before it trained"
        time.sleep(0.02)


def test_of_two_runs_at_once_the_second_is_told_and_the_first_goes_on(world, unbroken):
    first = world.start(*RUN)
    while not list(world.folder.glob(".snakemake/locks/*")):
        assert first.poll() is None
        time.sleep(0.02)
    second = world.snakemake(*RUN)
    assert second.returncode != 0
    assert "cannot be locked" in second.stdout + second.stderr
    assert first.wait(timeout=600) == 0
    check(world, unbroken)
