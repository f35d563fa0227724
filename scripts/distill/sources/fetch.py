"""Bring a source here: a folder of its files with, last, a manifest of their digests.

A new folder takes the old one's place only once it is whole and holds what it should.
"""

import fnmatch
import os
import re
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from distill.base import manifest
from distill.base.errors import AccessRefused, InputError
from distill.base.retry import RetryPolicy
from distill.base.work import locked, open_work_folder
from distill.sources.http import Download, FileContent, HttpRefusal, fetch_file, probe, retry_request
from distill.sources.hub import Repository, Snapshot

if TYPE_CHECKING:
    import ssl

Part = dict[str, Any]
# Of a model: weights as safetensors, which run no code when loaded, and what config and tokenizer are read from.
MODEL_FILES = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja", "*.tiktoken")
PARALLEL_DOWNLOADS = 4
# No name or key before the host, and none after "?" as signed addresses have: the configuration and its traces are for all to read.
URL = r"https?://[^/@?#\s]+/[^?#\s]*[^/?#\s](\?(?!.*(?i:key|token|secret|sig|password|credential|auth))[^#\s]*)?"


def fetch_source(source: Part, output: Path, work: Path, path: str = "", policy: RetryPolicy | None = None) -> Part:
    """Make `output` hold a source, and return its manifest. `source` has hub, modelscope or url; else `path` is taken.

    What is downloaded is kept under `work`, by the hash of where it comes from, until all of it is in place.
    Raises InputError that says what to do; then `output` is as it was. An `optional` source to which access is refused becomes a folder
    with a manifest that says so (manifest.unavailable), unless it is there already.
    """
    policy = policy or RetryPolicy()
    if path:
        return _replace_output(output, source, lambda part: _copy(Path(path), part, source, f"mend source.path of {output.name}"))
    ways = {"hub": _from_hub, "modelscope": _from_modelscope, "url": _from_url}
    way = next((way for way in ways if way in source), None)
    if way is None:
        raise InputError(f"{output.name}: nowhere to fetch it from: give --path, or --spec with hub, modelscope or url")
    if way != "url":
        source = {"repo_type": "model", **source}
    folder = work_folder(work, source, way)
    with locked(folder, wait=True):
        try:
            made = _replace_output(output, source, lambda part: ways[way](source, part, folder, output, policy))
        except AccessRefused as refused:
            there = (output / manifest.NAME).exists() and manifest.unavailable(output) is None
            if there or not source.get("optional"):
                raise
            _make_empty(output)
            made = manifest.write(output, made_by="fetch", asked=dict(sorted(source.items())), unavailable=str(refused))
        _clear_downloads(folder)
    return made


def work_folder(work: Path, source: Part, way: str) -> Path:
    """Where the parts of a download are kept: one folder for each repository or address, whatever commit of it is asked for."""
    return open_work_folder(work, {key: source[key] for key in (way, "repo_type") if key in source})


def _replace_output(output: Path, source: Part, fill: Callable[[Path], Part | None]) -> Part:
    """Fill a folder beside the output and let it take the output's place. `fill` returns what is to be said of a download."""
    part = output.with_name(f".{output.name}.part")
    try:
        facts = fill(part)
        # What it was asked as is what sources_lock.settled goes by. A path is this machine's own affair.
        made = manifest.write(part, made_by="fetch", **({"asked": dict(sorted(source.items())), **facts} if facts is not None else {}))
        if not made["files"]:
            raise InputError(f"{output.name}: none of its files is wanted ({', '.join(source.get('files', ['*']))}): mend source.files")
        if source.get("digest") not in (None, made["digest"]):
            raise InputError(
                f"{output.name}: its content is {made['digest'][:12]}, but sources.lock has {source['digest'][:12]}: nothing was replaced; "
                "if the change is meant, run python scripts/fetch.py --update"
            )
        old = output.with_name(f".{output.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        if output.exists():
            os.replace(output, old)
        os.replace(part, output)
        shutil.rmtree(old, ignore_errors=True)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return made


def _clear_downloads(folder: Path) -> None:
    """Once a source is in place its work folder holds nothing but the lock and what it is for."""
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)


