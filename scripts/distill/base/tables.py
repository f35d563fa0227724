"""Stream the rows of a table: jsonl, ndjson, json, csv, tsv (each also as .gz or .zst) or parquet, one file or a folder of them."""

import csv
import io
import json
import zlib
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from distill.base.decompress import COMPRESSED, not_utf8, open_decompressed, suffix_of
from distill.base.errors import InputError
from distill.base.files import Row
from distill.base.json_rows import MAX_ROW_BYTES, OversizeRow, json_rows, jsonl_rows
from distill.base.manifest import NAME, NOT_CONTENT

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab"}  # of a .csv, in the order in which they are tried

# Of a folder these hold no rows and are not worth a word.
_EXPECTED = {NAME, "README.md", "LICENSE", "LICENSE.txt", "dataset_infos.json", "dataset_info.json"}


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
    return suffix_of(name) in SUFFIXES and name.as_posix() not in NOT_CONTENT and name.name not in _EXPECTED


def read_rows(path: str | Path, max_row_bytes: int = MAX_ROW_BYTES) -> Iterator[Row]:
    """Rows of a file or folder, in the order of files and lines. A jsonl row over `max_row_bytes` comes as OversizeRow.

    Raises InputError for a suffix that is not known, and with file and line for text that cannot be read.
    """
    for file in data_files(path):
        reader = _READERS.get(suffix_of(file))
        if reader is None:
            raise InputError(f"{file}: unknown suffix: give {', '.join(SUFFIXES)}, or one of the first five with {' or '.join(COMPRESSED)}")
        try:
            yield from reader(file, max_row_bytes)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{file}: {getattr(error, 'strerror', None) or error}: check the file, or fetch it again") from None


def _csv(path: Path, max_row_bytes: int) -> Iterator[Row]:
    csv.field_size_limit(max_row_bytes)
    with io.TextIOWrapper(open_decompressed(path), encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        try:
            reader = csv.DictReader(file, delimiter=_delimiter(path))
            yield from reader
        except UnicodeDecodeError as error:
            raise not_utf8(path, error) from None
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
    if suffix_of(path) == ".tsv":
        return "\t"
    for delimiter, name in DELIMITERS.items():
        with io.TextIOWrapper(open_decompressed(path), encoding="utf-8-sig", newline="") as file:
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
    ".jsonl": jsonl_rows,
    ".ndjson": jsonl_rows,
    ".json": json_rows,
    ".csv": _csv,
    ".tsv": _csv,
    ".parquet": _parquet,
}
