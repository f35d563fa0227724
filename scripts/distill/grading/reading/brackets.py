"""Sets and what is done with them, tuples, intervals and vectors, matrices, and the rows of `cases`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from distill.grading.expressions.exact import determinant, is_constant, tree_of
from distill.grading.reading.constructors import builder, listing, simple
from distill.grading.reading.numbers import read_ratio
from distill.grading.runs import CLOSING, OPENING, bracketed, closing, depth_of, is_separator, is_sign, split, stripped, trimmed
from distill.grading.tokens import Token, Unreadable, words
from distill.grading.values import Expression, Listing, Matrix, Named, Phrase, Relation, SetOf, SetOperation, Sym, Tuple, Value

if TYPE_CHECKING:
    from distill.grading.reading.reader import Reader


_SET_OPERATIONS = {"cup": "union", "cap": "intersection", "setminus": "difference"}
_MATRICES = words("matrix pmatrix bmatrix Bmatrix vmatrix Vmatrix smallmatrix array psmallmatrix bsmallmatrix")
_IN_ROWS = frozenset(("=", "<", ">", "le", "ge", "ne"))  # of cases that are written as an array


def read_set_operation(reader: "Reader", items: Sequence[Token]) -> Value:
    """Unions, differences and intersections of sets, or what read_brackets reads."""
    items = [_as_operation(items, at) for at in range(len(items))]
    for command in ("cup", "setminus", "cap"):
        parts = split(items, is_sign(command))
        if len(parts) > 1:
            return SetOperation(_SET_OPERATIONS[command], tuple(reader.value(part) for part in parts))
    return read_brackets(reader, items)


def _as_operation(items: Sequence[Token], at: int) -> Token:
    """A U between brackets is a union, and a minus in front of a set takes it away."""
    token = items[at]
    if 0 < at < len(items) - 1:
        if token.text == "U" and items[at - 1].text in CLOSING and items[at + 1].text in OPENING:
            return Token("command", "cup")
        if token.kind == "sign" and token.text == "-" and items[at + 1].text == "\\{":
            return Token("command", "setminus")
    return token


def read_brackets(reader: "Reader", items: Sequence[Token]) -> Value:
    """Sets, tuples, intervals, vectors, points and environments, or what read_ratio reads."""
    first, last = items[0], items[-1]
    if first.kind == "command" and first.text == "begin":
        return read_environment(reader, items)
    if first.kind == "sign" and first.text == "\\{" and last.text == "\\}" and bracketed(items) is not None:
        return read_braces(reader, items[1:-1])
    if first.text == "langle" and last.text == "rangle" and bracketed(items) is not None:
        return Tuple(tuple(reader.value(part) for part in split(items[1:-1], is_sign(","))), "<>")
    if (
        first.kind == "sign"
        and first.text in ("(", "[", "]")
        and last.kind == "sign"
        and last.text in (")", "]", "[")
        and (bracketed(items) is not None or first.text == "]" or last.text == "[")
    ):
        inner = items[1:-1]
        parts = split(inner, is_sign(";")) if any(token.text == ";" for token in inner) else split(inner, is_sign(","))
        if len(parts) > 1:
            ends = {"(": "(", "[": "[", "]": "("}[first.text] + {")": ")", "]": "]", "[": ")"}[last.text]
            return Tuple(tuple(reader.value(part) for part in parts if stripped(part)), ends)
        if first.text in ("(", "["):
            return reader.value(inner)
    if first.kind == "symbol" and "A" <= first.text <= "Z" and first.text != "C" and len(items) > 2 and items[1].text == "(":
        point = _point(reader, items)
        if point is not None:
            return point
    if first.text in ("emptyset",) and len(items) == 1:
        return SetOf(())
    return read_ratio(reader, items)


def _point(reader: "Reader", items: Sequence[Token]) -> Value | None:
    """P(1,2) as P = (1,2), but not F(x,y), and not C(5,2), which is a number."""
    if bracketed(items[1:]) is None or not any(token.text == "," for token in items):
        return None
    value = reader.value(items[1:])
    if not isinstance(value, Tuple) or not all(is_constant(item) for item in value.items):
        return None
    return Named((items[0].text,), value, Relation((Expression(Sym(items[0].text), items[0].text), value), ("=",)))


def read_braces(reader: "Reader", inner: Sequence[Token]) -> Value:
    """The set within braces: its elements, or the condition that they fulfil."""
    if not stripped(inner):
        return SetOf(())
    for sign in ("mid", "|", ":"):
        parts = split(inner, is_sign(sign))
        if len(parts) == 2 and all(map(stripped, parts)):
            conditions = split(parts[1], is_separator)
            return builder(reader.side(parts[0]), [reader.side(part) for part in conditions if stripped(part)])
    value = reader.value(inner)
    return SetOf(value.items) if isinstance(value, Listing) else SetOf((value,))


def read_environment(reader: "Reader", items: Sequence[Token]) -> Value:
    """Matrices by entries; rows of cases and of aligned equations as a list of what stands in them."""
    name, start = _named_environment(items, 1)
    end = len(items) - 1
    while end > 0 and not (items[end].kind == "command" and items[end].text == "end"):
        end -= 1
    close, after = _named_environment(items, end + 1)
    if close != name:
        raise Unreadable(name)
    if after != len(items) or depth_of(items[:end]) != 1:
        raise Unreadable("more behind it")
    body = list(items[start:end])
    if name == "array" and body and body[0].text == "{":
        body = body[closing(body, 0) + 1 :]
    rows = [row for row in split(body, is_sign("\\\\")) if stripped(row)]
    if name in _MATRICES and not (name == "array" and any(token.text in _IN_ROWS or token.kind == "word" for token in body)):
        matrix = Matrix(tuple(tuple(reader.value(cell) for cell in split(row, is_sign("&"))) for row in rows))
        return simple(determinant([[tree_of(cell) for cell in row] for row in matrix.rows]), "") if name == "vmatrix" else matrix
    found: list[Value] = []
    for row in rows:
        cells = [list(trimmed(cell)) for cell in split(row, is_sign("&"))]
        joined = [token for cell in cells for token in cell]
        if any(
            token.kind == "sign" and token.text in ("=", "<", ">") and at == 0 for cell in cells[1:] for at, token in enumerate(cell[:1])
        ):
            found.append(reader.value(joined))
        else:
            values = [reader.value(cell) for cell in cells if cell]
            found.append(values[0] if len(values) == 1 else Phrase(tuple(values)))
    return listing(found)


def _named_environment(items: Sequence[Token], at: int) -> tuple[str, int]:
    if at >= len(items) or items[at].kind != "environment":
        raise Unreadable("environment")
    return items[at].text, at + 1
