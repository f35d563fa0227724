"""The tables of numbers: scores, intervals, published scores, differences, how the answers came out."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from distill.evaluation.published import MARGIN
from distill.evaluation.rows import NOT_COMPARED, NOT_REPRODUCED, REPRODUCED, UNDECIDABLE, DifferenceRow, PublishedRow, ScoreRow
from distill.report import budget
from distill.report.markdown import table, text
from distill.report.names import Names, ShownBenchmark
from distill.report.results import Results
from distill.report.words import MINUS, NOT_MEASURED, gap, interval, join, listed, number, p_value, percent, plus_minus, points, times

WIDE = 6  # models that fit in a table as columns; more become rows
_DIFFERENCES_NOTE = """\
Item by item on the same questions, in percentage points. p: sign-flip test, exact unless said. Holm: corrected for all tests of this
table; the verdict goes by it. Detectable: the smallest true difference that would be detected four times out of five with these items, at
the level at which Holm's correction tests it. Smaller differences are detected less often."""
_BEST_NOTE = """\
In brackets: the baseline under the protocol that suits it best, where that is another than the student's. Holm's correction is over these
rows alone. The best of several scores is a little better than it would be in another evaluation, so these rows err against the student."""
_VERDICT_NOTES = {
    REPRODUCED: f"the 95 % interval of the difference contains 0 and reaches no further than {100 * MARGIN:g} points",
    NOT_REPRODUCED: "it excludes 0",
    UNDECIDABLE: "it contains 0 but is wider, so it would contain 0 for other models too",
    NOT_COMPARED: "the score here is flagged, or the published one is known to be wrong",
}
_EVALUATORS_NOTE = f"""\
Evaluators: all who have published this score, with one sample or with several as here; their mean, the standard deviation between them
without the chance of each (random effects, Paule and Mandel), and the range in which 95 % of evaluations are expected. Where that range
reaches no further than {100 * MARGIN:g} points to either side, it decides: reproduced within, not reproduced outside."""


def scores(names: Names, results: Results) -> str | None:
    """Models as columns and benchmarks as rows, or the other way round where there are many models; one table for each protocol."""
    if not results.scores:
        return None
    parts: list[str | None] = []
    for protocol, benchmarks in names.by_protocol().items():
        if protocol:
            parts.append(f"### Protocol {text(protocol)}" if len(names.by_protocol()) > 1 else f"Protocol: {text(protocol)}.")
        parts.append(_main(names, benchmarks, results))
    return join(*parts, _scores_note(names, results), ages(names), _partly_answered(names, results), _flags(names, results))


def ages(names: Names) -> str | None:
    """Which benchmarks are younger than which models, and which may have been in what they were trained on."""
    lines = []
    for model in names.models:
        dated = {benchmark.label: benchmark.published_after for benchmark in names.benchmarks if benchmark.published_after}
        if not (model.released and dated):
            continue
        younger = [text(label) for label, day in dated.items() if day > model.released]
        older = [text(label) for label, day in dated.items() if day <= model.released]
        parts = [f"no item of {listed(younger, last='or')} is older than the model"] if younger else []
        parts += [f"items of {listed(older)} are, and may have been in what it was trained on"] if older else []
        lines.append(f"- {text(model.label)}, released {text(model.released)}: {'; '.join(parts)}.")
    return "\n".join(["Age of the benchmarks:", "", *lines]) if lines else None


def _main(names: Names, benchmarks: Sequence[ShownBenchmark], results: Results) -> str:
    head, rows = ["benchmark", *(text(model.label) for model in names.models), "n"], []
    for benchmark in benchmarks:
        found = [results.score(model.name, benchmark.name) for model in names.models]
        sizes = dict.fromkeys(times(score.n_items, score.n_samples) for score in found if score)
        rows.append([text(benchmark.label), *(_cell(results, score) for score in found), " / ".join(sizes) or NOT_MEASURED])
    if budget.first(names, results):
        rows.append(_compute(names, results))
    if len(names.models) > WIDE:
        head, *rows = ([*column] for column in zip(["model", *head[1:]], *rows, strict=True))
    return table(head, rows)


def _compute(names: Names, results: Results) -> list[str]:
    """The row of what each model cost, where students are to be held against each other."""
    found = [results.cost(model.name) for model in names.models]
    size, name = budget.unit(max(cost.flops for cost in found if cost))
    return [f"compute ({name})", *(number(cost.flops / size, 2) if cost and cost.flops else NOT_MEASURED for cost in found), NOT_MEASURED]


def _cell(results: Results, score: ScoreRow | None) -> str:
    if score is None:
        return NOT_MEASURED
    cell = plus_minus(score.pass_at_1, score.ci95_low, score.ci95_high)
    published = results.published_of(score.model, score.benchmark)
    if published:
        cell += f" ({percent(published[0].published_share)}: {text(published[0].verdict)})"
    return cell


