"""Published scores, and whether ours reproduce them given the uncertainty of both. Percent in the users' file, shares in here."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.evaluation.rows import NOT_REPRODUCED, REPRODUCED, UNDECIDABLE

COLUMNS = ("model", "benchmark", "protocol", "metric", "value_percent", "samples", "source")
_OLD_VALUE = "value"  # what value_percent was called before, in percent too
# A difference that a check must be able to see: DeepSeek's and open-r1's numbers for one model mostly differ by less (by up to 7 points).
MARGIN = 0.05
_Z = 1.959963984540054  # the 97.5 % quantile of the normal distribution


@dataclass(frozen=True)
class PublishedScore:
    """A row of config/published.csv, its value as a share; `samples` an item, None where the source does not say."""

    model: str
    benchmark: str
    protocol: str
    metric: str
    value: float
    samples: int | None
    source: str


def read_published(path: str | Path) -> list[PublishedScore]:
    """Raises InputError that names the missing column, or the line whose value or samples cannot be right."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            given = ["value_percent" if column == _OLD_VALUE else column for column in reader.fieldnames or ()]
            if missing := [column for column in COLUMNS if column not in given]:
                raise InputError(f"{path}: no column {missing[0]!r}: its columns are {', '.join(COLUMNS)}")
            reader.fieldnames = given
            return [_published(path, reader.line_num, row) for row in reader]
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}: check the path") from None


def _published(path: str | Path, line: int, row: Mapping[str, str]) -> PublishedScore:
    try:
        percent, samples = float(row["value_percent"]), int(row["samples"]) if row["samples"] else None
    except (TypeError, ValueError):
        raise InputError(f"{path}: line {line}: value_percent and samples must be numbers (percent, count): fix that line") from None
    if not 0 <= percent <= 100:
        raise InputError(f"{path}: line {line}: {percent:g} is no percentage: fix that line")
    return PublishedScore(row["model"], row["benchmark"], row["protocol"], row["metric"], percent / 100, samples, row["source"])


@dataclass(frozen=True)
class Reproduction:
    """Our score next to a published one: `low` and `high` are the 95 % interval of ours minus published."""

    ours: float
    low: float
    high: float
    verdict: str


def check(published: PublishedScore, summary: Mapping[str, Any]) -> Reproduction | None:
    """Whether a summary reproduces a published score; None where the summary has no such metric.

    Both sides answered the same items, so only the sampling of answers differs by chance. Its variance in our score comes from
    ci95_sampling; in theirs it is ours for one sample divided by their number of samples. Where we have one sample, or for a majority vote,
    it can only be bounded, by p(1-p)/items for each side; theirs counts as one sample where the source does not say. The verdict is
    `not reproduced` where the interval excludes 0, `reproduced` where it contains 0 and reaches no further than 5 points to either side,
    else `undecidable`: an interval that wide would contain 0 for quite different models too.
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
    return Reproduction(ours, low, high, verdict)


def _ours(published: PublishedScore, summary: Mapping[str, Any]) -> float | None:
    if published.metric == f"maj@{summary['n_samples']}" and summary["n_samples"] > 1:
        return summary.get("maj@n")
    return summary["pass@1"] if published.metric == "pass@1" else None


def best(published: Sequence[PublishedScore], benchmark: str, metric: str = "pass@1") -> float | None:
    """The highest score that anybody has published on a benchmark, as a share."""
    return max((row.value for row in published if (row.benchmark, row.metric) == (benchmark, metric)), default=None)
