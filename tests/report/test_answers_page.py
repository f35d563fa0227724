"""Every answer is on the page as data, nothing that it says becomes markup, and nothing of a gated benchmark is there."""

import importlib
import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
import results_tree
from browser import CHROMIUM, Browser, Page

from distill.base.files import read_jsonl, write_jsonl
from distill.report.answers_page import katex, page
from distill.report.names import names
from distill.report.results import Results

CANARY = "CANARY</script><script>document.title='taken over'</script><!--"
FORMULAS = (
    "in \\boxed{}: $\\frac{1}{2}$ "
    "$\\href{javascript:alert(1)}{x}$ $\\includegraphics{http://e.example/x.png}$ $\\htmlClass{x}{y}$ $\\frac{1$"
)


class Scripts(HTMLParser):
    """The page's scripts, what each holds, and every address."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.sources += [value for name, value in attrs if name in ("src", "href")]
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_data(self, data):
        if self.cdata_elem == "script":
            attributes, text = self.scripts[-1]
            self.scripts[-1] = attributes, text + data

    def data(self, **attributes: str) -> list:
        return [json.loads(text) for found, text in self.scripts if attributes.items() <= {"class_": found.get("class"), **found}.items()]


@pytest.fixture
def tree(tmp_path) -> Path:
    """A results folder in which each answer says something hostile."""
    root = results_tree.build(tmp_path / "results")
    for path in root.glob("responses/*/*.jsonl"):
        rows = list(read_jsonl(path))
        write_jsonl(
            path, [{**row, "text": f"<think>Hm, $x^2$.</think>{CANARY} {FORMULAS} {row['text']} \\boxed{{4}} so 4"} for row in rows]
        )
    return root


def parsed(root: Path) -> Scripts:
    made = Scripts()
    made.feed("".join(page(names(results_tree.SPEC), Results(root), "/* katex </div> */")))
    return made


def test_every_answer_is_there_and_only_the_page_s_own_scripts_are_some(tree):
    made = parsed(tree)
    own = [text for attributes, text in made.scripts if attributes.get("type") is None]
    assert len(own) == 4 and "CANARY" not in "".join(own)
    assert {attributes.get("type") for attributes, _ in made.scripts} == {None, "application/json"}
    assert made.sources == []
    answers = {(block["model"], block["benchmark"]): block["rows"] for block in made.data(class_="rows")}
    assert {key: len(rows) for key, rows in answers.items()} == {(m, b): results_tree.ITEMS for m in range(3) for b in range(2)}
    (texts,) = made.data(id="texts-0-0-0")
    assert len(texts) == results_tree.ITEMS and CANARY in texts[0]


def test_a_gated_benchmark_has_verdicts_and_no_text(tree):
    made = parsed(tree)
    assert made.data(id="questions-1") == [{}]
    assert not any(str(attributes.get("id")).startswith("texts-1-") for attributes, _ in made.scripts)
    gated = [block for block in made.data(class_="rows") if block["benchmark"] == 1]
    assert {(row[2], *row[8:]) for block in gated for row in block["rows"]} == {(None, 0, 0, 0, 0)}
    assert [block["rules"] for block in gated] == [[""]] * 3


def written(root: Path, folder: Path) -> Path:
    path = folder / "answers.html"
    path.write_text("".join(page(names(results_tree.SPEC), Results(root), katex())), encoding="utf-8")
    return path


def seen(path: Path, place: str, *options: str) -> str:
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000", "--dump-dom", *options]
    whole = subprocess.run([*command, f"{path.as_uri()}{place}"], capture_output=True, timeout=120, check=False).stdout.decode()
    return re.sub(r"<script.*?</script>", "", whole, flags=re.DOTALL)  # what the page holds, and not what it is made by


@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
@pytest.mark.parametrize("size", ["1200,800", "390,800"])
def test_a_browser_shows_a_linked_answer_and_runs_nothing_that_it_says(tree, tmp_path, size):
    path = written(tree, tmp_path)
    found = seen(path, "#0/2/0/mini_math-1", f"--window-size={size}")
    assert "<title>Answers</title>" in found
    assert re.search(r"48 of 48 answers", found)
    assert found.count("<article") == 3 and "<summary>thought</summary>" in found
    assert "CANARY&lt;/script&gt;" in found
    assert re.findall(r'href="([^"]*)"', found) == [f"#0/{model}/0/mini_math-1" for model in range(3)]
    assert "<img" not in found and 'class="x"' not in found
    assert "read from last box; " in found


@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
@pytest.mark.skipif(katex() is None, reason="no package that holds KaTeX is installed (envs/requirements-katex.txt)")
def test_formulas_are_rendered_and_the_answer_that_was_read_is_marked(tree, tmp_path):
    path = written(tree, tmp_path)
    found = seen(path, "#0/1/0/mini_math-1")
    assert "<mfrac>" in found
    marks = re.findall(r'<mark><span class="math" title="([^"]*)"', found)
    assert marks == ["\\boxed{4}"] * 3  # and not the 4 that follows
    assert "$\\frac{1$" in found  # a formula that cannot be read stays as it is written
    assert "in \\boxed{}: " in found


def row_of(response: dict, verdict: dict) -> dict:
    return {
        **verdict,
        "disagree": len(set(verdict["verdicts"].values())) > 1,
        "finish": response["finish_reason"],
        "n": response["completion_tokens"],
    }


# What is chosen in the page's head, and which answers are left; models and benchmarks are numbered in their order.
FILTERS = [
    ({"benchmark": "1"}, lambda model, benchmark, row: benchmark == "mini_gpqa"),
    ({"model": "2"}, lambda model, benchmark, row: model == "ours"),
    ({"verdict": "wrong"}, lambda model, benchmark, row: not row["correct"]),
    ({"only": "disagree"}, lambda model, benchmark, row: row["disagree"]),
    ({"only": "truncated"}, lambda model, benchmark, row: row["finish"] == "length"),
    ({"least": "80", "most": "120"}, lambda model, benchmark, row: 80 <= row["n"] <= 120),
    ({"model": "0", "verdict": "right"}, lambda model, benchmark, row: model == "base" and row["correct"]),
]  # fmt: skip


def choose(page: Page, **values: str) -> str:
    for control in ("benchmark", "model", "verdict", "only", "least", "most"):
        page.evaluate(f"$({control!r}).value = {values.get(control, '')!r}; $({control!r}).dispatchEvent(new Event('input'))")
    return page.text("#count")


@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_filters_leave_the_answers_that_they_name(tree, tmp_path):
    path = tree / "responses/ours/mini_math.jsonl"
    write_jsonl(path, [{**row, "finish_reason": "length" if place < 3 else "stop"} for place, row in enumerate(list(read_jsonl(path)))])
    answers = [
        (model, benchmark, row_of(response, verdict))
        for model in ("base", "r1", "ours")
        for benchmark in ("mini_math", "mini_gpqa")
        for response, verdict in zip(
            *(read_jsonl(tree / f"{kind}/{model}/{benchmark}.jsonl") for kind in ("responses", "scores")), strict=True
        )
    ]
    with Browser(tmp_path / "browser") as browser:
        page = browser.open(written(tree, tmp_path))
        for values, fits in FILTERS:
            left = sum(fits(*answer) for answer in answers)
            assert 0 < left < len(answers)
            assert choose(page, **values) == f"{left} of {len(answers)} answers"
        assert choose(page) == f"{len(answers)} of {len(answers)} answers"


def wait_for_card(page: Page, link: str, model: str) -> None:
    page.wait_for(f"location.hash === '#{link}' && document.querySelector('article.now a')?.textContent === '{model}'")


@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_the_keyboard_goes_through_answers_and_models_and_opens_thoughts(tree, tmp_path):
    opened = "document.querySelectorAll('details[open]').length"
    with Browser(tmp_path / "browser") as browser:
        page = browser.open(written(tree, tmp_path))
        for key, link, model in (
            *(("j", "0/0/0/mini_math-0", "Base"), ("j", "0/0/0/mini_math-1", "Base"), ("l", "0/1/0/mini_math-1", "R1-Distill")),
            *(("h", "0/0/0/mini_math-1", "Base"), ("k", "0/0/0/mini_math-0", "Base")),
        ):
            page.press(key)
            wait_for_card(page, link, model)
        assert page.evaluate(opened) == 0
        page.press("t")
        assert page.evaluate(opened) == 3
        assert page.text("article.now details pre").startswith("<think>Hm, ")
        page.press("/")
        assert page.evaluate("document.activeElement.id") == "benchmark"
        page.press("j")
        assert page.evaluate("location.hash") == "#0/0/0/mini_math-0", "a letter in a filter goes nowhere"


@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_no_key_of_a_quick_hand_is_lost(tree, tmp_path):
    with Browser(tmp_path / "browser") as browser:
        page = browser.open(written(tree, tmp_path))
        shown = "document.querySelector('article.now a').getAttribute('href')"
        for keys, link in (
            ("jjl", "#0/1/0/mini_math-1"),
            ("jk" * 200 + "jh", "#0/0/0/mini_math-2"),  # more addresses than Chromium takes in ten seconds
        ):
            page.evaluate(f"for (const key of '{keys}') document.dispatchEvent(new KeyboardEvent('keydown', {{ key }}))")
            assert page.evaluate(shown) == link
            page.wait_for("eventsToCome === 0")
            assert page.evaluate(shown) == link


@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_a_link_shows_the_answer_and_its_place_in_the_list(tree, tmp_path):
    """On a phone 48 answers are more than the list shows at once, and the models' answers stand below each other."""
    with Browser(tmp_path / "browser") as browser:
        page = browser.open(written(tree, tmp_path))
        page.send("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=1, mobile=True)
        page.evaluate("location.hash = '#0/2/0/mini_math-7'")
        wait_for_card(page, "0/2/0/mini_math-7", "Ours")
        for shown, within in ((".row.now", "#list"), ("article.now a", "#detail")):
            inner, outer = (f"document.querySelector('{selector}').getBoundingClientRect()" for selector in (shown, within))
            assert page.evaluate(f"{outer}.top <= {inner}.top && {inner}.bottom <= {outer}.bottom")


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_fifty_thousand_answers_are_drawn_before_their_texts_have_arrived(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "bench"))
    bench = importlib.import_module("answers_page")
    bench.write(tmp_path / "answers.html", tmp_path / "results", 50_000)
    found = bench.measure(tmp_path / "answers.html", CHROMIUM)
    assert found["count"] == "50,000 of 50,000 answers" and found["articles"] == 2
    assert found["drawn"] < found["loaded"]
    assert 0 < found["rows_max"] < 100, "the list holds what is in sight, so that a jump costs the same among any number of answers"
