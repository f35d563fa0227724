"""Start a training on one process or many, on one machine or many: `accelerate launch`, with what it would do silently wrong refused.

SIGTERM reaches every process of the training, which saves a checkpoint; this then ends with exit code 75, try again. A Slurm job that was
not cancelled is queued anew then, and goes on from the checkpoint.

    python scripts/launch.py --accelerate config/accelerate/zero3.yaml --processes 8 scripts/train.py --base results/models/base ...

The same on each of several machines, where --machine-rank, --main-address and --main-port come from Slurm if it is there:

    srun --nodes=2 --ntasks-per-node=1 python scripts/launch.py --accelerate config/accelerate/zero3.yaml --processes 8 --nodes 2 \\
        scripts/train.py ...
"""

import argparse
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import yaml

from distill.base.cli import parser, run
from distill.base.errors import InputError
from distill.training.launch import STOPPED, Machines, command, end_with_parent, environment
from distill.training.slurm import requeue

ACCELERATED = Path(__file__).with_name("distill") / "training" / "accelerated.py"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--accelerate", required=True, type=Path, help="a file of config/accelerate/, or one of your own")
    options.add_argument("--processes", type=int, default=1, help="processes on each machine: one an accelerator")
    options.add_argument("--nodes", type=int, default=1, help="machines that take part")
    options.add_argument("--machine-rank", type=int, help="which of them this is, from 0; Slurm's SLURM_NODEID if absent")
    options.add_argument("--main-address", help="address of the machine of rank 0; the first of SLURM_JOB_NODELIST if absent")
    options.add_argument("--main-port", type=int, help="port there that all machines can reach; chosen if absent")
    options.add_argument("script", help="scripts/train.py")
    options.add_argument("args", nargs=argparse.REMAINDER, help="its options")
    args = options.parse_args()
    try:
        settings = yaml.safe_load(args.accelerate.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{args.accelerate}: not an accelerate configuration ({error}); see config/accelerate/") from None
    machines = Machines.of(args.nodes, args.machine_rank, args.main_address, args.main_port)
    # -P: modules beside it are not to be taken for packages of the same name, such as kernels.
    started = [sys.executable, "-P", ACCELERATED, *command(args.accelerate, settings, args.processes, machines)]

    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True) or stop(training.pid))
    training = subprocess.Popen([*started, args.script, *args.args], env=environment(args.processes, machines), preexec_fn=as_child)
    code = training.wait()
    if code and stopped:
        if requeue():
            print("this Slurm job is queued anew", flush=True)
        sys.exit(STOPPED)
    sys.exit(code and abs(code))


def as_child() -> None:
    # accelerate's launcher of a single process would die of the signal and leave the training without a parent.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end_with_parent()


def stop(launcher: int) -> None:
    """Pass SIGTERM on to accelerate and to all below it; who gets it twice stops once."""
    above = psutil.Process(launcher)
    for process in (*above.children(recursive=True), above):
        process.terminate()


if __name__ == "__main__":
    run(main)
