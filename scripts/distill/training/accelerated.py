"""`accelerate launch` without its own traceback where a process has already said in one line why it ends. Run by scripts/launch.py."""

import sys

from accelerate.commands.launch import main
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

EXPLAINED = (2, 75)  # exit codes: bad input, as in distill.base.cli.run; stopped at a checkpoint

if __name__ == "__main__":
    try:
        main()
    except ChildFailedError as error:
        _, first = error.get_first_failure()
        if first.exitcode not in EXPLAINED:
            raise
        sys.exit(first.exitcode)