def _scores_note(names: Names, results: Results) -> str:
    """What the cells of the scores mean, of what occurs in them."""
    shown = [score for *_, score in _shown(names, results)]
    cells = [plus_minus(score.pass_at_1, score.ci95_low, score.ci95_high) for score in shown]
    several = any(score.n_samples > 1 for score in shown)
    mean = "the mean over items of the mean over samples" if several else "the share of items whose answer is right"
    notes = [
        f"pass@1 in percent: {mean}.",
        "±: half the width of the 95 % interval over items." if any("±" in cell for cell in cells) else "",
        "+ and −: its two arms where it is lopsided, as near 0 and 100." if any("+" in cell for cell in cells) else "",
        f"n: items{' × samples an item' if several else ''}.",
        "In brackets: a published score, and whether it is reproduced here."
        if any(results.published_of(score.model, score.benchmark) for score in shown)
        else "",
    ]
    return " ".join(filter(None, notes))


def _partly_answered(names: Names, results: Results) -> str | None:
    """Which models have answered some items only, as recorded responses may (`items: answered`)."""
    lines = []
    for score in results.scores:
        summary = results.summary(score.model, score.benchmark) or {}
        if whole := summary.get("n_items_in_benchmark"):
            label = text(names.label(score.model))
            lines.append(f"- {label} on {text(names.benchmark_label(score.benchmark))}: {score.n_items:,} of {whole:,} items.")
    if not lines:
        return None
    return "\n".join(["Answered in part; differences are over the items that both models have answered:", "", *lines])


def _flags(names: Names, results: Results) -> str | None:
    flagged = [score for score in results.scores if score.flags]
    lines = [
        f"- {text(names.label(score.model))} on {text(names.benchmark_label(score.benchmark))}: {text(score.flags)}" for score in flagged
    ]
    return "\n".join(["**Scores that cannot be right, and get no verdict:**", "", *lines]) if lines else None


@dataclass(frozen=True)
class _Column:
    """`note` says what the column means, where its head does not."""

    head: str
    cell: Callable[[ScoreRow], str]
    note: str = ""


def _rate(share: float | None) -> str:
    """Of a rate that is 0 nearly everywhere: a dash for 0, so that its column is left out where it says nothing."""
    return percent(share or None)


_DETAILS = (
    _Column("pass@1", lambda score: percent(score.pass_at_1)),
    _Column(
        "95 % over items",
        lambda score: interval(score.ci95_low, score.ci95_high),
        "Over items: the items as a sample of all such questions, as when models are compared.",
    ),
    _Column(
        "95 % over samples",
        lambda score: interval(score.ci95_sampling_low, score.ci95_sampling_high),
        "Over samples: the same items, if they were answered again.",
    ),
    _Column("n", lambda score: times(score.n_items, score.n_samples)),
    _Column(
        "maj@n",
        lambda score: percent(score.maj_at_n if score.n_samples > 1 else None),
        "maj@n: by the most frequent answer to each item.",
    ),
    _Column(
        "pass@n",
        lambda score: percent(score.pass_at_n if score.n_samples > 1 else None),
        "pass@n: one right answer among n is enough.",
    ),
)
_OUTCOMES = (
    _Column("right", lambda score: percent(score.pass_at_1), "In percent of all answers."),
    _Column(
        "wrong", lambda score: number(None if score.no_answer is None else max(0.0, 100 - 100 * score.pass_at_1 - 100 * score.no_answer))
    ),
    _Column("no answer", lambda score: percent(score.no_answer), "Right, wrong and no answer add up to 100."),
    _Column(
        "truncated",
        lambda score: percent(score.truncated),
        "Truncated: stopped by the limit on new tokens, as happens to a model that never learned to end its turn.",
    ),
    _Column(
        "by context", lambda score: _rate(score.capped), "By context: truncated before that limit, as prompt and answer filled the context."
    ),
    _Column("unclosed thought", lambda score: percent(score.unclosed_thought), "Unclosed thought: the answer ends within its thought."),
    _Column("grader timeout", lambda score: _rate(score.grader_timeout), "Grader timeout: took the grader too long, and counts as wrong."),
    _Column("stated", lambda score: _rate(score.stated), "Stated: the answer stood in words (the answer is ..) and not in a box."),
    _Column(
        "as text", lambda score: _rate(score.unread), "As text: no rule reads the answer or its gold, so that they were compared as text."
    ),
    _Column("mean tokens", lambda score: number(score.mean_completion_tokens, 0), "Mean tokens: mean length of an answer."),
)


