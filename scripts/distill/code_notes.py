"""What stood behind a code digest: a small file a digest under work/code/, by which scripts/why.py can name the module that changed.

Snakemake remembers the digest alone. A note that is lost, or cannot be written, costs nothing but that name.
"""

from contextlib import suppress
from pathlib import Path

from distill.code import code_digest, code_parts
from distill.errors import InputError
from distill.files import read_json, write_json

NOTES = Path("work/code")


def noted_digest(script: str, notes: Path = NOTES) -> str:
    """The code digest of a script (distill.code), noted down with its parts."""
    digest = code_digest(script)
    note = notes / f"{digest}.json"
    if not note.exists():
        with suppress(OSError):
            write_json(note, code_parts(script))
    return digest


def parts_behind(digest: str, notes: Path = NOTES) -> dict[str, str] | None:
    """{file relative to scripts/: digest, "pin:NAME": version} as it was under this digest; None where nothing was noted."""
    try:
        return read_json(notes / f"{digest}.json")
    except InputError:
        return None
