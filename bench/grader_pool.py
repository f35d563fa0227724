"""Our pool of math-verify's workers (grading/pool.py) next to pebble's ProcessPool with the same worker, limits and questions.

Prints a Markdown table of seconds, each with the start of the pool: one question, easy ones, answers that only a kill ends; with --hostile
also how many of tests/helpers/hostile.py, and of the right answers between them, get the verdict that they should. pebble is no dependency
of the project.

Example:
    pip install --target /tmp/pebble pebble==5.2.3
    PYTHONPATH=/tmp/pebble python bench/grader_pool.py --hostile all
"""

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "tests/helpers"))

import hostile

from distill.base.cli import parser, run
from distill.grading import worker
from distill.grading.pool import TIMEOUT, GradingJob, Pool

Pairs = Sequence[tuple[str, str]]
MEMORY_MB = 1024


def prepare() -> None:
    """What a worker of ours does before its first question."""
    worker.without_signals()
    worker.compare("1/2", "0.5")
    silence = os.open(os.devnull, os.O_RDWR)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    worker.forbid_side_effects()
    worker.limit(MEMORY_MB)


def judge(gold: str, answer: str, timeout_s: float) -> str:
    worker.limit_next(timeout_s)
    return worker.compare(gold, answer)


def by_ours(pairs: Pairs, workers: int, timeout_s: float) -> list[str]:
    pool = Pool(workers, timeout_s, MEMORY_MB)
    found: dict[int, str] = {}
    jobs = [GradingJob(gold, answer, lambda job, reason: found.update({id(job): reason})) for gold, answer in pairs]
    for job in jobs:
        pool.submit(job)
    while len(found) < len(jobs):
        pool.step()
    pool.close()
    return [found[id(job)] for job in jobs]


def by_pebble(context: str) -> Callable[[Pairs, int, float], list[str]]:
    def judged(pairs: Pairs, workers: int, timeout_s: float) -> list[str]:
        from pebble import ProcessExpired, ProcessPool

        made = multiprocessing.get_context(context)
        if context == "forkserver":
            made.set_forkserver_preload(["math_verify", "distill.grading.worker"])
        with ProcessPool(workers, max_tasks=5000, initializer=prepare, context=made) as pool:
            futures = [pool.schedule(judge, args=(*pair, timeout_s), timeout=timeout_s) for pair in pairs]
            reasons = []
            for future in futures:
                try:
                    reasons.append(future.result())
                except TimeoutError:
                    reasons.append(TIMEOUT)
                except ProcessExpired:
                    reasons.append(worker.ERROR)
        return reasons

    return judged


def seconds(judged: Callable[[Pairs, int, float], list[str]], pairs: Pairs, timeout_s: float) -> float:
    started = time.monotonic()
    judged(pairs, 1, timeout_s)
    return time.monotonic() - started


def row(name: str, judged: Callable[[Pairs, int, float], list[str]], easy: int, killed: int, which: str | None) -> list[str]:
    first = seconds(judged, [("1/2", "0.5")], 10)
    many = seconds(judged, [(f"{number}+x", f"x+{number}") for number in range(easy)], 10)
    kills = seconds(judged, [("3", rf"\prod_{{k=1}}^{{10^9}} k + {number}") for number in range(killed)], 1)
    cells = [name, f"{first:.1f}", f"{many:.1f}", f"{kills:.1f}"]
    if which:
        answers = [answer for answer in (hostile.CODE if which == "code" else hostile.ALL) if len(answer) <= 5000]
        pairs = [pair for number, answer in enumerate(answers) for pair in (("1/2", "0.5" + "0" * (number % 30)), (r"\frac{1}{2}", answer))]
        started = time.monotonic()
        found = judged(pairs, 2, 10 if which == "code" else 5)
        good = sum(reason == "correct" for reason in found[::2]) + sum(reason != "correct" for reason in found[1::2])
        cells.append(f"{good} of {len(pairs)} in {time.monotonic() - started:.0f} s")
    return cells


def main() -> None:
    parse = parser(__doc__)
    parse.add_argument("--easy", type=int, default=500, help="easy questions")
    parse.add_argument("--killed", type=int, default=6, help="answers that only a kill ends")
    parse.add_argument("--hostile", choices=("code", "all"), help="hostile answers too, those that hold code or all, which takes minutes")
    given = parse.parse_args()
    print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    heads = ["pool", "one question, s", f"{given.easy} easy ones, s", f"{given.killed} killed after 1 s, s"]
    heads += ["hostile answers without a wrong verdict"] if given.hostile else []
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    pools = {"ours": by_ours, "pebble, forkserver": by_pebble("forkserver"), "pebble, spawn": by_pebble("spawn")}
    for name, judged in pools.items():
        print(f"| {' | '.join(row(name, judged, given.easy, given.killed, given.hostile))} |", flush=True)


if __name__ == "__main__":
    run(main)
