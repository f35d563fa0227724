"""Which traces are drawn to be judged by hand, and how decisions are read."""

from collections import Counter

import pytest
import tiny_chat

from distill.base.errors import InputError
from distill.data.filter_rules import REASONS
from distill.data.review import JUDGEMENTS, Decision, draw, read_decisions


def trace(name, source="s", length=10):
    return {"id": name, "source": source, "thought": "x" * length, "solution": ""}


MANY = [trace(f"t{number}", "big" if number % 10 else "small", 10 * (number % 30 + 1)) for number in range(300)]
DROPPED = {"t1": "wrong_answer", "t2": "duplicate", "t3": "contaminated", "t4": "judged", "t5": "too_long", "t6": "reviewed"}


def test_each_source_length_and_outcome_is_drawn():
    chosen = draw(MANY, DROPPED, 20, 0)
    assert len(chosen) == len(set(chosen)) == 20
    rows = {row["id"]: row for row in MANY}
    assert Counter(rows[name]["source"] for name in chosen).keys() == {"big", "small"}
    assert {len(rows[name]["thought"]) // 101 for name in chosen} == {0, 1, 2}
    assert {"t1", "t4", "t6"} <= set(chosen) and not {"t2", "t3", "t5"} & set(chosen)


def test_a_larger_draw_holds_the_smaller_and_the_order_of_the_rows_does_not_matter():
    small = draw(MANY, DROPPED, 20, 0)
    assert draw(MANY, DROPPED, 50, 0)[:20] == small
    assert draw(MANY[::-1], DROPPED, 20, 0) == small
    assert draw(MANY, DROPPED, 20, 1) != small


@pytest.mark.parametrize("rows", [1, 5, 400])
def test_a_draw_has_as_many_rows_as_there_are(rows):
    assert len(draw(MANY, {}, rows, 0)) == min(rows, 300)


def test_no_rows_are_no_error():
    assert draw([], {}, 5, 0) == []


def test_what_is_decided_already_is_shown_again():
    chosen = draw(MANY, DROPPED, 3, 0, {"t250": Decision(True, ""), "gone": Decision(True, ""), "t2": Decision(False, "")})
    assert len(chosen) in (3, 4) and "t250" in chosen and not {"gone", "t2"} & set(chosen)


def test_a_decision_overrules_judgements_and_no_facts():
    facts = {"malformed", "truncated", "duplicate", "near_duplicate", "contaminated", "too_long", "too_short", "not_chosen", "not_selected"}
    assert set(JUDGEMENTS) <= set(REASONS)
    assert facts <= set(REASONS) - set(JUDGEMENTS)


def test_decisions_are_read_and_the_same_one_may_come_twice(tmp_path):
    rows = [
        {"id": "a", "decision": "keep"},
        {"id": "b", "decision": "drop", "note": "It jumps."},
        {"id": "a", "decision": "keep", "note": ""},
        {"id": "c", "decision": None, "note": "Hm."},
        {"id": "b", "decision": None, "note": "later"},
    ]
    assert read_decisions(tiny_chat.write_jsonl(tmp_path / "d.jsonl", rows)) == {
        "a": Decision(True, ""),
        "b": Decision(False, "It jumps."),
        "c": Decision(None, "Hm."),
    }


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ([{"id": "a"}], "row 1: no id and decision as text: save it from review.html"),
        ([{"decision": "keep"}], "row 1: no id and decision"),
        ([{"id": 1, "decision": "keep"}], "row 1: no id and decision"),
        ([{"id": "a", "decision": ["keep"]}], "row 1: no id and decision"),
        ([{"id": "a", "decision": "Keep"}], "row 1: decision 'Keep' is not known; write keep or drop"),
        ([{"id": "a", "decision": "keep"}, {"id": "a", "decision": "drop"}], "row 2: a is decided twice, keep and drop: leave one of them"),
    ],
)
def test_a_decision_in_another_form_is_named(rows, line, tmp_path):
    with pytest.raises(InputError) as error:
        read_decisions(tiny_chat.write_jsonl(tmp_path / "d.jsonl", rows))
    assert line in str(error.value)
