"""A headless Chromium for tests, driven over its debugging pipe: keys are pressed as a person presses them.

with Browser(folder) as browser:
    page = browser.open(path)
    page.press("k")
    assert page.text("#count") == "2 of 9"
"""

import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-pipe")


class Browser:
    """`folder` holds its profile, and what it downloads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.loaded: set[str] = set()  # documents that are loaded, by Chromium's loaderId
        self._number = 0

    def __enter__(self) -> "Browser":
        reads, self._to = os.pipe()
        self._from, writes = os.pipe()
        start = ["bash", "-c", f'exec "$@" 3<&{reads} 4>&{writes}', "bash"]
        command = [*start, str(CHROMIUM), *_FLAGS, f"--user-data-dir={self.folder}/profile"]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(command, pass_fds=(reads, writes), **quiet)
        os.close(reads)
        os.close(writes)
        self._rest = b""
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._to)
        os.close(self._from)

    def open(self, path: Path) -> "Page":
        self.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.folder))
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        page = Page(self, self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        page.send("Page.enable")
        page.send("Page.setLifecycleEventsEnabled", enabled=True)
        page.go(path)
        return page

    def send(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        number = self._write(method, session, params)
        while (found := self.next_message()).get("id") != number:
            pass
        assert "error" not in found, found["error"]
        return found["result"]

    def next_message(self) -> dict[str, Any]:
        """Questions of the page (does it lose unsaved work?) are answered with yes."""
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._from], [], [], 60)
            part = os.read(self._from, 1 << 16) if ready else b""
            assert part, "the browser has ended, or says nothing"
            self._rest += part
        message, _, self._rest = self._rest.partition(b"\0")
        found = json.loads(message)
        if found.get("method") == "Page.lifecycleEvent" and found["params"]["name"] == "load":
            self.loaded.add(found["params"]["loaderId"])
        if found.get("method") == "Page.javascriptDialogOpening":
            self._write("Page.handleJavaScriptDialog", found["sessionId"], {"accept": True})
        return found

    def _write(self, method: str, session: str | None, params: dict[str, Any]) -> int:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        os.write(self._to, json.dumps(message).encode() + b"\0")
        return self._number


class Page:
    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.send(method, self._session, **params)

    def go(self, path: Path) -> None:
        document = self.send("Page.navigate", url=path.as_uri())["loaderId"]
        while document not in self._browser.loaded:
            self._browser.next_message()

    def press(self, *keys: str) -> None:
        """A letter, or the name of a key such as ArrowRight."""
        for key in keys:
            text = {"text": key} if len(key) == 1 else {}
            self.send("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
            self.send("Input.dispatchKeyEvent", type="keyUp", key=key)

    def type(self, text: str) -> None:
        self.send("Input.insertText", text=text)

    def evaluate(self, expression: str) -> Any:
        return self.send("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def wait_for(self, expression: str) -> None:
        """Return once an expression is true, which it has 30 seconds for."""
        end = time.monotonic() + 30
        while not self.evaluate(expression):
            assert time.monotonic() < end, f"not true within 30 s: {expression}"
            time.sleep(0.02)

    def text(self, selector: str) -> str:
        return self.evaluate(f"document.querySelector({json.dumps(selector)}).textContent")
