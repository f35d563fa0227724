"""The verdict in three sentences: is the harness right, did the student learn, how near is it to the reference, and what is noise."""

from collections.abc import Mapping, Sequence

from distill.evaluation.published import NOT_REPRODUCED, REPRODUCED, UNDECIDABLE
from distill.report import graders
from distill.report.markdown import code, text
from distill.report.names import Model, Names
from distill.report.results import Difference, Published, Results
from distill.report.words import gap, listed, number, p_clause, signed

FEW = 3  # students that have a sentence each; of more, those to whom the same is said share one
# The verdicts of distill.evaluation.compare (which loads numpy, and this page should not), in the order in which they are told.
DETECTED = ("better", "worse")
TOLD = (*DETECTED, "no detectable difference", "not compared")


def section(names: Names, results: Results) -> str:
    if not results.scores:
        return gap("scores (comparison.csv)")
    lines = [harness(names, results), *gaps(names, results)]
    students, references = names.of_role("student"), names.of_role("reference")
    for ones in alike(names, results, students):
        lines += [against(names, results, ones, other, noise=False) for other in names.of_role("baseline")]
        lines += [against(names, results, ones, other, noise=True) for other in references]
    return "\n".join(f"- {line}" for line in lines if line)


def harness(names: Names, results: Results) -> str:
    """Whether the reference models score here what was published of them; a failure means that no other score should be believed yet.

    Where several have published a number, the first in published.csv counts; the table of published numbers has them all.
    """
    told = [results.published_of(model.name, benchmark.name)[:1] for model in names.of_role("reference") for benchmark in names.benchmarks]
    rows = [row for found in told for row in found]
    if not rows:
        instead = f"the graders' self-test stands in for it: {_self_test(names, results)}"
        return f"**Harness check:** nothing is published of a reference here, so {instead}."
    failed = [row for row in rows if row.verdict == NOT_REPRODUCED]
    passed = [row for row in rows if row.verdict == REPRODUCED]
    flagged = [row for row in rows if row.verdict not in (REPRODUCED, NOT_REPRODUCED, UNDECIDABLE)]
    if failed or flagged:
        reach = f"{len(passed)} of {len(rows)} published scores reproduced"
        bad = [(failed, "not reproduced"), (flagged, "flagged below, so not checked")]
        why = "; ".join(f"{_told(names, some)}: {what}" for some, what in bad if some)
        return f"**Harness check: {'failed' if failed else 'not passed'}.** {why} ({reach}), so find the reason before believing any score."
    if passed:
        rest = f"; {len(rows) - len(passed)} more undecidable with this many items" if len(rows) > len(passed) else ""
        return f"**Harness check: passed.** {_told(names, passed)}: reproduced{rest}."
    return f"**Harness check: undecided.** {_told(names, rows)}: too few items or samples to tell."


def gaps(names: Names, results: Results) -> list[str]:
    """Optional benchmarks that are not here, and what would bring them."""
    found = {benchmark.name.partition("@")[0]: benchmark for benchmark in names.benchmarks}
    return [
        f"**Gap:** no score on {text(benchmark.label)}. {text(why)} with "
        f"{code(f'--forcerun results/sources/benchmarks/{name}/manifest.json')}."
        for name, benchmark in found.items()
        if (why := results.unavailable(name))
    ]


def _self_test(names: Names, results: Results) -> str:
    here = [benchmark for benchmark in names.benchmarks if not results.unavailable(benchmark.name)]
    tests = {benchmark: graders.self_test(names, results, benchmark) for benchmark in here}
    bad = [text(names.benchmark_label(benchmark.name)) for benchmark, test in tests.items() if graders.failures(test)]
    if bad:
        return f"**failed** on {listed(bad)}, so believe no score there"
    return f"passed on {_how_many(len(tests), len(tests))}" if tests and all(tests.values()) else "not made"


