"""A stand-in for an OpenAI-compatible endpoint: a small HTTP server on loopback that answers as a test tells it to, badly above all."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import Any

from replying import Replying


def completion(text: str | None, finish: str = "stop", prompt: int = 10, completion: int = 20, **message: Any) -> bytes:
    """The body of a good answer."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": finish}
    return json.dumps({"choices": [choice], "usage": {"prompt_tokens": prompt, "completion_tokens": completion}}).encode()


class StandIn:
    """`behave(question, attempt)` returns (status, body) or (status, body, headers), or "cut" to drop the connection."""

    def __init__(self, behave: Callable[[str, int], Any], models: tuple[str, ...] | None = ("teacher",)):
        self.behave, self.models = behave, models
        self.seen: list[tuple[str, float, dict[str, Any], str | None]] = []
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()

    def attempts(self, question: str) -> int:
        return sum(asked == question for asked, *_ in self.seen)

    @contextmanager
    def running(self):
        stand_in = self

        class Handler(Replying):
            def do_GET(self) -> None:
                models = stand_in.models
                self.reply(404 if models is None else 200, json.dumps({"data": [{"id": name} for name in models or ()]}).encode())

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                question = asked["messages"][-1]["content"]
                with stand_in._lock:
                    stand_in.at_once += 1
                    stand_in.most_at_once = max(stand_in.most_at_once, stand_in.at_once)
                    attempt = stand_in.attempts(question)
                    stand_in.seen.append((question, time.monotonic(), asked, self.headers["Authorization"]))
                try:
                    given = stand_in.behave(question, attempt)
                finally:
                    with stand_in._lock:
                        stand_in.at_once -= 1
                if given == "cut":
                    self.close_connection = True
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
                else:
                    self.reply(*given)

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            self.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
            yield self
        finally:
            server.shutdown()
            server.server_close()
