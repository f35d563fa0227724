"""A disk that fills up while a checkpoint is saved: one line that says so, and the checkpoint before it is still good."""

import subprocess
from pathlib import Path

import pytest
import tiny_training as tiny


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 2 MB, room for one checkpoint of the tiny model (1.3 MB) and not for two, with a function that changes its size."""
    folder = tmp_path / "run" / "work"
    folder.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    yield folder, lambda size: subprocess.run(["mount", "-o", f"remount,size={size}", folder], check=True)
    subprocess.run(["umount", folder], check=True)


def checkpoints(work: Path) -> list[str]:
    return sorted(path.name for path in work.glob("*/*") if path.name.startswith(("checkpoint-", "saving")))


def test_a_disk_that_fills_up_costs_one_save(small_disk, tiny_world, trained, warm_python):
    work, resize = small_disk
    started = {"runtime": {"save_steps": 2}, "python": warm_python}

    full = tiny.start(tiny_world, work.parent / "model", **started)
    out, _ = full.communicate(timeout=200)
    assert full.returncode not in (0, 75)
    told = [line for line in out.splitlines() if "no room left on the disk" in line]
    assert len(told) == 1
    assert told[0].startswith("error: ")
    assert "the checkpoint of step 4; older ones are still good. Make room and run the same command again" in told[0]
    assert "Traceback" not in out
    assert checkpoints(work) == ["checkpoint-2"]

    resize("50m")
    assert "checkpoint-2" in tiny.end(tiny.start(tiny_world, work.parent / "model", **started))
    assert tiny.digest(work.parent / "model") == tiny.digest(trained())
