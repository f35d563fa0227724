"""Start a training on one process or many, on one node or many: `accelerate launch`, with errors for what it would silently do wrong.

SIGTERM and Ctrl-C reach every process of the training, which saves a checkpoint; this then ends with exit code 75, "try again". A Slurm job
that was not cancelled is requeued then, and resumes from the checkpoint. A training that fails is started again from its last checkpoint
(--retries), unless bad input was the reason.

    python scripts/launch.py --accelerate config/accelerate/zero3.yaml --processes 8 scripts/train.py --base results/models/base ...

On several nodes, --machine-rank, --main-address and --main-port come from Slurm if they are not given:

    srun --nodes=2 --ntasks-per-node=1 python scripts/launch.py --accelerate config/accelerate/zero3.yaml --processes 8 --nodes 2 \\
        scripts/train.py ...
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

import psutil
import yaml

from distill.base.cli import ERROR_FILE, parser, run
from distill.base.errors import InputError
from distill.base.processes import end_with_parent
from distill.base.settings import find
from distill.base.work import locked
from distill.training.launch import STOPPED, Nodes, command, environment, is_plain
from distill.training.slurm import requeue

ACCELERATED = Path(__file__).with_name("distill") / "training" / "accelerated.py"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--accelerate", required=True, type=Path, help="a file of config/accelerate/, or one of your own")
    options.add_argument("--processes", type=int, default=1, help="processes on each node: one for each GPU")
    options.add_argument("--nodes", type=int, default=1, help="number of nodes")
    options.add_argument("--machine-rank", type=int, help="number of this node, from 0 (default: SLURM_NODEID)")
    options.add_argument("--main-address", help="address of the node of rank 0 (default: the first of SLURM_JOB_NODELIST)")
    options.add_argument("--main-port", type=int, help="a port there that all nodes can reach (default: chosen)")
    options.add_argument("--retries", type=int, default=0, help="further attempts of a training that fails (default: %(default)s)")
    options.add_argument("--lock", type=Path, help="folder whose lock this holds; another training that holds it is waited for")
    orphans = find("runtime/orphans")
    options.add_argument(
        "--orphans",
        choices=orphans["enum"],
        default=orphans["default"],
        help="end: stop a training that holds --lock and whose Snakemake was killed",
    )
    options.add_argument("script", help="scripts/train.py")
    options.add_argument("args", nargs=argparse.REMAINDER, help="its options")
    args = options.parse_args()
    try:
        settings = yaml.safe_load(args.accelerate.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{args.accelerate}: not an accelerate configuration ({error}); see config/accelerate/") from None
    nodes = Nodes.from_environment(args.nodes, args.machine_rank, args.main_address, args.main_port)
    # -P: modules next to it must not shadow packages of the same name, such as kernels.
    launcher = ["-P", ACCELERATED, *command(args.accelerate, settings, args.processes, nodes)]
    plain = is_plain(settings, args.processes, nodes)
    start = [sys.executable, *([] if plain else launcher), args.script, *args.args]
    threads = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")} if plain else {}  # as accelerate's launcher
    attempts = Attempts(start, environment(args.processes, nodes) | threads)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, attempts.on_signal)
    if args.lock:
        args.lock.mkdir(parents=True, exist_ok=True)
    with locked(args.lock, wait=True, end_orphans=args.orphans == "end") if args.lock and nodes.rank == 0 else nullcontext():
        code = attempts.run(args.retries)
    if code and attempts.stopped_by:
        requeued = "; this Slurm job is requeued" if attempts.stopped_by == signal.SIGTERM and requeue() else ""
        print_alone(f"stopped by {attempts.stopped_by.name}; the same command goes on from the last checkpoint{requeued}")
        sys.exit(STOPPED)
    sys.exit(code and abs(code))


class Attempts:
    """Attempts at one training. `stopped_by` is the signal that ended it, if any."""

    def __init__(self, launcher: list[str | Path], env: dict[str, str]) -> None:
        self.launcher, self.env = launcher, env
        self.stopped_by: signal.Signals | None = None
        self._training: subprocess.Popen | None = None

    def run(self, retries: int) -> int:
        """The exit code of the last attempt. Bad input and a signal to this process end the attempts."""
        for attempt in range(retries + 1):
            code, bad_input = self._run_once()
            if bad_input:
                raise InputError(bad_input)
            if code == 0 or self.stopped_by or attempt == retries:
                break
            print(f"the training ended with exit code {code}: attempt {attempt + 2} of {retries + 1}, from its last checkpoint", flush=True)
        return code

    def _run_once(self) -> tuple[int, str]:
        with tempfile.TemporaryDirectory() as folder:
            error = Path(folder, "error")
            self._training = subprocess.Popen(self.launcher, env={**self.env, ERROR_FILE: str(error)}, preexec_fn=prepare_child)
            code = self._training.wait()
            return code, error.read_text(encoding="utf-8") if code and error.exists() else ""

    def on_signal(self, number: int, _: object) -> None:
        self.stopped_by = signal.Signals(number)
        if self._training is None:  # still waiting for --lock
            print_alone(f"stopped by {self.stopped_by.name} before the training began")
            sys.exit(STOPPED)
        stop(self._training.pid)


def prepare_child() -> None:
    # accelerate's launcher of a single process would die of the signals and leave the training without a parent. Ctrl-C reaches all
    # processes of a terminal: the training ignores it and gets the SIGTERM of `stop`.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()  # torch starts its workers in new sessions, which a kill of this process group does not reach


def stop(launcher: int) -> None:
    """Send SIGTERM to accelerate and to all of its descendants; a second one does nothing more."""
    try:
        parent = psutil.Process(launcher)
        processes = (*parent.children(recursive=True), parent)
    except psutil.NoSuchProcess:
        return
    for process in processes:
        try:
            process.terminate()
        except psutil.NoSuchProcess:
            continue


def print_alone(line: str) -> None:
    """Print a line, and nothing else where this writes to a log that the work folder keeps too (work.keep_attempt_log).

    Snakemake shows the whole log of a job that ended before it was done.
    """
    log = Path(os.path.realpath("/proc/self/fd/1"))
    if log.is_file() and log.stat().st_nlink > 1:
        log.unlink()
        log.write_text(f"{line}\n", encoding="utf-8")
    else:
        print(line, flush=True)


if __name__ == "__main__":
    run(main)
