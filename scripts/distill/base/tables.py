"""Stream the rows of a table: jsonl, ndjson, json, csv, tsv (each also as .gz or .zst) or parquet, one file or a folder of them."""

import codecs
import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

from distill.base.errors import InputError
from distill.base.files import Row
from distill.base.manifest import NAME, NOT_CONTENT

# Longer rows are reported instead of parsed: the longest published traces are below 1 MB, and decoded JSON takes several times its size.
MAX_ROW_BYTES = 1 << 25
SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab"}  # of a .csv, in the order in which they are tried
COMPRESSED = (".gz", ".zst")
# Of a folder these hold no rows and are not worth a word.
_EXPECTED = {NAME, "README.md", "LICENSE", "LICENSE.txt", "dataset_infos.json", "dataset_info.json"}


class OversizeRow(dict[str, Any]):
    """Stands for a row that was longer than the limit. It has no columns; `place` says where it was."""

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place


def data_files(path: str | Path) -> list[Path]:
    """The file itself, or the data files below a folder in sorted order, without manifest.json and hidden ones.

    Names on the screen what else lies there, since it is not read: archives, other formats, log.jsonl (which manifests leave out).
    """
    path = Path(path)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError(f"{path}: no such file or folder: check the path")
    files = sorted(file for file in path.rglob("*") if file.is_file() and not _is_hidden(file.relative_to(path)))
    found = [file for file in files if _is_data(file.relative_to(path))]
    rest = [str(file.relative_to(path)) for file in files if file not in set(found) and file.name not in _EXPECTED]
    named = f"{', '.join(rest[:5])}{f' and {len(rest) - 5} more' if len(rest) > 5 else ''}"
    if not found:
        raise InputError(f"{path}: no {', '.join(SUFFIXES)} in this folder{f' (found: {named})' if rest else ''}: put the data there")
    if rest:
        print(f"{path}: not read: {named}")
    return found


def _is_hidden(name: Path) -> bool:
    return any(part.startswith(".") for part in name.parts)


def _is_data(name: Path) -> bool:
    return _kind(name) in SUFFIXES and name.as_posix() not in NOT_CONTENT and name.name not in _EXPECTED


def _kind(path: Path) -> str:
    """The suffix without that of a compression."""
    return Path(path.stem).suffix if path.suffix in COMPRESSED else path.suffix


def _open(path: Path) -> IO[bytes]:
    """The bytes of a file, decompressed where its suffix says so."""
    if path.suffix == ".gz":
        return gzip.open(path)
    if path.suffix == ".zst":
        import pyarrow as pa

        return io.BufferedReader(pa.input_stream(str(path), compression="zstd"))
    return open(path, "rb")


def read_rows(path: str | Path, max_row_bytes: int = MAX_ROW_BYTES) -> Iterator[Row]:
    """Rows of a file or folder, in the order of files and lines. A jsonl row over `max_row_bytes` comes as OversizeRow.

    Raises InputError for a suffix that is not known, and with file and line for text that cannot be read.
    """
    for file in data_files(path):
        reader = _READERS.get(_kind(file))
        if reader is None:
            raise InputError(f"{file}: unknown suffix: give {', '.join(SUFFIXES)}, or one of the first five with {' or '.join(COMPRESSED)}")
        try:
            yield from reader(file, max_row_bytes)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{file}: {getattr(error, 'strerror', None) or error}: check the file, or fetch it again") from None


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
    with _open(Path(path)) as file:
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
        raise _not_utf8(Path(path), error, f"line {number}, byte {error.start}") from None
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
    with io.TextIOWrapper(_open(path), encoding="utf-8") as file:
        try:
            buffer = file.read(1 << 16).lstrip("\ufeff")
            if not buffer.lstrip(" \t\r\n").startswith("["):
                _refuse_one_object(path, max_row_bytes)
                yield from _jsonl(path, max_row_bytes)
                return
            yield from _array(file, buffer.replace("[", " ", 1), path, max_row_bytes)
        except UnicodeDecodeError as error:
            raise _not_utf8(path, error) from None


