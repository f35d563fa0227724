"""The table of rules in docs/grading.md: for each, an answer that is right and one that is wrong for the same gold."""

import re
from pathlib import Path

import pytest

from distill.grading.grader import Task, grade_all, same

PAGE = Path(__file__).parents[2] / "docs/grading.md"
_ROW = re.compile(r"^\| ([^|`]+) \| (.+) \| `(.+)` \| `(.+)` \| `(.+)` \|$", re.MULTILINE)
RULES = [tuple(cells[2:]) for cells in _ROW.findall(PAGE.read_text(encoding="utf-8"))]


def test_the_table_is_there():
    assert len(RULES) >= 30


@pytest.mark.parametrize(("gold", "right", "wrong"), RULES)
def test_a_rule_tells_its_two_examples_apart(gold, right, wrong):
    tasks = [Task("math", gold, f"So it is \\boxed{{{answer}}}.") for answer in (right, wrong)]
    assert [verdict.correct for verdict in grade_all(tasks)] == [True, False]


@pytest.mark.parametrize(("gold", "right", "wrong"), RULES)
def test_the_rules_need_no_process(gold, right, wrong):
    assert same(gold, right) and not same(gold, wrong)
