"""The learning curve: the scores of the checkpoints of a training, by tokens seen."""

from distill.report.markdown import table, text
from distill.report.names import Names, ShownModel
from distill.report.results import Results
from distill.report.words import NOT_MEASURED, join, plus_minus

_NOTE = "pass@1 in percent with its 95 % interval. The last row of a training is the model of the other tables."


def section(names: Names, results: Results) -> str | None:
    """A row per checkpoint of each training that has several; None where none has."""
    curves = [model for model in names.models if len(names.curve(model)) > 1]
    if not curves:
        return None
    rows = [_row(model, names, results) for model in names.of_role("baseline")]
    rows += [
        _row(checkpoint, names, results)
        for model in curves
        for checkpoint in sorted(names.curve(model), key=lambda one: seen(one, results))
    ]
    labels = [text(names.benchmark_label(benchmark.name)) for benchmark in names.benchmarks]
    return join(table(["model", "tokens seen", *labels], rows), _NOTE)


def seen(model: ShownModel, results: Results) -> int:
    """The tokens that a model was trained on here, from its manifest."""
    return (results.manifest(model.name) or {}).get("tokens_seen") or 0


def _row(model: ShownModel, names: Names, results: Results) -> list[str]:
    scores = [results.score(model.name, benchmark.name) for benchmark in names.benchmarks]
    cells = [plus_minus(score.pass_at_1, score.ci95_low, score.ci95_high) if score else NOT_MEASURED for score in scores]
    return [text(model.label), f"{seen(model, results):,}", *cells]
