"""A response as it was published, and the cells of a source row that it is read from."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from distill.base.files import Row
from distill.base.rows import NotText, as_text


class FormatMismatch(Exception):
    """A row, or one of its responses, that does not have its format's shape; the text says in what."""


@dataclass(frozen=True, slots=True)
class RawResponse:
    """One response to a question, as published. `reasoning` is the thought where it has its own column; `complete` False: cut off."""

    question: str
    response: str
    reasoning: str | None = None
    gold: str | None = None
    origin: str | None = None
    finish_reason: str | None = None
    system: str | None = None
    complete: bool = True
    id: str | None = None


Columns = Mapping[str, str]


def read_cell(value: Any, column: str) -> str | None:
    """A cell as text, None for an empty one. Raises FormatMismatch where it is no text."""
    try:
        return as_text(value, f"column {column!r}")
    except NotText as error:
        raise FormatMismatch(str(error)) from None


def read_text(row: Row, column: str) -> str:
    """A cell that must hold text. Raises FormatMismatch where it does not."""
    value = read_cell(row.get(column), column)
    if value is None:
        raise FormatMismatch(f"no text in column {column!r}")
    return value


def read_optional(row: Row, column: str) -> str | None:
    """A cell as text; None where it is missing or blank. Raises FormatMismatch where it is no text."""
    value = read_cell(row.get(column), column)
    return value if value and value.strip() else None


def as_rows(value: Any) -> Any:
    """A list of objects that was stored as an object of lists, as datasets before version 4 writes `Sequence({..})` to Parquet."""
    if isinstance(value, dict) and value and all(isinstance(column, list) for column in value.values()):
        return [dict(zip(value, cells, strict=True)) for cells in zip_longest(*value.values())]
    return value
