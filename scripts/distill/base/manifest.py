"""manifest.json: the digests of a folder's files. Written last, so its existence means that the rest is complete."""

from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.base.files import read_json, sha256_file, sha256_text, write_json

NAME = "manifest.json"
# Files next to the content that do not count as content: a log holds speeds, which differ from run to run.
NOT_CONTENT = {NAME, "log.jsonl", "README.md"}


def describe(folder: str | Path, **facts: Any) -> dict[str, Any]:
    """The manifest of a folder: `digest` (sha256 over the names and digests of its files), `facts`, `files` {name: sha256}.

    Names are relative, with "/"; hidden files do not count.
    """
    folder = Path(folder)
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    names = [name for name in names if name not in NOT_CONTENT and not any(part.startswith(".") for part in name.split("/"))]
    files = {name: sha256_file(folder / name) for name in names}
    return {"digest": digest_of(files), **facts, "files": files}


def digest_of(files: dict[str, str]) -> str:
    """sha256 of the lines `NAME SHA256`, sorted by name."""
    return sha256_text("".join(f"{name} {files[name]}\n" for name in sorted(files)))


def write(folder: str | Path, **facts: Any) -> dict[str, Any]:
    """Write a folder's manifest.json and return it. Call this last."""
    made = describe(folder, **facts)
    write_json(Path(folder) / NAME, made)
    return made


def unavailable(folder: str | Path) -> str | None:
    """Why an optional source could not be fetched; None where it was, or where there is no manifest."""
    path = Path(folder) / NAME
    return read_json(path).get("unavailable") if path.is_file() else None


def read(folder: str | Path) -> dict[str, Any]:
    """The manifest of a complete folder. Raises InputError where a file that it lists is missing."""
    folder = Path(folder)
    made = read_json(folder / NAME)
    if not (isinstance(made, dict) and isinstance(made.get("files"), dict)):
        raise InputError(f"{folder / NAME}: lists no files: remove it and run again")
    for name in made["files"]:
        if not (folder / name).is_file():
            raise InputError(f"{folder / name}: missing though {NAME} lists it: remove {folder / NAME} and run again")
    return made
