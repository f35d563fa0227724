"""Cells of a table as text, and its columns in a message."""

from collections.abc import Mapping
from datetime import date, time, timedelta
from typing import Any

from distill.base.errors import InputError


def found_columns(row: Mapping[str, Any]) -> str:
    """The names of a row's columns, for a message that a column is missing."""
    names = ", ".join(map(str, row))
    if len(row) == 1 and any(sign in names for sign in "|,;\t"):
        names += ", as one column: put a comma, a semicolon or a tab between columns"
    return names or "none"


class NotText(InputError):
    """A cell whose value is not a single text."""


def as_text(value: Any, where: str) -> str | None:
    """A cell as text: a number as JSON writes it, None and NaN as None.

    Raises NotText (`where` first) for a list, an object, bytes, and for a date: readers make dates of answers such as 3/4 and 12-05.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return None if value != value else str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, list | dict | bytes):
        kind = "a list" if isinstance(value, list) else "an object" if isinstance(value, dict) else "bytes"
        raise NotText(f"{where} is {kind}, not text: name a column that holds text")
    if isinstance(value, date | time | timedelta):
        raise NotText(f"{where} is a date or time ({value}), not text: write that column as text")
    return str(value)
