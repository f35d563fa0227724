"""Time, processor time and memory of each step, as measured by Snakemake.

From results/timing/ to a table on the screen. It is not in the report, since no two runs take the same time.

    python tools/times.py
"""

import csv
import sys
from dataclasses import dataclass
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
    rows = {name: (took.wall_s, took.cpu_s, took.peak_mib) for name, took in steps.items()}
    wall, cpu, peak = zip(*rows.values(), strict=True)
    rows["all, one after the other"] = sum(wall), sum(cpu), max(peak)
    header = ["step", "seconds", "of the processor", "peak memory (MiB)"]
    print(table(header, [[name, f"{wall_s:,.1f}", f"{cpu_s:,.1f}", f"{mib:,.0f}"] for name, (wall_s, cpu_s, mib) in rows.items()]))


@dataclass(frozen=True)
class Cost:
    """Of the last run of a step. Processor time leaves out waiting for a core, and grows a little on a busy machine."""

    wall_s: float
    cpu_s: float
    peak_mib: float


def measured(path: Path) -> Cost:
    """0 for the processor time and memory of a step that was over before Snakemake looked at it."""
    with open(path, encoding="utf-8", newline="") as file:
        row = list(csv.DictReader(file, delimiter="\t"))[-1]
    return Cost(float(row["s"]), *(float(row[name]) if row[name] not in ("-", "NA") else 0.0 for name in ("cpu_time", "max_rss")))


if __name__ == "__main__":
    run(main)