def _told(names: Names, rows: list[Published]) -> str:
    """ "R1 has 83.4 on A (83.9 published) and 28.9 on B (28.9 published)"."""
    models = list(dict.fromkeys(row.model for row in rows))
    return "; ".join(
        f"{text(names.label(model))} has {listed([_one(names, row) for row in rows if row.model == model])}" for model in models
    )


def _one(names: Names, row: Published) -> str:
    return f"{number(row.ours)} on {text(names.benchmark_label(row.benchmark))} ({number(row.value)} published)"


def alike(names: Names, results: Results, students: Sequence[Model]) -> list[list[Model]]:
    """Students by what is to be said of them: each by itself where they are few, else those with the same verdicts together."""
    if len(students) <= FEW:
        return [[student] for student in students]
    others = [*names.of_role("baseline"), *names.of_role("reference")]
    found: dict[tuple[str | None, ...], list[Model]] = {}
    for student in students:
        rows = [difference(results, student.name, other.name, benchmark.name) for other in others for benchmark in names.benchmarks]
        found.setdefault(tuple(row and row.verdict for row in rows), []).append(student)
    return list(found.values())


def against(names: Names, results: Results, ones: Sequence[Model], other: Model, noise: bool) -> str | None:
    """One sentence on like models and another over all benchmarks; with `noise`, also what difference would not have been seen."""
    found = [(benchmark, [difference(results, one.name, other.name, benchmark.name) for one in ones]) for benchmark in names.benchmarks]
    rows = [(benchmark, there) for benchmark, some in found if (there := [row for row in some if row is not None])]
    if not rows:
        return None
    clauses = []
    for verdict in TOLD:
        if told := [(benchmark, some) for benchmark, some in rows if some[0].verdict == verdict]:
            changes = listed([f"{text(names.benchmark_label(benchmark.name))} {_reach(some)}" for benchmark, some in told])
            p = [row.p_holm for _, some in told for row in some if row.p_holm is not None]
            why = p_clause(p, detected=verdict in DETECTED) if p else "a score is flagged below"
            clauses.append(f"**{verdict}** on {_how_many(len(told), len(rows))} ({changes} points; {why})")
    sentence = f"{_who(names, ones)} against {text(other.label)}: {'; '.join(clauses)}"
    seen = [(benchmark, [row.detectable for row in some if row.detectable is not None]) for benchmark, some in rows]
    limits = {text(names.benchmark_label(benchmark.name)): max(some) for benchmark, some in seen if some}
    if noise and limits:
        sentence += f"; a difference of less than about {_limits(limits)} points would be noise here"
    return sentence + "."


def _who(names: Names, ones: Sequence[Model]) -> str:
    if len(ones) > FEW and len(ones) == len(names.of_role("student")):
        return f"All {len(ones)} students"
    labels = [text(one.label) for one in ones]
    return listed(labels if len(labels) <= FEW else [*labels[: FEW - 1], f"{len(labels) - FEW + 1} more students"])


def _reach(rows: Sequence[Difference]) -> str:
    """A difference, or the least and the most of several."""
    least, most = (signed(end(row.value for row in rows)) for end in (min, max))
    return least if least == most else f"{least} to {most}"


def _limits(limits: Mapping[str, float]) -> str:
    """ "8.0 (A), 6.1 (B) and 8.0 (C)"; of many only the least and the most."""
    if len(limits) <= 3:
        return listed([f"{number(limit)} ({label})" for label, limit in limits.items()])
    least, most = min(limits, key=limits.__getitem__), max(limits, key=limits.__getitem__)
    return f"{number(limits[least])} ({least}) to {number(limits[most])} ({most})"


def _how_many(some: int, of: int) -> str:
    if some < of:
        return f"{some} of {of}"
    return {1: "the one benchmark", 2: "both benchmarks"}.get(of, f"all {of} benchmarks")


def difference(results: Results, a: str, b: str, benchmark: str) -> Difference | None:
    """a minus b, turned round where the file has b minus a."""
    for row in results.differences:
        if (row.a, row.b, row.benchmark) == (a, b, benchmark):
            return row
        if (row.a, row.b, row.benchmark) == (b, a, benchmark):
            return row.turned()
    return None
