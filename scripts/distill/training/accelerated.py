"""`accelerate launch`, without the traceback of its own where a process has said in one line why it ends.

Run by scripts/launch.py.
"""

import sys

from accelerate.commands.launch import main
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

SAID = (2, 75)  # bad input, as distill.base.cli.run ends; a stop at a checkpoint

if __name__ == "__main__":
    try:
        main()
    except ChildFailedError as error:
        _, first = error.get_first_failure()
        if first.exitcode not in SAID:
            raise
        sys.exit(first.exitcode)
