"""Differences between models, item by item: which pairs are compared, and a row for each."""

from collections.abc import Iterator, Sequence

from distill.base.errors import InputError
from distill.evaluation import stats
from distill.evaluation.evaluations import ComparedModel, Evaluation
from distill.evaluation.rows import BETTER, NOT_COMPARED, NOT_DETECTED, WORSE, DifferenceRow

# Which roles are compared; the first of a pair is the one that is called better or worse.
PAIRS = (("student", "baseline"), ("student", "reference"), ("reference", "baseline"))


def difference_rows(evaluations: Sequence[Evaluation], seed: int) -> list[DifferenceRow]:
    """A row for each pair of models of PAIRS' roles and each benchmark that both have answered; p values corrected over all of them."""
    return _rows_of([(a, b) for roles in PAIRS for a, b in _pairs(evaluations, *roles)], seed)


def best_prompt_rows(evaluations: Sequence[Evaluation], seed: int) -> list[DifferenceRow]:
    """A row for each student and benchmark with several protocols: against the baseline under the protocol that suits the baseline best.

    None where that is the student's own. p values are corrected over these rows: they answer another question. The best of several
    scores is a little better than it would be in another evaluation, so that these rows err against the student.
    """
    counted = [one for one in evaluations if one.verdicts is not None and not one.flags]
    best: dict[tuple[ComparedModel, str], Evaluation] = {}
    for one in counted:
        key = one.model, one.benchmark.name.partition("@")[0]
        if one.model.role == "baseline" and (key not in best or one.summary["pass@1"] > best[key].summary["pass@1"]):
            best[key] = one
    students = [one for one in counted if one.model.role == "student"]
    pairs = [(a, b) for (_, benchmark), b in best.items() for a in students if a.benchmark.name.partition("@")[0] == benchmark]
    return _rows_of([(a, b) for a, b in pairs if a.benchmark != b.benchmark], seed)


def _rows_of(pairs: Sequence[tuple[Evaluation, Evaluation]], seed: int) -> list[DifferenceRow]:
    compared = [_compare(a, b, seed) if _comparable(a, b) else None for a, b in pairs]
    p_values = [result.p for result in compared if result]
    corrected = iter(zip(stats.holm(p_values), stats.holm_levels(p_values), strict=True))
    return [
        _difference_row(a, b, result, *next(corrected)) if result else _not_compared(a, b)
        for (a, b), result in zip(pairs, compared, strict=True)
    ]


def _pairs(evaluations: Sequence[Evaluation], role_a: str, role_b: str) -> Iterator[tuple[Evaluation, Evaluation]]:
    with_verdicts = [one for one in evaluations if one.verdicts is not None]
    firsts = dict.fromkeys(one.model for one in with_verdicts if one.model.role == role_a)
    seconds = dict.fromkeys(one.model for one in with_verdicts if one.model.role == role_b)
    for first in firsts:
        for second in seconds:
            for a in (one for one in with_verdicts if one.model == first):
                yield from ((a, b) for b in with_verdicts if b.model == second and b.benchmark == a.benchmark)


def _comparable(a: Evaluation, b: Evaluation) -> bool:
    """Whether both scores count, and at least two items were answered by both."""
    if a.flags or b.flags:
        return False
    return not _partly_answered(a, b) or len(set(a.correct()[0]) & set(b.correct()[0])) > 1


def _partly_answered(*evaluations: Evaluation) -> bool:
    return any("n_items_in_benchmark" in evaluation.summary for evaluation in evaluations)


def _compare(a: Evaluation, b: Evaluation, seed: int) -> stats.PairedDifference:
    (ids_a, correct_a), (ids_b, correct_b) = a.correct(), b.correct()
    if _partly_answered(a, b):
        both = sorted(set(ids_a) & set(ids_b))
        ids_a, ids_b, correct_a, correct_b = both, both, correct_a[_places(ids_a, both)], correct_b[_places(ids_b, both)]
    if ids_a != ids_b:
        raise InputError(f"{a.verdicts} and {b.verdicts} hold different items: answer and grade both models on one prompts file")
    return stats.compare(correct_a, correct_b, seed)


def _places(ids: Sequence[str], kept: Sequence[str]) -> list[int]:
    place = {name: number for number, name in enumerate(ids)}
    return [place[name] for name in kept]


def _not_compared(a: Evaluation, b: Evaluation) -> DifferenceRow:
    difference = a.summary["pass@1"] - b.summary["pass@1"]
    return DifferenceRow(a.model.name, b.model.name, a.benchmark.name, difference, verdict=NOT_COMPARED, n=a.summary["n_items"])


def _difference_row(a: Evaluation, b: Evaluation, result: stats.PairedDifference, p_holm: float, level: float) -> DifferenceRow:
    detected = BETTER if result.value > 0 else WORSE
    return DifferenceRow(
        a=a.model.name,
        b=b.model.name,
        benchmark=a.benchmark.name,
        difference=result.value,
        ci95_low=result.low,
        ci95_high=result.high,
        p=result.p,
        p_holm=p_holm,
        verdict=detected if p_holm < stats.ALPHA else NOT_DETECTED,
        minimum_detectable_difference=stats.minimum_detectable(result.by_item, level),
        n=len(result.by_item),
        p_draws=None if result.exact else stats.DRAWS,
        b_benchmark="" if b.benchmark == a.benchmark else b.benchmark.name,
    )
