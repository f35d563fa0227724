"""Whether the miniature's effect holds for several seeds.

Runs the whole miniature once for each seed, with other questions, other traces and another base model, and checks for each benchmark that
base < ours < reference, with 95 % intervals (over items) that do not overlap. Prints a table in Markdown; exits with 1 if an order fails.
A seed that has been run is not run again: to do so, remove its folder under --work.

    python bench/miniature_seeds.py --seeds 1 2 3 4 5
"""

import argparse
import csv
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from distill.base.paths import PROJECT, SNAKEFILE

ORDER = ("baseline", "student", "reference")  # of rising pass@1
Score = dict[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5], help="values of miniature.seed")
    parser.add_argument("--cores", type=int, default=2, help="cores for each run")
    parser.add_argument("--work", type=Path, default=PROJECT / "work" / "seeds", help="folder of the runs, one a seed")
    args = parser.parse_args()

    print("| seed | benchmark | base | ours | reference | base < ours < reference |", "|---|---|---|---|---|---|", sep="\n")
    held = []
    for seed in args.seeds:
        for benchmark, scores in scores_of(args.work / f"seed-{seed}", seed, args.cores).items():
            held.append(apart(scores))
            print(f"| {seed} | {benchmark} | {' | '.join(map(shown, scores))} | {'yes' if held[-1] else 'NO'} |", flush=True)
    print(f"\n{sum(held)} of {len(held)} orders hold.")
    sys.exit(0 if all(held) else 1)


def scores_of(folder: Path, seed: int, cores: int) -> dict[str, list[Score]]:
    """Of each benchmark the scores of base, student and reference, after a run of the pipeline in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / "results" / "comparison.csv"
    # An overlay, since --config makes every value inside braces a string (snakemake 9.27).
    overlay = folder / "seed.yaml"
    overlay.write_text(f"miniature: {{seed: {seed}}}\n", encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(SNAKEFILE), "--directory", str(folder), "--cores", str(cores)]
    command += ["--configfile", str(PROJECT / "config" / "config.yaml"), str(overlay), "--", "results/comparison.csv"]
    with open(folder / "run.log", "w", encoding="utf-8") as log:
        if subprocess.run(command, stdout=log, stderr=subprocess.STDOUT).returncode:
            sys.exit(f"seed {seed}: the run failed: see {log.name}")
    with open(table, encoding="utf-8", newline="") as file:
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
