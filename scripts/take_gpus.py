"""Run a command on accelerators of this machine that no other job of this project has: in the command's place, with those alone visible.

Waits until enough are free. They are held by a lock of the kernel's, which goes with the process. The pool is what HIP_VISIBLE_DEVICES,
ASCEND_RT_VISIBLE_DEVICES or CUDA_VISIBLE_DEVICES names, else all. In a Slurm job, which has devices of its own, this runs the command as
it is.

    python scripts/take_gpus.py --gpus 2 -- python scripts/respond.py --model results/models/ours ...
"""

import argparse
import os
import socket
from pathlib import Path

from distill.base.cli import parser, run
from distill.base.errors import InputError
from distill.base.gpus import VARIABLES, acquire_devices, assigned_by_slurm, visible_devices


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--gpus", required=True, type=int, help="how many accelerators to take")
    options.add_argument("--work", default=Path("work/gpus"), type=Path, help="folder of the locks, which all jobs of a machine share")
    options.add_argument("command", nargs=argparse.REMAINDER, help="what to run, after --")
    args = options.parse_args()
    command = args.command[1:] if args.command[:1] == ["--"] else args.command
    if args.gpus < 0:
        raise InputError(f"--gpus {args.gpus}: give how many accelerators to take, 0 or more")
    if not command:
        raise InputError("no command to run: give it after --")
    environment = dict(os.environ)
    if args.gpus and not assigned_by_slurm(environment):
        variable, names = visible_devices(environment)
        held = acquire_devices(args.gpus, variable, names, args.work / socket.gethostname())
        taken = ",".join(name for name, _ in held)
        # vLLM on ROCm wants HIP's and CUDA's variable to say the same where both are set.
        environment |= {name: taken for name in VARIABLES if name == variable or name in environment}
        print(f"accelerators: {variable}={environment[variable]}", flush=True)
    try:
        os.execvpe(command[0], command, environment)
    except FileNotFoundError:
        raise InputError(f"{command[0]}: no such command: mend what stands after --") from None


if __name__ == "__main__":
    run(main)
