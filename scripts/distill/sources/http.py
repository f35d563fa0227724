"""One file over HTTP: taken up where it was cut, patient with a busy server, and kept only if its bytes are the right ones.

huggingface_hub 1.33 starts a file anew in each process and compares no digest (file_download._download_to_tmp_and_move, http_get), so files
come this way and the hub's library only tells which there are.
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
    """What a file must hold. `git` is the name that git has for its bytes: sha1 over "blob SIZE", a zero byte and the bytes."""

    size: int | None = None
    sha256: str | None = None
    git: str | None = None

    @property
    def key(self) -> str:
        return self.sha256 or self.git or ""

    def matches(self, path: Path) -> bool:
        """Whether a file is there and holds this. Without a digest to go by, none does."""
        if not path.is_file() or self.size not in (None, path.stat().st_size):
            return False
        return sha256_file(path) == self.sha256 if self.sha256 else self.git is not None and git_name(path) == self.git


def git_name(path: Path) -> str:
    sha = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            sha.update(chunk)
    return sha.hexdigest()


class HttpRefusal(Exception):
    """The server will not give the file: status and the hub's own code (X-Error-Code)."""

    def __init__(self, status: int, code: str = ""):
        super().__init__(f"status {status}")
        self.status, self.code = status, code


def retry_after(headers: Mapping[str, str]) -> str | None:
    """The server's own word on when to ask again: Retry-After, or what the hub says of a spent limit (`RateLimit: "api";r=0;t=55`)."""
    spent = re.search(r"\br=0;t=(\d+)", headers.get("RateLimit", ""))
    return headers.get("Retry-After") or (spent and spent[1])


@dataclass(frozen=True)
class Download:
    """Where one file comes from. Header values may be secret: they go to the URL's own host and to `trusted` ones over https only."""

    url: str
    content: FileContent
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    trusted: frozenset[str] = frozenset()


def fetch_file(client: "httpx.Client", wanted: Download, part: Path, policy: RetryPolicy) -> None:
    """Make `part` hold a file. What it holds already is gone on with; where that turns out wrong, all is fetched once more.

    Raises HttpRefusal, and InputError where the bytes are wrong twice or the server stays busy: then `part` keeps what came.
    """
    for _ in range(2):
        _fill(client, wanted, part, policy)
        if wanted.content.matches(part):
            return
        found = f"sha256 {sha256_file(part)[:12]}" if wanted.content.sha256 else f"git id {git_name(part)[:12]}"
        part.unlink()
    raise InputError(
        f"{wanted.url}: holds other bytes than promised ({found}, {part.name[:12]} expected): nothing was replaced; "
        "mend the digest or the address, or ask whoever serves it"
    )


def probe(client: "httpx.Client", wanted: Download) -> None:
    """Ask for a file and read none of it. Raises HttpRefusal or TemporaryError, as a download would."""
    response = _open(client, wanted, {"Accept-Encoding": "identity"})
    try:
        _check(response)
    finally:
        response.close()


def _fill(client: "httpx.Client", wanted: Download, part: Path, policy: RetryPolicy) -> None:
    def ask() -> None:
        held = part.stat().st_size if part.exists() else 0
        if wanted.content.size is not None and held > wanted.content.size:
            part.unlink()
            held = 0
        if held == 0 or held != wanted.content.size:
            _stream(client, wanted, part, held)

    retry_request(ask, wanted.url, policy, progress=lambda: part.stat().st_size if part.exists() else 0)


def retry_request(call: Callable[[], Result], what: str, policy: RetryPolicy, progress: Callable[[], int] = lambda: 0) -> Result:
    """`retry`, where a failed connection is a temporary error."""
    import httpx

    def attempt() -> Result:
        try:
            return call()
        except httpx.TransportError as error:
            raise TemporaryError(_describe_error(error)) from None

    return retry(attempt, what, policy, progress)


def _describe_error(error: "httpx.TransportError") -> str:
    names = {"ConnectError": "cannot connect", "ConnectTimeout": "cannot connect", "ReadTimeout": "the server fell silent"}
    return names.get(type(error).__name__, "the connection was cut")


def _stream(client: "httpx.Client", wanted: Download, part: Path, held: int) -> None:
    """Append what is missing, or write anew where the server does not go on from `held`."""
    response = _open(client, wanted, {"Accept-Encoding": "identity", **({"Range": f"bytes={held}-"} if held else {})})
    try:
        if response.status_code == 416:  # what is held is no start of this file
            part.unlink(missing_ok=True)
            raise TemporaryError("nothing there to go on with")
        _check(response)
        goes_on = response.status_code == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {held}-")
        if response.status_code == 206 and not goes_on:
            part.unlink(missing_ok=True)
            raise TemporaryError("the server went on at the wrong byte")
        size = wanted.content.size
        start = told = time.monotonic()
        begun = held if goes_on else 0
        with open(part, "ab" if goes_on else "wb") as file:
            for chunk in response.iter_raw():  # given a chunk size, httpx 0.28 drops what it holds when cut
                file.write(chunk)
                if size is not None and file.tell() > size:
                    return  # longer than promised: wrong, however much more there is
                if time.monotonic() - told > EVERY_S:
                    told = time.monotonic()
                    rate = (file.tell() - begun) / 1e6 / (told - start)
                    print(progress_line(wanted.url, file.tell() // 10**6, size and size // 10**6, "MB", rate), flush=True)
    finally:
        response.close()
    if size is not None and part.stat().st_size < size:
        raise TemporaryError("the connection was cut")


def _open(client: "httpx.Client", wanted: Download, headers: dict[str, str]) -> "httpx.Response":
    """The response behind all redirects. What is secret in the headers stays with the hosts that it is for."""
    secret, url = wanted.headers, wanted.url
    for _ in range(REDIRECTS):
        response = client.send(client.build_request("GET", url, headers={**secret, **headers}), stream=True, follow_redirects=False)
        if not response.has_redirect_location:
            return response
        response.close()
        there = _web_address(url, response.headers["Location"])
        if there is None:
            raise InputError(f"{wanted.url}: leads to something that is no web address: mend the address")
        url, own = there.geturl(), there[:2] == urlsplit(wanted.url)[:2]
        secret = wanted.headers if own or (there.scheme == "https" and there.hostname in wanted.trusted) else {}
    raise InputError(f"{wanted.url}: leads on and on ({REDIRECTS} redirects): mend the address")


def _web_address(url: str, location: str) -> SplitResult | None:
    """Where a redirect leads, if that is a web address at all."""
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
