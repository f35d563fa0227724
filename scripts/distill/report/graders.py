"""How good the graders are: their self-test on made-up answers, and where two graders disagree on the real ones."""

from collections.abc import Mapping

from distill.base.files import Row
from distill.evaluation.self_test import LEAST, MOST, is_missed
from distill.report.markdown import table, text
from distill.report.names import Names, ShownBenchmark
from distill.report.results import Results
from distill.report.words import NOT_MEASURED, gap, join, listed, number

GOLD = "gold"
_KINDS = {
    "gold": "the gold, in the form that the protocol asks for",
    "echo": "the question itself",
    "cut": "a solution cut off before its answer",
    "empty": "nothing",
    "wrong": "the gold of another item",
    "respelled": "the gold in other spellings (should be 100 too)",
    "near_miss": "an answer that misses the gold narrowly",
    "unread": "golds that no rule reads, which are compared as text",
    "worded": "golds that are a number with words behind it",
}
_WORDS = {"gold": "golds", "respelled": "golds in other spellings"}
_AGREEMENT_NOTE = "pass@1 in percent by each grader. The report uses the one that the protocol names."


def section(names: Names, results: Results) -> str:
    return join(_self_tests(names, results), _agreement(names, results))


def _self_tests(names: Names, results: Results) -> str | None:
    found = [(benchmark, test) for benchmark in names.benchmarks if (test := self_test(names, results, benchmark))]
    if not found:
        return gap("the self-test of the grader") if results.scores else None
    kinds = list(dict.fromkeys(kind for _, test in found for kind in test))
    rows = [
        [text(names.benchmark_label(benchmark.name)), *(number(100 * test[kind]) if kind in test else NOT_MEASURED for kind in kinds)]
        for benchmark, test in found
    ]
    bad = [
        f"- **{text(names.benchmark_label(benchmark.name))}: {listed(failures(test))}: do not trust its scores.**"
        for benchmark, test in found
        if failures(test)
    ]
    meanings = "; ".join(f"{kind.replace('_', ' ')}: {_KINDS[kind]}" for kind in kinds if kind in _KINDS)
    note = f"In percent of made-up answers that count as right; it should be 100 for gold and 0 for all others. {meanings.capitalize()}."
    return join(table(["benchmark", *(text(kind.replace("_", " ")) for kind in kinds)], rows), "\n".join(bad), note)


def self_test(names: Names, results: Results, benchmark: ShownBenchmark) -> Mapping[str, float]:
    """The share counted as right by kind of answer; the same for every model, since it looks at golds only."""
    summaries = (results.summary(model.name, benchmark.name) for model in names.models)
    return next((summary["self_test"] for summary in summaries if summary and summary.get("self_test")), {})


def failures(test: Mapping[str, float]) -> list[str]:
    """What a self-test found wrong, in words; empty where the grader is good enough."""
    return [_failure(name, rate) for name, rate in test.items() if is_missed(name, rate)]


def _failure(name: str, rate: float) -> str:
    kind, _, way = name.partition(" (")
    share = f"{number(100 * rate)} %"
    if kind in LEAST:
        return f"only {share} of {_WORDS[kind]}{text(' (' + way) if way else ''} count as right"
    return f"{share} of golds are {kind}" if kind in MOST else f"{share} of {text(name)} count as right"


def _agreement(names: Names, results: Results) -> str | None:
    """Scores by grader, where several graders judged the answers to a benchmark."""
    found = [
        (
            names.benchmark_label(benchmark.name),
            model.label,
            by_grader(rows),
            sum(len(set(row["verdicts"].values())) > 1 for row in rows),
            len(rows),
        )
        for benchmark in names.benchmarks
        for model in names.models
        if (rows := [row for row in results.verdicts(model.name, benchmark.name) if len(row.get("verdicts") or ()) > 1])
    ]
    if not found:
        return None
    graders = list(dict.fromkeys(grader for _, _, rates, *_ in found for grader in rates))
    rows = [
        [text(benchmark), text(model), *(number(rates.get(grader)) for grader in graders), f"{unlike:,} of {answers:,}"]
        for benchmark, model, rates, unlike, answers in found
    ]
    return join(table(["benchmark", "model", *map(text, graders), "disagree"], rows, left=2), _AGREEMENT_NOTE)


def by_grader(rows: list[Row]) -> dict[str, float]:
    """pass@1 in percent by each grader; every item has equally many samples."""
    graders = list(dict.fromkeys(grader for row in rows for grader in row["verdicts"]))
    return {grader: 100 * sum(bool(row["verdicts"].get(grader)) for row in rows) / len(rows) for grader in graders}
