"""Run a command on GPUs of this node that no other job of this project uses, with only those visible to it.

Waits until enough are free. They are locked (flock) until the command ends. The devices to choose from are those in HIP_VISIBLE_DEVICES,
ASCEND_RT_VISIBLE_DEVICES or CUDA_VISIBLE_DEVICES, else all. In a Slurm job, to which Slurm has assigned devices, the command runs as it
is.

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
    options.add_argument("--gpus", required=True, type=int, help="number of GPUs")
    options.add_argument("--work", default=Path("work/gpus"), type=Path, help="folder of the locks, shared by all jobs of a node")
    options.add_argument("command", nargs=argparse.REMAINDER, help="what to run, after --")
    args = options.parse_args()
    command = args.command[1:] if args.command[:1] == ["--"] else args.command
    if args.gpus < 0:
        raise InputError(f"--gpus {args.gpus}: give a number of GPUs, 0 or more")
    if not command:
        raise InputError("no command to run: give it after --")
    environment = dict(os.environ)
    if args.gpus and not assigned_by_slurm(environment):
        variable, names = visible_devices(environment)
        held = acquire_devices(args.gpus, variable, names, args.work / socket.gethostname())
        assigned = ",".join(name for name, _ in held)
        # vLLM on ROCm requires HIP's and CUDA's variable to agree where both are set.
        environment |= {name: assigned for name in VARIABLES if name == variable or name in environment}
        print(f"GPUs: {variable}={environment[variable]}", flush=True)
    try:
        os.execvpe(command[0], command, environment)
    except FileNotFoundError:
        raise InputError(f"{command[0]}: no such command: fix what stands after --") from None


if __name__ == "__main__":
    run(main)
