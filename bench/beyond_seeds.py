"""What each recipe of config/beyond.yaml gives for what it costs, over several seeds.

Runs the miniature with config/beyond.yaml once for each seed, with other questions, other traces and another base model, and prints a table
in Markdown: of each model its compute relative to `ours`, on each benchmark the mean pass@1 with the standard deviation over seeds, and on
how many seeds its interval lies above that of `ours`. A seed that has been run is not run again: to do so, remove its folder under --work.

    python bench/beyond_seeds.py --seeds 1 2 3 4 5
"""

import csv
import json
from collections import defaultdict
from statistics import mean, stdev

from seed_runs import PROJECT, arguments, run_seed

FILES = ("config.yaml", "beyond.yaml")
FIRST = "ours"
Row = dict[str, str]


def main() -> None:
    args = arguments(__doc__, PROJECT / "work" / "beyond")
    scores: dict[tuple[str, str], list[Row]] = defaultdict(list)
    costs: dict[str, list[float]] = defaultdict(list)
    for seed in args.seeds:
        folder = run_seed(args, seed, FILES, "results/report.md")
        with open(folder / "comparison.csv", encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                scores[row["model"], row["benchmark"]].append(row)
        found = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))["compute"]
        for model, cost in found.items():
            costs[model].append(flops_of(cost) / flops_of(found[FIRST]))
    models, benchmarks = (list(dict.fromkeys(key[place] for key in scores)) for place in (0, 1))
    print(f"| model | compute | {' | '.join(benchmarks)} | above ours |", f"|---|---|{'---|' * len(benchmarks)}---|", sep="\n")
    for model in models:
        above = [sum(map(is_above, scores[model, name], scores[FIRST, name])) for name in benchmarks]
        cells = [spread([100 * float(row["pass@1"]) for row in scores[model, name]]) for name in benchmarks]
        print(f"| {model} | {mean(costs[model]):.2f} | {' | '.join(cells)} | {', '.join(map(str, above))} of {len(args.seeds)} |")


def flops_of(cost: dict[str, float]) -> float:
    return cost["training_flops"] + cost["inference_flops"]


def is_above(one: Row, other: Row) -> bool:
    """Whether an interval lies wholly above another."""
    return float(one["ci95_low"]) > float(other["ci95_high"])


def spread(values: list[float]) -> str:
    return f"{mean(values):.1f} ± {stdev(values):.1f}" if len(values) > 1 else f"{values[0]:.1f}"


if __name__ == "__main__":
    main()
