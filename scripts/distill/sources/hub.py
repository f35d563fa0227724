"""Repositories on the Hugging Face hub or on a mirror of it (HF_ENDPOINT): commits, files, and error messages for refused access.

HF_TOKEN (or `hf auth login`) and HF_HUB_OFFLINE are read by huggingface_hub; no message contains a token.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from distill.base.errors import AccessRefused, InputError
from distill.base.retry import RetryPolicy, TemporaryError, is_temporary
from distill.sources.http import Download, FileContent, HttpRefusal, describe_error, git_name, retry_after, retry_request

Result = TypeVar("Result")
NOT_REACHED = (
    "check the network; set HF_ENDPOINT to a mirror of the hub that can be reached, or HF_HUB_OFFLINE=1 to use what its local cache holds; "
    "then run the same command again"
)
MAIN = "main"  # the branch of a source without a revision
COMMIT = re.compile(r"[0-9a-f]{40}")  # a blob's git id has the same form
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Snapshot:
    """A repository at a commit: the content of each file by its path there."""

    commit: str
    files: dict[str, FileContent]


@dataclass(frozen=True)
class Repository:
    """`owner/name` on the hub; `repo_type` is model or dataset."""

    name: str
    repo_type: str

    def snapshot(self, revision: str, policy: RetryPolicy) -> Snapshot:
        """The current commit and files of a branch, tag or commit; offline, those in the hub's local cache."""
        from huggingface_hub import HfApi, constants

        if constants.is_offline_mode():
            return self._cached_snapshot(revision)
        if not re.match(r"https?://[^/\s]", constants.ENDPOINT):
            raise InputError(f"{self.name}: HF_ENDPOINT is {constants.ENDPOINT}, which is not a URL: write https:// and the mirror's host")
        api = HfApi(endpoint=constants.ENDPOINT)
        arguments = {"repo_id": self.name, "repo_type": self.repo_type, "revision": revision}

        def look() -> Snapshot:
            info = api.repo_info(**arguments, files_metadata=True, timeout=policy.timeout_s)
            return Snapshot(str(info.sha), {str(file.rfilename): _content(file) for file in info.siblings or []})

        there = self._call_hub(look, revision, policy)
        if not COMMIT.fullmatch(there.commit) or not all(content.key for content in there.files.values()):
            raise InputError(
                f"{self.name}: {constants.ENDPOINT} returns no commit or no digests: set HF_ENDPOINT to a full mirror of the hub"
            )
        if COMMIT.fullmatch(revision) and there.commit != revision:
            raise InputError(f"{self.name}: {constants.ENDPOINT} returned another commit than {revision[:12]}: check HF_ENDPOINT")
        return there

    def file(self, name: str, commit: str, content: FileContent) -> Download:
        """The download of a file of this repository. Raises InputError offline."""
        from huggingface_hub import constants, hf_hub_url
        from huggingface_hub.utils import build_hf_headers

        if constants.is_offline_mode():
            raise self._offline(f"{name} of commit {commit[:12]}")
        url = hf_hub_url(self.name, name, repo_type=self.repo_type, revision=commit, endpoint=constants.ENDPOINT)
        return Download(url, content, build_hf_headers(), frozenset(constants.HF_URL_HOSTS))

    def cached(self, name: str, commit: str) -> Path | None:
        """The file in the hub's local cache, if it is there."""
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(self.name, name, repo_type=self.repo_type, revision=commit)
        return Path(found).resolve() if isinstance(found, str) else None

    def access_error(self, status: int, code: str, revision: str) -> InputError:
        """The error for a refused request: one line that says what to do."""
        from huggingface_hub import constants, get_token

        page = f"https://huggingface.co/{'datasets/' if self.repo_type == 'dataset' else ''}{self.name}"
        token = get_token() is not None
        if code == "GatedRepo" or (status == 403 and not code):
            then = "with the account of HF_TOKEN" if token else "then set HF_TOKEN in the environment to a token of that account"
            return AccessRefused(f"{self.name}: gated: accept its terms at {page}, {then}, and run the same command again")
        if code == "RevisionNotFound":
            return InputError(f"{self.name}: has no revision {revision!r}: look at {page}/tree/main and fix source.revision")
        if code == "EntryNotFound":
            return InputError(f"{self.name}: a file that it lists is not there (commit {revision[:12]}): run the same command later")
        if status in (401, 404):
            private = "HF_TOKEN may be wrong or not for it" if token else "if it is private, set HF_TOKEN in the environment"
            return InputError(f"{self.name}: no such {self.repo_type} at {constants.ENDPOINT}: fix the name at source.hub; {private}")
        if status == 200:
            return InputError(
                f"{self.name}: {constants.ENDPOINT} does not answer as the hub does: check HF_ENDPOINT and the name at source.hub"
            )
        return InputError(f"{self.name}: {constants.ENDPOINT} refuses with status {status}: look at {page}, check HF_ENDPOINT and HF_TOKEN")

    def _call_hub(self, call: Callable[[], Result], revision: str, policy: RetryPolicy) -> Result:
        import httpx
        from huggingface_hub import constants
        from huggingface_hub.errors import HfHubHTTPError

        def ask() -> Result:
            try:
                return call()
            except HfHubHTTPError as error:
                if is_temporary(error.response.status_code):
                    raise TemporaryError(f"the hub answered {error.response.status_code}", retry_after(error.response.headers)) from None
                raise HttpRefusal(error.response.status_code, error.response.headers.get("X-Error-Code", "")) from None
            except httpx.TransportError as error:
                # Where a first request fails, it is the network or the host, and not a file that was cut.
                raise TemporaryError(f"{describe_error(error)} ({constants.ENDPOINT})", advice=NOT_REACHED) from None
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError, httpx.HTTPError, httpx.InvalidURL):
                raise HttpRefusal(200) from None  # not a response of a hub; an invalid repository name is a ValueError too

        try:
            return retry_request(ask, self.name, policy)
        except HttpRefusal as refused:
            raise self.access_error(refused.status, refused.code, revision) from None

    def _cached_snapshot(self, revision: str) -> Snapshot:
        from huggingface_hub import get_cached_repo_tree, snapshot_download
        from huggingface_hub.errors import CachedRepoTreeNotFoundError, IncompleteSnapshotError, LocalEntryNotFoundError

        try:
            folder = Path(snapshot_download(self.name, repo_type=self.repo_type, revision=revision, local_files_only=True))
        except IncompleteSnapshotError as error:
            folder = Path(error.snapshot_path)  # files that were not selected may be missing
        except LocalEntryNotFoundError:
            raise self._offline(revision) from None
        try:
            listed = get_cached_repo_tree(self.name, repo_type=self.repo_type, revision=folder.name)
        except CachedRepoTreeNotFoundError:  # an older cache has no list: use the files there; the lock, if any, verifies their digest
            listed = []
        blobs = {path.relative_to(folder).as_posix(): path.resolve() for path in sorted(folder.rglob("*")) if path.is_file()}
        files = {file.path: FileContent(file.size, git=file.blob_id) for file in listed}
        return Snapshot(folder.name, files | {name: _named_content(blob) for name, blob in blobs.items()})

    def _offline(self, what: str) -> InputError:
        from huggingface_hub import constants

        return InputError(
            f"{self.name}: {what} is not complete in {constants.HF_HUB_CACHE}, and HF_HUB_OFFLINE is set: unset it, or use source.path"
        )


def _content(file: Any) -> FileContent:
    """Expected content of a listed file: sha256 for a large one, git id for a small one; neither where the server gives none."""
    sha256, git = file.lfs.sha256 if file.lfs else None, file.blob_id or ""
    size = int(file.size)
    if sha256 is not None:
        return FileContent(size, sha256=sha256 if SHA256.fullmatch(sha256) else None)
    return FileContent(size, git=git if COMMIT.fullmatch(git) else None)


def _named_content(blob: Path) -> FileContent:
    """Content of a cached file. The cache names a blob by its digest; in a cache without links (copied, say) the file is hashed."""
    size = blob.stat().st_size
    if SHA256.fullmatch(blob.name):
        return FileContent(size, sha256=blob.name)
    return FileContent(size, git=blob.name if COMMIT.fullmatch(blob.name) else git_name(blob))
