"""Which processes of a run are alive on this machine: Snakemake itself, and processes that hold the lock of a work folder."""

import contextlib
import ctypes
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

LAUNCHER = "launch.py"
STARTED_BY = "DISTILL_STARTED_BY"  # HOST:PID of Snakemake, set by rules/launch.smk for all jobs


def snakemake_runs_in(folder: Path) -> bool:
    """Whether a Snakemake process has this folder as its working directory."""
    return any(_is_snakemake(process) and _cwd(process) == folder.resolve() for process in psutil.process_iter())


def scripts_in(folder: Path, scripts: Path) -> list[psutil.Process]:
    """Processes with this working directory that run a program below `scripts`, this process apart."""
    return [
        process
        for process in psutil.process_iter()
        if process.pid != os.getpid() and _cwd(process) == folder.resolve() and any(_below(word, scripts) for word in _command(process))
    ]


def lock_holder(folder: Path) -> psutil.Process | None:
    """The process that holds the lock of a work folder (distill.base.work.locked); None where no process of this machine does.

    The lock file names it. A process that no longer has that file open does not hold the lock.
    """
    lock = folder / "lock"
    try:
        process = psutil.Process(int(lock.read_text(encoding="utf-8")))
        held = lock.stat()
        opened = (os.stat(file) for file in Path(f"/proc/{process.pid}/fd").iterdir() if file.exists())
        return process if any(os.path.samestat(held, other) for other in opened) else None
    except (OSError, ValueError, OverflowError, psutil.Error):
        return None


def orphans(work: Path) -> Iterator[tuple[Path, psutil.Process]]:
    """(work folder, process that holds its lock) below `work`, for processes that were not started by a Snakemake that is alive."""
    for lock in sorted(work.glob("*/*/lock")):
        holder = lock_holder(lock.parent)
        if holder is not None and is_orphan(holder):
            yield lock.parent, holder


def is_orphan(process: psutil.Process) -> bool:
    """Whether a process was started by a Snakemake that no longer runs. One that was started by hand is not an orphan."""
    try:
        host, _, parent = process.environ().get(STARTED_BY, "").rpartition(":")
        return host == socket.gethostname() and parent.isdigit() and not _is_snakemake(psutil.Process(int(parent)))
    except psutil.NoSuchProcess as error:
        return error.pid != process.pid
    except psutil.Error:
        return False


def end_orphan(process: psutil.Process) -> None:
    """Send SIGTERM to a training whose Snakemake is gone: to its launcher, which has it save a checkpoint and starts no further attempt."""
    with contextlib.suppress(psutil.Error):
        launchers = [one for one in (process, *process.parents()) if any(Path(word).name == LAUNCHER for word in _command(one))]
        (launchers[-1] if launchers else process).terminate()


def end_with_parent() -> None:
    """On Linux, let the kernel kill this process when its parent dies, however that dies and whatever this process is doing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _is_snakemake(process: psutil.Process) -> bool:
    """`snakemake ...`, `python .../bin/snakemake ...` or `python -m snakemake ...`."""
    words = _command(process)[:3]
    module = words[1:] == ["-m", "snakemake"]
    return module or any(Path(word).name == "snakemake" or word.endswith("snakemake/__main__.py") for word in words[:2])


def _below(word: str, folder: Path) -> bool:
    return word.endswith(".py") and Path(word).is_relative_to(folder)


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _cwd(process: psutil.Process) -> Path | None:
    try:
        return Path(process.cwd()).resolve()
    except (psutil.Error, OSError):
        return None
