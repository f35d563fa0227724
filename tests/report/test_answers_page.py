"""Every answer is on the page as data, nothing that it says becomes markup, and nothing of a gated benchmark is there."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
import results_tree

from distill.base.files import read_jsonl, write_jsonl
from distill.report.answers_page import page
from distill.report.names import names
from distill.report.results import Results

CHROMIUM = shutil.which("chromium")
CANARY = "CANARY</script><script>document.title='taken over'</script><!--"


class Scripts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[str] = []
        self.kinds: list[str | None] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.sources += [value for name, value in attrs if name in ("src", "href")]
        if tag == "script":
            self.kinds.append(dict(attrs).get("type"))
            self.blocks.append("")

    def handle_data(self, data):
        if self.cdata_elem == "script":
            self.blocks[-1] += data


@pytest.fixture
def tree(tmp_path) -> Path:
    """A results folder in which each answer says something hostile."""
    root = results_tree.build(tmp_path / "results")
    for path in root.glob("responses/*/*.jsonl"):
        write_jsonl(path, [{**row, "text": f"<think>Hm.</think>{CANARY} {row['text']}"} for row in list(read_jsonl(path))])
    return root


def parsed(root: Path) -> Scripts:
    made = Scripts()
    made.feed("".join(page(names(results_tree.SPEC), Results(root))))
    return made


def test_every_answer_is_there_and_only_the_page_s_own_script_is_one(tree):
    made = parsed(tree)
    assert made.kinds.count(None) == 1 and made.kinds[-1] is None
    assert made.sources == []
    blocks = [json.loads(text) for text in made.blocks[1:-1]]
    answers = {(block["model"], block["benchmark"]): block["rows"] for block in blocks if "rows" in block}
    assert {key: len(rows) for key, rows in answers.items()} == {(m, b): results_tree.ITEMS for m in range(3) for b in range(2)}
    assert CANARY in answers[0, 0][0][2]


def test_a_gated_benchmark_has_verdicts_and_no_text(tree):
    blocks = [json.loads(text) for text in parsed(tree).blocks[1:-1]]
    gated = [block for block in blocks if block["benchmark"] == 1]
    assert [block["questions"] for block in gated if "questions" in block] == [{}]
    assert {(row[2], row[3]) for block in gated for row in block.get("rows", ())} == {(None, None)}


@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_a_browser_shows_a_linked_answer_and_runs_nothing_that_it_says(tree, tmp_path):
    path = tmp_path / "answers.html"
    path.write_text("".join(page(names(results_tree.SPEC), Results(tree))), encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000", "--dump-dom"]
    seen = subprocess.run([*command, f"{path.as_uri()}#0/2/0/mini_math-1"], capture_output=True, text=True, timeout=120, check=False).stdout
    assert "<title>Answers</title>" in seen
    assert re.search(r"48 of 48 answers", seen)
    assert seen.count("<article") == 3 and "<summary>thought</summary>" in seen
    assert "CANARY&lt;/script&gt;" in seen
