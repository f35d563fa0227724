"""The end of a process that trained beside others."""

import atexit
import os
import sys

from torch import distributed


def exit_together(code: int = 0) -> None:
    """End this process once all have come here: the launcher ends every other with the first that is gone badly. Alone, do nothing.

    Without the interpreter's own shutdown: DeepSpeed 0.19.8 on a CPU leaves a C++ thread behind, which now and then aborts a process there
    ("terminate called without an active exception", SIGABRT) although its work is done.
    """
    if not distributed.is_initialized() or distributed.get_world_size() == 1:
        return
    distributed.barrier()
    atexit._run_exitfuncs()  # W&B's last words are one
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