def details(names: Names, results: Results) -> str | None:
    body = _by_model(names, results, _DETAILS)
    return join("### Intervals", body) if body else None


def outcomes(names: Names, results: Results) -> str | None:
    return _by_model(names, results, _OUTCOMES)


def _by_model(names: Names, results: Results, columns: Sequence[_Column]) -> str | None:
    """A row a benchmark and model, without the columns that no model has a number for, and with the notes of those that are there."""
    found = _shown(names, results)
    kept = [column for column in columns if any(column.cell(score) != NOT_MEASURED for *_, score in found)]
    rows = [
        [text(names.benchmark_label(benchmark.name)), text(model.label), *(column.cell(score) for column in kept)]
        for benchmark, model, score in found
    ]
    if not rows:
        return None
    return join(table(["benchmark", "model", *(column.head for column in kept)], rows, left=2), _notes(column.note for column in kept))


def _notes(notes: Iterable[str]) -> str:
    return " ".join(note for note in notes if note)


def _shown(names: Names, results: Results) -> list[tuple]:
    """(benchmark, model, score) of each score in the tables."""
    return [
        (benchmark, model, score)
        for benchmark in names.benchmarks
        for model in names.models
        if (score := results.score(model.name, benchmark.name))
    ]


def differences(names: Names, results: Results) -> str | None:
    """The table of paired differences, in percentage points; None where there are no scores to pair."""
    if not results.differences:
        return gap("paired differences (differences.csv)") if results.scores else None
    order = {benchmark.name: place for place, benchmark in enumerate(names.benchmarks)}
    by_benchmark = sorted(results.differences, key=lambda row: order.get(row.benchmark, len(order)))
    pairs = list(dict.fromkeys((row.a, row.b) for row in results.differences))
    rows = [
        [
            f"{text(names.label(a))} {MINUS} {text(names.label(b))}",
            _compared_on(names, row),
            text(row.verdict),
            points(row.difference),
            interval(row.ci95_low, row.ci95_high, points),
            p_value(row.p),
            p_value(row.p_holm),
            percent(row.minimum_detectable_difference),
        ]
        for a, b in pairs
        for row in by_benchmark
        if (row.a, row.b) == (a, b)
    ]
    head = ["difference", "benchmark", "verdict", "points", "95 % interval", "p", "p (Holm)", "detectable"]
    best = any(row.b_benchmark for row in results.differences)
    drawn = [f"{text(names.label(row.a))} {MINUS} {text(names.label(row.b))}" for row in results.differences if row.p_draws]
    exact = f"p is exact but for {listed(list(dict.fromkeys(drawn)))}, where it is of random draws of the signs." if drawn else None
    return join(table(head, rows, left=3), _DIFFERENCES_NOTE, exact, _BEST_NOTE if best else None)


def _compared_on(names: Names, row: DifferenceRow) -> str:
    on = text(names.benchmark_label(row.benchmark))
    return f"{on} ({text(names.label(row.b))} under {text(names.protocol_label(row.b_benchmark))})" if row.b_benchmark else on


def _evaluators(row: PublishedRow) -> list[str]:
    if row.evaluators is None:
        return [NOT_MEASURED] * 4
    mean, spread = percent(row.evaluators_mean_share), percent(row.evaluators_spread_share)
    return [str(row.evaluators), f"{mean} ± {spread}", interval(row.range_low_share, row.range_high_share), str(row.evaluators_below)]


def published(names: Names, results: Results) -> str | None:
    """The table of our scores next to published ones; None where nothing was published."""
    several = any(row.evaluators for row in results.published)
    rows = [
        [
            text(names.label(row.model)),
            text(names.benchmark_label(row.benchmark)),
            text(row.protocol),
            text(row.metric),
            text(row.source),
            text(row.verdict),
            percent(row.published_share),
            percent(row.ours_share),
            interval(row.ci95_low_share, row.ci95_high_share, points),
            "?" if row.samples is None else str(row.samples),
            *(_evaluators(row) if several else ()),
        ]
        for row in results.published
    ]
    if not rows:
        return None
    head = ["model", "benchmark", "protocol", "metric", "source", "verdict", "published", "here"]
    head += [f"95 % of here {MINUS} published", "samples", *(["evaluators", "mean ± SD", "expected", "below ours"] if several else [])]
    verdicts = {row.verdict for row in results.published}
    note = _notes(f"{verdict.capitalize()}: {meaning}." for verdict, meaning in _VERDICT_NOTES.items() if verdict in verdicts)
    note += " The interval takes in the chance of both sides. Samples: samples an item behind the published score."
    if several:
        note = join(f"{note} Where the range of evaluators decides, this interval does not.", _EVALUATORS_NOTE)
    return join("### Published scores", table(head, rows, left=6), note)
