"""The rows of comparison.csv, differences.csv, published.csv, curves.csv and answers.csv: a dataclass each, and how such a file is written
and read.

Scores, intervals, differences and rates are shares (0 to 1), answer lengths are tokens, None is an empty cell: not measured. A column has
the name of its field, with "@" for "_at_": pass_at_1 is written as pass@1.
"""

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from distill.base.errors import InputError

# The verdict on a difference, and on a published score.
BETTER, WORSE, NOT_DETECTED, NOT_COMPARED = "better", "worse", "no detectable difference", "not compared"
REPRODUCED, NOT_REPRODUCED, UNDECIDABLE = "reproduced", "not reproduced", "undecidable"


@dataclass(frozen=True)
class ScoreRow:
    """One model on one benchmark: its score with the 95 % intervals over items and over samples, and how its answers came out.

    `flags` says why the score cannot be right; it is empty for a score that counts.
    """

    model: str
    role: str
    benchmark: str
    protocol: str
    pass_at_1: float
    ci95_low: float | None = None
    ci95_high: float | None = None
    ci95_sampling_low: float | None = None
    ci95_sampling_high: float | None = None
    n_items: int = 0
    n_samples: int = 1
    maj_at_n: float | None = None
    pass_at_n: float | None = None
    truncated: float | None = None
    capped: float | None = None
    no_answer: float | None = None
    unclosed_thought: float | None = None
    grader_timeout: float | None = None
    stated: float | None = None
    unread: float | None = None
    mean_completion_tokens: float | None = None
    disagreements: int | None = None
    self_test_gold: float | None = None
    self_test_echo: float | None = None
    self_test_cut: float | None = None
    self_test_empty: float | None = None
    self_test_wrong: float | None = None
    self_test_respelled: float | None = None
    self_test_near_miss: float | None = None
    self_test_unread: float | None = None
    self_test_worded: float | None = None
    flags: str = ""


@dataclass(frozen=True)
class DifferenceRow:
    """Model a minus model b, item by item on one benchmark. `n` is the number of items.

    `b_benchmark`: the same benchmark under another protocol, where b was evaluated under that: the one that suits b best.
    `p_draws`: random draws of signs that p is of; None where it is exact.

    `minimum_detectable_difference`: the true difference that this comparison would detect four times out of five (stats.py).
    """

    a: str
    b: str
    benchmark: str
    difference: float
    ci95_low: float | None = None
    ci95_high: float | None = None
    p: float | None = None
    p_holm: float | None = None
    verdict: str = NOT_COMPARED
    minimum_detectable_difference: float | None = None
    n: int | None = None
    b_benchmark: str = ""
    p_draws: int | None = None

    def swapped(self) -> "DifferenceRow":
        """b minus a."""
        low, high = (None if end is None else -end for end in (self.ci95_high, self.ci95_low))
        verdict = {BETTER: WORSE, WORSE: BETTER}.get(self.verdict, self.verdict)
        return replace(self, a=self.b, b=self.a, difference=-self.difference, ci95_low=low, ci95_high=high, verdict=verdict)


@dataclass(frozen=True)
class PublishedRow:
    """A published score next to ours; the difference is ours minus published, with its 95 % interval.

    `samples`: samples an item behind the published score, None where its source does not say. `evaluators` and the columns after it: what
    all evaluators of this model have published, how many of them have less than ours, and the range in which 95 % of evaluations are
    expected; empty where they are fewer than three.
    """

    model: str
    benchmark: str
    protocol: str
    metric: str
    source: str
    samples: int | None
    published_share: float
    ours_share: float
    difference_share: float
    ci95_low_share: float
    ci95_high_share: float
    verdict: str
    evaluators: int | None = None
    evaluators_below: int | None = None
    evaluators_mean_share: float | None = None
    evaluators_spread_share: float | None = None
    range_low_share: float | None = None
    range_high_share: float | None = None


@dataclass(frozen=True)
class CurveRow:
    """A point of a curve of one model on one benchmark, with its 95 % interval over items.

    `curve`: "pass@k" and "maj@k", where `at` is k; or "budget", where `at` is the number of tokens by which an answer must be finished.
    """

    model: str
    benchmark: str
    curve: str
    at: int
    share: float
    ci95_low: float
    ci95_high: float


@dataclass(frozen=True)
class AnswersRow:
    """How the answers of one model to one benchmark look. Lengths are tokens: the median, and the length that 90 % do not exceed.

    `agreement`: the share of pairs of samples of an item that give the same answer; `answers_per_item`: different answers to an item.
    """

    model: str
    benchmark: str
    n_items: int
    n_samples: int
    right_median: float | None = None
    right_p90: float | None = None
    wrong_median: float | None = None
    wrong_p90: float | None = None
    agreement: float | None = None
    agreement_right: float | None = None
    answers_per_item: float | None = None


AnyRow = TypeVar("AnyRow", ScoreRow, DifferenceRow, PublishedRow, CurveRow, AnswersRow)

_PARSERS: dict[Any, Callable[[str], Any]] = {str: str, int: int, float: float}
_PARSERS |= {kind | None: lambda cell, parse=parse: parse(cell) if cell else None for kind, parse in list(_PARSERS.items())}


def columns(kind: type[AnyRow]) -> tuple[str, ...]:
    return tuple(field.name.replace("_at_", "@") for field in fields(kind))


def to_csv(kind: type[AnyRow], rows: Iterable[AnyRow]) -> str:
    """The content of a file of such rows."""
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns(kind))
    table.writerows([_cell(value) for value in astuple(row)] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Twelve significant digits, so that equal results are equal files on any machine."""
    return float(f"{value:.12g}") if isinstance(value, float) else value


def read_csv(kind: type[AnyRow], path: Path) -> list[AnyRow]:
    """The rows of a file. Raises InputError that names a column that is missing or has a cell of another type."""
    with open(path, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if missing := [column for column in columns(kind) if column not in (reader.fieldnames or ())]:
            raise InputError(f"{path}: no column {missing[0]!r}: remove the file and make it again")
        return [_parse(kind, path, row) for row in reader]


def _parse(kind: type[AnyRow], path: Path, row: dict[str, str]) -> AnyRow:
    values = []
    for field, column in zip(fields(kind), columns(kind), strict=True):
        try:
            values.append(_PARSERS[field.type](row[column] or ""))
        except ValueError:
            raise InputError(
                f"{path}: column {column!r} holds {row[column]!r}, which is no number: remove the file and make it again"
            ) from None
    return kind(*values)
