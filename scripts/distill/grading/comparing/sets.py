"""Sets, intervals and unions, also as inequalities."""

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from distill.grading.comparing.tuples import same_tuple
from distill.grading.expressions.exact import as_tree, exact, has_no_variables, symbols
from distill.grading.expressions.points import is_real, value_at
from distill.grading.tokens import Unreadable
from distill.grading.values import (
    Builder,
    Call,
    Expression,
    Letters,
    Listing,
    Number,
    Relation,
    SetOf,
    SetOperation,
    Sym,
    Tuple,
    Unread,
    Value,
    Words,
)

if TYPE_CHECKING:
    from distill.grading.comparing.comparison import Comparison


def same_ranges(comparison: "Comparison", gold: Value, answer: Value) -> bool:
    """x < 1 or x > 2 against a union of intervals."""
    one, other = union_of(gold), union_of(answer)
    return (
        one is not None
        and other is not None
        and (_names(gold) == _names(answer) or not (_names(gold) and _names(answer)))
        and same_unions(comparison, one, other)
    )


def same_set(comparison: "Comparison", gold: Value, answer: Value) -> bool:
    """Sets by their elements, each counted once; a set that is described by what its elements fulfil against one that is written out."""
    if isinstance(gold, Builder) and isinstance(answer, Builder):
        return comparison.same(gold.element, answer.element) and comparison.matched(gold.conditions, answer.conditions)
    if isinstance(gold, Builder) or isinstance(answer, Builder):
        builder, other = (gold, answer) if isinstance(gold, Builder) else (answer, gold)
        found = union_of(builder)
        return (
            found is not None
            and isinstance(other, Tuple | SetOperation | SetOf)
            and same_unions(comparison, *((found, other) if builder is gold else (other, found)))
        )
    if isinstance(gold, SetOf) and isinstance(answer, SetOf):
        if any(isinstance(item, SetOf) for item in gold.items) != any(isinstance(item, SetOf) for item in answer.items):
            return False  # a set of sets
        return comparison.covers(gold.items, answer.items) and comparison.covers(answer.items, gold.items, turned=True)
    if (isinstance(gold, SetOf) and isinstance(answer, Words)) or (isinstance(answer, SetOf) and isinstance(gold, Words)):
        words, other = (gold, answer) if isinstance(gold, Words) else (answer, gold)
        return (
            isinstance(other, SetOf)
            and not other.items
            and isinstance(words, Words)
            and words.text in ("emptyset", "nosolution", "nosolutions", "none", "empty")
        )
    return same_unions(comparison, gold, answer)


def same_unions(comparison: "Comparison", gold: Value, answer: Value) -> bool:
    """Unions of intervals and points by their parts, in any order."""
    if isinstance(gold, SetOperation) and isinstance(answer, SetOperation) and gold.name == answer.name != "union":
        return comparison.ordered(gold.parts, answer.parts) or (
            gold.name in ("intersection", "wedge", "vee") and comparison.matched(gold.parts, answer.parts)
        )
    one, other = _parts(gold), _parts(answer)
    if one is None or other is None:
        return False
    if len(one) + len(other) > 2:
        return comparison.matched(one, other)
    return (is_real_line(one[0]) and is_real_line(other[0])) or same_tuple(comparison, one[0], other[0])


_INFINITY = Sym("\\infty")
_PLUS = Expression(_INFINITY, "\\infty")
_MINUS = Expression(Call("neg", (_INFINITY,)), "-\\infty")


def variable_of(relation: Relation) -> Value | None:
    """What an inequality bounds; of |x - 1| < 2 that is x."""
    if relation.signs == ("in",):
        return relation.sides[0]
    names = [side for side in relation.sides if not has_no_variables(side)]
    if len(names) != 1:
        return None
    shift = _in_bars(names[0])
    return names[0] if shift is None else shift[0]


def range_of(relation: Relation) -> Value | None:
    """The interval that an inequality of one variable and constants says, or None."""
    variable = next((side for side in relation.sides if not has_no_variables(side)), None)
    if variable_of(relation) is None or not (isinstance(variable, Expression | Letters | Unread | Words)):
        return None
    sides, signs = relation.sides, relation.signs
    if isinstance(variable, Expression) and isinstance(variable.tree, Call):
        if _in_bars(variable) is not None:
            return _around(relation, variable)
        if len(variable.tree.name.rstrip("'")) != 1 or not variable.tree.name[0].isalpha():
            return None  # no f(x)
    if signs == ("!=",):
        bound = sides[0] if sides[1] is variable else sides[1]
        return SetOperation("union", (Tuple((_MINUS, bound), "()"), Tuple((bound, _PLUS), "()")))
    if not all(sign in ("<", "<=") for sign in signs):
        return None
    at = sides.index(variable)
    if len(sides) == 2:
        if at == 0:
            return Tuple((_MINUS, sides[1]), "(" + (")" if signs[0] == "<" else "]"))
        return Tuple((sides[0], _PLUS), ("(" if signs[0] == "<" else "[") + ")")
    if len(sides) == 3 and at == 1:
        return Tuple((sides[0], sides[2]), ("(" if signs[0] == "<" else "[") + (")" if signs[1] == "<" else "]"))
    return None


