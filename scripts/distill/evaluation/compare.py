"""Compares models with each other and with published scores: what compare.py writes. Scores are shares."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distill.base.settings import Settings, list_of
from distill.evaluation import answers
from distill.evaluation.differences import best_prompt_rows, difference_rows
from distill.evaluation.evaluations import ComparedBenchmark, ComparedModel, Evaluation, load
from distill.evaluation.published import PublishedScore, check
from distill.evaluation.rows import NOT_COMPARED, AnswersRow, CurveRow, DifferenceRow, PublishedRow, ScoreRow, to_csv

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


def score_row(evaluation: Evaluation) -> ScoreRow:
    """A row of comparison.csv."""
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
            "range_low_share": max(0.0, some.low),
            "range_high_share": min(1.0, some.high),
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
