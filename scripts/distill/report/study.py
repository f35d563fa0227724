"""The students of a study, grouped by what they were made from: mean and spread over seeds, for each number of tokens seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

from distill.report.markdown import table, text
from distill.report.names import Names, ShownBenchmark
from distill.report.results import Results
from distill.report.words import NOT_MEASURED, join, number

_NOTE = """\
pass@1 in percent, the mean over trainings that differ only in their seed. ±: standard deviation between trainings, in brackets the lowest
and the highest; a single training has neither. The intervals of the other tables are over items, for each training as it is."""
_NOTE_OF_ONE_SEED = (
    "pass@1 in percent. With one seed a row, how far seeds differ is not known; the intervals of the other tables are over items."
)


@dataclass(frozen=True)
class Point:
    """One group of students after so many tokens: a row of the learning curve."""

    label: str
    models: tuple[str, ...]
    tokens: float | None
    epochs: float | None


def section(groups: Sequence[Mapping[str, Any]], names: Names, results: Results) -> str | None:
    """A row per group, in the order of the study; None where there is none."""
    if not groups:
        return None
    points = [_point(group, results) for group in groups]
    rows = [
        [text(point.label), _count(point.tokens), number(point.epochs, 2), str(len(point.models))]
        + [spread(values(point, benchmark, results)) for benchmark in names.benchmarks]
        for point in points
    ]
    labels = [text(names.benchmark_label(benchmark.name)) for benchmark in names.benchmarks]
    return join(
        table(["students", "tokens seen", "epochs", "seeds", *labels], rows),
        _NOTE if any(len(point.models) > 1 for point in points) else _NOTE_OF_ONE_SEED,
    )


def _point(group: Mapping[str, Any], results: Results) -> Point:
    manifests = [manifest for model in group["models"] if (manifest := results.manifest(model))]
    tokens = [manifest["tokens_seen"] for manifest in manifests if manifest.get("tokens_seen") is not None]
    logs = [log[-1]["epoch"] for model in group["models"] if (log := results.log(model))]
    return Point(group["label"], tuple(group["models"]), mean(tokens) if tokens else None, mean(logs) if logs else None)


def values(point: Point, benchmark: ShownBenchmark, results: Results) -> list[float]:
    """pass@1, in percent, of each training of a group that has a score."""
    found = [results.score(model, benchmark.name) for model in point.models]
    return [100 * score.pass_at_1 for score in found if score is not None]


def spread(found: Sequence[float]) -> str:
    """`mean ± standard deviation (lowest to highest)`."""
    if not found:
        return NOT_MEASURED
    if len(found) == 1:
        return number(found[0])
    return f"{number(mean(found))} ± {number(stdev(found))} ({number(min(found))} to {number(max(found))})"


def _count(tokens: float | None) -> str:
    return NOT_MEASURED if tokens is None else f"{tokens:,.0f}"
