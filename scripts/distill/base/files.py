"""Atomic writes, and JSON Lines in a fixed form, so that equal content is equal bytes."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from distill.base.errors import InputError

Row = dict[str, Any]


@contextmanager
def atomic_write(path: str | Path) -> Iterator[IO[str]]:
    """Open a text file (UTF-8, newlines as written) that replaces `path` when the block ends without an error, after fsync."""
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(part, "w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Yield an empty folder next to `path` that replaces it when the block ends without an error; after an error it is removed."""
    path = Path(path)
    part = unfinished(path)
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        replace_folder(path, part)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def replace_folder(path: Path, part: Path) -> None:
    """Put `part`, a complete folder next to `path`, in its place."""
    old = path.with_name(f".{path.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if path.exists():
        os.replace(path, old)
    os.replace(part, path)
    shutil.rmtree(old, ignore_errors=True)


def unfinished(folder: Path) -> Path:
    """Where a folder is made before it gets its name."""
    return folder.with_name(f".{folder.name}.part")


def copy_files(source: Path, names: Iterable[str], target: Path) -> None:
    """Copy files of a folder, by their paths in it, to the same paths in another."""
    for name in names:
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, place)


def read_jsonl(path: str | Path, max_row_bytes: int = 1 << 28) -> Iterator[Row]:
    """Stream the rows of a JSON Lines file. Lines are split on "\\n" only, since text may contain U+2028.

    Raises InputError with file and line for a line that is not a JSON object or is longer than `max_row_bytes`.
    """
    for number, line in _lines(path, max_row_bytes):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: line {number} is not JSON ({error}): fix or remove that line") from None
        if not isinstance(row, dict):
            raise InputError(f"{path}: line {number} is not a JSON object: write one object a line")
        yield row


_KINDS = {str: "text", int: "a whole number", bool: "true or false"}


def check_row(row: Row, kinds: Mapping[str, type], where: str, optional: Collection[str] = ()) -> None:
    """Raises InputError where a value of a row does not have its type. Keys in `optional` may be null or missing."""
    for name, kind in kinds.items():
        value = row.get(name)
        if type(value) is not kind and not (value is None and name in optional):
            given = f"not {value!r:.40}" if name in row else "and is missing"
            raise InputError(f"{where}: {name} must be {_KINDS[kind]}, {given}; fix or remove that row")


def count_rows(path: str | Path) -> int:
    """Number of lines of a JSON Lines file that are not blank; nothing is parsed."""
    with open(path, "rb") as file:
        return sum(1 for line in file if line.strip())


def _lines(path: str | Path, max_row_bytes: int) -> Iterator[tuple[int, bytes]]:
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file: check the path")
    with open(path, "rb") as file:
        number = 0
        while line := file.readline(max_row_bytes + 1):
            number += 1
            if len(line) > max_row_bytes:
                raise InputError(f"{path}: line {number} is longer than {max_row_bytes} bytes: remove or split that row")
            if line.strip():
                yield number, line


def dumps(value: Any) -> str:
    """One line of JSON with keys in the order given; not ASCII-escaped, except lone surrogates, which UTF-8 cannot encode."""
    text = json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
    return text if text.isascii() or encodable(text) else json.dumps(value, separators=(", ", ": "))


def encodable(text: str) -> bool:
    """Whether a text can be encoded as UTF-8 (it has no lone surrogate), so that a tokenizer accepts it."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def write_jsonl(path: str | Path, rows: Iterable[Row]) -> int:
    """Write one row a line, atomically. Returns the number of rows."""
    count = 0
    with atomic_write(path) as file:
        for row in rows:
            file.write(dumps(row) + "\n")
            count += 1
    return count


def read_json(path: str | Path) -> Any:
    """The value of a JSON file. Raises InputError where it is missing or not JSON."""
    try:
        return json.loads(Path(path).read_bytes())
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}: check the path") from None
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error}): remove the file and run again") from None


def write_json(path: str | Path, value: Any) -> None:
    """Write indented JSON, atomically, with keys in the order given."""
    with atomic_write(path) as file:
        file.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def sha256_text(text: str) -> str:
    """Hex digits of the sha256 of a text in UTF-8."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def sha256_file(path: str | Path) -> str:
    """Hex digits of the sha256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
