"""Files that may be compressed (.gz, .zst): their bytes, their suffix, and what to do with text that is not UTF-8."""

import codecs
import gzip
import io
from pathlib import Path
from typing import IO

from distill.base.errors import InputError

COMPRESSED = (".gz", ".zst")


def suffix_of(path: Path) -> str:
    """The suffix without that of a compression."""
    return Path(path.stem).suffix if path.suffix in COMPRESSED else path.suffix


def open_decompressed(path: Path) -> IO[bytes]:
    """The bytes of a file, decompressed where its suffix says so."""
    if path.suffix == ".gz":
        return gzip.open(path)
    if path.suffix == ".zst":
        import pyarrow as pa

        return io.BufferedReader(pa.input_stream(str(path), compression="zstd"))
    return open(path, "rb")


def not_utf8(path: Path, error: UnicodeDecodeError, place: str = "") -> InputError:
    """The error of a file that is not UTF-8, with the command that converts it. `place`: where, if that is known."""
    with open_decompressed(path) as file:
        encoding = "UTF-16" if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "WINDOWS-1252"
    packed = {".gz": "zcat", ".zst": "zstdcat"}.get(path.suffix)
    before, after = (f"{packed} {path.name} | ", "") if packed else ("", f" {path.name}")
    return InputError(
        f"{path}: not UTF-8 ({error.reason} at {place or f'byte {error.start} of a block'}): convert it, such as by "
        f"{before}iconv -f {encoding} -t UTF-8{after} > utf8{suffix_of(path)}"
    )
