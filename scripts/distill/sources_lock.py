"""config/sources.lock: which commit and which content each downloaded source of a configuration stands for.

A branch moves; a lock does not until somebody moves it. One JSON object, key-sorted:
{"models/base": [{"commit": ..., "digest": ..., "files": [...], "hub": "owner/name", "revision": "main"}]}. A name has several entries where
several configurations mean different things by it.
"""

import json
from pathlib import Path
from typing import Any

from distill.errors import InputError
from distill.files import read_json, write_json

Part = dict[str, Any]
Lock = dict[str, list[Part]]
ASKED = ("files", "hub", "modelscope", "revision")
PINNED = ("commit", "digest")


def read(path: str | Path) -> Lock:
    """The entries of a lock file; none where there is no file."""
    if not Path(path).exists():
        return {}
    lock = read_json(path)
    entries = [entry for below in lock.values() for entry in below] if _is_lock(lock) else [{}]
    if not all(isinstance(entry, dict) and set(PINNED) <= entry.keys() <= {*ASKED, *PINNED} for entry in entries):
        raise InputError(f"{path}: not a lock of sources: put it back from version control, or remove it and run scripts/fetch.py --update")
    return lock


def _is_lock(lock: Any) -> bool:
    return isinstance(lock, dict) and all(isinstance(entries, list) for entries in lock.values())


def pinned(lock: Lock, name: str, source: Part) -> Part:
    """The commit and digest that a source is locked to; nothing where the lock knows another source, or none, by that name."""
    entry = next((entry for entry in lock.get(name, []) if _asked(entry) == _asked(source)), {})
    return {key: entry[key] for key in PINNED if entry.get(key)}


def moved(lock: Lock, name: str, source: Part, commit: str | None, digest: str) -> Lock:
    """The lock with a source's entry put to a commit and a digest; `commit` is None where the hub tells none."""
    others = [entry for entry in lock.get(name, []) if _asked(entry) != _asked(source)]
    return {**lock, name: [*others, {**_asked(source), "commit": commit, "digest": digest}]}


def settled(part: Part, manifest: str | Path) -> Part:
    """What a source was fetched as, where it has the locked content already, since locking alone makes nothing stale; else `part`."""
    try:
        there = json.loads(Path(manifest).read_bytes())
    except (OSError, ValueError):
        return part
    return there["asked"] if "digest" in part and there.get("digest") == part["digest"] and "asked" in there else part


def write(path: str | Path, lock: Lock) -> None:
    """Equal locks are equal bytes: names, entries and keys are sorted."""
    entries = {name: sorted((dict(sorted(entry.items())) for entry in lock[name]), key=str) for name in sorted(lock)}
    write_json(path, entries)


def _asked(source: Part) -> Part:
    return {key: source[key] for key in ASKED if key in source}
