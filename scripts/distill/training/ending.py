"""How one of several training processes ends."""

import atexit
import os
import sys
from typing import NoReturn

from torch import distributed

from distill.training.launch import STOPPED


def exit_together(code: int = 0) -> None:
    """Wait for all processes of the training and exit; where there is only this one, return.

    The launcher kills all others as soon as one has failed, so none may leave early. The interpreter's own shutdown is skipped: DeepSpeed
    0.19.8 on a CPU leaves a C++ thread running, which sometimes aborts the process there ("terminate called without an active exception",
    SIGABRT) although its work is done.
    """
    if not distributed.is_initialized() or distributed.get_world_size() == 1:
        return
    distributed.barrier()
    atexit._run_exitfuncs()  # W&B ends its run in one
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def exit_stopped() -> NoReturn:
    """End all processes of a training that saved a checkpoint because of a signal: exit code 75."""
    print("stopped by a signal; the checkpoint is saved: run the same command again", file=sys.stderr)
    exit_together(STOPPED)
    sys.exit(STOPPED)
