"""Files downloaded to a work folder, several at a time; an interrupted download resumes."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from distill.base.errors import InputError
from distill.base.retry import RetryPolicy
from distill.sources.http import Download, fetch_file

if TYPE_CHECKING:
    import ssl

PARALLEL_DOWNLOADS = 4


def download_all(missing: dict[str, Download], folder: Path, policy: RetryPolicy) -> None:
    """Download to files/{digest}, several at a time. A partial download stays in parts/{digest}."""
    import httpx

    for name in ("parts", "files"):
        (folder / name).mkdir(exist_ok=True)
    _check_room(missing, folder)

    def one(item: tuple[str, Download]) -> None:
        key, download = item
        fetch_file(client, download, folder / "parts" / key, policy)
        os.replace(folder / "parts" / key, folder / "files" / key)
        print(f"{download.url}: {(folder / 'files' / key).stat().st_size / 1e6:.1f} MB", flush=True)

    with httpx.Client(timeout=policy.timeout_s, verify=certificates()) as client, ThreadPoolExecutor(PARALLEL_DOWNLOADS) as pool:
        try:
            list(pool.map(one, sorted(missing.items())))
        except BaseException:
            client.close()  # running downloads end at their next byte and keep their parts
            pool.shutdown(cancel_futures=True)
            raise


@cache
def certificates() -> "ssl.SSLContext":
    """Cached: reading the certificates takes longer than a small download."""
    import httpx

    return httpx.create_ssl_context()


def _check_room(missing: dict[str, Download], folder: Path) -> None:
    held = sum(path.stat().st_size for path in (folder / "parts").iterdir())
    needed = sum(download.content.size or 0 for download in missing.values()) - held
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(f"{folder}: {needed / 1e9:.1f} GB to download and {free / 1e9:.1f} GB free: make room, then run again")
