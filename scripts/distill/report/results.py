"""A results folder as its readers (report, figures) see it: typed rows, scores in percent, and None where a file is not there yet."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from distill.base import manifest
from distill.base.errors import InputError
from distill.base.files import Row, read_json, read_jsonl
from distill.data.audit import describe_differences, each_audit
from distill.report.names import Dataset


@dataclass(frozen=True)
class Score:
    """One model on one benchmark. Scores, intervals and rates in percent, answer lengths in tokens; None: not measured."""

    model: str
    benchmark: str
    value: float
    low: float | None
    high: float | None
    sampling_low: float | None
    sampling_high: float | None
    n_items: int
    n_samples: int
    maj: float | None
    pass_n: float | None
    truncated: float | None
    capped: float | None
    no_answer: float | None
    unclosed_thought: float | None
    grader_timeout: float | None
    mean_tokens: float | None
    flags: str


@dataclass(frozen=True)
class Difference:
    """a minus b on one benchmark, in percentage points. `detectable`: the smallest difference that could have been told from noise."""

    a: str
    b: str
    benchmark: str
    value: float
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    verdict: str
    detectable: float | None
    n: int | None

    def turned(self) -> "Difference":
        """b minus a."""
        low, high = (None if end is None else -end for end in (self.high, self.low))
        verdict = {"better": "worse", "worse": "better"}.get(self.verdict, self.verdict)
        return replace(self, a=self.b, b=self.a, value=-self.value, low=low, high=high, verdict=verdict)


@dataclass(frozen=True)
class Published:
    """A published number (percent) beside ours; `low` to `high`: 95 % interval of ours minus published."""

    model: str
    benchmark: str
    protocol: str
    metric: str
    value: float
    samples: str
    source: str
    ours: float | None
    low: float | None
    high: float | None
    verdict: str


class Results:
    """The files of a results folder, each read when it is first asked for."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    @cached_property
    def scores(self) -> list[Score]:
        return [_score(row) for row in self._csv("comparison.csv")]

    @cached_property
    def differences(self) -> list[Difference]:
        return [_difference(row) for row in self._csv("differences.csv")]

    @cached_property
    def published(self) -> list[Published]:
        return [_published(row) for row in self._csv("published.csv")]

    def score(self, model: str, benchmark: str) -> Score | None:
        return next((score for score in self.scores if (score.model, score.benchmark) == (model, benchmark)), None)

    def published_of(self, model: str, benchmark: str) -> list[Published]:
        """What was published as pass@1 of a model on a benchmark."""
        return [row for row in self.published if (row.model, row.benchmark, row.metric) == (model, benchmark, "pass@1")]

    def unavailable(self, benchmark: str) -> str | None:
        """Why an optional benchmark is not here; None where it is."""
        return manifest.unavailable(self.root / "sources" / "benchmarks" / benchmark.partition("@")[0])

    def summary(self, model: str, benchmark: str) -> Row | None:
        return self._json(f"scores/{model}/{benchmark}.json")

    def verdicts(self, model: str, benchmark: str) -> list[Row]:
        return self._rows(f"scores/{model}/{benchmark}.jsonl")

    def responses(self, model: str, benchmark: str) -> Iterator[Row]:
        """In a stream: they can be gigabytes."""
        return self._stream(f"responses/{model}/{benchmark}.jsonl")

    def prompts(self, benchmark: str) -> list[Row]:
        return self._rows(f"benchmarks/{benchmark}/prompts.jsonl")

    def manifest(self, model: str) -> Row | None:
        return self._json(f"models/{model}/manifest.json")

    def log(self, model: str) -> list[Row]:
        """The rows of a training log that hold a loss, in order of steps."""
        return [row for row in self._rows(f"models/{model}/log.jsonl") if row.get("loss") is not None]

    def funnel(self, dataset: str) -> Row | None:
        return self._json(f"data/{dataset}/funnel.json")

    def contamination(self, dataset: str) -> Row | None:
        return self._json(f"data/{dataset}/contamination.json")

    def audit(self, dataset: str) -> Row | None:
        return self._json(f"data/{dataset}/audit.json")

    def audits(self, dataset: Dataset) -> list[tuple[str, Row]]:
        """(label, audit) for each way in which a dataset's rows are taken; the label tells several apart."""
        found = each_audit(found) if (found := self.audit(dataset.name)) else []
        ways = describe_differences([row["settings"] for row in found])
        return [(f"{dataset.label}: {way}" if way else dataset.label, row) for way, row in zip(ways, found, strict=True)]

    @cached_property
    def provenance(self) -> Row | None:
        return self._json("provenance.json")

    def has(self, path: str) -> bool:
        return (self.root / path).is_file()

    def _json(self, path: str) -> Any:
        return read_json(self.root / path) if self.has(path) else None

    def _rows(self, path: str) -> list[Row]:
        return list(self._stream(path))

    def _stream(self, path: str) -> Iterator[Row]:
        return read_jsonl(self.root / path) if self.has(path) else iter(())

    def _csv(self, path: str) -> "list[_Row]":
        if not self.has(path):
            return []
        with open(self.root / path, encoding="utf-8", newline="") as file:
            return [_Row(self.root / path, row) for row in csv.DictReader(file)]


