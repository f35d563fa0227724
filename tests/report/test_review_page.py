"""The page on which traces are judged by hand: what is on it, what the keyboard does in a real browser, and that no trace runs."""

import json
import sys
import time

import pytest
import review
from browser import CHROMIUM, Browser
from tiny_chat import read_jsonl, write_jsonl

from distill.data.review import Decision, read_decisions

CANARY = "</script><script>document.title='taken over'</script><img src=x onerror=\"document.title='taken over'\"><!--"
TRACES = [
    {"id": f"t{number}", "question": f"Q{number}? {CANARY}", "gold": None if number else "7", "thought": f"T{number} {CANARY}",
     "solution": f"S{number} {CANARY}", "source": f"s {CANARY}", "finish_reason": None}
    for number in range(4)
]  # fmt: skip
DROPPED = [
    {"id": "t1", "reason": "wrong_answer", "detail": f"answer 8 {CANARY}"},
    {"id": "t2", "reason": "duplicate", "detail": "of t0"},
]


@pytest.fixture
def make(tmp_path, monkeypatch):
    def make(name="review.html", **more):
        given = {
            "traces": write_jsonl(tmp_path / "traces.jsonl", TRACES), "dropped": write_jsonl(tmp_path / "dropped.jsonl", DROPPED),
            "spec": '{"dataset": "raw"}', "output": tmp_path / name,
        }  # fmt: skip
        words = [str(word) for option, value in (given | more).items() for word in (f"--{option}", value)]
        monkeypatch.setattr(sys, "argv", ["review.py", *words])
        review.main()
        return tmp_path / name

    return make


def until(done) -> None:
    end = time.monotonic() + 30
    while not done():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def data(path) -> dict:
    return json.loads(path.read_text(encoding="utf-8").split('id="data">')[1].split("</script>")[0])


def test_what_a_decision_can_change_is_on_the_page_with_what_filter_and_judge_thought(make, tmp_path):
    told = [{"id": "t0", "text": f"It is sound. {CANARY} Score: 2", "finish_reason": "stop"}]
    made = write_jsonl(tmp_path / "d.jsonl", [{"id": "t1", "decision": "keep", "note": CANARY}])
    page = data(make(verdicts=write_jsonl(tmp_path / "v.jsonl", told), decisions=made))
    rows = {row["id"]: row for row in page["rows"]}
    assert rows.keys() == {"t0", "t1", "t3"}
    assert (rows["t0"]["score"], rows["t0"]["reason"], rows["t0"]["decision"]) == (2, "", "")
    assert (rows["t1"]["reason"], rows["t1"]["decision"], rows["t1"]["note"]) == ("wrong_answer", "keep", CANARY)
    assert rows["t3"]["thought"] == TRACES[3]["thought"]


def test_equal_inputs_make_equal_bytes_and_the_page_loads_nothing(make):
    one = make("one.html").read_bytes()
    assert one == make("two.html").read_bytes()
    assert one.count(b"<script") == 2 and b"http" not in one.split(b'id="data"')[0].replace(b"http-equiv", b"")


@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_a_browser_takes_decisions_and_notes_by_keyboard_and_saves_them(make, tmp_path):
    path = make()
    order = [row["id"] for row in data(path)["rows"]]
    with Browser(tmp_path) as browser:
        page = browser.open(path)
        assert page.text("#count") == "1 of 3; 0 decided"
        page.press("k")
        assert page.text("#count") == "2 of 3; 1 decided, not saved"
        page.press("n")
        page.type("kd: it jumps")
        page.press("Enter", "d")
        assert page.text("#count") == "3 of 3; 2 decided, not saved"
        page.press("ArrowLeft", "ArrowLeft", "u", "ArrowRight", "ArrowRight", "n")
        page.type("unsure")
        page.press("Escape")
        # What is not saved is remembered, if not in the same moment: Chromium's processes pass it on to each other.
        until(lambda: page.go(path) or page.text("#count") == "1 of 3; 1 decided, not saved")
        page.press("s")
        saved = tmp_path / "decisions.jsonl"
        until(lambda: saved.exists() and saved.read_bytes().count(b"\n") == 2)
        assert page.text("#count") == "1 of 3; 1 decided"
    assert read_decisions(saved) == {order[1]: Decision(False, "kd: it jumps"), order[2]: Decision(None, "unsure")}
    assert [row["id"] for row in read_jsonl(saved)] == order[1:]


@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_a_browser_shows_what_the_judge_said_once_the_trace_is_decided(make, tmp_path):
    told = [{"id": f"t{number}", "text": "It jumps. Score: 2", "finish_reason": "stop"} for number in range(4)]
    by_judge = [{"id": f"t{number}", "reason": "judged", "detail": "score 2, at least 3: It jumps."} for number in range(4)]
    path = make(verdicts=write_jsonl(tmp_path / "v.jsonl", told), dropped=write_jsonl(tmp_path / "by_judge.jsonl", by_judge))
    with Browser(tmp_path) as browser:
        page = browser.open(path)
        assert "shown once you have decided" in page.text("#row") and "It jumps" not in page.text("#row")
        page.press("k", "ArrowLeft")
        assert "judge: 2 (kept from 3): It jumps." in page.text("#row")


@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_a_browser_shows_hostile_text_as_text(make, tmp_path):
    path = make()
    with Browser(tmp_path) as browser:
        page = browser.open(path)
        for _ in range(3):
            assert CANARY in page.text("#row") and page.evaluate("document.querySelectorAll('#row script, #row img').length") == 0
            page.press("ArrowRight")
        assert page.evaluate("document.title") == "Review"
