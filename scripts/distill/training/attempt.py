"""One attempt at a training or distillation: its work folder is locked, and its output appears whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distill.base.files import atomic_folder, unfinished
from distill.base.machine import note_machine, print_machines
from distill.base.work import keep_attempt_log, locked


@contextmanager
def attempt(folder: Path, output: Path, world_size: int, rank: int) -> Iterator[Path]:
    """Lock the work folder, and yield a folder to fill that replaces `output` when the block ends without an error.

    Of several processes the first one (rank 0) locks, clears and replaces. The others would time out while it waits for a lock, so that
    only a single process waits; scripts/launch.py waits before it starts several.
    """
    if rank > 0:
        yield unfinished(output)
        return
    with locked(folder, wait=world_size == 1):
        keep_attempt_log(folder)
        note_machine(folder)
        print_machines(folder)
        with atomic_folder(output) as part:
            yield part
