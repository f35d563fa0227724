"""A stand-in for the hub: a server on loopback that holds tiny repositories, speaks the hub's protocol, and misbehaves on demand."""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from replying import Replying

LARGE = (".safetensors", ".bin", ".parquet")


def git_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Repo:
    """`branches` {name: commit} and `commits` {commit: {path: content}}. Where there is a `token`, files come with it only."""

    branches: dict[str, str] = field(default_factory=dict)
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    token: str | None = None
    private: bool = False

    def commit(self, files: dict[str, bytes], branch: str = "main") -> str:
        """Move a branch to a new commit."""
        name = hashlib.sha1(repr((len(self.commits), sorted(files.items()))).encode()).hexdigest()
        self.commits[name], self.branches[branch] = files, name
        return name


@dataclass
class HubServer:
    """`misbehaviour` {end of a path: what its next requests get}, each entry used once; a last "always" repeats the one before it.

    An entry is a status, (status, headers) or (status, headers, body), "cut" (half of the bytes), "silent" (half, then nothing),
    "wrong" (other bytes), "endless" (more and more bytes), "whole" (all of it, whatever was asked), "elsewhere" (a range that was not
    asked for) or None.
    """

    repos: dict[str, Repo] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)
    misbehaviour: dict[str, list[Any]] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    url: str = ""
    poured: int = 0

    def requests_for(self, end: str) -> list[dict[str, str]]:
        """The headers of each request for paths that end so."""
        return [headers for path, headers in self.seen if path.endswith(end)]

    def next_trick(self, path: str) -> Any:
        with self.lock:
            tricks = next((tricks for end, tricks in self.misbehaviour.items() if path.endswith(end)), [])
            if len(tricks) == 2 and tricks[1] == "always":
                return tricks[0]
            return tricks.pop(0) if tricks else None

    @contextmanager
    def running(self) -> Iterator["HubServer"]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield self
        finally:
            self.released.set()
            server.shutdown()
            server.server_close()


