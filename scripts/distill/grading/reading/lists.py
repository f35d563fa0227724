"""Lists: values with commas, semicolons, `and` or `or` between them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from distill.grading.reading.constructors import listing
from distill.grading.reading.relations import read_relation
from distill.grading.runs import is_separator, is_sign, split, stripped
from distill.grading.tokens import Token, Unreadable, is_connective
from distill.grading.values import Expression, Listing, Named, Number, Relation, SetOperation, Value

if TYPE_CHECKING:
    from distill.grading.reading.reader import Reader


def read_list(reader: "Reader", items: Sequence[Token]) -> Value:
    """Values with separators between them, or what read_relation reads. Raises Unreadable for separators alone."""
    for separates in (is_sign("\\\\"), is_sign(";"), is_separator):
        parts = split(items, separates)
        if len(parts) > 1:
            found = [part for part in map(stripped, parts) if part]
            if len(found) == 1:
                return reader.value(found[0])
            if not found:
                raise Unreadable("nothing")
            values = [reader.value(part) for part in found]
            if separates is not is_separator and any(
                isinstance(value, Listing) and all(isinstance(item, Named) for item in value.items) for value in values
            ):
                return Listing(tuple(values))  # p = 5, q = 2; p = 7, q = 2
            return listing(values if any(map(_is_or, items)) else _joined(_distributed(values)))
    for sign in ("vee", "wedge"):
        parts = split(items, is_sign(sign))
        if len(parts) > 1 and all(map(stripped, parts)):
            values = [reader.value(part) for part in parts]
            if not all(isinstance(value, Relation | Named | Listing) for value in values):
                return SetOperation(sign, tuple(values))  # p and q
            return listing(_joined(values) if sign == "wedge" else values)
    return read_relation(reader, items)


def _is_or(token: Token) -> bool:
    return is_connective(token) and token.text.lower() == "or"


def _distributed(values: Sequence[Value]) -> Sequence[Value]:
    """x != 1, 2 as x != 1 and x != 2."""
    first, rest = values[0], values[1:]
    if isinstance(first, Relation) and first.signs == ("!=",) and all(isinstance(value, Number | Expression) for value in rest):
        return [first, *(Relation((first.sides[0], value), first.signs) for value in rest)]
    return values


def _joined(values: Sequence[Value]) -> Sequence[Value]:
    """x > 1 and x < 3 as 1 < x < 3."""
    if len(values) != 2 or not all(isinstance(value, Relation) and value.signs in (("<",), ("<=",)) for value in values):
        return values
    for low, high in (values, values[::-1]):
        bounds = low.sides[0], high.sides[1]
        if low.sides[1] == high.sides[0] and all(isinstance(bound, Number) for bound in bounds) and bounds[0].value < bounds[1].value:
            return [Relation((*low.sides, high.sides[1]), (*low.signs, *high.signs))]
    return values
