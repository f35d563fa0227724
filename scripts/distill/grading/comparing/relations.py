"""Equations, named values, inequalities and congruences."""

from typing import TYPE_CHECKING

from distill.grading.comparing.sets import range_of, same_ranges, same_unions, variable_of
from distill.grading.expressions.equality import proportional
from distill.grading.expressions.exact import as_tree, calls, has_numbers, is_constant, symbols, tree_of
from distill.grading.tokens import Unreadable
from distill.grading.values import (
    Builder,
    Call,
    Expression,
    Letters,
    Listing,
    Named,
    Number,
    Ratio,
    Relation,
    SetOf,
    SetOperation,
    Tree,
    Tuple,
    Unread,
    Value,
    Words,
)

if TYPE_CHECKING:
    from distill.grading.comparing.comparison import Comparison


def same_named(comparison: "Comparison", gold: Value, answer: Value) -> bool:
    """Values by their names, x = 3; a name that only one side writes may be left out where the equation is true."""
    if isinstance(gold, Named) and isinstance(answer, Named):
        if gold.names == answer.names:
            return comparison.same(gold.value, answer.value)
        if sorted(gold.names) == sorted(answer.names) and isinstance(gold.value, Tuple) and isinstance(answer.value, Tuple):
            places = [answer.names.index(name) for name in gold.names]
            if len(answer.value.items) == len(places):
                return comparison.same(gold.value, Tuple(tuple(answer.value.items[place] for place in places), answer.value.ends))
        if ("y",) in (gold.names, answer.names) and _FUNCTION_OF_X & {*gold.names, *answer.names}:
            return comparison.same(gold.value, answer.value)  # y = x^2 for f(x) = x^2
        if gold.names == ("",) or answer.names == ("",) or is_label(gold) or is_label(answer):
            return comparison.same(gold.value, answer.value)
        return same_relations(comparison, gold.equation, answer.equation)
    named, other = (gold, answer) if isinstance(gold, Named) else (answer, gold)
    if isinstance(other, Relation):
        if other.signs == ("in",) and len(named.names) == 1 and not isinstance(named.value, Tuple):
            same = comparison.same(named.equation.sides[0], other.sides[0])
            return same and comparison.same(*((named.value, other.sides[1]) if named is gold else (other.sides[1], named.value)))
        return same_relations(comparison, *((named.equation, other) if named is gold else (other, named.equation)))
    if isinstance(other, Listing) and len(named.names) > 1 and isinstance(named.value, Tuple):
        return _system(comparison, named, other, gold_named=named is gold)
    if not _true_chain(comparison, named.equation):
        return False
    return comparison.same(named.value, other) if named is gold else comparison.same(other, named.value)


def _system(comparison: "Comparison", named: Named, other: Listing, gold_named: bool) -> bool:
    """(x,y) = (1,2) against x = 1, y = 2, in any order."""
    assert isinstance(named.value, Tuple)
    wanted = dict(zip(named.names, named.value.items, strict=False))
    found = {value.names[0]: value.value for value in other.items if isinstance(value, Named) and len(value.names) == 1}
    if len(wanted) != len(named.value.items) or set(found) != set(wanted) or len(found) != len(other.items):
        return comparison.same(named.value, other) if gold_named else comparison.same(other, named.value)
    return all(comparison.same(*((wanted[name], found[name]) if gold_named else (found[name], wanted[name]))) for name in wanted)


def _true_chain(comparison: "Comparison", equation: Relation) -> bool:
    """Whether the constants that an equation sets equal are equal: 9 = 77 states nothing."""
    constants = [side for side in equation.sides if is_constant(side)]
    return all(comparison.same(constants[0], side) for side in constants[1:])


def same_relation(comparison: "Comparison", gold: Value, answer: Value) -> bool:
    """Equations, inequalities and congruences, also against a set or interval that says the same."""
    if isinstance(gold, Relation) and isinstance(answer, Relation):
        return same_relations(comparison, gold, answer)
    relation, other = (gold, answer) if isinstance(gold, Relation) else (answer, gold)
    if relation.signs == ("in",):
        return _plain_name(relation.sides[0]) and comparison.same(
            *((relation.sides[1], other) if relation is gold else (other, relation.sides[1]))
        )
    interval = range_of(relation)
    if interval is not None and isinstance(other, Tuple | SetOperation | SetOf | Builder):
        return same_ranges(comparison, *((interval, other) if relation is gold else (other, interval)))
    if set(relation.signs) == {"="}:
        value = relation.sides[-1]
        stated = _states_in_gold(relation) if relation is gold else _states(relation)
        if (stated or all(map(is_constant, relation.sides))) and _true_chain(comparison, relation):
            return comparison.same(value, other) if relation is gold else comparison.same(other, value)
    if relation.signs[-1] == "mod" and not isinstance(other, Relation):
        return comparison.same(relation.sides[-2], other) if relation is gold else False
    return False


