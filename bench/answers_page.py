"""How long a browser takes for results/answers.html with many answers, and how much memory.

Makes a results folder of two models, writes the page and opens it in a headless Chromium until its list is drawn. The time holds the start
of the browser; the memory is that of its largest process.

Example:
    python bench/answers_page.py --answers 50000
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from distill.base.files import write_jsonl
from distill.report.answers_page import page
from distill.report.names import names
from distill.report.results import Results

TEXT = "<think>" + "Let me try this, and then check it again. " * 25 + "</think>\n\nSo the answer is \\boxed{42}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=int, default=50_000)
    parser.add_argument("--browser", default="chromium")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root, path = Path(folder) / "results", Path(folder) / "answers.html"
        for model in ("base", "ours"):
            keys = [{"id": f"q{item // 4}", "sample": item % 4} for item in range(args.answers // 2)]
            facts = {"finish_reason": "stop", "completion_tokens": 300}
            write_jsonl(root / f"responses/{model}/math.jsonl", ({**key, "text": TEXT, **facts} for key in keys))
            verdict = {"correct": True, "answer": "42", "reason": "correct", "verdicts": {"boxed": True}}
            write_jsonl(root / f"scores/{model}/math.jsonl", ({**key, **verdict} for key in keys))
        start = time.monotonic()
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(page(names({"models": ["base", "ours"], "benchmarks": ["math"]}), Results(root)))
        print(f"{args.answers:,} answers: {path.stat().st_size / 1e6:.0f} MB, written in {time.monotonic() - start:.1f} s")
        start = time.monotonic()
        command = [args.browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", f"{path.as_uri()}#0/1/0/q7"]
        seen = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False).stdout
        took = time.monotonic() - start
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        drawn = f"{args.answers:,} of {args.answers:,} answers" in seen and seen.count("<article") == 2
        print(f"{'drawn' if drawn else 'NOT DRAWN'} after {took:.1f} s, largest process {memory:.0f} MiB")


if __name__ == "__main__":
    main()