class _Handler(Replying):
    hub: HubServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        with self.hub.lock:
            self.hub.seen.append((path, {key.lower(): value for key, value in self.headers.items()}))
        trick = self.hub.next_trick(path)
        if isinstance(trick, int):
            trick = (trick, {})
        if isinstance(trick, tuple):
            return self.reply(trick[0], trick[2] if len(trick) > 2 else b"", trick[1])
        if path.startswith("/api/"):
            return self.tell(path)
        if path in self.hub.files:
            return self.send_content(self.hub.files[path], trick)
        return self.resolve(path, trick)

    def do_POST(self) -> None:
        """What a push asks: a repository, what is to go to the store of large files, and a commit. Anyone with a token may."""
        path, body = unquote(urlsplit(self.path).path), self.body()
        with self.hub.lock:
            self.hub.seen.append((path, {key.lower(): value for key, value in self.headers.items()}))
        trick = self.hub.next_trick(path)
        if trick is not None or not self.headers["Authorization"]:
            return self.reply(trick or 401, b"", {})
        name = next((name for name in self.hub.repos if f"/api/{name}/" in path), "")
        if path == "/api/repos/create":
            asked = json.loads(body)
            self.hub.repos.setdefault(f"models/{asked['organization']}/{asked['name']}", Repo(private=asked.get("visibility") == "private"))
            return self.tell_json({"url": f"{self.hub.url}/{asked['organization']}/{asked['name']}"})
        if path == "/api/validate-yaml":
            return self.tell_json({"errors": [], "warnings": []})
        if "/preupload/" in path:
            modes = [
                {"path": file["path"], "uploadMode": "lfs" if file["path"].endswith(LARGE) else "regular", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]
            return self.tell_json({"files": modes})
        if path.endswith("/info/lfs/objects/batch"):
            objects = [self.store_of(entry) for entry in json.loads(body)["objects"]]
            return self.tell_json({"transfer": "basic", "objects": objects})
        if "/commit/" in path:
            repo = self.hub.repos[name]
            files = dict(repo.commits.get(repo.branches.get("main", ""), {}))
            for line in map(json.loads, body.splitlines()):
                value = line["value"]
                if line["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                elif line["key"] == "lfsFile":
                    files[value["path"]] = self.hub.stored[value["oid"]]
            commit = repo.commit(files)
            return self.tell_json({"commitUrl": f"{self.hub.url}/{name}/commit/{commit}", "commitOid": commit})
        return self.reply(404, b"", {})

    def store_of(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Where a large file is to be put; nowhere, if it is there."""
        there = entry["oid"] in self.hub.stored
        return {**entry, **({} if there else {"actions": {"upload": {"href": f"{self.hub.url}/store/{entry['oid']}"}}})}

    def do_PUT(self) -> None:
        path, content = self.path, self.body()
        with self.hub.lock:
            self.hub.seen.append((path, {}))
        self.hub.stored[sha256(content)] = content
        return self.reply(200, b"", {})

    def body(self) -> bytes:
        if self.headers["Transfer-Encoding"] != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"] or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def tell_json(self, told: Any) -> None:
        return self.reply(200, json.dumps(told).encode(), {"Content-Type": "application/json"})

    def tell(self, path: str) -> None:
        """/api/models/OWNER/NAME/revision/REVISION, and the same with tree/"""
        name, what, revision = [*re.split("/(revision|tree)/", path.removeprefix("/api/"), maxsplit=1), "", ""][:3]
        repo = self.hub.repos.get(name)
        if repo is None:
            return self.reply(404, b"", {"X-Error-Code": "RepoNotFound"})
        commit = repo.branches.get(revision, revision)
        if commit not in repo.commits:
            return self.reply(404, b"", {"X-Error-Code": "RevisionNotFound"})
        files = repo.commits[commit].items()
        if what == "tree":
            return self.reply(200, json.dumps([_entry(*file) for file in files]).encode(), {"Content-Type": "application/json"})
        told = {"id": name.split("/", 1)[1], "sha": commit, "siblings": [_sibling(*file) for file in files]}
        return self.reply(200, json.dumps(told).encode(), {"Content-Type": "application/json"})

    def resolve(self, path: str, trick: Any) -> None:
        """/OWNER/NAME/resolve/COMMIT/FILE, or the same below /datasets."""
        name, _, rest = path.removeprefix("/").partition("/resolve/")
        commit, _, file = rest.partition("/")
        repo = self.hub.repos.get(name if name.startswith("datasets/") else f"models/{name}")
        if repo is None or file not in repo.commits.get(commit, {}):
            return self.reply(404, b"", {"X-Error-Code": "EntryNotFound"})
        given = self.headers["Authorization"]
        if repo.token and given != f"Bearer {repo.token}":
            return self.reply(403 if given else 401, b"", {"X-Error-Code": "GatedRepo"})
        return self.send_content(repo.commits[commit][file], trick)

    def send_content(self, content: bytes, trick: Any) -> None:
        asked = self.headers["Range"]
        start = 0 if asked is None or trick == "whole" else int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= len(content) > 0:
            return self.reply(416, b"", {})
        status, headers = 200, {}
        if asked is not None and trick != "whole":
            start = 0 if trick == "elsewhere" else start
            status, headers = 206, {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        rest = bytes(byte ^ 1 for byte in content[start:]) if trick == "wrong" else content[start:]
        if trick == "endless":
            return self.pour(rest)
        sent = rest[: len(rest) // 2] if trick in ("cut", "silent") else rest
        self.reply(status, sent, {"Content-Length": str(len(rest)), **headers})
        if trick == "silent":
            self.hub.released.wait(2)
        if trick in ("cut", "silent"):
            self.close_connection = True
        return None

    def pour(self, content: bytes) -> None:
        """Far more than there is, until nobody listens."""
        self.reply(200, b"", {"Content-Length": str(1 << 30)})
        self.close_connection = True
        content = content * (1 + (1 << 20) // len(content))
        for _ in range(64):
            try:
                self.wfile.write(content)
            except OSError:
                return
            self.hub.poured += len(content)


def _entry(name: str, content: bytes) -> dict[str, Any]:
    """A file as /tree has it."""
    told = _sibling(name, content)
    lfs = {"lfs": {**told["lfs"], "oid": told["lfs"]["sha256"]}} if "lfs" in told else {}
    return {"type": "file", "path": name, "size": told["size"], "oid": told["blobId"], **lfs}


def _sibling(name: str, content: bytes) -> dict[str, Any]:
    told: dict[str, Any] = {"rfilename": name, "size": len(content), "blobId": git_id(content)}
    if name.endswith(LARGE):
        told["lfs"] = {"sha256": sha256(content), "size": len(content), "pointerSize": 130}
    return told
