"""Runs scripts/train.py again and again without importing torch each time: a process that has the libraries loaded, and forks.

Reads a JSON line {argv, kill_after, delay_s} and answers with one {status, out}: the exit code, or minus the signal, and what was printed.
With `kill_after` the run is killed (SIGKILL) `delay_s` after that many of its steps have been logged.
"""

import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


class ForkedTrainer:
    """The client: `run` a training, to its end or killed on the way."""

    def __init__(self) -> None:
        env = os.environ | {"OMP_NUM_THREADS": "1", "DISTILL_PROGRESS_S": "0", "TOKENIZERS_PARALLELISM": "false"}
        self.process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)

    def run(self, argv: list[str], kill_after: int | None = None, delay_s: float = 0.0) -> tuple[int, str]:
        self.process.stdin.write(json.dumps({"argv": argv, "kill_after": kill_after, "delay_s": delay_s}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return answer["status"], answer["out"]

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=60)


def main() -> None:
    sys.path.insert(0, str(PROJECT / "scripts"))
    import distill.training.kept
    import distill.training.sft  # noqa: F401

    for line in sys.stdin:
        asked = json.loads(line)
        with tempfile.NamedTemporaryFile("r") as out:
            child = os.fork()
            if child == 0:
                train(asked["argv"], out.name)
            status = watched(child, out.name, asked)
            print(json.dumps({"status": status, "out": Path(out.name).read_text(encoding="utf-8", errors="replace")}), flush=True)


def train(argv: list[str], out: str) -> None:
    file = os.open(out, os.O_WRONLY | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    sys.argv = ["train.py", *argv]
    code = 1
    try:
        runpy.run_path(str(PROJECT / "scripts/train.py"), run_name="__main__")
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException as error:
        print(repr(error))
    sys.stdout.flush()
    os._exit(code)


def watched(child: int, out: str, asked: dict) -> int:
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if asked["kill_after"] and Path(out).read_bytes().count(b"\ntrain: ") >= asked["kill_after"]:
            time.sleep(asked["delay_s"])
            os.kill(child, signal.SIGKILL)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        time.sleep(0.005)


if __name__ == "__main__":
    main()
