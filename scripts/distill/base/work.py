"""Work folders of resumable steps: named by a hash of everything that defines the step, used by one process at a time."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.base.files import sha256_text, write_json
from distill.base.processes import end_orphan, is_orphan, lock_holder


def work_key(defines: dict[str, Any]) -> str:
    """Name of a work folder: 16 hex digits of the sha256 of `defines`."""
    return sha256_text(json.dumps(defines, sort_keys=True))[:16]


def open_work_folder(work: str | Path, defines: dict[str, Any]) -> Path:
    """The work folder for `defines`, created if needed, with `defines` in its run.json."""
    folder = Path(work) / work_key(defines)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "run.json").exists():
        write_json(folder / "run.json", defines)
    return folder


@contextmanager
def locked(folder: Path, wait: bool = False, end_orphans: bool = False) -> Iterator[None]:
    """Hold the lock of a work folder; with `wait`, wait for it. It is a flock, so it ends with the process that holds it.

    With `end_orphans`, a process that holds it although its Snakemake is gone is asked to end (SIGTERM) before this waits.
    Raises InputError where another process holds the lock and `wait` is false.
    """
    with open(folder / "lock", "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = lock_holder(folder)
            name = f"process {holder.pid}" if holder else "a process of another machine or container"
            if not wait:
                kill = f" or end it (kill {holder.pid})," if holder else ""
                raise InputError(f"{folder}: {name} is using this work folder: wait for it,{kill} then run again") from None
            orphan = holder is not None and is_orphan(holder)
            print(f"waiting for {name}, which is using {folder}{'; its Snakemake was killed' if orphan else ''}", flush=True)
            if orphan and end_orphans:
                print(f"ending it (runtime.orphans: end): SIGTERM to process {holder.pid}, which saves a checkpoint", flush=True)
                end_orphan(holder)
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def keep_attempt_log(folder: Path) -> None:
    """Keep this process's output, where that is a file, as attempt-N.log: Snakemake removes a rule's log before the rule runs again."""
    output, attempt = Path(os.path.realpath("/proc/self/fd/1")), len(list(folder.glob("attempt-*.log"))) + 1
    before = folder / f"attempt-{attempt - 1}.log"
    with suppress(OSError):  # a pipe or a terminal, or a log on another disk
        if attempt > 1 and before.samefile(output):
            return  # the launcher's next attempt, in the same log
        if attempt > 1:
            print(f"output of the attempt before: {before}", flush=True)
        os.link(output, folder / f"attempt-{attempt}.log")
