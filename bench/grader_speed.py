"""Answers graded per second on recorded outputs, by one worker, for this checkout and another one in turn.

Each measurement is a process of its own that grades the 8,395 recorded answers of bench/grader_agreement.py's outputs; the start of its
worker counts.

Example:
    git worktree add /tmp/before 6f33be9
    DISTILL_REAL_DATA=../shared/data python bench/grader_speed.py --other /tmp/before
"""

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from distill.base.cli import parser, run
from distill.base.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
MEASURE = """
import importlib.util, os, sys, time
from pathlib import Path
root = Path(sys.argv[1])
sys.path.insert(0, str(root / "scripts"))
try:
    from distill.grading.grader import Task, grade_all
except ModuleNotFoundError:  # before the folders by stage
    from distill.grading import Task, grade_all
spec = importlib.util.spec_from_file_location("agreement", root / "bench/grader_agreement.py")
bench = sys.modules["agreement"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bench)
sets = bench.outputs(Path(os.environ["DISTILL_REAL_DATA"]) / "outputs")
tasks = [Task(case.kind, case.gold, case.text) for cases in sets for case in cases.cases]
os.sched_setaffinity(0, [sorted(os.sched_getaffinity(0))[0]])
started = time.perf_counter()
right = sum(verdict.correct for verdict in grade_all(tasks, 1))
print(len(tasks), right, time.perf_counter() - started)
"""


def main() -> None:
    parse = parser(__doc__)
    parse.add_argument("--other", type=Path, required=True, help="another checkout, such as a git worktree of an older commit")
    parse.add_argument("--runs", type=int, default=3, help="measurements of each; the fastest counts")
    given = parse.parse_args()
    if not os.environ.get("DISTILL_REAL_DATA"):
        raise InputError("DISTILL_REAL_DATA: not set: name the folder of the real material")
    found: dict[Path, list[tuple[int, int, float]]] = {ROOT: [], given.other: []}
    for _ in range(given.runs):
        for checkout, measured in found.items():
            done = subprocess.run([sys.executable, "-c", MEASURE, str(checkout)], capture_output=True, text=True, check=True)
            answers, right, seconds = done.stdout.split()
            measured.append((int(answers), int(right), float(seconds)))
    rates = {checkout: max(answers / seconds for answers, _, seconds in measured) for checkout, measured in found.items()}
    for name, checkout in (("this checkout", ROOT), ("the other", given.other)):
        answers, right, _ = found[checkout][0]
        print(f"{name}: {rates[checkout]:,.0f} answers/s ({answers} answers, {right} right)")
    print(f"ratio: {rates[ROOT] / rates[given.other]:.2f}")


if __name__ == "__main__":
    run(main)
