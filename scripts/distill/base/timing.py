"""What Snakemake measured of a step: the files that rules name as `benchmark:`, results/timing/RULE/NAME.tsv."""

import csv
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Timing:
    """One run of a step: seconds on the clock and of the processor, and peak memory in MiB.

    The last two are None for a step that was over before Snakemake looked at it.
    """

    wall_s: float
    cpu_s: float | None
    peak_mib: float | None


def timings(path: Path) -> list[Timing]:
    """The runs of a step, oldest first; none where there is no file, or none that is whole."""
    with suppress(OSError, ValueError, csv.Error), open(path, encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if None not in row.values()]
        return [Timing(float(row["s"]), _number(row, "cpu_time"), _number(row, "max_rss")) for row in rows]
    return []


def _number(row: Mapping[str, str], column: str) -> float | None:
    value = row.get(column) or "-"
    return None if value in ("-", "NA") else float(value)
