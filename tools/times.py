"""Time, processor time and memory of each step, as measured by Snakemake.

From results/timing/ to a table on the screen. It is not in the report, since no two runs take the same time. Processor time leaves out
waiting for a core, and grows a little on a busy machine; it and memory are 0 for a step that was over before Snakemake looked at it.

    python tools/times.py
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from distill.base.cli import parser, run
from distill.base.errors import InputError
from distill.base.timing import timings
from distill.report.markdown import table


def main() -> None:
    parse = parser(__doc__)
    parse.add_argument("--directory", type=Path, default=Path(), help="where Snakemake was started (default: here)")
    parse.add_argument("--results", type=Path, default=Path("results"), help="results folder in it (default: %(default)s)")
    given = parse.parse_args()

    folder = given.directory / given.results / "timing"
    files = {path.relative_to(folder).with_suffix("").as_posix(): path for path in sorted(folder.rglob("*.tsv"))}
    steps = {name: runs[-1] for name, path in files.items() if (runs := timings(path))}
    if not steps:
        raise InputError(f"{folder}: has no times: make results/report.md first")
    rows = {name: (took.wall_s, took.cpu_s or 0.0, took.peak_mib or 0.0) for name, took in steps.items()}
    wall, cpu, peak = zip(*rows.values(), strict=True)
    rows["all, one after the other"] = sum(wall), sum(cpu), max(peak)
    header = ["step", "seconds", "of the processor", "peak memory (MiB)"]
    print(table(header, [[name, f"{wall_s:,.1f}", f"{cpu_s:,.1f}", f"{mib:,.0f}"] for name, (wall_s, cpu_s, mib) in rows.items()]))


if __name__ == "__main__":
    run(main)
