"""The tables of numbers: scores, published numbers, differences, how the answers came out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from distill.evaluation.published import MARGIN
from distill.report.markdown import table, text
from distill.report.names import Benchmark, Names
from distill.report.results import Results, Score
from distill.report.words import MINUS, NOT_MEASURED, gap, interval, join, number, p_value, plus_minus, signed, times

WIDE = 6  # columns of models that a page bears
_SCORES_NOTE = """\
pass@1 in percent: the mean over items of the mean over samples. ± is half the width of the 95 % interval over items; + and − are its two
arms where it is lopsided, as near 0 and 100. n is items (× samples an item). In brackets: a published score and whether it is reproduced
here."""
_DETAILS_NOTE = """\
Over items: the items as a sample of all such questions, which is what counts between models. Over samples: these very items,
answered again."""
_OUTCOMES_NOTE = """\
In percent of all answers, tokens apart; right, wrong and no answer make 100. Truncated: stopped by the limit on new tokens, where a
model shows that never learned to end its turn; by context: before that limit, as prompt and answer filled the context."""
_PUBLISHED_NOTE = f"""\
Reproduced: the interval, of both sides' chance, holds 0 and reaches no further than {100 * MARGIN:g} points. Undecidable: it holds 0 but is
wider, so that it would hold 0 for other models too. Samples: of the published number, an item."""
_DIFFERENCES_NOTE = """\
Item by item on the same questions, in percentage points. p: sign-flip test; Holm: corrected for all tests of this table.
Detectable: the smallest true difference that this number of items finds four times out of five."""


def scores(names: Names, results: Results) -> str:
    """Models as columns, benchmarks as rows, or the other way round where the models are many; one table for each protocol."""
    if not results.scores:
        return gap("scores (comparison.csv)")
    parts: list[str | None] = []
    for protocol, benchmarks in names.by_protocol().items():
        if protocol:
            parts.append(f"### Protocol {text(protocol)}" if len(names.by_protocol()) > 1 else f"Protocol: {text(protocol)}.")
        parts.append(_main(names, benchmarks, results))
    return join(*parts, _SCORES_NOTE, _flags(names, results))


def _main(names: Names, benchmarks: Sequence[Benchmark], results: Results) -> str:
    head, rows = ["benchmark", *(text(model.label) for model in names.models), "n"], []
    for benchmark in benchmarks:
        found = [results.score(model.name, benchmark.name) for model in names.models]
        sizes = dict.fromkeys(times(score.n_items, score.n_samples) for score in found if score)
        rows.append([text(benchmark.label), *(_cell(results, score) for score in found), " / ".join(sizes) or NOT_MEASURED])
    if len(names.models) > WIDE:
        head, *rows = ([*column] for column in zip(["model", *head[1:]], *rows, strict=True))
    return table(head, rows)


def _cell(results: Results, score: Score | None) -> str:
    if score is None:
        return NOT_MEASURED
    cell = plus_minus(score.value, score.low, score.high)
    published = results.published_of(score.model, score.benchmark)
    if published:
        cell += f" ({number(published[0].value)}: {text(published[0].verdict)})"
    return cell


def _flags(names: Names, results: Results) -> str | None:
    flagged = [score for score in results.scores if score.flags]
    lines = [
        f"- {text(names.label(score.model))} on {text(names.benchmark_label(score.benchmark))}: {text(score.flags)}" for score in flagged
    ]
    return "\n".join(["**Cannot be right, and kept out of the verdicts:**", "", *lines]) if lines else None


@dataclass(frozen=True)
class _Column:
    head: str
    cell: Callable[[Score], str]


_DETAILS = (
    _Column("pass@1", lambda score: number(score.value)),
    _Column("95 % over items", lambda score: interval(score.low, score.high)),
    _Column("95 % over samples", lambda score: interval(score.sampling_low, score.sampling_high)),
    _Column("n", lambda score: times(score.n_items, score.n_samples)),
    _Column("maj@n", lambda score: number(score.maj if score.n_samples > 1 else None)),
    _Column("pass@n", lambda score: number(score.pass_n if score.n_samples > 1 else None)),
)
_OUTCOMES = (
    _Column("right", lambda score: number(score.value)),
    _Column("wrong", lambda score: number(None if score.no_answer is None else max(0.0, 100 - score.value - score.no_answer))),
    _Column("no answer", lambda score: number(score.no_answer)),
    _Column("truncated", lambda score: number(score.truncated)),
    _Column("by context", lambda score: number(score.capped or None)),
    _Column("unclosed thought", lambda score: number(score.unclosed_thought)),
    _Column("grader timeout", lambda score: number(score.grader_timeout or None)),
    _Column("mean tokens", lambda score: number(score.mean_tokens, 0)),
)


def details(names: Names, results: Results) -> str | None:
    body = _by_model(names, results, _DETAILS)
    return join("### Intervals", body, _DETAILS_NOTE) if body else None


def outcomes(names: Names, results: Results) -> str:
    body = _by_model(names, results, _OUTCOMES)
    if not body:
        return gap("scores (comparison.csv)")
    return join(body, _OUTCOMES_NOTE)


def _by_model(names: Names, results: Results, columns: Sequence[_Column]) -> str | None:
    """A row a benchmark and model, without the columns that nobody has a number for."""
    found = [
        (benchmark, model, score)
        for benchmark in names.benchmarks
        for model in names.models
        if (score := results.score(model.name, benchmark.name))
    ]
    kept = [column for column in columns if any(column.cell(score) != NOT_MEASURED for *_, score in found)]
    rows = [
        [text(names.benchmark_label(benchmark.name)), text(model.label), *(column.cell(score) for column in kept)]
        for benchmark, model, score in found
    ]
    return table(["benchmark", "model", *(column.head for column in kept)], rows, left=2) if rows else None


def differences(names: Names, results: Results) -> str:
    if not results.differences:
        return gap("paired differences (differences.csv)")
    order = {benchmark.name: place for place, benchmark in enumerate(names.benchmarks)}
    listed = sorted(results.differences, key=lambda row: order.get(row.benchmark, len(order)))
    pairs = list(dict.fromkeys((row.a, row.b) for row in results.differences))
    rows = [
        [
            f"{text(names.label(a))} {MINUS} {text(names.label(b))}",
            text(names.benchmark_label(row.benchmark)),
            text(row.verdict),
            signed(row.value),
            interval(row.low, row.high, signed),
            p_value(row.p),
            p_value(row.p_holm),
            number(row.detectable),
        ]
        for a, b in pairs
        for row in listed
        if (row.a, row.b) == (a, b)
    ]
    head = ["difference", "benchmark", "verdict", "points", "95 % interval", "p", "p (Holm)", "detectable"]
    return join(table(head, rows, left=3), _DIFFERENCES_NOTE)


def published(names: Names, results: Results) -> str | None:
    rows = [
        [
            text(names.label(row.model)),
            text(names.benchmark_label(row.benchmark)),
            text(row.protocol),
            text(row.metric),
            text(row.source),
            text(row.verdict),
            number(row.value),
            number(row.ours),
            interval(row.low, row.high, signed),
            text(row.samples),
        ]
        for row in results.published
    ]
    head = [
        "model",
        "benchmark",
        "protocol",
        "metric",
        "source",
        "verdict",
        "published",
        "here",
        f"95 % of here {MINUS} published",
        "samples",
    ]
    return join("### Published numbers", table(head, rows, left=6), _PUBLISHED_NOTE) if rows else None
