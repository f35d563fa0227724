"""Fetch a source into a folder of its files, with a manifest of their digests written last.

The new folder replaces the old one only when it is complete and its content is what it should be.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from distill.base import manifest
from distill.base.errors import AccessRefused, InputError
from distill.base.files import Row, replace_folder, unfinished
from distill.base.retry import RetryPolicy
from distill.base.settings import Settings
from distill.base.work import locked, open_work_folder
from distill.sources.download import certificates, download_all
from distill.sources.file_names import MODEL_FILES, Source, safe_name, select_files
from distill.sources.http import Download, FileContent, HttpRefusal, probe, retry_request
from distill.sources.hub import MAIN, Repository, Snapshot

# The --spec of scripts/fetch.py: a source, and what config/sources.lock and the configuration around it say of it. Nothing has a default,
# for the manifest records the source as it is given.
SPEC = Settings(
    *(f"$defs/source/{key}" for key in ("hub", "modelscope", "revision", "files", "url", "sha256")),
    commit={"type": "string"},
    digest={"type": "string"},
    repo_type={"enum": ["model", "dataset"]},
    optional={"type": "boolean"},
)


def fetch_source(source: Source, output: Path, work: Path, path: str = "", policy: RetryPolicy | None = None) -> Row:
    """Fetch a source into `output` and return its manifest. `source` has keys of SPEC; with `path`, that is copied in place of a download.

    Downloads are kept under `work`, in a folder named by a hash of their origin, until all of them are in place.
    Raises InputError and leaves `output` as it was. An `optional` source to which access is refused becomes a folder whose manifest says
    so (manifest.unavailable), unless it has been fetched before.
    """
    policy = policy or RetryPolicy()
    if path:
        return _replace_output(output, source, lambda part: _copy(Path(path), part, source, f"fix source.path of {output.name}"))
    ways = {"hub": _from_hub, "modelscope": _from_modelscope, "url": _from_url}
    way = next((way for way in ways if way in source), None)
    if way is None:
        raise InputError(f"{output.name}: no origin: give --path, or --spec with hub, modelscope or url")
    if way != "url":
        source = {"repo_type": "model", **source}
    folder = work_folder(work, source, way)
    with locked(folder, wait=True):
        try:
            made = _replace_output(output, source, lambda part: ways[way](source, part, folder, output, policy))
        except AccessRefused as refused:
            fetched = (output / manifest.NAME).exists() and manifest.unavailable(output) is None
            if fetched or not source.get("optional"):
                raise
            _make_empty(output)
            made = manifest.write(output, made_by="fetch", asked=dict(sorted(source.items())), unavailable=str(refused))
        _clear_downloads(folder)
    return made


def work_folder(work: Path, source: Source, way: str) -> Path:
    """Folder of partial downloads: one for each repository or URL, for all commits of it."""
    return open_work_folder(work, {key: source[key] for key in (way, "repo_type") if key in source})


def _replace_output(output: Path, source: Source, fill: Callable[[Path], Row | None]) -> Row:
    """Fill a temporary folder and replace the output with it. `fill` returns the facts of a download for the manifest, None for a copy."""
    part = unfinished(output)
    try:
        facts = fill(part)
        # lock.recorded_source reads "asked". A local path is not recorded: it means nothing on another machine.
        made = manifest.write(part, made_by="fetch", **({"asked": dict(sorted(source.items())), **facts} if facts is not None else {}))
        if not made["files"]:
            raise InputError(f"{output.name}: none of its files matches ({', '.join(source.get('files', ['*']))}): fix source.files")
        if source.get("digest") not in (None, made["digest"]):
            raise InputError(
                f"{output.name}: its content is {made['digest'][:12]}, but sources.lock has {source['digest'][:12]}: nothing was replaced; "
                "if the change is meant, run python scripts/fetch.py --update"
            )
        replace_folder(output, part)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return made


def _clear_downloads(folder: Path) -> None:
    """Remove the downloads of a source that is in place; the lock file and run.json stay."""
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)


def _copy(path: Path, part: Path, source: Source, fix: str) -> None:
    """Copy a file, or the selected files of a folder. A link is copied as its target."""
    if not path.exists():
        raise InputError(f"{path}: does not exist; {fix}")
    files = {path.name: path}
    if path.is_dir():
        below = {file.relative_to(path).as_posix(): file for file in path.rglob("*") if file.is_file()}
        files = {name: below[name] for name in select_files(below, source)}
    _make_empty(part)
    for name, file in files.items():
        _place(part, name, file, shutil.copyfile)


def _from_hub(source: Source, part: Path, folder: Path, output: Path, policy: RetryPolicy) -> Row:
    repository = Repository(source["hub"], source["repo_type"])
    revision = _revision(source)
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


def files_to_fetch(source: Source, policy: RetryPolicy) -> Snapshot:
    """The commit and files that would be fetched from the hub. Opens one of them, because a gated repository lists its files to anybody.

    Raises InputError where access is refused."""
    import httpx

    repository, revision = Repository(source["hub"], source["repo_type"]), _revision(source)
    there = repository.snapshot(revision, policy)
    files = selected_contents(there, source, repository)
    if files:
        name, content = min(files.items(), key=lambda file: file[1].size or 0)
        download = repository.file(name, there.commit, content)
        with httpx.Client(timeout=policy.timeout_s, verify=certificates()) as client:
            try:
                retry_request(lambda: probe(client, download), repository.name, policy)
            except HttpRefusal as refused:
                raise repository.access_error(refused.status, refused.code, revision) from None
    return Snapshot(there.commit, files)


def _revision(source: Source) -> str:
    """The commit, or where none is known the branch or tag."""
    return source.get("commit") or source.get("revision", MAIN)


def selected_contents(there: Snapshot, source: Source, repository: Repository) -> dict[str, FileContent]:
    """{name: content} of the files to fetch. Raises InputError for a model without safetensors."""
    names = [safe_name(name) for name in select_files(there.files, source)]
    if source["repo_type"] == "model" and "files" not in source and not any(name.endswith(".safetensors") for name in names):
        raise InputError(f"{repository.name}: holds no safetensors: name the weights that you trust in source.files")
    return {name: there.files[name] for name in names}


def _from_url(source: Source, part: Path, folder: Path, output: Path, policy: RetryPolicy) -> Row:
    if "sha256" not in source:
        raise InputError(f"{output.name}: url needs sha256, so that the file is known by its content; add it")
    name = safe_name(unquote(urlsplit(source["url"]).path.rsplit("/", 1)[-1]))
    content = FileContent(sha256=source["sha256"].lower())
    place = output / name
    if not content.matches(place):
        place = folder / "files" / content.key
        try:
            download_all({content.key: Download(source["url"], content)}, folder, policy)
        except HttpRefusal as refused:
            raise InputError(f"{source['url']}: the server refuses with status {refused.status}: fix source.url, or give a path") from None
    _make_empty(part)
    _place(part, name, place, shutil.copyfile)
    return {}


def _from_modelscope(source: Source, part: Path, folder: Path, output: Path, policy: RetryPolicy) -> Row:
    """Download with ModelScope's own package (1.40), which resumes. It reports no commit, so a lock entry has only the digest."""
    try:
        from modelscope import snapshot_download
    except ImportError:
        raise InputError(
            f"{source['modelscope']}: needs the package modelscope: pip install modelscope, or use source: {{hub: ...}}"
        ) from None
    tree = folder / "tree"
    arguments = {
        "repo_id": source["modelscope"],
        "repo_type": source["repo_type"],
        "local_dir": str(tree),
        "revision": source.get("revision"),
    }
    patterns = source.get("files", list(MODEL_FILES) if source["repo_type"] == "model" else None)
    try:
        snapshot_download(**arguments, allow_patterns=patterns)
    except Exception as error:  # the package documents no exceptions
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise InputError(f"{source['modelscope']}: modelscope says: {reason}: check the name, and its own login if it is private") from None
    leads_out = next((path for path in tree.rglob("*") if not path.resolve().is_relative_to(tree.resolve())), None)
    if leads_out:
        raise InputError(f"{leads_out.name}: a link that leads out of {source['modelscope']}: leave it out by source.files")
    _copy(tree, part, source, "run the same command again")
    return {}


def _make_empty(part: Path) -> None:
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)


def _place(part: Path, name: str, file: Path, put: Callable[[Path, Path], object]) -> None:
    place = part / name
    place.parent.mkdir(parents=True, exist_ok=True)
    put(file, place)


def _link_or_copy(file: Path, place: Path) -> None:
    """Hard-link a file whose first name, in the work folder or the old output, is about to be removed; copy it from another disk."""
    try:
        os.link(file, place)
    except OSError:
        shutil.copyfile(file, place)
