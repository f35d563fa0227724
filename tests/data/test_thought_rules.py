"""Which thoughts are dropped although the answer is right, and what is said of them."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from distill.base.tables import read_rows
from distill.data.filter_rules import FilterSpec
from distill.data.thought_rules import (
    REASONS,
    ThoughtSpec,
    answer_task,
    breaks_off,
    find_thought_defect,
    other_script,
    repeated,
    words_before_answer,
)
from distill.data.traces import Trace

STRICT = ThoughtSpec(0.2, 0.1, 0.1, True, 20, True, "drop")
OFF = ThoughtSpec(None, None, None, False, None, False, "keep")
SENTENCES = [
    f"In step {number} the {word} is moved to the other side." for number, word in enumerate(["red", "green", "blue", "brown", "white"])
]
GOOD = " ".join(SENTENCES)


def but(thought=GOOD, question="What is moved where?", solution="It is \\boxed{7}."):
    return Trace("id", question, "7", thought, solution, "table")


@pytest.mark.parametrize(
    ("trace", "reason", "detail"),
    [
        (but(), None, ""),
        (but(" ".join([*SENTENCES, SENTENCES[0] * 20])), "repeats", "of its runs of 10 words come again"),
        (but(GOOD + "所以我们把它移到另一边然后计算"), "other_script", "of its words are in another script than the question"),
        (
            but(GOOD + " Das ist also nicht die andere Seite, und wir haben noch eine."),
            "other_language",
            "of its function words are of another",
        ),
        (but("The answer is 7. " + GOOD), "answer_first", "an answer after 1 words"),
        (but(GOOD + " And then the"), "breaks_off", "ends in "),
        (but(GOOD + " As an AI language model I like red."), "refuses", "says 'As an AI'"),
        (but(solution="I'm sorry, but I can't say."), "refuses", 'says "I\'m sorry, but I can"'),
    ],
)
def test_each_predicate_drops_its_kind_and_is_off_unless_it_is_named(trace, reason, detail):
    assert find_thought_defect(trace, OFF) is None
    found = find_thought_defect(trace, STRICT)
    assert (found and found.reason) == reason
    assert found is None or (detail in found.detail and reason in REASONS)


def test_the_configuration_names_none_of_them_by_default():
    assert FilterSpec.of({}).thought == OFF
    assert FilterSpec.of({"thought": {"max_repeated": 0.2}}).thought == replace(OFF, max_repeated=0.2)


@pytest.mark.parametrize(
    ("thought", "low", "high"), [("", 0, 0), (GOOD, 0, 0), ("wait no " * 100, 0.95, 1), ("一二三四五六七八九十" * 20, 0.9, 1)]
)
def test_a_loop_is_a_share_near_one(thought, low, high):
    assert low <= repeated(thought) <= high


@pytest.mark.parametrize(
    ("question", "thought", "share"),
    [
        ("What is it?", "It is x, and \\frac{x}{y} cm.", 0),
        ("这是什么?", "这是一个数字,设 x = 3 cm。", 0),
        ("这是什么?", "This must be some number", 1),
        ("What is it?", "Это какое-то число", 1),
        ("3 + 4", "whatever", 0),
    ],
)
def test_the_script_of_a_thought_is_held_against_the_question_s(question, thought, share):
    assert other_script(question, thought) == share


@pytest.mark.parametrize(
    ("thought", "words"), [("So \\boxed{7}.", 1), ("Three words here. The answer is 7.", 4), ("Hm.", None), ("\\boxed{7}", 0)]
)
def test_words_before_the_first_answer(thought, words):
    assert words_before_answer(thought) == words


@pytest.mark.parametrize(
    ("end", "off"),
    [
        *(
            (end, False)
            for end in ("so it is 7.", "so it is 7", "80 cm", "\\boxed{7}", "\\]", '"TEACH."', "done!", "所以答案是七", "$x$", "**")
        ),
        *((end, True) for end in ("and then the", "since x =", "first,", "the result is:", "3 +", "we have (")),
    ],
)
def test_a_thought_breaks_off_where_something_must_follow(end, off):
    assert breaks_off(f"Well. {end} \n") == off


@pytest.mark.parametrize(
    ("thought", "solution", "task"),
    [
        ("\\boxed{7}", "\\boxed{7}", None),
        ("\\boxed{ 7 }", "\\boxed{7}.", None),
        ("seven", "\\boxed{7}", None),
        ("\\boxed{8}", "\\boxed{7}", ("7", "\\boxed{8}")),
        ("\\boxed{8}, no, \\boxed{0.5}", "\\boxed{\\frac{1}{2}}", ("\\frac{1}{2}", "\\boxed{0.5}")),
    ],
)
def test_answers_that_are_written_differently_are_the_grader_s_to_decide(thought, solution, task):
    made = answer_task(but(thought, solution=solution), STRICT)
    assert (made and (made.gold, made.text)) == task
    assert answer_task(but(thought, solution=solution), OFF) is None


REAL = os.environ.get("DISTILL_REAL_DATA")


@pytest.mark.skipif(not REAL, reason="DISTILL_REAL_DATA is not set")
def test_no_real_thought_is_dropped_at_the_thresholds_of_the_documentation():
    """765 thoughts of R1-Distill and Qwen3, of which none loops, refuses or breaks off; bench/thought_rules.py damages them, too."""
    rows = list(read_rows(Path(str(REAL)) / "traces" / "math_765_r1distill_qwen3.jsonl"))
    found = [find_thought_defect(but(row["trace"], row["question"], row["solution"] or ""), STRICT) for row in rows]
    assert len(rows) == 765 and not any(found)