# Names


def select_files(names: Iterable[str], source: Part) -> list[str]:
    """The names to take, sorted: visible ones that match one of `files`; of a model without `files` those of MODEL_FILES at its top."""
    visible = [
        name for name in names if name != manifest.NAME and not any(part.startswith(".") for part in name.split("/") if part != "..")
    ]
    patterns = source.get("files")
    if patterns is None and source.get("repo_type") == "model":
        # Mistral's repositories hold the weights a second time as consolidated.safetensors.
        patterns = MODEL_FILES
        visible = [name for name in visible if "/" not in name and not name.startswith("consolidated")]
    return sorted(name for name in visible if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns or ["*"]))


def safe_name(name: str) -> str:
    """A name from the net that stays inside the folder that it is put in. Raises InputError for any other."""
    if any(part in ("", ".", "..") for part in name.split("/")) or "\\" in name or not name.isprintable():
        raise InputError(f"{name[:80]!r}: a file name that leads out of its folder: leave it out by source.files, and distrust this source")
    return name


# Ways


def _copy(path: Path, part: Path, source: Part, mend: str) -> None:
    """Copies of a file, or of the wanted files of a folder. A link becomes a copy of what it leads to."""
    if not path.exists():
        raise InputError(f"{path}: does not exist; {mend}")
    files = {path.name: path}
    if path.is_dir():
        below = {file.relative_to(path).as_posix(): file for file in path.rglob("*") if file.is_file()}
        files = {name: below[name] for name in select_files(below, source)}
    _make_empty(part)
    for name, file in files.items():
        _place(part, name, file, shutil.copyfile)


def _from_hub(source: Part, part: Path, folder: Path, output: Path, policy: RetryPolicy) -> Part:
    repository = Repository(source["hub"], source["repo_type"])
    revision = source.get("commit") or source.get("revision", "main")
    there = repository.snapshot(revision, policy)
    files = selected_contents(there, source, repository)
    places = {}
    for name, content in files.items():
        for place in (folder / "files" / content.key, output / name, repository.cached(name, there.commit)):
            if place is not None and content.matches(place):
                places[name] = place
                break
    missing = {content.key: repository.file(name, there.commit, content) for name, content in files.items() if name not in places}
    try:
        download_all(missing, folder, policy)
    except HttpRefusal as refused:
        raise repository.access_error(refused.status, refused.code, revision) from None
    _make_empty(part)
    for name, content in files.items():
        place = places.get(name, folder / "files" / content.key)
        ours = place.is_relative_to(folder) or place.is_relative_to(output)
        _place(part, name, place, _link_or_copy if ours else shutil.copyfile)
    return {"commit": there.commit}


def files_to_fetch(source: Part, policy: RetryPolicy) -> Snapshot:
    """What would be fetched from the hub. Raises InputError where a file of it is refused: a gated repository lists them all the same."""
    import httpx

    repository, revision = Repository(source["hub"], source["repo_type"]), source.get("commit") or source.get("revision", "main")
    there = repository.snapshot(revision, policy)
    files = selected_contents(there, source, repository)
    if files:
        name, content = min(files.items(), key=lambda file: file[1].size or 0)
        asked = repository.file(name, there.commit, content)
        with httpx.Client(timeout=policy.timeout_s, verify=_certificates()) as client:
            try:
                retry_request(lambda: probe(client, asked), repository.name, policy)
            except HttpRefusal as refused:
                raise repository.access_error(refused.status, refused.code, revision) from None
    return Snapshot(there.commit, files)


def selected_contents(there: Snapshot, source: Part, repository: Repository) -> dict[str, FileContent]:
    names = [safe_name(name) for name in select_files(there.files, source)]
    if source["repo_type"] == "model" and "files" not in source and not any(name.endswith(".safetensors") for name in names):
        raise InputError(f"{repository.name}: holds no safetensors: name the weights that you trust in source.files")
    return {name: there.files[name] for name in names}


