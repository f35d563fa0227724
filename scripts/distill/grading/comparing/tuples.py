"""Tuples, intervals with equal brackets, vectors and matrices."""

from typing import TYPE_CHECKING

from distill.grading.values import Matrix, Tuple, Value

if TYPE_CHECKING:
    from distill.grading.comparing.comparison import Comparison


def same_tuple(comparison: "Comparison", gold: Value, answer: Value) -> bool:
    """Tuples and vectors part by part; of pairs, which may be intervals, the brackets too."""
    if isinstance(gold, Tuple) and isinstance(answer, Tuple):
        return (len(gold.items) != 2 or _round(gold.ends) == _round(answer.ends)) and comparison.ordered(gold.items, answer.items)
    if isinstance(gold, Matrix) or isinstance(answer, Matrix):
        return same_matrix(comparison, gold, answer)
    return type(gold) is type(answer) and comparison.same(gold, answer)


def _round(ends: str) -> str:
    return ends.replace("<", "(").replace(">", ")")


def same_matrix(comparison: "Comparison", gold: Value, answer: Value) -> bool:
    """Matrices entry by entry; one of a single row or column is also a tuple."""
    if isinstance(gold, Matrix) and isinstance(answer, Matrix):
        return [len(row) for row in gold.rows] == [len(row) for row in answer.rows] and all(
            comparison.ordered(one, other) for one, other in zip(gold.rows, answer.rows, strict=True)
        )
    matrix, other = (gold, answer) if isinstance(gold, Matrix) else (answer, gold)
    entries = [entry for row in matrix.rows for entry in row]
    if (
        not isinstance(other, Tuple)
        or 1 not in (len(matrix.rows), max(map(len, matrix.rows), default=0))
        or other.ends not in ("()", "<>", "[]")
    ):
        return False
    return comparison.ordered(entries, other.items) if matrix is gold else comparison.ordered(other.items, entries)
