"""Time and memory of each step, as measured by Snakemake.

From results/timing/ to a table on the screen. It is not in the report, since no two runs take the same time.

    python tools/times.py
"""

import csv
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from distill.base.cli import parser, run
from distill.base.errors import InputError
from distill.report.markdown import table


def main() -> None:
    parse = parser(__doc__)
    parse.add_argument("--directory", type=Path, default=Path(), help="where Snakemake was started (default: here)")
    parse.add_argument("--results", type=Path, default=Path("results"), help="results folder in it (default: %(default)s)")
    given = parse.parse_args()

    folder = given.directory / given.results / "timing"
    steps = {path.relative_to(folder).with_suffix("").as_posix(): measured(path) for path in sorted(folder.rglob("*.tsv"))}
    if not steps:
        raise InputError(f"{folder}: has no times: make results/report.md first")
    seconds, memory = zip(*steps.values(), strict=True)
    steps["all, one after the other"] = sum(seconds), max(memory)
    print(table(["step", "seconds", "peak memory (MiB)"], [[name, f"{took:,.1f}", f"{most:,.0f}"] for name, (took, most) in steps.items()]))


def measured(path: Path) -> tuple[float, float]:
    """Seconds and MiB of the last run of a step; 0 for the memory of one that was over before it was looked at."""
    with open(path, encoding="utf-8", newline="") as file:
        row = list(csv.DictReader(file, delimiter="\t"))[-1]
    return float(row["s"]), float(row["max_rss"]) if row["max_rss"] not in ("-", "NA") else 0.0


if __name__ == "__main__":
    run(main)
