"""Progress in a log file: plain lines that end where the step ended; on a terminal, a bar."""

import io
import re

import pytest

from distill.base import progress
from distill.base.progress import Progress, format_duration, progress_line, track


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ((1200, 17000, "rows", 340.0), "filter: 1,200 of 17,000 rows (7 %), 340 rows/s, 0:46 to go"),
        ((1200, None, "rows", 0.5), "filter: 1,200 rows, 0.50 rows/s"),
        ((17000, 17000, "rows", 340.0, "all there"), "filter: 17,000 of 17,000 rows (100 %), 340 rows/s; all there"),
        ((0, 10, "rows", 0.0), "filter: 0 of 10 rows (0 %), 0.00 rows/s"),
    ],
)
def test_a_line_says_what_how_far_how_fast_and_how_long(given, text):
    assert progress_line("filter", *given) == text


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3600, "1:00:00"), (90061, "25:01:01")])
def test_time_to_go_is_minutes_or_hours(seconds, text):
    assert format_duration(seconds) == text


def test_a_short_step_is_one_line_and_a_step_without_work_is_none():
    log = io.StringIO()
    with Progress("grade", 3, "answers", stream=log) as short:
        for _ in range(3):
            short.add()
    assert re.fullmatch(r"grade: 3 of 3 answers \(100 %\), [\d,.]+ answers/s\n", log.getvalue())
    with Progress("grade", 3, "answers", initial=3, stream=log):
        pass
    assert log.getvalue().count("\n") == 1


def test_a_long_step_tells_now_and_then_and_the_last_note_stays(monkeypatch):
    monkeypatch.setattr(progress, "EVERY_S", 0.0)
    log = io.StringIO()
    with Progress("train", 4, "steps", initial=1, stream=log) as long:
        long.update(2, "loss 1.5")
        long.update(4)
    lines = log.getvalue().splitlines()
    assert [found.split(" (")[0] for found in lines] == ["train: 2 of 4 steps", "train: 4 of 4 steps", "train: 4 of 4 steps"]
    assert all(found.endswith("; loss 1.5") for found in lines)


def test_a_step_that_breaks_says_how_far_it_came():
    log = io.StringIO()
    with pytest.raises(ValueError, match="row 2"), Progress("filter", 9, stream=log) as broken:
        broken.add()
        raise ValueError("row 2")
    assert log.getvalue().startswith("filter: 1 of 9 rows")


def test_on_a_terminal_it_is_a_bar():
    screen = Terminal()
    with Progress("audit", 2, stream=screen) as shown:
        shown.add(2)
    assert "\r" in screen.getvalue()
    assert "audit: 100%" in screen.getvalue()


def test_rows_pass_as_they_are(capsys):
    assert list(track(iter("abc"), "survey", unit="batches")) == ["a", "b", "c"]
    assert capsys.readouterr().err.startswith("survey: 3 batches, ")
