"""Which raw rows of a data set are selected, by any of their columns: `where: {source: [olympiads], difficulty: {min: 4}}`."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from distill.base.files import Row
from distill.base.rows import NotText, as_text

_MISSING = object()


def cell(row: Row, column: str) -> Any:
    """The cell of a column; `metadata.level` is the key `level` of the object in `metadata`, unless a column has that name."""
    if column in row:
        return row[column]
    value: Any = row
    for key in column.split("."):
        value = value.get(key, _MISSING) if isinstance(value, dict) else _MISSING
    return value


def has_column(row: Row, column: str) -> bool:
    return cell(row, column) is not _MISSING


def unmet(row: Row, where: Mapping[str, Any]) -> str | None:
    """The first condition that a row does not meet, as text, or None.

    A condition is a value, a list of which one must be met, or an object of `min`, `max` (numbers, both included) and `not` (a list). A
    cell that is a list, as of tags, meets a value where one of its entries does. A row without the column meets none but `not`.
    """
    for column, condition in where.items():
        value = cell(row, column)
        if not _meets(value, condition):
            return f"{column} is {'missing' if value is _MISSING else _short(value)}"
    return None


def _meets(value: Any, condition: Any) -> bool:
    if isinstance(condition, Mapping):
        number = _number(value)
        low, high = condition.get("min"), condition.get("max")
        if (low is not None or high is not None) and number is None:
            return False
        return (
            (low is None or number >= low)
            and (high is None or number <= high)
            and not any(_equal(value, one) for one in condition.get("not", ()))
        )
    return any(_equal(value, one) for one in (condition if isinstance(condition, list) else [condition]))


def _equal(value: Any, condition: Any) -> bool:
    """Equal as text: a number in a text column is that number, and a day is written as 2025-02-01."""
    if isinstance(value, list):
        return any(_equal(entry, condition) for entry in value)
    if isinstance(value, date):
        return condition in (value.isoformat(), str(value))
    try:
        return value is not _MISSING and as_text(value, "") == as_text(condition, "")
    except NotText:
        return False


def _number(value: Any) -> float | None:
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
