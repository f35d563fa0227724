"""The verdict, a sentence each: is the evaluation right, did the student learn, is it near the reference, which is best for its cost."""

from collections.abc import Mapping, Sequence

from distill.evaluation.rows import (
    BETTER,
    NOT_COMPARED,
    NOT_DETECTED,
    NOT_REPRODUCED,
    REPRODUCED,
    UNDECIDABLE,
    WORSE,
    DifferenceRow,
    PublishedRow,
)
from distill.report import budget, graders
from distill.report.markdown import code, text
from distill.report.names import Names, ShownModel
from distill.report.results import Results
from distill.report.words import gap, listed, p_clause, percent, points

FEW = 3  # students that have a sentence each; of more, those with the same verdicts share one
DETECTED = (BETTER, WORSE)


def section(names: Names, results: Results, caution: str | None = None) -> str:
    """`caution`: a sentence about all scores, such as which benchmarks a model has seen before."""
    if not results.scores:
        return gap("scores (comparison.csv)")
    lines = [harness(names, results), *gaps(names, results), caution]
    students, references = names.of_role("student"), names.of_role("reference")
    for group in grouped(names, results, students):
        for other in names.of_role("baseline"):
            lines += [against(names, results, group, other), under_best_prompt(names, results, group, other)]
        lines += [against(names, results, group, other, with_detectable=True) for other in references]
    lines += [budget.best_within(names, results), *budget.next_to_equals(names, results)]
    return "\n".join(f"- {line}" for line in lines if line)


def harness(names: Names, results: Results) -> str:
    """Whether the reference models score here what was published of them; where they do not, no other score should be believed yet.

    Where several sources have published a score, the first in published.csv counts; the table of published scores has them all.
    """
    found = [results.published_of(model.name, benchmark.name)[:1] for model in names.of_role("reference") for benchmark in names.benchmarks]
    rows = [row for first in found for row in first]
    if not rows:
        return f"**Harness check:** no published score of a reference to compare with; instead, {_self_test(names, results)}."
    failed = [row for row in rows if row.verdict == NOT_REPRODUCED]
    passed = [row for row in rows if row.verdict == REPRODUCED]
    flagged = [row for row in rows if row.verdict not in (REPRODUCED, NOT_REPRODUCED, UNDECIDABLE)]
    if failed or flagged:
        reach = f"{len(passed)} of {len(rows)} published scores reproduced"
        bad = [(failed, "not reproduced"), (flagged, "flagged below, so not checked")]
        why = "; ".join(f"{_next_to_published(names, some)}: {what}" for some, what in bad if some)
        return f"**Harness check: {'failed' if failed else 'not passed'}.** {why} ({reach}), so find the reason before believing any score."
    if passed:
        rest = f"; {len(rows) - len(passed)} more undecidable with this many items" if len(rows) > len(passed) else ""
        return f"**Harness check: passed.** {_next_to_published(names, passed)}: reproduced{rest}."
    return f"**Harness check: undecided.** {_next_to_published(names, rows)}: too few items or samples to tell."


def gaps(names: Names, results: Results) -> list[str]:
    """Optional benchmarks that could not be fetched, and what would fetch them."""
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
        return f"the grader's self-test **failed** on {listed(bad)}, so believe no score there"
    passed = tests and all(tests.values())
    return (
        f"the grader's self-test passed on {_how_many(len(tests), len(tests))}" if passed else "there is no self-test of the grader either"
    )


def _next_to_published(names: Names, rows: list[PublishedRow]) -> str:
    """ "R1 has 83.4 on A (83.9 published) and 28.9 on B (28.9 published)"."""
    models = list(dict.fromkeys(row.model for row in rows))
    return "; ".join(
        f"{text(names.label(model))} has {listed([_score(names, row) for row in rows if row.model == model])}" for model in models
    )


def _score(names: Names, row: PublishedRow) -> str:
    published = f"{percent(row.published_share)} published{_range_of(row)}"
    return f"{percent(row.ours_share)} on {text(names.benchmark_label(row.benchmark))} ({published})"


def _range_of(row: PublishedRow) -> str:
    """Where our score lies among those of all evaluators."""
    if row.evaluators is None:
        return ""
    among = f"above {row.evaluators_below} of {row.evaluators} evaluators"
    return f"; {among}, of whom 95 % are expected from {percent(row.range_low_share)} to {percent(row.range_high_share)}"


def grouped(names: Names, results: Results, students: Sequence[ShownModel]) -> list[list[ShownModel]]:
    """Each student by itself where they are few, else those with the same verdicts together."""
    if len(students) <= FEW:
        return [[student] for student in students]
    others = [*names.of_role("baseline"), *names.of_role("reference")]
    found: dict[tuple[str | None, ...], list[ShownModel]] = {}
    for student in students:
        rows = [results.difference(student.name, other.name, benchmark.name) for other in others for benchmark in names.benchmarks]
        found.setdefault(tuple(row and row.verdict for row in rows), []).append(student)
    return list(found.values())


