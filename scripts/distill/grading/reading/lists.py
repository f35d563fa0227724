"""Lists: values with commas, semicolons, `and` or `or` between them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from distill.grading.reading.constructors import listing
from distill.grading.reading.relations import read_relation
from distill.grading.reading.runs import is_separator, is_sign, split, stripped
from distill.grading.tokens import Token, Unreadable
from distill.grading.values import Listing, Named, Value

if TYPE_CHECKING:
    from distill.grading.reading.reader import Reader


def read_list(reader: "Reader", items: Sequence[Token]) -> Value:
    for separates in (is_sign(";"), is_separator):
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
            return listing(values)
    return read_relation(reader, items)
