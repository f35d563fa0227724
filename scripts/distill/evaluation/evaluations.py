"""Evaluations of models on benchmarks, read from a folder of scores, and why a score cannot be right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from distill.base.errors import InputError
from distill.base.files import Row, read_json, read_jsonl
from distill.evaluation import lighteval_results, stats
from distill.evaluation.published import PublishedScore, best


@dataclass(frozen=True)
class ComparedModel:
    """`published`: its name in config/published.csv; `results`: lighteval results files, for a model of which only scores are known."""

    name: str
    role: str
    label: str
    published: str | None = None
    results: str | None = None


@dataclass(frozen=True)
class ComparedBenchmark:
    """`name`: benchmark or benchmark@protocol, as in paths; `published`: its name in config/published.csv; `n_samples` and
    `max_new_tokens`: as the protocol has them; `items`: how many it has."""

    name: str
    label: str
    protocol: str = ""
    published: str | None = None
    n_samples: int | None = None
    max_new_tokens: int | None = None
    items: int | None = None

    @property
    def published_name(self) -> str:
        return self.published or self.name.partition("@")[0]


@dataclass(frozen=True)
class Evaluation:
    """One model on one benchmark.

    `summary`: as grade.py writes it; `verdicts`: the file of verdicts, None where only a score is known; `flags`: why the score cannot be
    right.
    """

    model: ComparedModel
    benchmark: ComparedBenchmark
    summary: Row
    verdicts: Path | None
    flags: list[str] = field(default_factory=list)

    def correct(self) -> tuple[list[str], stats.Floats]:
        """The ids of the items, and 1 for each right answer, (items, samples)."""
        found: dict[str, list[float]] = {}
        for row in read_jsonl(self.verdicts or ""):
            found.setdefault(row["id"], []).append(float(row["correct"]))
        if len({len(samples) for samples in found.values()}) != 1:
            raise InputError(
                f"{self.verdicts}: items have different numbers of samples, or there are none: grade again with scripts/grade.py"
            )
        return list(found), np.array(list(found.values()))


def load(
    folder: str | Path, models: Sequence[ComparedModel], benchmarks: Sequence[ComparedBenchmark], published: Sequence[PublishedScore]
) -> list[Evaluation]:
    """All evaluations that have a score; one without (a benchmark to which there is no access) is left out."""
    found = [one for model in models for benchmark in benchmarks if (one := _load(Path(folder), model, benchmark, published))]
    if not found:
        raise InputError(f"{folder}: no scores of {models[0].name} on {benchmarks[0].name} or any other: grade first with scripts/grade.py")
    return found


def _load(folder: Path, model: ComparedModel, benchmark: ComparedBenchmark, published: Sequence[PublishedScore]) -> Evaluation | None:
    if model.results:
        summary = lighteval_results.summary(Path(model.results), benchmark.published_name)
        return summary and Evaluation(model, benchmark, summary, None, flags_of(summary, benchmark, published))
    path = folder / model.name / f"{benchmark.name}.json"
    if not path.is_file():
        return None
    summary = read_json(path)
    if not summary["n_items"]:
        return None
    return Evaluation(model, benchmark, summary, path.with_suffix(".jsonl"), flags_of(summary, benchmark, published))


def flags_of(summary: Mapping[str, Any], benchmark: ComparedBenchmark, published: Sequence[PublishedScore]) -> list[str]:
    """Why a score cannot be right, in words; such a score gets no verdict.

    Far above every published score: the whole interval has fewer than half the errors of the best of them.
    """
    flags = list(summary.get("flags") or [])
    if benchmark.n_samples and summary["n_samples"] < benchmark.n_samples:
        flags.append(f"{summary['n_samples']} samples an item where its protocol promises {benchmark.n_samples}")
    if benchmark.items and summary.get("n_items_in_benchmark", summary["n_items"]) != benchmark.items:
        flags.append(f"{summary['n_items']} items where its configuration says {benchmark.items}: look at its source")
    highest = best(published, benchmark.published_name)
    if highest is not None and 1 - summary["ci95"][0] < (1 - highest) / 2:
        flags.append(f"far above every published score ({highest:.1%}); add to the published scores what is known of this benchmark")
    return flags