def against(names: Names, results: Results, group: Sequence[ShownModel], other: ShownModel, with_detectable: bool = False) -> str | None:
    """Students with the same verdicts against another model over all benchmarks, and what difference would have been detected."""
    found = [(benchmark, [results.difference(one.name, other.name, benchmark.name) for one in group]) for benchmark in names.benchmarks]
    rows = [(benchmark, some) for benchmark, maybe in found if (some := [row for row in maybe if row is not None])]
    if not rows:
        return None
    clauses = []
    for verdict in (BETTER, WORSE, NOT_DETECTED, NOT_COMPARED):
        if such := [(benchmark, some) for benchmark, some in rows if some[0].verdict == verdict]:
            changes = listed([f"{text(names.benchmark_label(benchmark.name))} {_range(some)}" for benchmark, some in such])
            p = [row.p_holm for _, some in such for row in some if row.p_holm is not None]
            why = p_clause(p, detected=verdict in DETECTED) if p else "a score is flagged below"
            clauses.append(f"**{verdict}** on {_how_many(len(such), len(rows))} ({changes} points; {why})")
    sentence = f"{_who(names, group)} against {text(other.label)}: {'; '.join(clauses)}."
    if with_detectable and (limits := _detectable(names, rows)):
        sentence += f" A true difference of {_limits(limits)} points would be detected four times out of five."
    return sentence


def under_best_prompt(names: Names, results: Results, group: Sequence[ShownModel], other: ShownModel) -> str | None:
    """Students against the baseline under the protocol that suits the baseline best, and where a gain is gone then; None without any."""
    clauses, gone = [], []
    for benchmark in names.benchmarks:
        pairs = [(results.under_best_prompt(one.name, other.name, benchmark.name), one) for one in group]
        rows = [(row, results.difference(one.name, other.name, benchmark.name)) for row, one in pairs if row is not None]
        if not rows:
            continue
        where, best = text(names.benchmark_label(benchmark.name)), [row for row, _ in rows]
        score = results.score(other.name, best[0].b_benchmark)
        under = f"{percent(score.pass_at_1 if score else None)} under {text(names.protocol_label(best[0].b_benchmark))}"
        verdicts = listed([f"**{verdict}**" for verdict in dict.fromkeys(row.verdict for row in best)], last="or")
        p = [row.p_holm for row in best if row.p_holm is not None]
        why = f"; {p_clause(p, detected=best[0].verdict in DETECTED)}" if p else ""
        clauses.append(f"{verdicts} on {where} ({text(other.label)} has {under}: {_range(best)} points{why})")
        if any(same and same.verdict == BETTER and row.verdict != BETTER for row, same in rows):
            gone.append(where)
    if not clauses:
        return None
    label = text(other.label)
    sentence = f"{_who(names, group)} against {label} under the prompt that suits {label} best: {'; '.join(clauses)}."
    return sentence + (f" **The gain on {listed(gone)} is gone** under {label}'s best prompt." if gone else "")


def _detectable(names: Names, rows: Sequence[tuple]) -> dict[str, float]:
    """The largest of the smallest detectable differences of a group, by benchmark."""
    found = {}
    for benchmark, some in rows:
        if known := [row.minimum_detectable_difference for row in some if row.minimum_detectable_difference is not None]:
            found[text(names.benchmark_label(benchmark.name))] = max(known)
    return found


def _who(names: Names, group: Sequence[ShownModel]) -> str:
    if len(group) > FEW and len(group) == len(names.of_role("student")):
        return f"All {len(group)} students"
    labels = [text(one.label) for one in group]
    return listed(labels if len(labels) <= FEW else [*labels[: FEW - 1], f"{len(labels) - FEW + 1} more students"])


def _range(rows: Sequence[DifferenceRow]) -> str:
    """A difference, or the least and the most of several."""
    least, most = (points(end(row.difference for row in rows)) for end in (min, max))
    return least if least == most else f"{least} to {most}"


def _limits(limits: Mapping[str, float]) -> str:
    """ "8.0 (A), 6.1 (B) or 8.0 (C)"; of many only the least and the most."""
    if len(limits) <= 3:
        return listed([f"{percent(limit)} ({label})" for label, limit in limits.items()], last="or")
    least, most = min(limits, key=limits.__getitem__), max(limits, key=limits.__getitem__)
    return f"{percent(limits[least])} ({least}) to {percent(limits[most])} ({most})"


def _how_many(some: int, of: int) -> str:
    if some < of:
        return f"{some} of {of}"
    return {1: "the one benchmark", 2: "both benchmarks"}.get(of, f"all {of} benchmarks")
