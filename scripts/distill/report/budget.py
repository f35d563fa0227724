"""Score against compute: what each model cost, the best student for what the first one cost, and a distilled one next to its equals."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import mean

import numpy as np

from distill.base.files import Row
from distill.evaluation import stats
from distill.evaluation.rows import BETTER, NOT_DETECTED, WORSE
from distill.report.compute import Cost
from distill.report.markdown import table, text
from distill.report.names import Names, ShownBenchmark, ShownModel
from distill.report.results import Results
from distill.report.words import NOT_MEASURED, join, listed, number, percent, points

SPARE = 0.05  # of the first student's compute, by which another may be above it and still count as within it
ABOUT = 1.25  # a factor: what is no more than this apart is about equal
_UNITS = {1e12: "TFLOP", 1e15: "PFLOP", 1e18: "EFLOP"}
_NOTE = """\
{unit}: operations of all steps that a model is made by, here: trainings (6 a weight and token, and attention), and what models of this
run generated or scored for its data (2). A step that several parents share counts once; what came from elsewhere counts nothing, and
neither does the training of a teacher that the model is not made from. provenance.json has the device time."""


def unit(most: float) -> tuple[float, str]:
    """The divisor in which `most` operations are a number that is easily read, and its name."""
    fitting = [size for size in _UNITS if most >= size] or [min(_UNITS)]
    return fitting[-1], _UNITS[fitting[-1]]


def counted(names: Names, results: Results) -> list[tuple[ShownModel, Cost]]:
    """The models that cost anything here, checkpoints among them."""
    shown = (*names.models, *names.checkpoints)
    return [(model, cost) for model in shown if (cost := results.cost(model.name)) and cost.flops]


def section(names: Names, results: Results, figure: str | None) -> str | None:
    """A row a model; None where nothing was counted."""
    found = counted(names, results)
    if not found:
        return None
    size, name = unit(max(cost.flops for _, cost in found))
    head, rows = ["model", f"compute ({name})"], [[text(model.label), number(cost.flops / size, 2)] for model, cost in found]

    def add(column: str, cells: Iterable[str]) -> None:
        head.append(column)
        for row, cell in zip(rows, cells, strict=True):
            row.append(cell)

    costs = [cost for _, cost in found]
    inferred = any(cost.inference_flops for cost in costs)
    if inferred:
        add("training", (number(cost.training_flops / size, 2) for cost in costs))
        add("inference", (number(cost.inference_flops / size, 2) if cost.inference_flops else NOT_MEASURED for cost in costs))
    add("tokens trained on", (f"{cost.tokens_trained:,}" for cost in costs))
    if inferred:
        add("tokens generated or scored", (f"{cost.tokens_inferred:,}" if cost.tokens_inferred else NOT_MEASURED for cost in costs))
    if own := first(names, results):
        add(f"of {text(own[0].label)}", (f"{number(cost.flops / own[1].flops, 2)} ×" for cost in costs))
    return join(table(head, rows), _NOTE.format(unit=name), figure)


def first(names: Names, results: Results) -> tuple[ShownModel, Cost] | None:
    """The first student and its cost, where others are there to be held against it."""
    students = names.of_role("student")
    own = {student.name for student, _ in counted(names, results) if student in students}
    if len(own) < 2 or students[0].name not in own:
        return None
    cost = results.cost(students[0].name)
    return (students[0], cost) if cost else None


def best_within(names: Names, results: Results) -> str | None:
    """Which student has the highest mean score among those that cost no more than the first, and how it differs from that one."""
    found = first(names, results)
    if found is None:
        return None
    student, budget = found
    benchmarks = [benchmark for benchmark in names.benchmarks if results.score(student.name, benchmark.name)]
    within = {
        model: _mean(model, benchmarks, results)
        for model, cost in counted(names, results)
        if model in names.of_role("student") and cost.flops <= (1 + SPARE) * budget.flops
    }
    means = {model: score for model, score in within.items() if score is not None}
    if student not in means:
        return None
    size, name = unit(budget.flops)
    head = f"**Within the compute of {text(student.label)}** ({number(budget.flops / size, 2)} {name}, or up to {SPARE:.0%} more)"
    best = max(means, key=lambda model: means[model])
    if len(means) == 1:
        return f"{head} there is no other student."
    if best == student:
        return f"{head} none of the {len(means)} students has a higher mean score ({percent(means[best])})."
    scores = f"mean score {percent(means[best])} against {percent(means[student])}"
    sentence = f"{head} the best of {len(means)} students is {text(best.label)}: {scores}"
    tests = _differences(best, student, benchmarks, names, results)
    return f"{sentence}; {tests}. The best of several is a little better than it would be again."


def next_to_equals(names: Names, results: Results) -> list[str]:
    """Of each student that was distilled on-policy: how it differs from those that cost about as much, from those that cost more, and from
    those that learned from about as many tokens of about as many prompts in their last training."""
    students = names.of_role("student")
    distilled = [student for student in students if "teacher" in (results.manifest(student.name) or {})]
    return [sentence for student in distilled if (sentence := _next_to_equals(student, students, names, results))]


def _next_to_equals(student: ShownModel, students: Sequence[ShownModel], names: Names, results: Results) -> str | None:
    cost, learned = results.cost(student.name), _learned(results.manifest(student.name))
    benchmarks = [benchmark for benchmark in names.benchmarks if results.score(student.name, benchmark.name)]
    others = [other for other in students if other is not student and _mean(other, benchmarks, results) is not None]
    if cost is None or not cost.flops or learned is None or not others:
        return None
    flops = {other: (own.flops / cost.flops,) for other in others if (own := results.cost(other.name)) and own.flops}
    shares = {
        other: tuple(theirs / ours for theirs, ours in zip(own, learned, strict=True))
        for other in others
        if (own := _learned(results.manifest(other.name)))
    }
    size, name = unit(cost.flops)
    dearer = {other: own for other, own in flops.items() if own[0] > ABOUT}
    by_compute = _against(student, _about_equal(flops), "its compute", benchmarks, names, results)
    by_tokens = _against(student, _about_equal(shares), "its tokens and prompts", benchmarks, names, results)
    more = f" **For less compute:** {_against(student, dearer, 'its compute', benchmarks, names, results)}." if dearer else ""
    own = f"{number(cost.flops / size, 2)} {name}"
    return (
        f"**{text(student.label)} at about equal compute** ({own}, within a factor of {ABOUT:g}): {by_compute}.{more} "
        f"**At about equal tokens and prompts** ({learned[0]:,} and {learned[1]:,} in its last training): {by_tokens}."
    )


def _learned(manifest: Row | None) -> tuple[int, int] | None:
    """Tokens and different prompts that a model learned from in its last training; None where it had none."""
    if not manifest or not manifest.get("tokens_seen") or not manifest.get("rows"):
        return None
    recipe = manifest.get("recipe", {})
    rows = min(manifest["rows"], recipe["steps"] * recipe["global_batch"]) if "teacher" in manifest else manifest["rows"]
    return manifest["tokens_seen"], rows


def _about_equal(ratios: Mapping[ShownModel, tuple[float, ...]]) -> dict[ShownModel, tuple[float, ...]]:
    return {other: own for other, own in ratios.items() if all(1 / ABOUT <= ratio <= ABOUT for ratio in own)}


def _against(
    student: ShownModel,
    ratios: Mapping[ShownModel, tuple[float, ...]],
    what: str,
    benchmarks: Sequence[ShownBenchmark],
    names: Names,
    results: Results,
) -> str:
    """A clause for each model, with its `ratios`; Holm's correction is over the benchmarks of each pair."""
    clauses = [
        f"against {text(other.label)} ({' and '.join(f'{number(ratio, 2)} ×' for ratio in own)} {what}) "
        + _differences(student, other, benchmarks, names, results)
        for other, own in ratios.items()
    ]
    return "; ".join(clauses) or "there is no other student"