class _Row:
    """A row of a CSV file whose cells are asked for by name; an empty cell is None."""

    def __init__(self, path: Path, cells: Mapping[str, str]) -> None:
        self.path, self.cells = path, cells

    def text(self, column: str) -> str:
        value = self.cells.get(column)
        if value is None:
            raise InputError(f"{self.path}: no column {column!r}: remove the file and make it again")
        return value

    def number(self, column: str, scale: float = 1.0) -> float | None:
        """None where the column or the value is missing. Raises InputError for what is no number."""
        value = self.cells.get(column) or ""
        if not value:
            return None
        try:
            return float(value) * scale
        except ValueError:
            raise InputError(
                f"{self.path}: column {column!r} holds {value!r}, which is no number: remove the file and make it again"
            ) from None

    def percent(self, column: str) -> float | None:
        return self.number(column, 100.0)

    def count(self, column: str, default: int = 1) -> int:
        found = self.number(column)
        return default if found is None else int(found)


def _score(row: _Row) -> Score:
    return Score(
        model=row.text("model"),
        benchmark=row.text("benchmark"),
        value=row.percent("pass@1") or 0.0,
        low=row.percent("ci95_low"),
        high=row.percent("ci95_high"),
        sampling_low=row.percent("ci95_sampling_low"),
        sampling_high=row.percent("ci95_sampling_high"),
        n_items=row.count("n_items", 0),
        n_samples=row.count("n_samples"),
        maj=row.percent("maj@n"),
        pass_n=row.percent("pass@n"),
        truncated=row.percent("truncated"),
        capped=row.percent("capped"),
        no_answer=row.percent("no_answer"),
        unclosed_thought=row.percent("unclosed_thought"),
        grader_timeout=row.percent("grader_timeout"),
        mean_tokens=row.number("mean_completion_tokens"),
        flags=row.cells.get("flags") or "",
    )


def _difference(row: _Row) -> Difference:
    return Difference(
        a=row.text("a"),
        b=row.text("b"),
        benchmark=row.text("benchmark"),
        value=row.percent("difference") or 0.0,
        low=row.percent("ci95_low"),
        high=row.percent("ci95_high"),
        p=row.number("p"),
        p_holm=row.number("p_holm"),
        verdict=row.text("verdict"),
        detectable=row.percent("minimum_detectable_difference"),
        n=row.count("n", 0) or None,
    )


def _published(row: _Row) -> Published:
    return Published(
        model=row.text("model"),
        benchmark=row.text("benchmark"),
        protocol=row.cells.get("protocol") or "",
        metric=row.cells.get("metric") or "",
        value=row.number("value") or 0.0,
        samples=row.cells.get("samples") or "?",
        source=row.cells.get("source") or "",
        ours=row.percent("ours"),
        low=row.percent("ci95_low"),
        high=row.percent("ci95_high"),
        verdict=row.text("verdict"),
    )
