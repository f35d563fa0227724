"""Values from their parts, each in its simplest form: 5 million is a number, a list of x = 2 and x = 3 what x is."""

from collections.abc import Sequence
from fractions import Fraction

from distill.grading import units
from distill.grading.expressions.exact import exact, number
from distill.grading.values import (
    Builder,
    Call,
    Expression,
    Letters,
    Listing,
    Named,
    Num,
    Number,
    Percent,
    Quantity,
    Ratio,
    Relation,
    Sym,
    Tree,
    Tuple,
    Value,
)


def decimal(text: str) -> Number:
    """A decimal with a sign."""
    found = number(text.lstrip("+-"))
    return Number(-found.value if text.startswith("-") else found.value, found.digits)


def simple(tree: Tree, text: str) -> Value:
    """A number where the tree is a rational constant that is written as one, else an expression."""
    if isinstance(tree, Num):
        return Number(tree.value, tree.digits)
    value = exact(tree) if _rational(tree) else None
    if value is not None:
        return Number(value, _scientific(tree))
    return Expression(tree, text)


def _rational(tree: Tree) -> bool:
    return isinstance(tree, Num) or (isinstance(tree, Call) and all(map(_rational, tree.args)))


def _scientific(tree: Tree) -> int | None:
    """The digits of a decimal times a power of ten, or with a sign."""
    if isinstance(tree, Num):
        return tree.digits
    if isinstance(tree, Call) and tree.name == "neg":
        return _scientific(tree.args[0])
    if (
        isinstance(tree, Call)
        and tree.name == "*"
        and isinstance(tree.args[1], Call)
        and tree.args[1].name == "^"
        and tree.args[1].args[0] == Num(Fraction(10))
    ):
        return _scientific(tree.args[0])
    return None


_SCALES = {"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}


def _scaled(value: Value, factor: int) -> Value | None:
    if isinstance(value, Number):
        return Number(value.value * factor, value.digits)
    if isinstance(value, Quantity) and len(value.parts) == 1 and isinstance(value.parts[0][0], Number):  # $2 million
        return Quantity(((Number(value.parts[0][0].value * factor, value.parts[0][0].digits), value.parts[0][1]),))
    return None


_SCALES_OF_DEGREES = {"C": "celsius", "celsius": "celsius", "f": "fahrenheit", "fahrenheit": "fahrenheit"}


def quantity(parts: Sequence[tuple[Value, str]]) -> Value:
    """A quantity; of a percentage, a scale word (3.5 million) and no unit the plainer value."""
    found: list[tuple[Value, str]] = []
    for value, unit in parts:
        words = unit.split()
        while words and words[0] in _SCALES and (scaled := _scaled(value, _SCALES[words[0]])) is not None:
            value = scaled
            del words[0]
        found.append((value, " ".join(words)))
    if len(found) == 1:
        value, unit = found[0]
        if isinstance(value, Quantity) and not unit:
            return value
        if isinstance(value, Quantity) and value.parts[0][1] == "degree" and unit in _SCALES_OF_DEGREES:
            return Quantity(((value.parts[0][0], _SCALES_OF_DEGREES[unit]),))
        if isinstance(value, Quantity) and len(value.parts) == 1:
            value = value.parts[0][0] if value.parts[0][1] in (unit, "dollar") else value
        if isinstance(value, Number) and unit in ("am", "pm") and value.value in range(1, 13):
            return Ratio((value, Number(Fraction(0))), True, unit)
        if isinstance(value, Ratio) and unit in ("am", "pm"):
            return Ratio(value.parts, True, unit)
        if unit == units.PERCENT:
            return value if isinstance(value, Percent) else Percent(value)
        if not unit:
            return value
        if unit.startswith("percent") or unit.startswith(units.PERCENT):
            return Percent(value)
        return Quantity(((value, unit),))
    return Quantity(tuple(found))


def builder(element: Value, conditions: Sequence[Value]) -> Value:
    """A set by its conditions, those on its element among them; that it is real goes without saying where there is another."""
    if isinstance(element, Relation) and element.signs == ("in",):
        conditions, element = [*conditions, element], element.sides[0]
    conditions = [part for condition in conditions for part in (condition.items if isinstance(condition, Listing) else (condition,))]
    is_real = Relation((element, Expression(Sym("\\mathbb{R}"), "\\mathbb R")), ("in",))
    return Builder(element, tuple(condition for condition in conditions if condition != is_real) or tuple(conditions))


def listing(values: Sequence[Value]) -> Value:
    """A list; of x = 2, x = 3 and of x = 2, 3 what x is."""
    flat: list[Value] = []
    for value in values:
        flat += value.items if isinstance(value, Listing) else [value]
    named = [value for value in flat if isinstance(value, Named)]
    if len(flat) > 1 and _share_a_name(flat, named):
        inner: list[Value] = []
        for value in flat:
            held = value.value if isinstance(value, Named) else value
            inner += held.items if isinstance(held, Listing) else [held]
        return Named(named[0].names, Listing(tuple(inner)), named[0].equation)
    return flat[0] if len(flat) == 1 else Listing(tuple(flat))


def _share_a_name(flat: Sequence[Value], named: Sequence[Named]) -> bool:
    """Whether all of a list are values of one name, or the first names what the others, bare ones, are values of too."""
    if not named or flat[0] is not named[0] or any(value.names != named[0].names for value in named):
        return False
    plain = all(isinstance(value, Number | Expression | Tuple | Letters) for value in flat[1:])
    return len(named) == len(flat) or (len(named) == 1 and plain)
