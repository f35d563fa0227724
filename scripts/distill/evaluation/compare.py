"""Which model is better on what: the tables that compare.py writes. Scores are shares; tables are lists of rows with fixed columns."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from distill.base.errors import InputError
from distill.base.files import Row, read_json, read_jsonl
from distill.evaluation import lighteval_results, stats
from distill.evaluation.published import Published, best, check

COMPARISON = (
    *("model", "role", "benchmark", "protocol", "pass@1", "ci95_low", "ci95_high", "ci95_sampling_low", "ci95_sampling_high", "n_items"),
    *("n_samples", "maj@n", "pass@n", "truncated", "capped", "no_answer", "unclosed_thought", "grader_timeout", "mean_completion_tokens"),
    *("disagreements", "self_test_gold", "self_test_echo", "self_test_cut", "self_test_empty", "self_test_wrong", "flags"),
)
DIFFERENCES = (
    *("a", "b", "benchmark", "difference", "ci95_low", "ci95_high", "p", "p_holm", "verdict", "minimum_detectable_difference", "n"),
)
CHECKS = (
    *("model", "benchmark", "protocol", "metric", "source", "samples", "value", "ours", "difference", "ci95_low", "ci95_high", "verdict"),
)
BETTER, WORSE, NOTHING = "better", "worse", "no detectable difference"
NOT_COMPARED = "not compared"
ALPHA = 0.05
# What is compared with what, by role; the first of a pair is the one that is called better or worse.
PAIRS = (("student", "baseline"), ("student", "reference"), ("reference", "baseline"))


@dataclass(frozen=True)
class Model:
    """`published` is the name that published.csv has for it; `results` the lighteval results files of a model that has scores only."""

    name: str
    role: str
    label: str
    published: str | None = None
    results: str | None = None


@dataclass(frozen=True)
class Benchmark:
    """`name` is the one in paths, `published` the one in published.csv; `n_samples` is what the protocol promises."""

    name: str
    label: str
    protocol: str = ""
    published: str | None = None
    n_samples: int | None = None

    @property
    def published_name(self) -> str:
        return self.published or self.name.partition("@")[0]  # name@protocol where a benchmark is run under several


def entries(spec: Mapping[str, Any], key: str, kind: type) -> list[Any]:
    """The models or benchmarks of a --spec, of what keys they know."""
    known = kind.__dataclass_fields__
    made = []
    for entry in spec.get(key) or []:
        if unknown := sorted(set(entry) - set(known)):
            raise InputError(f"--spec: {key}: unknown key {unknown[0]!r}: known are {', '.join(known)}")
        if missing := [name for name in ("name", "role") if name in known and not entry.get(name)]:
            raise InputError(f"--spec: {key}: an entry has no {missing[0]!r}: give it one")
        made.append(kind(**{"label": entry["name"], **entry}))
    if not made:
        raise InputError(f"--spec: no {key}: name at least one")
    return made


@dataclass(frozen=True)
class Score:
    """One model on one benchmark: its summary, and what makes it unbelievable. `rows` is the file of verdicts, None for scores only."""

    model: Model
    benchmark: Benchmark
    summary: Row
    rows: Path | None
    flags: list[str] = field(default_factory=list)

    def correct(self) -> tuple[list[str], stats.Floats]:
        """The ids and their verdicts, (items, samples)."""
        found: dict[str, list[float]] = {}
        for row in read_jsonl(self.rows or ""):
            found.setdefault(row["id"], []).append(float(row["correct"]))
        if len({len(samples) for samples in found.values()}) != 1:
            raise InputError(f"{self.rows}: items have unlike numbers of samples, or there are none: grade again with scripts/grade.py")
        return list(found), np.array(list(found.values()))


def load(folder: str | Path, models: Sequence[Model], benchmarks: Sequence[Benchmark], published: Sequence[Published]) -> list[Score]:
    """All scores that are there; what is missing (a benchmark without access) is left out."""
    scores = [score for model in models for benchmark in benchmarks if (score := _load(Path(folder), model, benchmark, published))]
    if not scores:
        raise InputError(f"{folder}: no scores of {models[0].name} on {benchmarks[0].name} or any other: grade first with scripts/grade.py")
    return scores


def _load(folder: Path, model: Model, benchmark: Benchmark, published: Sequence[Published]) -> Score | None:
    if model.results:
        summary = lighteval_results.summary(Path(model.results), benchmark.published_name)
        return summary and Score(model, benchmark, summary, None, flags_of(summary, benchmark, published))
    path = folder / model.name / f"{benchmark.name}.json"
    if not path.is_file():
        return None
    summary = read_json(path)
    if not summary["n_items"]:
        return None
    return Score(model, benchmark, summary, path.with_suffix(".jsonl"), flags_of(summary, benchmark, published))


def flags_of(summary: Mapping[str, Any], benchmark: Benchmark, published: Sequence[Published]) -> list[str]:
    """Why a score cannot be right, in words; such a score is kept out of verdicts.

    Far above every published score: the whole interval has fewer than half the errors of the best of them.
    """
    flags = list(summary.get("flags") or [])
    if benchmark.n_samples and summary["n_samples"] < benchmark.n_samples:
        flags.append(f"{summary['n_samples']} samples an item where its protocol promises {benchmark.n_samples}")
    highest = best(published, benchmark.published_name)
    if highest is not None and 1 - summary["ci95"][0] < (1 - highest) / 2:
        flags.append(f"far above every published score ({highest:.1%}); add to the published scores what is known of this benchmark")
    return flags


def tables(folder: str | Path, spec: Mapping[str, Any], published: Sequence[Published]) -> dict[str, str]:
    """comparison.csv, differences.csv and published.csv, in this order, of the scores in a folder."""
    if unknown := sorted(set(spec) - {"models", "benchmarks", "seed"}):
        raise InputError(f"--spec: unknown key {unknown[0]!r}: known are benchmarks, models, seed")
    scores = load(folder, entries(spec, "models", Model), entries(spec, "benchmarks", Benchmark), published)
    return {
        "comparison.csv": _csv(COMPARISON, [comparison_row(score) for score in scores]),
        "differences.csv": _csv(DIFFERENCES, difference_rows(scores, spec.get("seed", 0))),
        "published.csv": _csv(CHECKS, check_rows(scores, published)),
    }


def _csv(columns: Sequence[str], rows: Iterable[Row]) -> str:
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, columns, lineterminator="\n")
    table.writeheader()
    table.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Twelve digits that count, so that equal results are equal files on any machine."""
    return float(f"{value:.12g}") if isinstance(value, float) else value


