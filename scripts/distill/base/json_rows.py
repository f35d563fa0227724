"""Rows of JSON: one object a line, or an array of objects that is read in a stream."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from distill.base.decompress import not_utf8, open_decompressed
from distill.base.errors import InputError
from distill.base.files import Row

# Longer rows are reported instead of parsed: the longest published traces are below 1 MB, and decoded JSON takes several times its size.
MAX_ROW_BYTES = 1 << 25


class OversizeRow(dict[str, Any]):
    """Stands for a row that was longer than the limit. It has no columns; `place` says where it was."""

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place


def read_lines(path: str | Path, max_row_bytes: int = MAX_ROW_BYTES) -> Iterator[tuple[int, bytes | None]]:
    """Number and bytes of each line that is not blank, split on "\\n" only; None for the bytes of a line over the limit."""
    with open_decompressed(Path(path)) as file:
        number = 0
        while line := file.readline(max_row_bytes + 1):
            number += 1
            if len(line) > max_row_bytes:
                _skip_line(file, line)
                yield number, None
            elif line.strip():
                yield number, line


def _skip_line(file: IO[bytes], line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = file.readline(1 << 20)


def parse_line(path: str | Path, number: int, line: bytes) -> Row:
    """The row on a line. Raises InputError with file and line where there is no JSON object."""
    try:
        row = json.loads(line)
    except UnicodeDecodeError as error:
        raise not_utf8(Path(path), error, f"line {number}, byte {error.start}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: line {number} is not JSON ({error}): fix or remove that line") from None
    if not isinstance(row, dict):
        raise InputError(f"{path}: line {number} is not a JSON object: write one object a line")
    return row


def jsonl_rows(path: Path, max_row_bytes: int) -> Iterator[Row]:
    """Rows of JSON Lines; one over `max_row_bytes` comes as OversizeRow."""
    for number, line in read_lines(path, max_row_bytes):
        yield OversizeRow(f"{path.name} line {number}") if line is None else parse_line(path, number, line)


def json_rows(path: Path, max_row_bytes: int) -> Iterator[Row]:
    """A top-level array of objects, one at a time; JSON Lines under a .json name are read as such."""
    with io.TextIOWrapper(open_decompressed(path), encoding="utf-8") as file:
        try:
            buffer = file.read(1 << 16).lstrip("\ufeff")
            if not buffer.lstrip(" \t\r\n").startswith("["):
                _refuse_one_object(path, max_row_bytes)
                yield from jsonl_rows(path, max_row_bytes)
                return
            yield from _array(file, buffer.replace("[", " ", 1), path, max_row_bytes)
        except UnicodeDecodeError as error:
            raise not_utf8(path, error) from None


def _refuse_one_object(path: Path, max_row_bytes: int) -> None:
    """Raises InputError for a file that is one object over several lines, as of a data set with its rows under a key."""
    _, first = next(read_lines(path, max_row_bytes), (0, None))
    try:
        json.loads(first or b"{}")
        return
    except (ValueError, RecursionError):
        pass
    with open_decompressed(path) as file:
        try:
            whole = json.loads(file.read(max_row_bytes))
        except (ValueError, RecursionError):
            return  # the reader of lines says what is wrong
    if not isinstance(whole, dict):
        return
    keys = [key for key, value in whole.items() if isinstance(value, list) and value and isinstance(value[0], dict)]
    where = f"; its rows are under {keys[0]!r}: jq -c '.{keys[0]}[]' {path.name} > rows.jsonl" if keys else ""
    raise InputError(f"{path}: one JSON object, not rows: write an array of objects, or one object a line{where}")


def _array(file: IO[str], buffer: str, path: Path, max_row_bytes: int) -> Iterator[Row]:
    count, line = 0, 1
    while True:
        start = len(buffer) - len(buffer.lstrip(" \t\r\n,"))
        line += buffer.count("\n", 0, start)
        buffer = buffer[start:]
        if buffer.startswith("]"):
            rest = buffer[1:].lstrip(" \t\r\n")
            while not rest and (more := file.read(_CHUNK)):
                rest = more.lstrip(" \t\r\n")
            if rest:
                raise InputError(f"{path}: line {line}: {rest[:20]!r} stands behind the end of the array: write one array a file")
            return
        while (found := _element(buffer)) is None:
            if len(buffer) > max_row_bytes:
                raise InputError(
                    f"{path}: line {line}: row {count + 1} is longer than {max_row_bytes} characters: remove or split that row"
                )
            # Doubling keeps the repeated attempts linear in the row's size.
            if not (more := file.read(max(_CHUNK, len(buffer)))):
                raise InputError(f"{path}: line {line}: row {count + 1} of the array is not JSON (it ends too soon): fix the file")
            buffer += more
        if isinstance(found, json.JSONDecodeError):
            raise InputError(
                f"{path}: line {line + found.lineno - 1}: row {count + 1} of the array is not JSON ({found.msg}): fix the file"
            )
        row, end = found
        if not isinstance(row, dict):
            raise InputError(f"{path}: line {line}: row {count + 1} of the array is not an object: write an array of objects")
        count += 1
        yield row
        line += buffer.count("\n", 0, end)
        buffer = buffer[end:]
        if len(buffer) < _CHUNK:
            buffer += file.read(_CHUNK)


_CHUNK = 1 << 16


def _element(buffer: str) -> tuple[Any, int] | json.JSONDecodeError | None:
    """The value at the start of a buffer and where it ends, what is wrong with it, or None where the buffer may only be too short."""
    try:
        return json.JSONDecoder().raw_decode(buffer)
    except RecursionError:
        return json.JSONDecodeError("nested too deep", buffer, 0)
    except json.JSONDecodeError as error:
        # A buffer that is cut gives an error near its end, or at the start of its last string.
        cut = error.pos > len(buffer) - 16 or error.msg.startswith("Unterminated string")
        return None if cut else error
