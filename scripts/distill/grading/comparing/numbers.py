"""Numbers and expressions, and decimals that stand for values without a finite decimal; digits in a base."""

from fractions import Fraction
from typing import TYPE_CHECKING

from distill.grading.expressions.equality import equal
from distill.grading.expressions.exact import as_tree, symbols
from distill.grading.expressions.points import is_real, value_at
from distill.grading.tokens import Unreadable
from distill.grading.values import Based, Call, Expression, Letters, Num, Number, Sym, Tree, Value, Words

if TYPE_CHECKING:
    from distill.grading.comparing.comparison import Comparison

DIGITS = 6  # significant digits that a decimal must show to stand for a value that has no finite decimal, as in math-verify


def same_values(comparison: "Comparison", gold: Value, answer: Value) -> bool:
    """Numbers and expressions."""
    if not isinstance(gold, Number | Expression) or not isinstance(answer, Number | Expression):
        return False
    comparison.compared += 50
    one, other = as_tree(gold), as_tree(answer)
    assert one is not None and other is not None
    try:
        found = equal(one, other)
        if found is False and (isinstance(gold, Number) != isinstance(answer, Number)):
            found = _rounds(gold, answer)
    except Unreadable:
        found = None
    if found is None:
        texts = ("", "") if _is_opaque(one) or _is_opaque(other) else (_text(gold), _text(answer))
        found = all(texts) and comparison.ask(*texts)
    return found


def _is_opaque(tree: Tree) -> bool:
    """Whether math-verify would misread a tree: it takes the members of a sequence for one constant, and an integral without dx too."""
    if isinstance(tree, Call) and tree.name.startswith("\\int") and "d" not in symbols(tree):
        return True
    if isinstance(tree, Sym):
        return any(letter.isalpha() for letter in tree.name.partition("_")[2])
    return isinstance(tree, Call) and any(map(_is_opaque, tree.args))


def same_numbers(gold: Number, answer: Number) -> bool:
    """Equal, or one the decimal of the other to at least DIGITS digits."""
    return gold.value == answer.value or _rounded(gold, answer) or _rounded(answer, gold)


def _rounded(exact: Number, decimal: Number) -> bool:
    """Whether a decimal of 6 digits or more is a fraction that has no finite decimal, rounded or cut off where the decimal ends."""
    if decimal.digits is None or decimal.digits < DIGITS or exact.digits is not None or _finite(exact.value):
        return False
    place = _last_place(decimal)
    apart = abs(exact.value) - abs(decimal.value)
    return (exact.value > 0) == (decimal.value > 0) and (abs(apart) * 2 <= place or 0 <= apart < place)


def _last_place(decimal: Number) -> Fraction:
    """One unit in the last place that a decimal shows."""
    value = abs(decimal.value)
    if not value or decimal.digits is None:
        return Fraction(0)
    exponent = len(str(int(value))) if value >= 1 else 1 - _zeros(value)
    return Fraction(10) ** (exponent - decimal.digits)


def _zeros(value: Fraction) -> int:
    """How many places behind the point the first digit of a number below one stands."""
    guess = len(str(value.denominator)) - len(str(value.numerator))
    while Fraction(10) ** -guess > value:
        guess += 1
    while Fraction(10) ** -(guess - 1) <= value:
        guess -= 1
    return guess


def _finite(value: Fraction) -> bool:
    rest = value.denominator
    for factor in (2, 5):
        while rest % factor == 0:
            rest //= factor
    return rest == 1


def _rounds(gold: Number | Expression, answer: Number | Expression) -> bool:
    """Whether the decimal of the two shows the value of the other, an irrational constant."""
    decimal, other = (gold, answer) if isinstance(gold, Number) else (answer, gold)
    assert isinstance(decimal, Number) and isinstance(other, Expression)
    if decimal.digits is None or decimal.digits < DIGITS or symbols(other.tree):
        return False
    value = value_at(other.tree, 0)
    if value is None or not is_real(value):
        return False
    place = value_at(Num(_last_place(decimal)), 0)
    shown = value_at(Num(decimal.value), 0)
    value = value.real
    apart = abs(value) - abs(shown)
    return bool((value > 0) == (shown > 0) and (abs(apart) * 2 <= place or 0 <= apart < place))


def _text(value: Number | Expression) -> str:
    """For math-verify; nothing for a number that it could not read either."""
    if isinstance(value, Expression):
        return value.text
    if max(value.value.numerator.bit_length(), value.value.denominator.bit_length()) > 4000:
        return ""
    return f"\\frac{{{value.value.numerator}}}{{{value.value.denominator}}}" if value.value.denominator != 1 else str(value.value)


def same_based(comparison: "Comparison", gold: Value, answer: Value) -> bool:
    """An answer may leave the base out, as the question names it; the digits are compared. One that adds a base is another number."""
    if isinstance(gold, Based) and isinstance(answer, Based):
        return (gold.digits.lstrip("0") or "0", gold.base) == (answer.digits.lstrip("0") or "0", answer.base)
    based, other = (gold, answer) if isinstance(gold, Based) else (answer, gold)
    if isinstance(other, Number) and (based is gold or based.base == 10):
        return other.digits is None and other.value.denominator == 1 and based.digits.isdigit() and int(based.digits) == other.value
    return isinstance(other, Letters | Words) and other.text.upper() == based.digits.upper()