def same_relations(comparison: "Comparison", gold: Relation, answer: Relation) -> bool:
    """Two relations side by side, by the range of numbers that both describe, or as multiples of each other."""
    if gold.signs[-1] == answer.signs[-1] == "mod":
        return _congruences(comparison, gold, answer)
    if gold.signs == answer.signs and len(gold.sides) == len(answer.sides):
        if all(map(is_constant, gold.sides)) and set(gold.signs) == {"="}:
            return _true_chain(comparison, answer) and comparison.ordered(gold.sides, answer.sides)
        if comparison.ordered(gold.sides, answer.sides):
            return True
        if set(gold.signs) <= {"=", "!=", "parallel", "perp", "sim", "cong", "<=>"} and comparison.ordered(gold.sides[::-1], answer.sides):
            return True
    one, other = range_of(gold), range_of(answer)
    if one is not None and other is not None:
        return variable_of(gold) == variable_of(answer) and same_unions(comparison, one, other)
    if gold.signs == ("in",) or answer.signs == ("in",):
        sets = [
            side if side is not None else relation.sides[1]
            for side, relation in ((one, gold), (other, answer))
            if side or relation.signs == ("in",)
        ]
        names = [variable_of(relation) if range_of(relation) is not None else relation.sides[0] for relation in (gold, answer)]
        return len(sets) == 2 and comparison.same(names[0], names[1]) and same_unions(comparison, sets[0], sets[1])
    return _proportional(comparison, gold, answer)


def _congruences(comparison: "Comparison", gold: Relation, answer: Relation) -> bool:
    """By residue and modulus; what is congruent may be left out: 2 (mod 5)."""
    modulus, other = gold.sides[-1], answer.sides[-1]
    named = gold.sides[:-2] and answer.sides[:-2]
    if not comparison.same(modulus, other) or (named and not comparison.ordered(gold.sides[:-2], answer.sides[:-2])):
        return False
    one, two = gold.sides[-2], answer.sides[-2]
    if isinstance(one, Number) and isinstance(two, Number) and isinstance(modulus, Number) and modulus.value:
        return (one.value - two.value) % modulus.value == 0
    return comparison.same(one, two)


def _proportional(comparison: "Comparison", gold: Relation, answer: Relation) -> bool:
    """Two equations, or inequalities of the same strictness, whose sides differ by the same expression up to a factor."""
    if len(gold.signs) != 1 or len(answer.signs) != 1 or gold.signs != answer.signs or gold.signs[0] not in ("=", "<", "<=", "!="):
        return False
    differences = [_difference(relation) for relation in (gold, answer)]
    if differences[0] is None or differences[1] is None:
        return False
    if not symbols(differences[0]):
        return False
    try:
        sign = proportional(differences[0], differences[1])
    except Unreadable:
        return False
    return sign is not None and (sign > 0 or gold.signs[0] in ("=", "!="))


_FUNCTION_OF_X = {"f(x)", "g(x)", "h(x)"}
_ARITHMETIC = {"+", "-", "*", "/", "^", "neg", "sqrt"}


def is_label(named: Named) -> bool:
    """Whether the name is words and not a symbol: Total cost: 13."""
    return isinstance(named.equation.sides[0], Words)


def _plain_name(value: Value) -> bool:
    return isinstance(value, Expression | Words | Letters | Unread)


def _states(equation: Relation) -> bool:
    """Whether the left side of an answer's equation is what was asked for: m + n = 113 and sin x = 1/2 state a value; 2x = 6 is still to
    be solved, and x + 2y = 3, x^2 + y^2 = 25 and what equals 0 are curves."""
    side, value = equation.sides[0], equation.sides[-1]
    if isinstance(side, Words | Letters | Unread | Ratio):
        return True
    if isinstance(side, Relation):
        return side.signs == ("mod",)  # 10 mod 3 = 1
    if isinstance(side, SetOperation):
        return all(isinstance(part, Expression | Letters) and not has_numbers(tree_of(part)) for part in side.parts)
    if not isinstance(side, Expression) or (isinstance(value, Number) and not value.value):
        return False
    names, called = symbols(side.tree), calls(side.tree)
    if called - _ARITHMETIC:
        return bool(names)
    plain = not has_numbers(side.tree)
    return len(names) > 1 and (plain or not names & {"x", "y", "z"})


def _states_in_gold(equation: Relation) -> bool:
    """Whether a gold's equation says what something is the value of: m + n = 7, sin t = 3/5, A cap B = {1,2}; x + y = 5 may be a line."""
    side = equation.sides[0]
    if not isinstance(side, Expression):
        return isinstance(side, Ratio | SetOperation | Relation) and _states(equation)
    if not _states(equation):
        return False
    is_quotient = isinstance(side.tree, Call) and side.tree.name == "/" and not has_numbers(side.tree)
    return is_quotient or not (symbols(side.tree) & {"x", "y", "z"} and calls(side.tree) <= _ARITHMETIC)


def _difference(relation: Relation) -> Tree | None:
    trees = [as_tree(side) for side in relation.sides]
    if trees[0] is None or trees[1] is None:
        return None
    return Call("+", (trees[0], Call("neg", (trees[1],))))
