"""Which process holds a work folder's lock, and whether the Snakemake that started it is gone; with real processes and real locks."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from distill.base.errors import InputError
from distill.base.processes import STARTED_BY, is_orphan, lock_holder, orphans
from distill.base.work import locked

HOLD = """
import sys, time
from pathlib import Path
from distill.base.work import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def start():
    """Start a process that holds the lock of a folder until the test ends; `snakemake` is the pid that is said to have started it."""
    started = []

    def start(folder: Path, snakemake: int | None = None) -> subprocess.Popen:
        folder.mkdir(parents=True, exist_ok=True)
        env = {name: value for name, value in os.environ.items() if name != STARTED_BY} | {"PYTHONPATH": os.pathsep.join(sys.path)}
        env |= {STARTED_BY: f"{socket.gethostname()}:{snakemake}"} if snakemake else {}
        process = subprocess.Popen([sys.executable, "-c", HOLD, folder], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def gone() -> int:
    """A pid that no process has."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_the_holder_of_a_lock_is_known_while_it_lives(start, tmp_path):
    assert lock_holder(tmp_path / "a") is None
    process = start(tmp_path / "a")
    assert lock_holder(tmp_path / "a") == psutil.Process(process.pid)
    process.kill()
    process.wait()
    assert lock_holder(tmp_path / "a") is None


def test_a_live_process_that_lock_files_name_by_chance_is_no_holder(tmp_path):
    (tmp_path / "lock").write_text(str(os.getpid()), encoding="utf-8")
    assert lock_holder(tmp_path) is None


def test_an_orphan_is_a_holder_whose_snakemake_is_gone(start, tmp_path):
    by_hand = start(tmp_path / "train" / "by_hand")
    orphan = start(tmp_path / "train" / "orphan", snakemake=gone())
    assert not is_orphan(psutil.Process(by_hand.pid))
    assert list(orphans(tmp_path)) == [(tmp_path / "train" / "orphan", psutil.Process(orphan.pid))]


def test_a_process_that_a_snakemake_of_another_machine_started_is_no_orphan(start, tmp_path, monkeypatch):
    process = psutil.Process(start(tmp_path / "a", snakemake=gone()).pid)
    monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere")
    assert not is_orphan(process)


def test_a_process_that_has_the_number_of_a_gone_snakemake_is_none(start, tmp_path):
    assert is_orphan(psutil.Process(start(tmp_path / "a", snakemake=os.getpid()).pid))


def test_a_lock_that_is_not_waited_for_names_its_holder(start, tmp_path):
    process = start(tmp_path)
    says = f"process {process.pid} is using this work folder: wait for it, or end it \\(kill {process.pid}\\), then run again"
    with pytest.raises(InputError, match=says), locked(tmp_path):
        pass


def test_an_orphan_is_ended_where_that_is_asked_for(start, tmp_path, capsys):
    orphan = start(tmp_path, snakemake=gone())
    with locked(tmp_path, wait=True, end_orphans=True):
        assert orphan.wait(timeout=20) != 0
    assert f"waiting for process {orphan.pid}" in capsys.readouterr().out


def test_a_process_that_is_no_orphan_is_waited_for(start, tmp_path, capsys):
    process = start(tmp_path)
    waiting = subprocess.Popen(
        [sys.executable, "-c", HOLD.replace("Path(sys.argv[1])", "Path(sys.argv[1]), wait=True, end_orphans=True"), tmp_path],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert waiting.stdout.readline().startswith(f"waiting for process {process.pid}")
    assert process.poll() is None
    process.communicate("")
    assert process.returncode == 0
    assert waiting.communicate("")[0] == "held\n"
