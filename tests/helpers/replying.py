"""What the servers on loopback that the tests start have in common."""

from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any


class Replying(BaseHTTPRequestHandler):
    """A handler that says nothing of itself and bears a client that is gone."""

    def log_message(self, *_: Any) -> None: ...

    def reply(self, status: int, content: bytes, headers: Mapping[str, str] = {}) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(content)
        except OSError:
            self.close_connection = True
