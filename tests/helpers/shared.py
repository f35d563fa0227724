"""What the workers of one pytest run (`pytest -n 2`) share: things that are made once, and an end of all processes with the run."""

import contextlib
import fcntl
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

MARK = "DISTILL_TEST_RUN"  # in the environment of every process that a pytest run starts, directly or not


def make_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """`folder`, which `make` fills: in whichever worker asks first, while the others that ask wait."""
    done = folder.with_name(f"{folder.name}.done")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_name(f"{folder.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of an attempt that failed
            make(folder)
            done.touch()
    return folder


def start_guard() -> None:
    """Start a process that waits for the end of this one, however it ends, and then kills what it has left behind."""
    os.environ[MARK] = str(os.getpid())
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.Popen([sys.executable, "-S", __file__, str(os.getpid())], start_new_session=True, **quiet)


def guard(run: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # has ended already
        select.select([os.pidfd_open(run)], [], [])
    while left := started_by(run):
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.05)


def started_by(run: int) -> list[int]:
    """The living processes that a pytest run has started, apart from this one."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"{MARK}={run}".encode() in path.read_bytes().split(b"\0") and path.parent.name != str(os.getpid()):
                found.append(int(path.parent.name))
    return found


if __name__ == "__main__":
    guard(int(sys.argv[1]))