def _in_bars(side: Value) -> tuple[Value, Fraction] | None:
    """x and 1 of |x - 1|, or None."""
    if not isinstance(side, Expression) or not isinstance(side.tree, Call) or side.tree.name != "abs":
        return None
    inner = side.tree.args[0]
    if isinstance(inner, Sym):
        return Expression(inner, inner.name), Fraction(0)
    if isinstance(inner, Call) and inner.name == "+" and len(inner.args) == 2 and isinstance(inner.args[0], Sym):
        constant = exact(inner.args[1])
        return None if constant is None else (Expression(inner.args[0], inner.args[0].name), -constant)
    return None


def _around(relation: Relation, variable: Value) -> Value | None:
    """|x - 1| < 3 as an interval, |x| > 2 as two."""
    shift = _in_bars(variable)
    if shift is None or len(relation.sides) != 2 or relation.signs[0] not in ("<", "<="):
        return None
    inside = relation.sides[0] is variable
    bound = relation.sides[1 if inside else 0]
    if not isinstance(bound, Number) or bound.value <= 0:
        return None
    low, high = Number(shift[1] - bound.value), Number(shift[1] + bound.value)
    closed = relation.signs == ("<=",)
    if inside:
        return Tuple((low, high), "[]" if closed else "()")
    return SetOperation("union", (Tuple((_MINUS, low), "(]" if closed else "()"), Tuple((high, _PLUS), "[)" if closed else "()")))


def union_of(value: Value) -> Value | None:
    """Inequalities, an interval or a union as a union of intervals."""
    if isinstance(value, Relation):
        return range_of(value) if value.signs != ("in",) else value.sides[1]
    if isinstance(value, Builder):
        bounds = [condition for condition in value.conditions if isinstance(condition, Relation)]
        return range_of(bounds[0]) if len(bounds) == 1 == len(value.conditions) and variable_of(bounds[0]) == value.element else None
    if isinstance(value, Listing):
        excluded = _excluded(value)
        if excluded is not None:
            return SetOperation("difference", (Tuple((_MINUS, _PLUS), "()"), SetOf(excluded)))
        ranges = [union_of(item) for item in value.items]
        if any(part is None for part in ranges):
            return None
        return SetOperation("union", tuple(part for part in ranges if part is not None))
    return value if isinstance(value, Tuple | SetOperation | SetOf) else None


def _excluded(listing: Listing) -> tuple[Value, ...] | None:
    """1 and 2 of x != 1, x != 2."""
    relations = [item for item in listing.items if isinstance(item, Relation) and item.signs == ("!=",)]
    if len(relations) < len(listing.items) or any(relation.sides[0] != relations[0].sides[0] for relation in relations):
        return None
    return tuple(relation.sides[1] for relation in relations)


def _names(value: Value) -> set[str]:
    items = value.items if isinstance(value, Listing) else (value,)
    return {repr(variable_of(item)) for item in items if isinstance(item, Relation)}


def _parts(value: Value) -> list[Value] | None:
    if isinstance(value, SetOperation):
        if value.name == "difference" and len(value.parts) == 2 and isinstance(value.parts[1], SetOf):
            whole = Tuple((_MINUS, _PLUS), "()") if is_real_line(value.parts[0]) else value.parts[0]
            if isinstance(whole, Tuple) and len(whole.items) == 2:
                return _without(whole, value.parts[1].items)
        if value.name != "union":
            return [value]
        found: list[Value] = []
        for part in value.parts:
            inner = _parts(part)
            if inner is None:
                return None
            found += inner
        return found
    if isinstance(value, SetOf):
        return list(value.items) or None
    return [value]


def _without(interval: Tuple, points: Sequence[Value]) -> list[Value] | None:
    """An interval without some of its inner points, as intervals."""
    trees = [as_tree(point) for point in points]
    try:
        places = [None if tree is None or symbols(tree) else value_at(tree, 0) for tree in trees]
    except Unreadable:
        return None
    if any(place is None or not is_real(place) for place in places):
        return None
    inner = [points[at] for at in sorted(range(len(points)), key=lambda at: places[at].real)]
    ends = [interval.items[0], *inner, interval.items[1]]
    brackets = [interval.ends[0], *("(" for _ in inner)], [*(")" for _ in inner), interval.ends[1]]
    return [Tuple((ends[at], ends[at + 1]), brackets[0][at] + brackets[1][at]) for at in range(len(inner) + 1)]


def is_real_line(value: Value) -> bool:
    """Whether a value is all real numbers, by its sign, in words or as an interval."""
    if isinstance(value, Expression):
        return value.tree == Sym("\\mathbb{R}")
    if isinstance(value, Words):
        return value.text in ("allrealnumber", "allreal", "realnumber", "allreals")
    return isinstance(value, Tuple) and [as_tree(item) for item in value.items] == [_MINUS.tree, _PLUS.tree]
