"""Read the items of a benchmark from a table with any column names."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.base.files import Row, sha256_text
from distill.base.rows import as_text, found_columns
from distill.base.tables import read_rows

_COMMA = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


@dataclass(frozen=True, slots=True)
class BenchmarkItem:
    """One question of a benchmark. `gold` is None where `columns` names no gold column; `wrong` holds the other choices in column order."""

    id: str
    question: str
    gold: str | None = None
    wrong: tuple[str, ...] = ()


def load_items(path: str | Path, columns: Mapping[str, Any]) -> Iterator[BenchmarkItem]:
    """Items of a jsonl, json, csv or parquet file, or of a folder of them.

    `columns` names the columns `question` and, optionally, `id`, `gold` and `wrong` (a list); and `gold_after`, the text that precedes the
    answer in the gold column. Without `id`, an item's id is 16 hex digits of its question's sha256. Raises InputError for a column that is
    missing or empty, for duplicate ids and for a file without items.
    """
    seen: dict[str, int] = {}
    number = 0
    for number, row in enumerate(read_rows(path), 1):
        item = _item(row, columns, f"{path}: item {number}")
        if item.id in seen:
            raise InputError(
                f"{path}: items {seen[item.id]} and {number} have the same id {item.id!r}: remove one or name another id column"
            )
        seen[item.id] = number
        yield item
    if not number:
        raise InputError(f"{path}: no items: check the file")


def _item(row: Row, columns: Mapping[str, Any], where: str) -> BenchmarkItem:
    question = _cell(row, columns["question"], where)
    return BenchmarkItem(
        id=_cell(row, columns["id"], where) if columns.get("id") else sha256_text(question)[:16],
        question=question,
        gold=_gold(row, columns, where) if columns.get("gold") else None,
        wrong=tuple(_cell(row, column, where) for column in columns.get("wrong") or ()),
    )


def _gold(row: Row, columns: Mapping[str, Any], where: str) -> str:
    given = row.get(columns["gold"])
    if isinstance(given, list):  # several answers, as in OlympiadBench
        column = columns["gold"]
        row = {**row, column: ", ".join(_cell({column: part}, column, where) for part in given)}
    text, mark = _cell(row, columns["gold"], where), columns.get("gold_after")
    if mark is None:
        return text
    _, found, answer = text.rpartition(mark)
    if not found or not answer.strip():
        raise InputError(f"{where}: column {columns['gold']!r} has no answer after {mark!r}: fix that item, or columns.gold_after")
    return _COMMA.sub("", answer.strip())


def _cell(row: Row, column: str, where: str) -> str:
    if column not in row:
        raise InputError(f"{where}: no column {column!r} (found: {found_columns(row)}): set the benchmark's columns")
    value = as_text(row[column], f"{where}: column {column!r}")
    if value is None or not value.strip():
        raise InputError(f"{where}: column {column!r} is empty: fix or remove that item")
    return value
