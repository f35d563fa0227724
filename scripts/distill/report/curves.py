"""What more samples and more tokens buy: pass@k, maj@k, the score by token budget; lengths of the answers and agreement of the samples."""

from collections.abc import Callable, Iterable, Sequence

from distill.evaluation.answers import BUDGET, MAJORITY, PASS
from distill.evaluation.rows import AnswersRow
from distill.report.markdown import table, text
from distill.report.names import Names
from distill.report.results import Results
from distill.report.words import NOT_MEASURED, join, number, percent, plus_minus

_SAMPLES_NOTE = """\
In percent, ±: half the width of the 95 % interval over items. pass@k: one right answer among k samples is enough. maj@k: by the most
frequent answer of k samples; answers that tie share the vote. Both are means over all choices of k of the samples, so without a bias.
curves.csv has every k."""
_BUDGET_NOTE = """\
The score in percent if each answer were cut after so many tokens of the model's own tokenizer: what is not finished by then is wrong,
whatever it says before. The last column is the score as it is. curves.csv has the intervals."""
_ANSWERS_NOTES = {
    "right": "Tokens: the median of right and of wrong answers, and the length that 90 % of them do not exceed.",
    "agreement": "Agreement: the share of pairs of samples of an item that give the same answer, in percent; where right: of items whose "
    "majority is right. Answers: different answers to an item, in the mean.",
}


def section(names: Names, results: Results, budget_figure: str | None, samples_figure: str | None) -> str | None:
    """The part of the page on scores by samples and by token budget; the figures are Markdown."""
    return join(
        samples(names, results, PASS),
        samples(names, results, MAJORITY),
        _SAMPLES_NOTE if any(row.curve == PASS for row in results.curves) else None,
        samples_figure,
        budgets(names, results),
        budget_figure,
        lengths(names, results),
    )


def samples(names: Names, results: Results, curve: str) -> str | None:
    """A row per benchmark and model with several samples; k = 1, 2, 4, .. and the number of samples."""
    found = _curves(names, results, curve)
    last = {key: max(points) for key, points in found.items()}
    ks = sorted({k for most in last.values() for k in [*_doubling(most), most]})
    rows = [
        [*_labels(names, key), *(_cell(points[k]) if k in points else NOT_MEASURED for k in ks)] for key, points in found.items() if points
    ]
    return table(["benchmark", "model", *(curve.replace("k", str(k)) for k in ks)], rows, left=2) if rows else None


def _cell(row) -> str:
    return plus_minus(row.share, row.ci95_low, row.ci95_high)


def _doubling(most: int) -> Iterable[int]:
    k = 1
    while k < most:
        yield k
        k *= 2


def budgets(names: Names, results: Results) -> str | None:
    """A row per benchmark and model whose tokens are known, a column per budget."""
    found = _curves(names, results, BUDGET)
    columns = sorted({budget for points in found.values() for budget in points})
    rows = [
        [*_labels(names, key), *(percent(points[budget].share) if budget in points else NOT_MEASURED for budget in columns)]
        for key, points in found.items()
    ]
    head = ["benchmark", "model", *(f"{budget:,}" for budget in columns)]
    return join("### Token budget", table(head, rows, left=2), _BUDGET_NOTE) if rows else None


def lengths(names: Names, results: Results) -> str | None:
    """A row per benchmark and model, without the columns that none has a number for."""
    known = {(row.benchmark, row.model): row for row in results.answers}
    rows = [
        (key, known[key])
        for key in ((benchmark.name, model.name) for benchmark in names.benchmarks for model in names.models)
        if key in known
    ]
    kept = [(head, cell) for head, cell in _COLUMNS if any(cell(row) != NOT_MEASURED for _, row in rows)]
    if not kept:
        return None
    body = table(
        ["benchmark", "model", *(head for head, _ in kept)],
        [[*_labels(names, key), *(cell(row) for _, cell in kept)] for key, row in rows],
        left=2,
    )
    heads = [head for head, _ in kept]
    notes = " ".join(note for word, note in _ANSWERS_NOTES.items() if any(head.startswith(word) for head in heads))
    return join("### Lengths and agreement", body, notes)


_COLUMNS: Sequence[tuple[str, Callable[[AnswersRow], str]]] = (
    ("right: median", lambda row: number(row.right_median, 0)),
    ("90 %", lambda row: number(row.right_p90, 0)),
    ("wrong: median", lambda row: number(row.wrong_median, 0)),
    ("90 %", lambda row: number(row.wrong_p90, 0)),
    ("agreement", lambda row: percent(row.agreement)),
    ("where right", lambda row: percent(row.agreement_right)),
    ("answers", lambda row: number(row.answers_per_item)),
)


def _curves(names: Names, results: Results, curve: str) -> dict[tuple[str, str], dict]:
    """{(benchmark, model): points} of those that have the curve."""
    return {
        (benchmark.name, model.name): points
        for benchmark in names.benchmarks
        for model in names.models
        if (points := results.curve(model.name, benchmark.name, curve))
    }


def _labels(names: Names, key: tuple[str, str]) -> list[str]:
    return [text(names.benchmark_label(key[0])), text(names.label(key[1]))]