def _refuse_one_object(path: Path, max_row_bytes: int) -> None:
    """Raises InputError for a file that is one object over several lines, as of a data set with its rows under a key."""
    _, first = next(read_lines(path, max_row_bytes), (0, None))
    try:
        json.loads(first or b"{}")
        return
    except (ValueError, RecursionError):
        pass
    with _open(path) as file:
        try:
            whole = json.loads(file.read(max_row_bytes))
        except (ValueError, RecursionError):
            return  # the reader of lines says what is wrong
    if not isinstance(whole, dict):
        return
    keys = [key for key, value in whole.items() if isinstance(value, list) and value and isinstance(value[0], dict)]
    where = f"; its rows are under {keys[0]!r}: jq -c '.{keys[0]}[]' {path.name} > rows.jsonl" if keys else ""
    raise InputError(f"{path}: one JSON object, not rows: write an array of objects, or one object a line{where}")


def _not_utf8(path: Path, error: UnicodeDecodeError, place: str = "") -> InputError:
    with _open(path) as file:
        encoding = "UTF-16" if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "WINDOWS-1252"
    packed = {".gz": "zcat", ".zst": "zstdcat"}.get(path.suffix)
    before, after = (f"{packed} {path.name} | ", "") if packed else ("", f" {path.name}")
    return InputError(
        f"{path}: not UTF-8 ({error.reason} at {place or f'byte {error.start} of a block'}): convert it, such as by "
        f"{before}iconv -f {encoding} -t UTF-8{after} > utf8{_kind(path)}"
    )


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
    with io.TextIOWrapper(_open(path), encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        try:
            reader = csv.DictReader(file, delimiter=_delimiter(path))
            yield from reader
        except UnicodeDecodeError as error:
            raise _not_utf8(path, error) from None
        except csv.Error as error:
            if "field larger than field limit" in str(error):
                raise InputError(
                    f"{path}: a cell after line {reader.line_num} is longer than {max_row_bytes} characters: remove that row, or look "
                    "for a quotation mark that is never closed"
                ) from None
            raise InputError(f"{path}: line {reader.line_num} is not CSV ({error}): fix or remove that line") from None


def _delimiter(path: Path) -> str:
    """What stands between the columns of a file: a tab in a .tsv; else the first that divides the first two lines into the same number of
    columns, more than one. A comma where none does."""
    if _kind(path) == ".tsv":
        return "\t"
    for delimiter, name in DELIMITERS.items():
        with io.TextIOWrapper(_open(path), encoding="utf-8-sig", newline="") as file:
            counts = {len(row) for row in islice(filter(None, csv.reader(file, delimiter=delimiter)), 2)}
        if len(counts) == 1 and max(counts) > 1:
            if delimiter != ",":
                print(f"{path}: {name} stands between its columns")
            return delimiter
    return ","


def _parquet(path: Path, max_row_bytes: int) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        # Left to itself pyarrow 26 holds the compressed file in memory.
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
            decode = _json_decoder(pa.struct(list(file.schema_arrow))) or (lambda row: row)
            for batch in file.iter_batches(batch_size=64):
                if batch.nbytes <= max_row_bytes:
                    yield from map(decode, batch.to_pylist())
                else:
                    for at in range(len(batch)):
                        row = batch.slice(at, 1)
                        large = row.nbytes > max_row_bytes
                        yield OversizeRow(f"{path.name} row {number + at + 1}") if large else decode(row.to_pylist()[0])
                number += len(batch)
    except pa.ArrowException as error:
        raise InputError(f"{path}: not Parquet ({str(error).splitlines()[0]}): fetch the file again") from None


def _json_decoder(kind: Any) -> Callable[[Any], Any] | None:
    """What turns a cell of this Arrow type into values, where JSON text is somewhere in it; else None.

    datasets 5 writes a column of mixed kinds as the extension type arrow.json, and pyarrow hands over its text, quotes and all.
    """
    import pyarrow as pa

    if isinstance(kind, pa.JsonType):
        return lambda cell: None if cell is None else json.loads(cell)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        of_value = _json_decoder(kind.value_type)
        return of_value and (lambda cell: None if cell is None else [of_value(value) for value in cell])
    if pa.types.is_struct(kind):
        of_field = {field.name: decoder for field in kind if (decoder := _json_decoder(field.type))}
        return (lambda cell: cell and {**cell, **{key: of_field[key](cell[key]) for key in of_field}}) if of_field else None
    return None


_READERS: dict[str, Callable[[Path, int], Iterator[Row]]] = {
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".json": _json,
    ".csv": _csv,
    ".tsv": _csv,
    ".parquet": _parquet,
}
