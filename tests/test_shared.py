"""What the workers of a pytest run share (tests/helpers/shared.py): made once, and no process outlives the run."""

import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import shared

RUN = """
import pathlib, subprocess, sys, time
sys.path.insert(0, {helpers!r})
from shared import start_guard
start_guard()
left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
pathlib.Path("pid").write_text(str(left.pid))
time.sleep({seconds})
"""


@pytest.mark.parametrize("how", ["killed", "ended"])
def test_a_run_leaves_no_process_behind(how, tmp_path):
    helpers = str(Path(shared.__file__).parent)
    run = subprocess.Popen([sys.executable, "-c", RUN.format(helpers=helpers, seconds=0 if how == "ended" else 600)], cwd=tmp_path)
    wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    if how == "killed":
        run.send_signal(signal.SIGKILL)
    run.wait(timeout=60)
    left = int((tmp_path / "pid").read_text())
    wait_for(lambda: not lives(left))
    assert not lives(left)


def wait_for(holds) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def lives(process: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return False


def make(folder: Path) -> None:
    folder.mkdir()
    time.sleep(0.2)
    (folder / f"by-{threading.get_ident()}").touch()


def test_what_workers_share_is_made_by_the_first_that_asks(tmp_path):
    def files(_: int) -> list[Path]:
        return list(shared.make_once(tmp_path / "made", make).iterdir())

    with ThreadPoolExecutor(3) as workers:
        found = list(workers.map(files, range(3)))
    assert len(found[0]) == 1 and found == [found[0]] * 3


def test_what_failed_half_made_is_made_again(tmp_path):
    def fail(folder: Path) -> None:
        make(folder)
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        shared.make_once(tmp_path / "made", fail)
    shared.make_once(tmp_path / "made", lambda folder: folder.mkdir())
    assert list((tmp_path / "made").iterdir()) == []
