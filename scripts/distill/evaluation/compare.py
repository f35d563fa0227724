"""Compares models with each other and with published scores: what compare.py writes. Scores are shares."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from distill.base.errors import InputError
from distill.base.files import Row, read_json, read_jsonl
from distill.base.settings import Settings, list_of
from distill.evaluation import answers, lighteval_results, stats
from distill.evaluation.published import PublishedScore, best, check
from distill.evaluation.rows import (
    BETTER,
    NOT_COMPARED,
    NOT_DETECTED,
    WORSE,
    AnswersRow,
    CurveRow,
    DifferenceRow,
    PublishedRow,
    ScoreRow,
    to_csv,
)

# Which roles are compared; the first of a pair is the one that is called better or worse.
PAIRS = (("student", "baseline"), ("student", "reference"), ("reference", "baseline"))


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


# The --spec of scripts/compare.py.
TEXT = {"type": "string"}
SPEC = Settings(
    "statistics/seed",
    "statistics/token_budgets",
    "statistics/comparison",
    models=list_of(
        {
            "name": TEXT,
            "role": {"$ref": "#/$defs/model/properties/role"},
            "label": TEXT,
            "published": {"$ref": "#/$defs/model/properties/published"},
            "results": {"$ref": "#/$defs/model/properties/results"},
        },
        required=("name", "role"),
        least=1,
    ),
    benchmarks=list_of(
        {
            "name": TEXT,
            "label": TEXT,
            "protocol": TEXT,
            "published": {"$ref": "#/$defs/benchmark/properties/published"},
            "n_samples": {"$ref": "#/$defs/sampling/properties/n_samples"},
            "items": {"$ref": "#/$defs/benchmark/properties/items"},
            "max_new_tokens": {"$ref": "#/$defs/sampling/properties/max_new_tokens"},
        },
        required=("name",),
        least=1,
    ),
    required=("models", "benchmarks"),
)


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


def tables(
    folder: str | Path, spec: Mapping[str, Any], published: Sequence[PublishedScore], responses: str | Path | None = None
) -> dict[str, str]:
    """The contents of comparison.csv, differences.csv, published.csv, curves.csv and answers.csv, in this order, from a folder of scores.

    `responses`: the folder of the responses, for the lengths of the answers.
    """
    spec = SPEC.read(spec)
    models = [ComparedModel(**{"label": entry["name"], **entry}) for entry in spec["models"]]
    benchmarks = [ComparedBenchmark(**{"label": entry["name"], **entry}) for entry in spec["benchmarks"]]
    evaluations = load(folder, models, benchmarks, published)
    differences = difference_rows(evaluations, spec["seed"])
    if spec["comparison"] == "best":
        differences += best_prompt_rows(evaluations, spec["seed"])
    return {
        "comparison.csv": to_csv(ScoreRow, map(score_row, evaluations)),
        "differences.csv": to_csv(DifferenceRow, differences),
        "published.csv": to_csv(PublishedRow, published_rows(evaluations, published)),
        **_answers_tables(evaluations, spec["token_budgets"], responses and Path(responses)),
    }


def _answers_tables(evaluations: Sequence[Evaluation], budgets: Sequence[int], responses: Path | None) -> dict[str, str]:
    curves: list[CurveRow] = []
    rows: list[AnswersRow] = []
    for one in evaluations:
        if one.verdicts is not None:
            model, benchmark = one.model.name, one.benchmark.name
            found = answers.read_answers(model, benchmark, one.verdicts, responses and responses / model / f"{benchmark}.jsonl")
            curves += answers.curve_rows(found, budgets, one.benchmark.max_new_tokens)
            rows.append(answers.answers_row(found))
    return {"curves.csv": to_csv(CurveRow, curves), "answers.csv": to_csv(AnswersRow, rows)}


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


def score_row(evaluation: Evaluation) -> ScoreRow:
    summary, model, benchmark = evaluation.summary, evaluation.model, evaluation.benchmark
    sampling = summary.get("ci95_sampling") or (None, None)
    disagreements, self_test = summary.get("disagreements") or {}, summary.get("self_test") or {}
    copied = (
        *("n_items", "n_samples", "truncated", "capped", "no_answer", "unclosed_thought", "grader_timeout", "stated", "unread"),
        "mean_completion_tokens",
    )
    return ScoreRow(
        model=model.name,
        role=model.role,
        benchmark=benchmark.name,
        protocol=benchmark.protocol,
        pass_at_1=summary["pass@1"],
        ci95_low=summary["ci95"][0],
        ci95_high=summary["ci95"][1],
        ci95_sampling_low=sampling[0],
        ci95_sampling_high=sampling[1],
        maj_at_n=summary.get("maj@n"),
        pass_at_n=summary.get("pass@n"),
        disagreements=disagreements.get("count"),
        flags="; ".join(evaluation.flags),
        **{name: summary.get(name) for name in copied},
        **{name: rate for kind, rate in self_test.items() if (name := f"self_test_{kind}") in ScoreRow.__dataclass_fields__},
    )


def difference_rows(evaluations: Sequence[Evaluation], seed: int) -> list[DifferenceRow]:
    """A row for each pair of models of PAIRS' roles and each benchmark that both have answered; p values corrected over all of them."""
    return _rows_of([(a, b) for roles in PAIRS for a, b in _pairs(evaluations, *roles)], seed)