def comparison_row(score: Score) -> Row:
    summary = score.summary
    sampling = summary.get("ci95_sampling") or (None, None)
    tests = summary.get("self_test") or {}
    known = {
        "model": score.model.name,
        "role": score.model.role,
        "benchmark": score.benchmark.name,
        "protocol": score.benchmark.protocol,
        "ci95_low": summary["ci95"][0],
        "ci95_high": summary["ci95"][1],
        "ci95_sampling_low": sampling[0],
        "ci95_sampling_high": sampling[1],
        "disagreements": (summary.get("disagreements") or {}).get("count"),
        "flags": "; ".join(score.flags),
        **{f"self_test_{name}": rate for name, rate in tests.items()},
    }
    return {column: known[column] if column in known else summary.get(column) for column in COMPARISON}


def difference_rows(scores: Sequence[Score], seed: int) -> list[Row]:
    """A row for each pair of models of PAIRS' roles and each benchmark that both have answered; p values adjusted over all of them."""
    pairs = [(a, b) for roles in PAIRS for a, b in _pairs(scores, *roles)]
    made = [(a, b, None if a.flags or b.flags else _compare(a, b, seed)) for a, b in pairs]
    adjusted = iter(stats.holm([result.p for *_, result in made if result]))
    return [_difference_row(a, b, result, next(adjusted) if result else None) for a, b, result in made]


def _pairs(scores: Sequence[Score], role_a: str, role_b: str) -> Iterator[tuple[Score, Score]]:
    paired = [score for score in scores if score.rows is not None]
    firsts = dict.fromkeys(score.model for score in paired if score.model.role == role_a)
    seconds = dict.fromkeys(score.model for score in paired if score.model.role == role_b)
    for one in firsts:
        for other in seconds:
            for a in (score for score in paired if score.model == one):
                yield from ((a, b) for b in paired if b.model == other and b.benchmark == a.benchmark)


def _compare(a: Score, b: Score, seed: int) -> stats.Difference:
    (ids_a, correct_a), (ids_b, correct_b) = a.correct(), b.correct()
    if ids_a != ids_b:
        raise InputError(f"{a.rows} and {b.rows} hold different items: answer and grade both models on one prompts file")
    return stats.compare(correct_a, correct_b, seed)


def _difference_row(a: Score, b: Score, result: stats.Difference | None, p_holm: float | None) -> Row:
    row = dict.fromkeys(DIFFERENCES) | {"a": a.model.name, "b": b.model.name, "benchmark": a.benchmark.name}
    if result is None:
        return row | {"difference": a.summary["pass@1"] - b.summary["pass@1"], "verdict": NOT_COMPARED, "n": a.summary["n_items"]}
    return row | {
        "difference": result.value,
        "ci95_low": result.low,
        "ci95_high": result.high,
        "p": result.p,
        "p_holm": p_holm,
        "verdict": NOTHING if p_holm is None or p_holm >= ALPHA else BETTER if result.value > 0 else WORSE,
        "minimum_detectable_difference": result.detectable,
        "n": result.n,
    }


def check_rows(scores: Sequence[Score], published: Sequence[Published]) -> list[Row]:
    """A row for each published number of a model, benchmark and protocol that there is a score for."""
    return [
        row
        for score in scores
        for number in published
        if (number.model, number.benchmark, number.protocol)
        == (score.model.published, score.benchmark.published_name, score.benchmark.protocol)
        if (row := _check_row(score, number))
    ]


def _check_row(score: Score, number: Published) -> Row | None:
    found = check(number, score.summary)
    if found is None:
        return None
    return {
        "model": score.model.name,
        "benchmark": score.benchmark.name,
        "protocol": number.protocol,
        "metric": number.metric,
        "source": number.source,
        "samples": number.samples,
        "value": round(number.value * 100, 6),
        "ours": found.ours,
        "difference": found.ours - number.value,
        "ci95_low": found.low,
        "ci95_high": found.high,
        "verdict": NOT_COMPARED if score.flags else found.verdict,
    }
