"""Download one file over HTTP: resumed where it was cut, retried when the server is busy, and verified by digest.

huggingface_hub 1.33 restarts a file in each process and verifies no digest (file_download._download_to_tmp_and_move, http_get), so it
only lists files here and does not download them.
"""

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import SplitResult, urljoin, urlsplit

from distill.base.errors import InputError
from distill.base.files import sha256_file
from distill.base.progress import EVERY_S, progress_line
from distill.base.retry import RetryPolicy, TemporaryError, is_temporary, retry

if TYPE_CHECKING:
    import httpx

Result = TypeVar("Result")
REDIRECTS = 10
CHUNK = 1 << 20


@dataclass(frozen=True)
class FileContent:
    """Expected content of a file. `git` is its git blob id: sha1 over "blob SIZE", a zero byte and the bytes."""

    size: int | None = None
    sha256: str | None = None
    git: str | None = None

    @property
    def key(self) -> str:
        return self.sha256 or self.git or ""

    def matches(self, path: Path) -> bool:
        """Whether the file exists and has this content. False where no digest is known."""
        if not path.is_file() or self.size not in (None, path.stat().st_size):
            return False
        return sha256_file(path) == self.sha256 if self.sha256 else self.git is not None and git_name(path) == self.git


def git_name(path: Path) -> str:
    """The git blob id of a file."""
    sha = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            sha.update(chunk)
    return sha.hexdigest()


class HttpRefusal(Exception):
    """The server refused a request: status and the hub's error code (X-Error-Code)."""

    def __init__(self, status: int, code: str = ""):
        super().__init__(f"status {status}")
        self.status, self.code = status, code


def retry_after(headers: Mapping[str, str]) -> str | None:
    """The Retry-After header, or the reset time in the hub's rate limit header (`RateLimit: "api";r=0;t=55`)."""
    spent = re.search(r"\br=0;t=(\d+)", headers.get("RateLimit", ""))
    return headers.get("Retry-After") or (spent and spent[1])


@dataclass(frozen=True)
class Download:
    """Where to download a file. Header values may be secret: they are sent to the URL's host and, over https, to `trusted` hosts only."""

    url: str
    content: FileContent
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    trusted: frozenset[str] = frozenset()


def fetch_file(client: "httpx.Client", download: Download, part: Path, policy: RetryPolicy) -> None:
    """Download a file to `part`, resuming from what `part` holds. If the digest is wrong, download all of it once more.

    Raises HttpRefusal, and InputError where the digest is wrong twice or the server stays busy; `part` keeps what was downloaded.
    """
    for _ in range(2):
        _fill(client, download, part, policy)
        if download.content.matches(part):
            return
        found = f"sha256 {sha256_file(part)[:12]}" if download.content.sha256 else f"git id {git_name(part)[:12]}"
        part.unlink()
    raise InputError(
        f"{download.url}: wrong content ({found}, {part.name[:12]} expected): nothing was replaced; "
        "fix the digest or the URL, or ask the owner of the server"
    )


def probe(client: "httpx.Client", download: Download) -> None:
    """Open a file without reading it. Raises HttpRefusal or TemporaryError as a download would."""
    response = _open(client, download, {"Accept-Encoding": "identity"})
    try:
        _check(response)
    finally:
        response.close()


def _fill(client: "httpx.Client", download: Download, part: Path, policy: RetryPolicy) -> None:
    def ask() -> None:
        held = part.stat().st_size if part.exists() else 0
        if download.content.size is not None and held > download.content.size:
            part.unlink()
            held = 0
        if held == 0 or held != download.content.size:
            _stream(client, download, part, held)

    retry_request(ask, download.url, policy, progress=lambda: part.stat().st_size if part.exists() else 0)


def retry_request(call: Callable[[], Result], what: str, policy: RetryPolicy, progress: Callable[[], int] = lambda: 0) -> Result:
    """`retry`, where a failed connection is a temporary error."""
    import httpx

    def attempt() -> Result:
        try:
            return call()
        except httpx.TransportError as error:
            raise TemporaryError(describe_error(error)) from None

    return retry(attempt, what, policy, progress)


def describe_error(error: "httpx.TransportError") -> str:
    names = {"ConnectError": "cannot connect", "ConnectTimeout": "cannot connect", "ReadTimeout": "no data from the server"}
    return names.get(type(error).__name__, "the connection was cut")


def _stream(client: "httpx.Client", download: Download, part: Path, held: int) -> None:
    """Append what is missing, or start over where the server does not resume from byte `held`."""
    response = _open(client, download, {"Accept-Encoding": "identity", **({"Range": f"bytes={held}-"} if held else {})})
    try:
        if response.status_code == 416:  # range not satisfiable: `part` is not the start of this file
            part.unlink(missing_ok=True)
            raise TemporaryError("the download cannot be resumed")
        _check(response)
        resumes = response.status_code == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {held}-")
        if response.status_code == 206 and not resumes:
            part.unlink(missing_ok=True)
            raise TemporaryError("the server resumed at the wrong byte")
        size = download.content.size
        start = printed = time.monotonic()
        begun = held if resumes else 0
        with open(part, "ab" if resumes else "wb") as file:
            for chunk in response.iter_raw():  # with a chunk size, httpx 0.28 drops its buffer when the connection is cut
                file.write(chunk)
                if size is not None and file.tell() > size:
                    return  # longer than expected, so its digest is wrong
                if time.monotonic() - printed > EVERY_S:
                    printed = time.monotonic()
                    rate = (file.tell() - begun) / 1e6 / (printed - start)
                    print(progress_line(download.url, file.tell() // 10**6, size and size // 10**6, "MB", rate), flush=True)
    finally:
        response.close()
    if size is not None and part.stat().st_size < size:
        raise TemporaryError("the connection was cut")


def _open(client: "httpx.Client", download: Download, headers: dict[str, str]) -> "httpx.Response":
    """Follow redirects, without sending secret headers to other hosts."""
    secret, url = download.headers, download.url
    for _ in range(REDIRECTS):
        response = client.send(client.build_request("GET", url, headers={**secret, **headers}), stream=True, follow_redirects=False)
        if not response.has_redirect_location:
            return response
        response.close()
        there = _redirect_target(url, response.headers["Location"])
        if there is None:
            raise InputError(f"{download.url}: redirects to something that is not a URL: fix the URL")
        url, own = there.geturl(), there[:2] == urlsplit(download.url)[:2]
        secret = download.headers if own or (there.scheme == "https" and there.hostname in download.trusted) else {}
    raise InputError(f"{download.url}: more than {REDIRECTS} redirects: fix the URL")


def _redirect_target(url: str, location: str) -> SplitResult | None:
    """The target of a redirect; None where it is not an http(s) URL."""
    import httpx

    try:
        there = urlsplit(urljoin(url, location))
        httpx.URL(there.geturl())
    except (ValueError, httpx.InvalidURL):
        return None
    return there if there.scheme in ("http", "https") and there.hostname else None


def _check(response: "httpx.Response") -> None:
    status = response.status_code
    if is_temporary(status):
        raise TemporaryError(f"the server answered {status}", retry_after(response.headers))
    if status not in (200, 206):
        raise HttpRefusal(status, response.headers.get("X-Error-Code", ""))
