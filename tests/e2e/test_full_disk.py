"""A full disk, a full /tmp and results that cannot be written: one clear message at most, and the same command ends once there is room."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from checkout import Checkout, digests

pytestmark = pytest.mark.slow
RUN = ("--cores", "2")
# step: (change that makes it stale, its results, pages that stay free: its log finds room, its results do not)
STEPS = {
    "filter": ({"datasets/toy/filter": {"min_tokens": 1}}, "data/toy/sft.jsonl", 1),
    "train": ({"models/ours/train/learning_rate": 0.002}, "models/ours/*", 100),
    "respond": ({"protocols/drawn/sampling/seed": 1}, "responses/*/*", 3),
    "report": ({"title": "Another"}, "report.*", 1),
}
PAGE = 4096  # bytes, of a tmpfs
FULL = re.compile("(No space left on device|no room left on the disk).* run the same command again")


@pytest.fixture(scope="module")
def finished_small(finished_run) -> Checkout:
    return finished_run("small")


@pytest.fixture
def mount(tmp_path):
    """mount(name, megabytes, options): a small file system of its own, gone after the test. Skips where mounts are refused."""
    mounted: list[Path] = []

    def mount(folder: Path, *options: str) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["mount", *options, folder], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"a file system of its own cannot be had: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in reversed(mounted):
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path, hold_back: int = 0) -> Path:
    """Leave a file system `hold_back` bytes; the file that takes the room."""
    ballast = folder / "ballast"
    size = os.statvfs(folder)
    with open(ballast, "wb") as file:
        file.truncate(0)
        os.posix_fallocate(file.fileno(), 0, max(size.f_bavail * size.f_frsize - hold_back, 1))
    return ballast


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines that a failed step has said for itself, out of all that Snakemake shows of it."""
    return [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("error: ")]


@pytest.mark.parametrize("step", STEPS)
def test_a_full_disk_is_one_line_and_a_rerun_with_room_completes(step, finished_small, mount, tmp_path):
    disk = mount(tmp_path / "disk", "-t", "tmpfs", "-o", "size=64m", "tmpfs")
    here = finished_small.copy(tmp_path / "project")
    for name in ("results", "work"):  # as on a cluster, where these lie on scratch
        (here.folder / name).rename(here.folder / f"{name}.old")
        subprocess.run(["cp", "-a", here.folder / f"{name}.old", disk / name], check=True)
        (here.folder / name).symlink_to(disk / name)
    change, outputs, free = STEPS[step]
    for path, value in change.items():
        *above, last = path.split("/")
        place = here.config
        for key in above:
            place = place.setdefault(key, {})
        place[last] = value
    for path in (here.folder / "results").glob(outputs):  # else Snakemake makes room by removing them
        path.unlink()
    ballast = fill(disk, free * PAGE)
    done = here.snakemake(*RUN)
    text = done.stdout + done.stderr
    assert done.returncode != 0
    assert any(FULL.search(line) for line in said(done)), text[-4000:]
    assert "Traceback" not in text, text[-4000:]
    assert re.search(rf"Error in rule {step}:", text), text[-4000:]
    ballast.unlink()
    assert here.snakemake(*RUN).returncode == 0
    whole = finished_small.copy(tmp_path / "whole")
    whole.config.update(here.config)
    assert whole.snakemake(*RUN).returncode == 0
    assert digests(here.folder) == digests(whole.folder)


def test_a_full_tmp_is_no_hindrance(finished_small, mount, tmp_path, monkeypatch):
    tmp = mount(tmp_path / "tmp", "-t", "tmpfs", "-o", "size=1m", "tmpfs")
    fill(tmp)
    monkeypatch.setenv("TMPDIR", str(tmp))
    here = finished_small.copy(tmp_path / "project")
    here.config["datasets"]["toy"]["filter"] = {"min_tokens": 1, "near_duplicates": 0.9}
    here.config["models"]["ours"]["train"]["learning_rate"] = 0.002
    assert {"filter toy", "train ours", "report"} <= set(here.jobs(*RUN))


def test_results_that_cannot_be_written_are_named(finished_small, mount, tmp_path):
    here = finished_small.copy(tmp_path / "project")
    results = here.folder / "results"
    mount(results, "--bind", str(results))
    subprocess.run(["mount", "-o", "remount,bind,ro", results], check=True)
    here.config["title"] = "Another"
    done = here.snakemake(*RUN)
    text = done.stdout + done.stderr
    assert done.returncode != 0
    assert "Write-protected output files for rule report:" in text, text[-3000:]
    assert "Traceback" not in text, text[-3000:]
    subprocess.run(["mount", "-o", "remount,bind,rw", results], check=True)
    assert here.jobs(*RUN) == ["report"]
