"""Whether two trees are equal: exactly if both are rational, else to 120 of 200 bits, and where there are variables at points.

A sum, an integral or a limit has no value here: such a tree can be found equal, but not different.
"""

from fractions import Fraction
from typing import Any

from distill.grading.expressions.exact import calls, exact, symbols
from distill.grading.expressions.points import POINTS, close, context, is_real, is_zero, value_at
from distill.grading.values import Tree


def equal(one: Tree, other: Tree) -> bool | None:
    """Whether two expressions have the same value wherever both are real; None where that is for math-verify to find out.

    Raises Unreadable for what is too large or too deep to compute.
    """
    first, second = exact(one), exact(other)
    if first is not None and second is not None:
        return first == second
    called = calls(one) | calls(other)
    unknown = any(name.startswith("\\") for name in called)
    verdict = _equal_constants(one, other) if not (symbols(one) | symbols(other) or unknown) else _equal_at_points(one, other)
    if verdict or not unknown:
        return verdict
    return False if any(name.rstrip("'").isalpha() and len(name.rstrip("'")) == 1 for name in called) else None


def _equal_constants(one: Tree, other: Tree) -> bool | None:
    first, second = value_at(one, 0), value_at(other, 0)
    if first is None or second is None:
        return None
    if close(first, second):
        return True
    mp = context()
    if not (mp.isinf(first) or mp.isinf(second)) and max(abs(first), abs(second)) < mp.ldexp(1, -100):
        return is_zero(one) and is_zero(other)
    return False


def _equal_at_points(one: Tree, other: Tree) -> bool | None:
    """First over the reals, where the root of a negative number is not there; if nothing is, over the complex numbers."""
    mp = context()
    try:
        mp.real_only = True
        found = _agree(one, other)
    finally:
        mp.real_only = False
    return _agree(one, other) if found is None else found


def _agree(one: Tree, other: Tree) -> bool | None:
    compared = 0
    complex_equal: list[bool] = []
    for round_ in range(POINTS):
        first, second = value_at(one, round_), value_at(other, round_)
        if first is None or second is None:
            continue
        same = close(first, second) or _both_vanish(first, second)
        if is_real(first) and is_real(second):
            if not same:
                return False
            compared += 1
        elif round_ < POINTS - 2:
            complex_equal.append(same)
    if compared >= 2:
        return True
    if context().real_only:
        return None
    return all(complex_equal) if complex_equal else None


def _both_vanish(first: Any, second: Any) -> bool:
    """Of values of the order of one, so that what is left of 200 bits is rounding."""
    mp = context()
    return bool(max(abs(first), abs(second)) < mp.ldexp(1, -150))


def proportional(one: Tree, other: Tree) -> Fraction | float | None:
    """The constant factor between two expressions with variables (its sign is what matters), or None."""
    found: list[Any] = []
    for round_ in range(POINTS - 2):
        first, second = value_at(one, round_), value_at(other, round_)
        if first is None or second is None or not second or not is_real(first) or not is_real(second):
            continue
        found.append(first / second)
    if len(found) < 2 or not all(close(found[0], ratio) for ratio in found[1:]) or not found[0]:
        return None
    return float(context().re(found[0]) > 0) * 2 - 1
