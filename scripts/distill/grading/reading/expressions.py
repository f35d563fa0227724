"""Expressions, letters that stand for themselves, and a number with a unit in letters: 12 m."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from distill.grading import units
from distill.grading.expressions.parser import parse
from distill.grading.reading.constructors import quantity, simple
from distill.grading.runs import depth_of, text_of, tidy_exponents
from distill.grading.tokens import LOUD, Token
from distill.grading.values import Letters, Listing, Value, Words

if TYPE_CHECKING:
    from distill.grading.reading.reader import Reader


def read_expression(reader: "Reader", items: Sequence[Token]) -> Value:
    """An expression by its tree; of plus-minus a list of both values. Raises Unreadable."""
    if len(items) == 1 and items[0].kind == "capitals":
        return Words(items[0].text.lower()) if items[0].text in LOUD else Letters(items[0].text)
    if (
        len(items) > 1
        and items[0].kind == "command"
        and items[0].text in ("triangle", "angle")
        and all(token.kind in ("capitals", "symbol") for token in items[1:])
    ):
        return Letters(items[0].text + "".join(token.text for token in items[1:]))
    if reader.bare_units and (unit := read_bare_unit(reader, items)) is not None:
        return unit
    trees = parse(items)
    values = [simple(tree, text_of(items)) for tree in trees]
    if len(values) == 2 and values[0] != values[1]:
        return Listing((simple(trees[0], ""), simple(trees[1], "")))
    return values[0]


def read_bare_unit(reader: "Reader", items: Sequence[Token]) -> Value | None:
    """A number with a unit in letters, as in 12 m, 1000 m^2 and 9.8 m s^{-2}; 12m is a product, unless a power or a slash follows."""
    at = next((place for place, token in enumerate(items) if token.kind in ("symbol", "word") or token.text == "frac"), 0)
    while at and items[at - 1].text in ("{", "("):
        at -= 1
    tail = items[at:]
    if not at or not (items[at - 1].kind == "number" or items[at - 1].text in ("}", ")")) or depth_of(tail):
        return None
    if any(
        (token.kind == "word" and not units.is_unit(token.text)) or (token.kind == "command" and token.text not in ("frac", "cdot"))
        for token in tail
    ):
        return None
    written = re.sub(r"frac \{ (.+?) \} \{ (.+?) \}$", r"\1 / \2", " ".join(token.text for token in tail if token.text != "cdot"))
    written = re.sub(r"^\( (.+) \)$", r"\1", written)
    unit = units.canonical(re.sub(r"(?<!\^) ?(?<![\^-] )\{ ?([A-Za-z /]+?) ?\}", r" \1", tidy_exponents(written)))
    if units.factor(unit) is None or not (tail[0].spaced or len(tail) > 1):
        return None
    return quantity([(reader.value(items[:at]), unit)])
