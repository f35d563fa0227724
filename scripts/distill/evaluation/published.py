"""Published scores and whether ours reproduce them, with both uncertainties. Percent in the file, shares in here."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.base.errors import InputError

COLUMNS = ("model", "benchmark", "protocol", "metric", "value", "samples", "source")
REPRODUCED, NOT_REPRODUCED, UNDECIDABLE = "reproduced", "not reproduced", "undecidable"
# A difference that a check must be able to see: DeepSeek's and open-r1's numbers for one model mostly differ by less (by up to 7 points).
MARGIN = 0.05
_Z = 1.959963984540054  # the 97.5 % quantile of the normal distribution


@dataclass(frozen=True)
class Published:
    """One published number; `samples` an item, None where the source does not say."""

    model: str
    benchmark: str
    protocol: str
    metric: str
    value: float
    samples: int | None
    source: str


def read_published(path: str | Path) -> list[Published]:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if missing := [column for column in COLUMNS if column not in (reader.fieldnames or ())]:
                raise InputError(f"{path}: no column {missing[0]!r}: its columns are {', '.join(COLUMNS)}")
            return [_published(path, reader.line_num, row) for row in reader]
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}: check the path") from None


def _published(path: str | Path, line: int, row: Mapping[str, str]) -> Published:
    try:
        value, samples = float(row["value"]), int(row["samples"]) if row["samples"] else None
    except (TypeError, ValueError):
        raise InputError(f"{path}: line {line}: value and samples must be numbers (percent, count): mend that line") from None
    if not 0 <= value <= 100:
        raise InputError(f"{path}: line {line}: value {value:g} is no percentage: mend that line")
    return Published(row["model"], row["benchmark"], row["protocol"], row["metric"], value / 100, samples, row["source"])


@dataclass(frozen=True)
class Check:
    """Ours beside a published number: `low` and `high` the 95 % interval of ours minus published."""

    ours: float
    low: float
    high: float
    verdict: str


def check(published: Published, summary: Mapping[str, Any]) -> Check | None:
    """Whether a summary reproduces a published number; None where the summary has no such metric.

    Both answered the same items, so what differs by chance is the sampling of answers: its variance in ours comes from ci95_sampling, and
    theirs is ours for one sample divided by their number of samples. Where ours has one sample, or for a majority vote, it can only be
    bounded, by p(1-p)/items for each side; one sample is taken for theirs where the source does not say. The verdict is `not reproduced`
    where the interval leaves out 0, `reproduced` where it holds 0 and reaches no further than 5 points to either side, else `undecidable`:
    an interval so wide would hold 0 for quite different models too.
    """
    ours = _ours(published, summary)
    if ours is None:
        return None
    n, samples = summary["n_items"], summary["n_samples"]
    bound = max(ours * (1 - ours), 1 / (4 * n)) / n
    if published.metric == "pass@1" and summary.get("ci95_sampling"):
        low, high = summary["ci95_sampling"]
        variance = ((high - low) / (2 * _Z)) ** 2
        theirs = variance * samples / (published.samples or 1)
    elif published.metric == "pass@1":
        variance, theirs = bound, bound / (published.samples or 1)
    else:
        variance = theirs = bound
    half = _Z * math.sqrt(variance + theirs)
    difference = ours - published.value
    low, high = difference - half, difference + half
    verdict = NOT_REPRODUCED if not low <= 0 <= high else REPRODUCED if half <= MARGIN else UNDECIDABLE
    return Check(ours, low, high, verdict)


def _ours(published: Published, summary: Mapping[str, Any]) -> float | None:
    if published.metric == f"maj@{summary['n_samples']}" and summary["n_samples"] > 1:
        return summary.get("maj@n")
    return summary["pass@1"] if published.metric == "pass@1" else None


def best(published: Sequence[Published], benchmark: str, metric: str = "pass@1") -> float | None:
    """The highest number that anybody has published on a benchmark."""
    return max((row.value for row in published if (row.benchmark, row.metric) == (benchmark, metric)), default=None)
