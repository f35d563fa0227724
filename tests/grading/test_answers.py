"""Answers and whole responses whose worth is known, row by row: answers.txt and responses.jsonl, next to this file."""

import json
import re
from pathlib import Path

import pytest

from distill.grading.grader import Task, grade_all, same

HERE = Path(__file__).parent
SECTIONS = dict(re.findall(r"^# (.+)\n((?:[+-] .*\n?)+)", (HERE / "answers.txt").read_text(encoding="utf-8"), re.MULTILINE))
RESPONSES = [json.loads(line) for line in (HERE / "responses.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_tables_are_there():
    assert sum(len(rows.splitlines()) for rows in SECTIONS.values()) > 2500
    assert len(RESPONSES) > 350


@pytest.mark.parametrize("section", SECTIONS)
def test_answers_are_graded_as_a_mathematician_would(section):
    rows = [(row[0] == "+", *row[2:].split(" ;; ")) for row in SECTIONS[section].splitlines()]
    tasks = [Task("math", gold, f"So \\boxed{{{answer}}}.") for _, gold, answer in rows]
    verdicts = grade_all(tasks)
    assert [row for row, verdict in zip(rows, verdicts, strict=True) if verdict.correct != row[0]] == []


@pytest.mark.parametrize(("kind", "form"), [("choice", "box"), ("math", "box"), ("math", "box_or_stated")])
def test_the_answer_is_found_in_a_response(kind, form):
    rows = [row for row in RESPONSES if (row["kind"], row.get("form", "box")) == (kind, form)]
    tasks = [Task(kind, row["gold"], row["text"], tuple(row.get("choices", ()))) for row in rows]
    verdicts = grade_all(tasks, stated=form == "box_or_stated")
    assert [row for row, verdict in zip(rows, verdicts, strict=True) if verdict.correct != row["correct"]] == []


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("0.5", r"\frac12", True),
        ("1/2", "0.50", True),
        ("x=5", "5", True),
        ("2,3", "3,2", True),
        ("1,000", "1000", True),
        (r"50\%", "0.5", True),
        ("5 cm", "5", True),
        (r"\text{B}", "B", True),
        ("(1,2)", "(2,1)", False),
        ("5", "6", False),
    ],
)
def test_a_majority_votes_on_values(one, other, alike):
    assert same(one, other) == alike
