"""Scores of one model in the form that the Hugging Face hub reads from a model card's head: model-index.

Fields: https://github.com/huggingface/hub-docs/blob/main/modelcard.md
"""

from typing import Any

from distill.base.errors import InputError
from distill.evaluation.rows import ScoreRow
from distill.report.names import Names
from distill.report.results import Results


def model_index(name: str, names: Names, results: Results) -> dict[str, Any]:
    """{"model-index": [...]} of the model `name`; scores in percent with their 95 % interval in the metric's name."""
    found = [(benchmark, score) for benchmark in names.benchmarks if (score := results.score(name, benchmark.name))]
    if not found:
        raise InputError(f"{results.root / 'comparison.csv'}: no score of {name}: evaluate it first")
    entries = [
        {
            "task": {"type": "text-generation"},
            "dataset": {"name": names.benchmark_label(benchmark.name), "type": benchmark.name.split("@")[0]},
            "metrics": [_metric(score)],
        }
        for benchmark, score in found
    ]
    return {"model-index": [{"name": names.label(name), "results": entries}]}


def _metric(score: ScoreRow) -> dict[str, Any]:
    low, high = score.ci95_low, score.ci95_high
    interval = "" if low is None or high is None else f", 95 % interval {100 * low:.1f} to {100 * high:.1f}"
    samples = f", {score.n_samples} samples an item" if score.n_samples > 1 else ""
    return {"type": "pass@1", "name": f"pass@1 (%) over {score.n_items} items{samples}{interval}", "value": round(100 * score.pass_at_1, 2)}
