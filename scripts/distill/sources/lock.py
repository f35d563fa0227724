"""config/sources.lock: the commit and the digest of each downloaded source of a configuration.

A branch moves; a lock entry changes only by tools/lock_sources.py, also called as scripts/fetch.py --update. One JSON object, key-sorted:
{"models/base": [{"commit": ..., "digest": ..., "files": [...], "hub": "owner/name", "revision": "main"}]}. A name has several entries where
configurations use it for different sources.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from distill.base import manifest
from distill.base.errors import InputError
from distill.base.files import read_json, sha256_file, write_json
from distill.base.retry import RetryPolicy
from distill.base.work import locked
from distill.sources.download import download_all
from distill.sources.fetch import fetch_source, selected_contents, work_folder
from distill.sources.file_names import Source
from distill.sources.http import HttpRefusal
from distill.sources.hub import MAIN, Repository

Lock = dict[str, list[Source]]
IDENTITY = ("files", "hub", "modelscope", "revision")
VERSION = ("commit", "digest")


def read(path: str | Path) -> Lock:
    """The entries of a lock file; empty where it does not exist."""
    if not Path(path).exists():
        return {}
    lock = read_json(path)
    entries = [entry for below in lock.values() for entry in below] if _is_lock(lock) else [{}]
    if not all(isinstance(entry, dict) and set(VERSION) <= entry.keys() <= {*IDENTITY, *VERSION} for entry in entries):
        raise InputError(f"{path}: not a lock of sources: put it back from version control, or remove it and run scripts/fetch.py --update")
    return lock


def _is_lock(lock: Any) -> bool:
    return isinstance(lock, dict) and all(isinstance(entries, list) for entries in lock.values())


def locked_version(lock: Lock, name: str, source: Source) -> Source:
    """The commit and digest that a source is locked to; empty where the lock has no entry for this source."""
    entry = next((entry for entry in lock.get(name, []) if _identity(entry) == _identity(source)), {})
    return {key: entry[key] for key in VERSION if entry.get(key)}


def update_entry(lock: Lock, name: str, source: Source, commit: str | None, digest: str) -> Lock:
    """The lock with a source's entry set to a commit and a digest; `commit` is None where the hub reports none."""
    others = [entry for entry in lock.get(name, []) if _identity(entry) != _identity(source)]
    return {**lock, name: [*others, {**_identity(source), "commit": commit, "digest": digest}]}


def recorded_source(part: Source, manifest: str | Path) -> Source:
    """The source as its manifest recorded it if the locked content was fetched already, since locking alone must make nothing stale; else
    `part`."""
    try:
        made = json.loads(Path(manifest).read_bytes())
    except (OSError, ValueError):
        return part
    return made["asked"] if "digest" in part and made.get("digest") == part["digest"] and "asked" in made else part


def write(path: str | Path, lock: Lock) -> None:
    """Write a lock. Names, entries and keys are sorted, so equal locks are equal bytes."""
    entries = {name: sorted((dict(sorted(entry.items())) for entry in lock[name]), key=str) for name in sorted(lock)}
    write_json(path, entries)


def _identity(source: Source) -> Source:
    return {key: source[key] for key in IDENTITY if key in source}


def resolve_revision(source: Source, work: Path, policy: RetryPolicy | None = None) -> tuple[str | None, str]:
    """(current commit of a source with repo_type, digest that its manifest will have).

    From the hub only small files are downloaded: it reports the sha256 of large ones.
    """
    policy = policy or RetryPolicy()
    if "modelscope" in source:
        scratch = work / "locking"
        made = fetch_source(source, scratch, work, policy=policy)
        shutil.rmtree(scratch)
        return None, made["digest"]
    repository = Repository(source["hub"], source["repo_type"])
    there = repository.snapshot(source.get("revision", MAIN), policy)
    files = selected_contents(there, source, repository)
    content = {name: file for name, file in files.items() if name not in manifest.NOT_CONTENT}
    small = {file.key: repository.file(name, there.commit, file) for name, file in content.items() if not file.sha256}
    folder = work_folder(work, source, "hub")
    with locked(folder, wait=True):
        small = {key: download for key, download in small.items() if not download.content.matches(folder / "files" / key)}
        try:
            download_all(small, folder, policy)
        except HttpRefusal as refused:
            raise repository.access_error(refused.status, refused.code, there.commit) from None
        digests = {name: file.sha256 or sha256_file(folder / "files" / file.key) for name, file in content.items()}
    return there.commit, manifest.digest_of(digests)