def _mean(model: ShownModel, benchmarks: Sequence[ShownBenchmark], results: Results) -> float | None:
    """Over the benchmarks; None where the model lacks one."""
    found = [results.score(model.name, benchmark.name) for benchmark in benchmarks]
    return mean(score.pass_at_1 for score in found if score) if found and all(found) else None


def _differences(a: ShownModel, b: ShownModel, benchmarks: Sequence[ShownBenchmark], names: Names, results: Results) -> str:
    """Paired, item by item; Holm's correction is over these benchmarks."""
    answers = [[_correct(model, benchmark, results) for model in (a, b)] for benchmark in benchmarks]
    if any(one.keys() != other.keys() for one, other in answers):
        return "their items differ, so they are not compared"
    tests = [stats.compare(np.array(list(one.values())), np.array([other[key] for key in one]), seed=0) for one, other in answers]
    clauses: dict[str, list[str]] = {}
    for benchmark, test, p in zip(benchmarks, tests, stats.holm([test.p for test in tests]), strict=True):
        verdict = NOT_DETECTED if p >= stats.ALPHA else BETTER if test.value > 0 else WORSE
        clauses.setdefault(verdict, []).append(f"{text(names.benchmark_label(benchmark.name))} {points(test.value)}")
    return "; ".join(f"**{verdict}** on {listed(some)}" for verdict, some in clauses.items())


def _correct(model: ShownModel, benchmark: ShownBenchmark, results: Results) -> dict[str, list[bool]]:
    """{item: its samples, right or wrong}."""
    found: dict[str, list[bool]] = {}
    for row in results.verdicts(model.name, benchmark.name):
        found.setdefault(row["id"], []).append(row["correct"])
    return found
