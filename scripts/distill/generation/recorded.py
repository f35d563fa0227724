"""Recorded responses of this and of other programs, read row by row: recorded_formats.py has a reader for each format."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from distill.base.tables import data_files
from distill.generation.recorded_formats import COLUMNS, FORMATS
from distill.generation.recorded_row import RecordedAnswer, RowReader

__all__ = ["COLUMNS", "FORMATS", "RecordedAnswer", "read"]


def read(paths: Iterable[str | Path], form: str, columns: Mapping[str, str], task: str | None = None) -> Iterator[RecordedAnswer]:
    """The answers of files in a format, in their order. `columns`: names of a table's columns, where they are not COLUMNS. `task`: what the
    benchmark is called, for files that hold several tasks."""
    for path in (file for given in paths for file in data_files(given)):
        for place, row in FORMATS[form].rows(path, task):
            yield from FORMATS[form].answers(RowReader(str(path), place, row), columns)
