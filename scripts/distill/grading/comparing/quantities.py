"""Numbers with units, per cent, times of day and ratios."""

from fractions import Fraction
from typing import TYPE_CHECKING

from distill.grading import units
from distill.grading.expressions.exact import as_tree, as_value
from distill.grading.values import Based, Call, Expression, Letters, Num, Number, Percent, Phrase, Quantity, Ratio, Value, Words

if TYPE_CHECKING:
    from distill.grading.comparing.comparison import Comparison


def same_quantity(comparison: "Comparison", gold: Value, answer: Value) -> bool:
    """A unit may be left out, but not be another one; units of one kind are converted."""
    if isinstance(gold, Percent) or isinstance(answer, Percent):
        return False  # 20 % is no length
    if isinstance(gold, Quantity) and isinstance(answer, Quantity):
        if len(gold.parts) == len(answer.parts) and all(one[1] == other[1] for one, other in zip(gold.parts, answer.parts, strict=True)):
            return all(comparison.same(one[0], other[0]) for one, other in zip(gold.parts, answer.parts, strict=True))
        if len(gold.parts) == len(answer.parts) == 1 and {gold.parts[0][1], answer.parts[0][1]} == {"degree", "radian"}:
            return comparison.same(*(_in_radians(value) if unit == "degree" else value for ((value, unit),) in (gold.parts, answer.parts)))
        one, other = _in_base_units(gold), _in_base_units(answer)
        if one is not None and other is not None and not _compatible(gold.parts[0][1], answer.parts[0][1]):
            return one[0] == other[0] and comparison.same(one[1], other[1])
        if len(gold.parts) == len(answer.parts) == 1 and _compatible(gold.parts[0][1], answer.parts[0][1]):
            return comparison.same(gold.parts[0][0], answer.parts[0][0])
        return False
    quantity, other = (gold, answer) if isinstance(gold, Quantity) else (answer, gold)
    if len(quantity.parts) != 1 or isinstance(other, Words | Phrase | Letters | Based):
        return False
    value, unit = quantity.parts[0]
    if unit == "degree" and isinstance(other, Expression) and "\\pi" in repr(other.tree):  # 30 degrees are pi/6
        value = _in_radians(value)
    return comparison.same(value, other) if quantity is gold else comparison.same(other, value)


def _in_radians(degrees: Value) -> Value:
    tree = as_tree(degrees)
    return degrees if tree is None else as_value(Call("deg", (tree,)))


def _in_base_units(quantity: Quantity) -> tuple[str, Value] | None:
    kind, trees = "", []
    for value, unit in quantity.parts:
        found, tree = units.factor(unit), as_tree(value)
        if found is None or tree is None or (kind and found[0] != kind):
            return None
        kind = found[0]
        trees.append(Call("*", (tree, Num(found[1]))))
    return kind, as_value(Call("+", tuple(trees)))


_SIZES = {"unit", "unit^2", "unit^3"}
_GENERIC = {"unit", "unit^2", "unit^3", "way", "solution", "value", "number", "integer", "people", "time", "times", "item", "outcome"}


def _compatible(one: str, other: str) -> bool:
    """Units of which one says less than the other: square units, ways; students and male students."""
    if {one, other} <= _SIZES:
        return False  # units are no square units
    if one in _GENERIC or other in _GENERIC:
        return (units.factor(one) is None and units.factor(other) is None) or {one, other} & _SIZES != set()
    if "degree" in (one, other) and {one, other} & {"celsius", "fahrenheit", "kelvin"}:
        return True
    words = set(one.split()), set(other.split())
    return units.factor(one) is None and units.factor(other) is None and (words[0] <= words[1] or words[1] <= words[0])


def same_percent(comparison: "Comparison", gold: Value, answer: Value) -> bool:
    """50 % is 1/2, and 50 where the sign is left out; 0.5 % is not 0.5, since a share may be written so."""
    if isinstance(gold, Percent) and isinstance(answer, Percent):
        return comparison.same(gold.value, answer.value)
    percent, other = (gold, answer) if isinstance(gold, Percent) else (answer, gold)
    if isinstance(other, Quantity):
        return False
    if not isinstance(percent.value, Number):
        return comparison.same(percent.value, other) if percent is gold else comparison.same(other, percent.value)
    share = Number(percent.value.value / 100, percent.value.digits)
    if comparison.same(*((share, other) if percent is gold else (other, share))):
        return True
    return abs(percent.value.value) > 1 and comparison.same(*((percent.value, other) if percent is gold else (other, percent.value)))


def same_ratio(comparison: "Comparison", gold: Value, answer: Value) -> bool:
    """Times as they are written, am or pm left out at most; ratios in proportion, and one of two parts as their quotient."""
    if isinstance(gold, Ratio) and isinstance(answer, Ratio):
        if gold.clock and answer.clock:
            return (not (gold.half and answer.half) or gold.half == answer.half) and comparison.ordered(gold.parts, answer.parts)
        if len(gold.parts) != len(answer.parts) or (gold.clock and not answer.clock):
            return False  # 10:30 is no 1:3
        trees = [[as_tree(part) for part in side.parts] for side in (gold, answer)]
        if any(tree is None for side in trees for tree in side):
            return comparison.ordered(gold.parts, answer.parts)
        firsts = trees[0][0], trees[1][0]
        return all(
            comparison.same(as_value(Call("*", (one, firsts[1]))), as_value(Call("*", (other, firsts[0]))))
            for one, other in zip(trees[0][1:], trees[1][1:], strict=True)
        )
    ratio, other = (gold, answer) if isinstance(gold, Ratio) else (answer, gold)
    if ratio.half and ratio.parts[1:] == (Number(Fraction(0)),):  # 8 AM without its half
        return comparison.same(*((ratio.parts[0], other) if ratio is gold else (other, ratio.parts[0])))
    trees = [as_tree(part) for part in ratio.parts]
    if len(trees) != 2 or ratio.clock or None in trees or not isinstance(other, Number | Expression):
        return False
    quotient = as_value(Call("/", tuple(trees)))
    return comparison.same(quotient, other) if ratio is gold else comparison.same(other, quotient)
