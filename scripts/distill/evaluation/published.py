"""Published scores, and whether ours reproduce them given the uncertainty of both. Percent in the users' file, shares in here."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scipy.special import stdtrit

from distill.base.errors import InputError
from distill.evaluation.rows import NOT_COMPARED, NOT_REPRODUCED, REPRODUCED, UNDECIDABLE
from distill.evaluation.stats import Z95

COLUMNS = ("model", "benchmark", "protocol", "metric", "value_percent", "samples", "source")
SD_SEEDS, SE_RUNS, SE_ITEMS, CI95 = SPREADS = ("sd_seeds", "se_runs", "se_items", "ci95")  # a file may have `spread` and `spread_kind` too
FEWEST = 3  # evaluators whose spread says anything
_OLD_VALUE = "value"  # what value_percent was called before, in percent too
# A difference that a check must be able to see: DeepSeek's and open-r1's numbers for one model mostly differ by less (by up to 7 points).
MARGIN = 0.05


@dataclass(frozen=True)
class PublishedScore:
    """A row of config/published.csv, its value and its spread as shares; `samples` an item, None where the source does not say."""

    model: str
    benchmark: str
    protocol: str
    metric: str
    value: float
    samples: int | None
    source: str
    spread: float | None = None
    spread_kind: str = ""

    @property
    def evaluator(self) -> str:
        return self.source.split(" ")[0]


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
        spread = float(row["spread"]) / 100 if row.get("spread") else None
    except (TypeError, ValueError):
        raise InputError(
            f"{path}: line {line}: value_percent, samples and spread must be numbers (percent, count, points): fix that line"
        ) from None
    if not 0 <= percent <= 100:
        raise InputError(f"{path}: line {line}: {percent:g} is no percentage: fix that line")
    kind = row.get("spread_kind") or ""
    if (spread is None) != (not kind) or kind not in ("", *SPREADS):
        raise InputError(f"{path}: line {line}: spread_kind is {kind!r}: use one of {', '.join(SPREADS)} with a spread, and none without")
    return PublishedScore(*(row[key] for key in COLUMNS[:4]), percent / 100, samples, row["source"], spread, kind)


@dataclass(frozen=True)
class Evaluators:
    """What several evaluators have published of one model on one benchmark, as shares: a random-effects model of their scores.

    `mean` and `spread` (standard deviation between evaluators, without the chance of each); `low` and `high`: where 95 % of further
    evaluations that sample as ours does are expected; `below`: how many evaluators have less than ours.
    """

    number: int
    mean: float
    spread: float
    low: float
    high: float
    below: int


@dataclass(frozen=True)
class Reproduction:
    """Our score next to a published one: `low` and `high` are the 95 % interval of ours minus published."""

    ours: float
    low: float
    high: float
    verdict: str
    evaluators: Evaluators | None = None


def check(published: PublishedScore, summary: Mapping[str, Any], others: Sequence[PublishedScore] = ()) -> Reproduction | None:
    """Whether a summary reproduces a published score; None where the summary has no such metric.

    Both sides answered the same items, so only the sampling of answers and the evaluator differ. The variance of sampling in our score
    comes from ci95_sampling; in theirs from their spread over seeds or runs, else it is ours for one sample divided by their number of
    samples. Where we have one sample, or for a majority vote, it can only be bounded, by p(1-p)/items for each side; theirs counts as one
    sample where the source does not say.

    Three or more evaluators of `others` show how much evaluators differ: the score is `reproduced` where it lies in the range in which
    95 % of evaluations are expected, `not reproduced` outside, as long as that range reaches no further than 5 points to either side.
    Evaluators who differ by more did not measure the same thing. Then, and with fewer of them, this one number decides: `not reproduced`
    where the interval of the difference excludes 0, `reproduced` where it contains 0 and reaches no further than 5 points to either side,
    else `undecidable`: an interval that wide would contain 0 for quite different models too.
    """
    ours = _ours(published, summary)
    if ours is None:
        return None
    if reason_never_compared(published):
        return Reproduction(ours, ours - published.value, ours - published.value, NOT_COMPARED)
    variance, one_sample = _variances(published.metric, ours, summary)
    half = Z95 * math.sqrt(variance + _variance(published, one_sample))
    difference = ours - published.value
    low, high = difference - half, difference + half
    verdict = NOT_REPRODUCED if not low <= 0 <= high else REPRODUCED if half <= MARGIN else UNDECIDABLE
    evaluators = of_evaluators(published, others, ours, variance, one_sample)
    if evaluators and (evaluators.high - evaluators.low) / 2 <= MARGIN:
        verdict = REPRODUCED if evaluators.low <= ours <= evaluators.high else NOT_REPRODUCED
    return Reproduction(ours, low, high, verdict, evaluators)


def _variances(metric: str, ours: float, summary: Mapping[str, Any]) -> tuple[float, float]:
    """The variance of our score by sampling, and that of a score by one sample an item."""
    n, samples = summary["n_items"], summary["n_samples"]
    if metric == "pass@1" and summary.get("ci95_sampling"):
        low, high = summary["ci95_sampling"]
        variance = ((high - low) / (2 * Z95)) ** 2
        return variance, variance * samples
    bound = max(ours * (1 - ours), 1 / (4 * n)) / n
    return bound, bound


def _variance(published: PublishedScore, one_sample: float) -> float:
    """Of a published score by sampling. Its spread over items says nothing of that: all evaluators have the same items."""
    if published.spread is not None and published.spread_kind == SD_SEEDS and published.samples:
        return published.spread**2 / published.samples
    if published.spread is not None and published.spread_kind == SE_RUNS:
        return published.spread**2
    return one_sample / (published.samples or 1) if published.metric == "pass@1" else one_sample


def of_evaluators(
    published: PublishedScore, others: Sequence[PublishedScore], ours: float, variance: float, one_sample: float
) -> Evaluators | None:
    """The evaluators of the same model, benchmark and metric, who also took one sample an item or several; None of fewer than three.

    Several scores of one evaluator, known by the first word of their sources, are averaged first.
    """
    by_evaluator: dict[str, list[PublishedScore]] = {}
    for row in others:
        same = (row.model, row.benchmark, row.metric) == (published.model, published.benchmark, published.metric)
        if same and (row.samples == 1) == (published.samples == 1) and not reason_never_compared(row):
            by_evaluator.setdefault(row.evaluator, []).append(row)
    if len(by_evaluator) < FEWEST:
        return None
    values = [sum(row.value for row in rows) / len(rows) for rows in by_evaluator.values()]
    variances = [sum(_variance(row, one_sample) for row in rows) / len(rows) ** 2 for rows in by_evaluator.values()]
    mean, error, between = random_effects(values, variances)
    half = float(stdtrit(len(values) - 2, 0.975)) * math.sqrt(between + error**2 + variance)
    return Evaluators(len(values), mean, math.sqrt(between), mean - half, mean + half, sum(value < ours for value in values))


def random_effects(values: Sequence[float], variances: Sequence[float]) -> tuple[float, float, float]:
    """(mean, its standard error, variance between the studies) by the estimator of Paule and Mandel (1982).

    Of the estimators compared by Veroniki et al. (2016), https://doi.org/10.1002/jrsm.1164, it is preferred to that of DerSimonian and
    Laird, whose weights take the variance between to be 0. It is the variance at which the weighted sum of squares is what one expects,
    k - 1.
    The range of further evaluations: Higgins, Thompson and Spiegelhalter (2009), https://doi.org/10.1111/j.1467-985X.2008.00552.x.
    """

    def pooled(between: float) -> tuple[float, float, float]:
        weights = [1 / (variance + between) for variance in floored]
        mean = sum(weight * value for weight, value in zip(weights, values, strict=True)) / sum(weights)
        excess = sum(weight * (value - mean) ** 2 for weight, value in zip(weights, values, strict=True)) - (len(values) - 1)
        return mean, 1 / math.sqrt(sum(weights)), excess

    floored = [max(variance, 1e-12) for variance in variances]
    low, high = 0.0, max(values) - min(values)
    high = max(high**2 * len(values), 1e-12)  # at which nothing is left to explain
    if pooled(low)[2] > 0:
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if pooled(middle)[2] > 0 else (low, middle)
    else:
        high = 0.0
    mean, error, _ = pooled(high)
    return mean, error, high


def reason_never_compared(published: PublishedScore) -> str | None:
    """Why a published score is compared with nothing."""
    if published.protocol.startswith("evalchemy") and published.benchmark == "gpqa_diamond":
        return "evalchemy's GPQA has the gold D throughout from April 2025 on"
    return None


def _ours(published: PublishedScore, summary: Mapping[str, Any]) -> float | None:
    if published.metric == f"maj@{summary['n_samples']}" and summary["n_samples"] > 1:
        return summary.get("maj@n")
    return summary["pass@1"] if published.metric == "pass@1" else None


def best(published: Sequence[PublishedScore], benchmark: str, metric: str = "pass@1") -> float | None:
    """The highest score that anybody has published on a benchmark, as a share."""
    return max((row.value for row in published if (row.benchmark, row.metric) == (benchmark, metric)), default=None)
