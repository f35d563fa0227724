"""How good the graders are: the self-test on made-up answers, and how far two graders agree on the real ones."""

from collections.abc import Mapping

from distill.base.files import Row
from distill.report.markdown import table, text
from distill.report.names import ShownBenchmark, Names
from distill.report.results import Results
from distill.report.words import NOT_MEASURED, gap, join, listed, number

GOLD = "gold"
# The least share of golds that must count as right, and the most of anything else that may.
_GOLD_LEAST, _ELSE_MOST = 0.995, 0.01
_SELF_TEST_NOTE = """\
In percent of made-up answers counted as right. Wanted: 100 of gold (the gold, written as the protocol asks) and 0 of all others (the
question itself, a solution cut before its answer, nothing, another item's gold)."""
_AGREEMENT_NOTE = "pass@1 in percent by each grader; the report goes by the one that the protocol names."


def section(names: Names, results: Results) -> str:
    return join(_self_tests(names, results), _agreement(names, results))


def _self_tests(names: Names, results: Results) -> str:
    found = [(benchmark, test) for benchmark in names.benchmarks if (test := self_test(names, results, benchmark))]
    if not found:
        return gap("the grader's self-test")
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
    return join(table(["benchmark", *(text(kind.replace("_", " ")) for kind in kinds)], rows), "\n".join(bad), _SELF_TEST_NOTE)


def self_test(names: Names, results: Results, benchmark: ShownBenchmark) -> Mapping[str, float]:
    """It is the same for each model, since it looks at golds only."""
    summaries = (results.summary(model.name, benchmark.name) for model in names.models)
    return next((summary["self_test"] for summary in summaries if summary and summary.get("self_test")), {})


def failures(test: Mapping[str, float]) -> list[str]:
    """What a self-test found wrong, in words; nothing where the grader is good enough."""
    found = [f"only {number(100 * test[GOLD])} % of golds count as right"] if test.get(GOLD, 1) < _GOLD_LEAST else []
    return found + [
        f"{number(100 * rate)} % of {text(kind)} count as right" for kind, rate in test.items() if kind != GOLD and rate > _ELSE_MOST
    ]


def _agreement(names: Names, results: Results) -> str | None:
    """Scores by grader, where the answers of a benchmark had more than one."""
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
    graders = list(dict.fromkeys(grader for _, _, rates, _, _ in found for grader in rates))
    rows = [
        [text(benchmark), text(model), *(number(rates.get(grader)) for grader in graders), f"{apart:,} of {answers:,}"]
        for benchmark, model, rates, apart, answers in found
    ]
    return join(table(["benchmark", "model", *map(text, graders), "disagree"], rows, left=2), _AGREEMENT_NOTE)


def by_grader(rows: list[Row]) -> dict[str, float]:
    """pass@1 in percent by each grader; every item has equally many samples."""
    graders = list(dict.fromkeys(grader for row in rows for grader in row["verdicts"]))
    return {grader: 100 * sum(bool(row["verdicts"].get(grader)) for row in rows) / len(rows) for grader in graders}
