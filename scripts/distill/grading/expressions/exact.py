"""Trees of expressions that are rational constants: their exact values, bounded in size; and the names that a tree holds."""

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cache

from distill.grading.tokens import Unreadable
from distill.grading.values import Call, Expression, Letters, Num, Number, Sym, Tree, Value

MAX_BITS = 40_000  # of a numerator or denominator: 2006! has 19,000
MAX_DIGITS = 4000


def number(text: str, repeated: str = "") -> Num:
    """A number as people write it; `repeated` are the digits behind it that repeat for ever."""
    if len(text) > MAX_DIGITS:
        raise Unreadable("too many digits")
    mantissa, exponential, exponent = text.lower().partition("e")
    if exponential and abs(int(exponent)) > 1000:
        raise Unreadable("exponent")
    whole, point, decimals = mantissa.partition(".")
    value = Fraction(int(whole or "0")) + (Fraction(int(decimals), 10 ** len(decimals)) if decimals else 0)
    if repeated:
        return Num(value + Fraction(int(repeated), (10 ** len(repeated) - 1) * 10 ** len(decimals)))
    digits = len((whole + decimals).lstrip("0")) if (point and decimals) or exponential else None
    return Num(value * Fraction(10) ** int(exponent) if exponential else value, digits)


def exact(tree: Tree) -> Fraction | None:
    """The value of a rational constant of bounded size, else None."""
    if isinstance(tree, Num):
        return tree.value
    if isinstance(tree, Sym):
        return None
    values = [exact(arg) for arg in tree.args]
    if not values or any(value is None for value in values):
        return None
    return _exact(tree.name, [value for value in values if value is not None])


def _exact(name: str, values: list[Fraction]) -> Fraction | None:
    first = values[0]
    if name == "+":
        return _bounded(sum(values, Fraction(0)))
    if name == "*":
        return _bounded(first * values[1])
    if name == "/":
        return _bounded(first / values[1]) if values[1] else None
    if name == "neg":
        return -first
    if name == "^":
        return _exact_power(first, values[1])
    if name == "!" and first.denominator == 1 and 0 <= first <= 3500:
        return Fraction(_factorial(int(first)))
    if name == "binom" and all(value.denominator == 1 for value in values) and 0 <= values[1] <= first <= 3500:
        return Fraction(_factorial(int(first)) // (_factorial(int(values[1])) * _factorial(int(first - values[1]))))
    if name in ("gcd", "lcm") and all(value.denominator == 1 for value in values):
        return Fraction((math.gcd if name == "gcd" else math.lcm)(*map(int, values)))
    if name in ("max", "min"):
        return max(values) if name == "max" else min(values)
    if name == "abs":
        return abs(first)
    if name in ("floor", "ceil"):
        return Fraction(first.__floor__() if name == "floor" else first.__ceil__())
    return None


def _exact_power(base: Fraction, exponent: Fraction) -> Fraction | None:
    if exponent.denominator != 1 or (base == 0 and exponent <= 0):
        return None
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    return base ** int(exponent) if abs(exponent) * bits <= MAX_BITS else None


def _bounded(value: Fraction) -> Fraction | None:
    return value if max(value.numerator.bit_length(), value.denominator.bit_length()) <= MAX_BITS else None


_factorial = cache(math.factorial)


def symbols(tree: Tree) -> frozenset[str]:
    """The variables of a tree; pi, e and i are none."""
    found: set[str] = set()
    stack = [tree]
    while stack:
        part = stack.pop()
        if isinstance(part, Sym):
            if part.name not in ("\\pi", "\\infty", "e", "i"):
                found.add(part.name)
        elif isinstance(part, Call):
            stack.extend(part.args)
    return frozenset(found)


def calls(tree: Tree) -> frozenset[str]:
    """The names of the operations and functions of a tree."""
    found: set[str] = set()
    stack = [tree]
    while stack:
        part = stack.pop()
        if isinstance(part, Call):
            found.add(part.name)
            stack.extend(part.args)
    return frozenset(found)


def has_no_variables(value: Value) -> bool:
    """Of a number or an expression; functions that nobody knows, such as f(2), may stand in it."""
    return isinstance(value, Number) or (isinstance(value, Expression) and not symbols(value.tree))


def is_constant(value: Value) -> bool:
    """A number, or an expression whose value is known: neither f(2) nor an integral."""
    if not isinstance(value, Expression):
        return isinstance(value, Number)
    unknown = (name for name in calls(value.tree) if name.startswith("\\") or (len(name.rstrip("'")) == 1 and name.isalpha()))
    return not symbols(value.tree) and next(unknown, None) is None


def as_tree(value: Value) -> Tree | None:
    """The tree of a number, an expression or letters; None for any other value."""
    if isinstance(value, Number):
        return Num(value.value)
    return value.tree if isinstance(value, Expression) else Sym(value.text) if isinstance(value, Letters) else None


def as_value(tree: Tree) -> Value:
    """A number where the tree is a rational constant, else an expression that math-verify is not asked about."""
    value = exact(tree)
    return Number(value) if value is not None else Expression(tree, "")


def has_numbers(tree: Tree) -> bool:
    """Whether a number stands anywhere in a tree."""
    return isinstance(tree, Num) or (isinstance(tree, Call) and any(map(has_numbers, tree.args)))


def tree_of(value: Value) -> Tree:
    """As as_tree, and Unreadable where there is none."""
    tree = as_tree(value)
    if tree is None:
        raise Unreadable("no expression")
    return tree


def determinant(rows: Sequence[Sequence[Tree]]) -> Tree:
    """Of at most four rows, by its first."""
    if len(rows) > 4 or any(len(row) != len(rows) for row in rows):
        raise Unreadable("determinant")
    if len(rows) == 1:
        return rows[0][0]
    terms = []
    for place, entry in enumerate(rows[0]):
        term = Call("*", (entry, determinant([[*row[:place], *row[place + 1 :]] for row in rows[1:]])))
        terms.append(Call("neg", (term,)) if place % 2 else term)
    return Call("+", tuple(terms))