def _from_url(source: Part, part: Path, folder: Path, output: Path, policy: RetryPolicy) -> Part:
    if not re.fullmatch(URL, source["url"]) or not re.fullmatch("[0-9a-fA-F]{64}", source.get("sha256", "")):
        raise InputError(f"{output.name}: write url: https://HOST/PATH/FILE without name or key, and sha256: the 64 digits of the file")
    name = safe_name(unquote(urlsplit(source["url"]).path.rsplit("/", 1)[-1]))
    content = FileContent(sha256=source["sha256"].lower())
    place = output / name
    if not content.matches(place):
        place = folder / "files" / content.key
        try:
            download_all({content.key: Download(source["url"], content)}, folder, policy)
        except HttpRefusal as refused:
            raise InputError(f"{source['url']}: the server refuses with status {refused.status}: mend source.url, or give a path") from None
    _make_empty(part)
    _place(part, name, place, shutil.copyfile)
    return {}


def _from_modelscope(source: Part, part: Path, folder: Path, output: Path, policy: RetryPolicy) -> Part:
    """ModelScope's own package (1.40) downloads, and goes on where it was cut. It tells no commit: a lock keeps the digest alone."""
    try:
        from modelscope import snapshot_download
    except ImportError:
        raise InputError(
            f"{source['modelscope']}: needs the package modelscope: pip install modelscope, or use source: {{hub: ...}}"
        ) from None
    tree = folder / "tree"
    asked = {"repo_id": source["modelscope"], "repo_type": source["repo_type"], "local_dir": str(tree), "revision": source.get("revision")}
    patterns = source.get("files", list(MODEL_FILES) if source["repo_type"] == "model" else None)
    try:
        snapshot_download(**asked, allow_patterns=patterns)
    except Exception as error:  # whatever that package raises
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise InputError(f"{source['modelscope']}: modelscope says: {reason}: check the name, and its own login if it is private") from None
    leads_out = next((path for path in tree.rglob("*") if not path.resolve().is_relative_to(tree.resolve())), None)
    if leads_out:
        raise InputError(f"{leads_out.name}: a link that leads out of {source['modelscope']}: leave it out by source.files")
    _copy(tree, part, source, "run the same command again")
    return {}


# Files


def download_all(missing: dict[str, Download], folder: Path, policy: RetryPolicy) -> None:
    """Each download to files/{digest}, several at a time; what has begun stays in parts/{digest}."""
    import httpx

    for name in ("parts", "files"):
        (folder / name).mkdir(exist_ok=True)
    _check_room(missing, folder)

    def one(item: tuple[str, Download]) -> None:
        key, wanted = item
        fetch_file(client, wanted, folder / "parts" / key, policy)
        os.replace(folder / "parts" / key, folder / "files" / key)
        print(f"{wanted.url}: {(folder / 'files' / key).stat().st_size / 1e6:.1f} MB", flush=True)

    with httpx.Client(timeout=policy.timeout_s, verify=_certificates()) as client, ThreadPoolExecutor(PARALLEL_DOWNLOADS) as pool:
        try:
            list(pool.map(one, sorted(missing.items())))
        except BaseException:
            client.close()  # what still runs ends at its next byte, and keeps what it has
            pool.shutdown(cancel_futures=True)
            raise


@cache
def _certificates() -> "ssl.SSLContext":
    """Reading them takes longer than a small download."""
    import httpx

    return httpx.create_ssl_context()


def _check_room(missing: dict[str, Download], folder: Path) -> None:
    held = sum(path.stat().st_size for path in (folder / "parts").iterdir())
    needed = sum(wanted.content.size or 0 for wanted in missing.values()) - held
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(f"{folder}: {needed / 1e9:.1f} GB are to come and {free / 1e9:.1f} GB are free: make room, then run again")


def _make_empty(part: Path) -> None:
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)


def _place(part: Path, name: str, file: Path, put: Callable[[Path, Path], Any]) -> None:
    place = part / name
    place.parent.mkdir(parents=True, exist_ok=True)
    put(file, place)


def _link_or_copy(file: Path, place: Path) -> None:
    """A second name for a file that soon loses the first, in the work folder or the old output; a copy where that is on another disk."""
    try:
        os.link(file, place)
    except OSError:
        shutil.copyfile(file, place)
