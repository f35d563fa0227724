"""How soon a browser shows results/answers.html with many answers, how it scrolls, and how much memory it takes.

Makes a results folder of two models, writes the page and opens it in a headless Chromium. The page itself reports, to a server on loopback:
the first paint and the drawn list, in seconds from the start of the navigation; and how long its list takes to draw after each of 200 jumps
through all answers (a frame at 60 Hz is 16 ms). Memory is the peak of the largest process of the browser.

Example:
    python bench/answers_page.py --answers 50000
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from distill.base.files import write_jsonl
from distill.report.answers_page import katex, page
from distill.report.names import names
from distill.report.results import Results

TEXT = "<think>" + "Let me try this, and then check it again. " * 25 + "</think>\n\nSo $x = \\frac{84}{2}$, and the answer is \\boxed{42}."
# What the page reports of itself. Its policy lets it ask no server, so the measured copy comes without it.
PROBE = """<script>
addEventListener("load", () => requestAnimationFrame(() => requestAnimationFrame(() => {
  const list = document.getElementById("list"), times = [], rows = [], loaded = performance.now();
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  for (let step = 0; step < 200; step++) {
    const start = performance.now();
    list.scrollTop = step * list.scrollHeight / 200;
    draw();
    list.getBoundingClientRect();
    times.push(performance.now() - start);
    rows.push(list.querySelectorAll(".row").length);
  }
  const report = {
    first_paint: paint ? paint.startTime : null, drawn: window.drawnAt, loaded,
    count: document.getElementById("count").textContent,
    articles: document.querySelectorAll("article").length,
    formulas: document.querySelectorAll("math").length, rows_max: Math.max(...rows),
    jump_max: Math.max(...times), jump_mean: times.reduce((a, b) => a + b) / times.length,
  };
  fetch("/report", { method: "POST", body: JSON.stringify(report) });
})));
</script>"""


def write(path: Path, root: Path, answers: int) -> None:
    """The page of two models that each have half the answers."""
    for model in ("base", "ours"):
        keys = [{"id": f"q{item // 4}", "sample": item % 4} for item in range(answers // 2)]
        facts = {"finish_reason": "stop", "completion_tokens": 300}
        write_jsonl(root / f"responses/{model}/math.jsonl", ({**key, "text": TEXT, **facts} for key in keys))
        verdict = {"correct": True, "answer": "42", "reason": "correct", "verdicts": {"boxed": True}}
        write_jsonl(root / f"scores/{model}/math.jsonl", ({**key, **verdict} for key in keys))
    items = [
        {
            "id": f"q{item}",
            "messages": [{"role": "user", "content": "What is $6 \\cdot 7$?"}],
            "gold": "42",
            "kind": "math",
            "choices": None,
        }
        for item in range(answers // 8)
    ]
    write_jsonl(root / "benchmarks/math/prompts.jsonl", items)
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(page(names({"models": ["base", "ours"], "benchmarks": ["math"]}), Results(root), katex()))


def measure(path: Path, browser: str, timeout_s: float = 300) -> dict[str, Any]:
    """What the page reports, with `memory_mib`."""
    html = path.read_text(encoding="utf-8")
    start, _, rest = html.partition('<meta http-equiv="Content-Security-Policy"')
    html = start + rest.partition(">\n")[2]
    html = html.replace("<script>read();</script>", "<script>read(); window.drawnAt = performance.now();</script>")
    content = html.replace("</body>", PROBE + "</body>").encode()
    reported: list[dict[str, Any]] = []
    done = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/" else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            if self.path == "/":
                self.wfile.write(content)

        def do_POST(self) -> None:
            reported.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()
            done.set()

        def log_message(self, format: str, *args: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, tempfile.TemporaryDirectory() as profile:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", f"--user-data-dir={profile}"]
        address = f"http://127.0.0.1:{server.server_port}/#0/1/0/q7"
        running = subprocess.Popen([browser, *options, address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        peak, end = 0, time.monotonic() + timeout_s
        while not done.wait(0.05) and time.monotonic() < end:
            peak = max(peak, *_memory(running.pid))
        peak = max(peak, *_memory(running.pid))
        for process in [*psutil.Process(running.pid).children(recursive=True), psutil.Process(running.pid)]:
            process.kill()
        running.wait()
        server.shutdown()
    if not reported:
        raise SystemExit(f"{browser} reported nothing within {timeout_s:g} s")
    return reported[0] | {"memory_mib": peak / 2**20}


def _memory(pid: int) -> Iterator[int]:
    """Resident bytes of each process of the browser."""
    yield 0
    for process in psutil.Process(pid).children(recursive=True):
        try:
            yield process.memory_info().rss
        except psutil.NoSuchProcess:
            continue


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=int, default=50_000)
    parser.add_argument("--browser", default="chromium")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answers.html"
        start = time.monotonic()
        write(path, Path(folder) / "results", args.answers)
        print(f"{args.answers:,} answers: {path.stat().st_size / 1e6:.0f} MB, made and written in {time.monotonic() - start:.1f} s")
        found = measure(path, args.browser)
    paint = "unknown" if found["first_paint"] is None else f"{found['first_paint'] / 1000:.2f} s"
    print(f"{found['count']}; first paint {paint}, list drawn {found['drawn'] / 1000:.2f} s, all read {found['loaded'] / 1000:.2f} s")
    print(f"a jump in the list: {found['jump_mean']:.1f} ms on average, at most {found['jump_max']:.1f} ms")
    print(f"largest process of the browser: {found['memory_mib']:.0f} MiB")


if __name__ == "__main__":
    main()
