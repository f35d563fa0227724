"""Stream the rows of a table: jsonl, json, csv or parquet, one file or a folder of them."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from distill.base.errors import InputError
from distill.base.files import Row
from distill.base.manifest import NOT_CONTENT

# Longer rows are reported instead of parsed: the longest published traces are below 1 MB, and decoded JSON takes several times its size.
MAX_ROW_BYTES = 1 << 25
SUFFIXES = (".jsonl", ".json", ".csv", ".parquet")


class OversizeRow(dict[str, Any]):
    """Stands for a row that was longer than the limit. It has no columns; `place` says where it was."""

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place


def data_files(path: str | Path) -> list[Path]:
    """The file itself, or the data files below a folder in sorted order without manifest.json and hidden ones."""
    path = Path(path)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError(f"{path}: no such file or folder: check the path")
    found = sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES and _is_data(file.relative_to(path)) and file.is_file())
    if not found:
        raise InputError(f"{path}: no {', '.join(SUFFIXES)} in this folder: put the data there")
    return found


def _is_data(name: Path) -> bool:
    return name.name not in NOT_CONTENT and not any(part.startswith(".") for part in name.parts)


def read_rows(path: str | Path, max_row_bytes: int = MAX_ROW_BYTES) -> Iterator[Row]:
    """Rows of a file or folder, in the order of files and lines. A jsonl row over `max_row_bytes` comes as OversizeRow.

    Raises InputError for a suffix that is not known, and with file and line for text that cannot be read.
    """
    for file in data_files(path):
        reader = _READERS.get(file.suffix)
        if reader is None:
            raise InputError(f"{file}: unknown suffix: give {', '.join(SUFFIXES)}")
        try:
            yield from reader(file, max_row_bytes)
        except OSError as error:
            raise InputError(f"{file}: {error.strerror or error}: check the file") from None


def named_paths(pairs: Iterable[str]) -> dict[str, str]:
    """{name: path} of NAME=PATH arguments."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, _, path = pair.partition("=")
        if not name or not path:
            raise InputError(f"{pair!r}: write NAME=PATH")
        if name in found:
            raise InputError(f"{name}: given twice: give each name once")
        found[name] = path
    return found


def read_lines(path: str | Path, max_row_bytes: int = MAX_ROW_BYTES) -> Iterator[tuple[int, bytes | None]]:
    """Number and bytes of each line that is not blank, split on "\\n" only; None for the bytes of a line over the limit."""
    with open(path, "rb") as file:
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
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: line {number} is not JSON ({error}): fix or remove that line") from None
    if not isinstance(row, dict):
        raise InputError(f"{path}: line {number} is not a JSON object: write one object a line")
    return row


def _jsonl(path: Path, max_row_bytes: int) -> Iterator[Row]:
    for number, line in read_lines(path, max_row_bytes):
        yield OversizeRow(f"{path.name} line {number}") if line is None else parse_line(path, number, line)


def _json(path: Path, max_row_bytes: int) -> Iterator[Row]:
    """A top-level array of objects, one at a time; JSON Lines under a .json name are read as such."""
    with open(path, encoding="utf-8") as file:
        try:
            buffer = file.read(1 << 16).lstrip("\ufeff")
            if not buffer.lstrip(" \t\r\n").startswith("["):
                yield from _jsonl(path, max_row_bytes)
                return
            yield from _array(file, buffer.replace("[", " ", 1), path, max_row_bytes)
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: not UTF-8 ({error}): save it as UTF-8") from None


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


def _csv(path: Path, max_row_bytes: int) -> Iterator[Row]:
    csv.field_size_limit(max_row_bytes)
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        try:
            yield from reader
        except (csv.Error, UnicodeDecodeError) as error:
            raise InputError(f"{path}: line {reader.line_num} is not CSV ({error}): fix or remove that line") from None


def _parquet(path: Path, max_row_bytes: int) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        # Left to itself pyarrow 26 holds the compressed file in memory.
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
            for batch in file.iter_batches(batch_size=64):
                if batch.nbytes <= max_row_bytes:
                    yield from batch.to_pylist()
                else:
                    for at in range(len(batch)):
                        row = batch.slice(at, 1)
                        yield OversizeRow(f"{path.name} row {number + at + 1}") if row.nbytes > max_row_bytes else row.to_pylist()[0]
                number += len(batch)
    except pa.ArrowException as error:
        raise InputError(f"{path}: not Parquet ({str(error).splitlines()[0]}): fetch the file again") from None


_READERS: dict[str, Callable[[Path, int], Iterator[Row]]] = {".jsonl": _jsonl, ".json": _json, ".csv": _csv, ".parquet": _parquet}
