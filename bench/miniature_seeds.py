"""Whether the miniature's effect holds for several seeds.

Runs the whole miniature once for each seed, with other questions, other traces and another base model, and checks for each benchmark that
base < ours < reference, with 95 % intervals (over items) that do not overlap. Prints a table in Markdown; exits with 1 if an order fails.
A seed that has been run is not run again: to do so, remove its folder under --work.

    python bench/miniature_seeds.py --seeds 1 2 3 4 5
"""

import csv
import sys
from itertools import pairwise
from pathlib import Path

from seed_runs import PROJECT, arguments, run_seed

ORDER = ("baseline", "student", "reference")  # of rising pass@1
Score = dict[str, str]


def main() -> None:
    args = arguments(__doc__, PROJECT / "work" / "seeds")

    print("| seed | benchmark | base | ours | reference | base < ours < reference |", "|---|---|---|---|---|---|", sep="\n")
    held = []
    for seed in args.seeds:
        for benchmark, scores in scores_of(run_seed(args, seed, ["config.yaml"], "results/comparison.csv")).items():
            held.append(apart(scores))
            print(f"| {seed} | {benchmark} | {' | '.join(map(shown, scores))} | {'yes' if held[-1] else 'NO'} |", flush=True)
    print(f"\n{sum(held)} of {len(held)} orders hold.")
    sys.exit(0 if all(held) else 1)


def scores_of(results: Path) -> dict[str, list[Score]]:
    """Of each benchmark the scores of base, student and reference."""
    with open(results / "comparison.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    by_place = {(row["benchmark"], row["role"]): row for row in rows}
    return {benchmark: [by_place[benchmark, role] for role in ORDER] for benchmark in dict.fromkeys(row["benchmark"] for row in rows)}


def apart(scores: list[Score]) -> bool:
    """Whether each score's interval lies wholly below the next one's."""
    return all(float(low["ci95_high"]) < float(high["ci95_low"]) for low, high in pairwise(scores))


def shown(score: Score) -> str:
    """pass@1 and its interval, in %."""
    return f"{100 * float(score['pass@1']):.1f} [{100 * float(score['ci95_low']):.1f}, {100 * float(score['ci95_high']):.1f}]"


if __name__ == "__main__":
    main()