def best_prompt_rows(evaluations: Sequence[Evaluation], seed: int) -> list[DifferenceRow]:
    """A row for each student and benchmark with several protocols: against the baseline under the protocol that suits the baseline best.

    None where that is the student's own. p values are corrected over these rows: they answer a question of their own. The best of several
    scores is a little better than it would be in another evaluation, so that these rows err against the student.
    """
    counted = [one for one in evaluations if one.verdicts is not None and not one.flags]
    best: dict[tuple[ComparedModel, str], Evaluation] = {}
    for one in counted:
        key = one.model, one.benchmark.name.partition("@")[0]
        if one.model.role == "baseline" and (key not in best or one.summary["pass@1"] > best[key].summary["pass@1"]):
            best[key] = one
    students = [one for one in counted if one.model.role == "student"]
    pairs = [(a, b) for (_, benchmark), b in best.items() for a in students if a.benchmark.name.partition("@")[0] == benchmark]
    return _rows_of([(a, b) for a, b in pairs if a.benchmark != b.benchmark], seed)


def _rows_of(pairs: Sequence[tuple[Evaluation, Evaluation]], seed: int) -> list[DifferenceRow]:
    compared = [_compare(a, b, seed) if _comparable(a, b) else None for a, b in pairs]
    p_values = [result.p for result in compared if result]
    corrected = iter(zip(stats.holm(p_values), stats.holm_levels(p_values), strict=True))
    return [
        _difference_row(a, b, result, *next(corrected)) if result else _not_compared(a, b)
        for (a, b), result in zip(pairs, compared, strict=True)
    ]


def _pairs(evaluations: Sequence[Evaluation], role_a: str, role_b: str) -> Iterator[tuple[Evaluation, Evaluation]]:
    with_verdicts = [one for one in evaluations if one.verdicts is not None]
    firsts = dict.fromkeys(one.model for one in with_verdicts if one.model.role == role_a)
    seconds = dict.fromkeys(one.model for one in with_verdicts if one.model.role == role_b)
    for first in firsts:
        for second in seconds:
            for a in (one for one in with_verdicts if one.model == first):
                yield from ((a, b) for b in with_verdicts if b.model == second and b.benchmark == a.benchmark)


def _comparable(a: Evaluation, b: Evaluation) -> bool:
    """Whether both scores count, and at least two items were answered by both."""
    if a.flags or b.flags:
        return False
    partly = "n_items_in_benchmark" in a.summary or "n_items_in_benchmark" in b.summary
    return not partly or len(set(a.correct()[0]) & set(b.correct()[0])) > 1


def _compare(a: Evaluation, b: Evaluation, seed: int) -> stats.PairedDifference:
    (ids_a, correct_a), (ids_b, correct_b) = a.correct(), b.correct()
    if "n_items_in_benchmark" in a.summary or "n_items_in_benchmark" in b.summary:  # of these models some items were not answered
        both = sorted(set(ids_a) & set(ids_b))
        ids_a, ids_b, correct_a, correct_b = both, both, correct_a[_places(ids_a, both)], correct_b[_places(ids_b, both)]
    if ids_a != ids_b:
        raise InputError(f"{a.verdicts} and {b.verdicts} hold different items: answer and grade both models on one prompts file")
    return stats.compare(correct_a, correct_b, seed)


def _places(ids: Sequence[str], kept: Sequence[str]) -> list[int]:
    place = {name: number for number, name in enumerate(ids)}
    return [place[name] for name in kept]


def _not_compared(a: Evaluation, b: Evaluation) -> DifferenceRow:
    difference = a.summary["pass@1"] - b.summary["pass@1"]
    return DifferenceRow(a.model.name, b.model.name, a.benchmark.name, difference, verdict=NOT_COMPARED, n=a.summary["n_items"])


def _difference_row(a: Evaluation, b: Evaluation, result: stats.PairedDifference, p_holm: float, level: float) -> DifferenceRow:
    detected = BETTER if result.value > 0 else WORSE
    return DifferenceRow(
        a=a.model.name,
        b=b.model.name,
        benchmark=a.benchmark.name,
        difference=result.value,
        ci95_low=result.low,
        ci95_high=result.high,
        p=result.p,
        p_holm=p_holm,
        verdict=detected if p_holm < stats.ALPHA else NOT_DETECTED,
        minimum_detectable_difference=stats.minimum_detectable(result.by_item, level),
        n=len(result.by_item),
        p_draws=None if result.exact else stats.DRAWS,
        b_benchmark="" if b.benchmark == a.benchmark else b.benchmark.name,
    )


def published_rows(evaluations: Sequence[Evaluation], published: Sequence[PublishedScore]) -> list[PublishedRow]:
    """A row for each published score of a model, benchmark and protocol that we have a score for."""
    return [
        row
        for one in evaluations
        for number in published
        if (number.model, number.benchmark, number.protocol) == (one.model.published, one.benchmark.published_name, one.benchmark.protocol)
        if (row := _published_row(one, number, published))
    ]


def _published_row(evaluation: Evaluation, number: PublishedScore, published: Sequence[PublishedScore]) -> PublishedRow | None:
    found = check(number, evaluation.summary, published)
    if found is None:
        return None
    evaluators: dict[str, Any] = {}
    if found.evaluators:
        some = found.evaluators
        evaluators = {
            "evaluators": some.number,
            "evaluators_below": some.below,
            "evaluators_mean_share": some.mean,
            "evaluators_spread_share": some.spread,
            "range_low_share": some.low,
            "range_high_share": some.high,
        }
    return PublishedRow(
        model=evaluation.model.name,
        benchmark=evaluation.benchmark.name,
        protocol=number.protocol,
        metric=number.metric,
        source=number.source,
        samples=number.samples,
        published_share=number.value,
        ours_share=found.ours,
        difference_share=found.ours - number.value,
        ci95_low_share=found.low,
        ci95_high_share=found.high,
        verdict=NOT_COMPARED if evaluation.flags else found.verdict,
        **evaluators,
    )
