r"""Golds in other spellings, and answers that miss one narrowly: what a grader must call right and wrong. For the self-test.

They are made from the gold's text by rules that know LaTeX and not the grader: \dfrac for \frac, a decimal, a final full stop, a list in
another order, a unit or none, signs in unicode; and another last number, sign, bound, unit or base.
"""

import re
from collections.abc import Iterator

from distill.grading import units
from distill.grading.reading.reader import read
from distill.grading.values import Based, Expression, Listing, Number, Quantity, SetOf, Tuple, Unread, Value, Words

_UNICODE = {
    r"\pi": "π",
    r"\sqrt": "√",
    r"\infty": "∞",
    r"\le ": "≤",
    r"\ge ": "≥",
    r"\cup": "∪",
    r"^2": "²",
    r"^\circ": "°",
    r"\theta": "θ",
}
_LAST_NUMBER = re.compile(r"(\d+)(?!.*\d)", re.DOTALL)
_FORMATTED = re.compile(r"\\begin\{array\}|\\hspace|\\color|\\\\\[")


def value(gold: str) -> Value:
    """What a gold is read as."""
    return read(gold).values[0]


def is_worded(gold: str) -> bool:
    """Whether a gold is a number with words behind it that are no unit: 9 (apples). Answers with other words miss it."""
    found = value(gold)
    return isinstance(found, Quantity) and any(units.factor(unit) is None for _, unit in found.parts)


def is_unread(gold: str) -> bool:
    """Whether no rule reads a gold, so that answers are compared with its text."""
    return isinstance(value(gold), Unread)


def respelled(gold: str) -> Iterator[tuple[str, str]]:
    """The same answer in other spellings, each with the way in which it is spelled."""
    found = value(gold)
    yield "full stop", f"{gold}."
    yield "blank", rf"{gold}\,"
    yield "display style", rf"\displaystyle {gold}"
    for one, other in ((r"\frac", r"\dfrac"), (r"\dfrac", r"\frac")):
        if one in gold:
            yield "fraction", gold.replace(one, other)
    unicode = gold
    for latex, sign in _UNICODE.items():
        unicode = re.sub(re.escape(latex) + ("(?![A-Za-z])" if latex[-1].isalpha() else ""), sign, unicode)
    if unicode != gold and r"\sqrt[" not in gold:
        yield "unicode", unicode
    if isinstance(found, Number):
        yield from _numbers(gold, found)
    if isinstance(found, Quantity) and len(found.parts) == 1 and isinstance(found.parts[0][0], Number):
        yield "no unit", _written(found.parts[0][0])
    if isinstance(found, Listing) and len(parts := re.split(r",\s*(?:and\s|\\text\s*\{\s*and\s*\})?", gold)) == len(found.items):
        yield "order", ", ".join(reversed(parts))
    if isinstance(found, Words) and gold.isascii():
        yield "capitals", re.sub(r"\\text\s*\{([^{}]*)\}", r"\1", gold).upper()


def _numbers(gold: str, number: Number) -> Iterator[tuple[str, str]]:
    yield "unit", rf"{gold}\text{{ units}}"
    whole = number.value.denominator == 1
    if whole and abs(number.value) >= 1000 and number.digits is None:
        yield "thousands", f"{int(number.value):,}"
    written = _written(number)
    if not whole and "/" not in written:
        yield "decimal", written


def _written(number: Number) -> str:
    """As a decimal where it has a short one, else as a fraction."""
    above, below = number.value.numerator, number.value.denominator
    for places in range(12):
        if 10**places % below == 0:
            digits = str(abs(above) * 10**places // below).rjust(places + 1, "0")
            return ("-" if above < 0 else "") + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)
    return f"{above}/{below}"


def near_misses(gold: str) -> Iterator[tuple[str, str]]:
    """Answers that are nearly the gold and are wrong, each with what is wrong with it."""
    found = value(gold)
    if not _FORMATTED.search(gold) and (number := _LAST_NUMBER.search(gold)):
        what = "base" if isinstance(found, Based) else "last element" if isinstance(found, Listing | Tuple | SetOf) else "last number"
        yield what, gold[: number.start()] + str(int(number[1]) + 1) + gold[number.end() :]
    if (isinstance(found, Number) and found.value) or isinstance(found, Expression):
        yield "sign", f"-({gold})"
    if isinstance(found, Tuple) and len(found.items) == 2 and gold.startswith("(") and gold.endswith(")"):
        yield "bound", f"[{gold[1:-1]}]"
    if isinstance(found, Quantity) and len(found.parts) == 1 and isinstance(found.parts[0][0], Number):
        yield "unit", rf"{_written(found.parts[0][0])}\text{{ {'hours' if found.parts[0][1] != 'hour' else 'kilograms'}}}"
    if isinstance(found, Words):
        yield "words", f"not {gold}"
