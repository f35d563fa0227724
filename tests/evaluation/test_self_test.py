"""The self-test: what graders are asked, and what is said of one that fails."""

import pytest

from distill.evaluation import self_test
from distill.evaluation.scoring import Grading, PromptItem
from distill.evaluation.self_test import flags_of, of_golds, of_ours, probes, rates
from distill.grading.extract import before_box

PERFECT = {"gold": 1.0, "echo": 0.0, "cut": 0.0, "empty": 0.0, "wrong": 0.0}


def items(*golds: str, kind: str = "math", choices: tuple[str, ...] = ()) -> dict[str, PromptItem]:
    return {str(number): PromptItem(str(number), f"Q{number}", gold, kind, choices) for number, gold in enumerate(golds)}


def texts(kind: str, golds: list[str], how: Grading) -> list[str]:
    return [probe.text for probe in probes(items(*golds), how) if probe.kind == kind]


def test_a_grader_is_asked_five_things_of_each_item():
    asked = [(probe.kind, probe.item.id, probe.text) for probe in probes(items("7", "8"), Grading.of({"answer_form": "ANSWER: {answer}"}))]
    cut = "<think>\nI get \\boxed{{{}}}.\n</think>\n\n{}\nSo the answer is"
    assert asked == [
        ("gold", "0", "ANSWER: 7"),
        ("gold", "1", "ANSWER: 8"),
        ("echo", "0", "Q0"),
        ("echo", "1", "Q1"),
        ("cut", "0", cut.format("7", "Q0")),
        ("cut", "1", cut.format("8", "Q1")),
        ("empty", "0", ""),
        ("empty", "1", ""),
        ("wrong", "0", "ANSWER: 8"),
        ("wrong", "1", "ANSWER: 7"),
    ]


def test_of_a_gold_that_is_a_whole_solution_the_box_is_the_answer_and_what_stands_before_it_the_solution_cut_off():
    golds = ["It is $2 + 5 = \\boxed{7}$.", "So \\boxed{7}, or \\boxed{7}.", "\\boxed{8}"]
    how = Grading.of({"answer_form": "ANSWER: {answer}"})
    assert texts("gold", golds, how) == ["ANSWER: 7", "ANSWER: 7", "ANSWER: 8"]
    thought = "<think>\nI get \\boxed{{{}}}.\n</think>\n\n{}"
    assert texts("cut", golds, how) == [thought.format(*one) for one in (("7", "It is $2 + 5 = "), ("7", "So "), ("8", ""))]
    assert texts("wrong", golds, how) == ["ANSWER: 8", "ANSWER: 8", "ANSWER: 7"]  # never another solution with the same answer


@pytest.mark.parametrize(
    ("text", "before"), [("7", None), ("So $\\boxed{7}$ and \\boxed{8}", "So $"), ("\\fbox 7", ""), ("\\boxedx{7}", None)]
)
def test_a_solution_is_cut_before_its_first_box(text, before):
    assert before_box(text) == before


def test_rates_are_by_kind():
    asked = probes(items("1", "2"), Grading.of({}))
    assert rates(asked, [True, True, True, False, False, False, False, False, False, False]) == PERFECT | {"echo": 0.5}
    with pytest.raises(ValueError, match="shorter"):
        rates(asked, [True])


def test_a_self_test_finds_a_form_that_the_grader_cannot_read():
    twenty = items(*map(str, range(20)))
    tested = of_ours(twenty, Grading.of({"answer_form": "ANSWER: {answer}"}))
    assert tested["gold"] == 0
    assert flags_of(twenty, tested) == ["the grader calls 0.0% of the golds right (at least 99.5% wanted)"]


@pytest.mark.parametrize(
    ("found", "flags"),
    [
        ({}, []),
        ({"gold": 0.995, "echo": 0.01}, []),
        ({"cut": 0.142}, ["the grader calls 14.2% right where all are wrong (cut; at most 1% wanted)"]),
    ],
)
def test_a_grader_that_fails_is_flagged(found, flags):
    assert flags_of(items("7"), found and PERFECT | found) == flags


def test_golds_that_are_all_one_letter_are_flagged():
    same = items(*["D"] * 20, kind="choice", choices=("1", "2", "3", "4"))
    assert flags_of(same, of_ours(same, Grading.of({}))) == ["the gold of all 20 choice questions is D"]


def test_a_prefilled_thought_is_known_to_be_open():
    golds = {"respelled": 1.0, "near_miss": 0.0, "unread": 0.0, "worded": 0.0}
    assert of_ours(items("0", "1", "2"), Grading.of({"prefilled_thought": True})) == PERFECT | golds


@pytest.mark.parametrize(
    ("golds", "flag"),
    [
        (["9 (apples)", "7", "3"], "33.3% of the golds are a number with words behind it (at most 5% wanted), such as '9 (apples)'"),
        (["\\forall x \\exists", "7", "3"], "33.3% of the golds cannot be read (at most 5% wanted), such as '\\\\forall x \\\\exists'"),
        (["4.5e33", "\\frac{1}{3}", "(1,2)", "204_5", "3\\pi", "5 \\text{ cm}", "1,2", "x=5", "[0,1)"], None),
    ],
)
def test_golds_that_no_right_answer_would_match_are_flagged_before_anything_is_answered(golds, flag):
    asked = items(*golds)
    assert flags_of(asked, of_golds(asked)) == ([flag] if flag else [])


def test_choice_questions_have_no_golds_to_read():
    assert of_golds(items("A", "B", kind="choice", choices=("1", "2"))) == {}


@pytest.mark.parametrize(
    ("few", "flags"), [(2, []), (3, ["the grader calls 0.0% of the golds in other spellings (order) right (at least 97.0% wanted)"])]
)
def test_each_way_of_spelling_has_a_rate_and_a_bar_of_its_own(monkeypatch, few, flags):
    """A fault that only lists have is lost in the average of many numbers."""
    asked = items(*(f"{number},{number + 1}" for number in range(few)), *map(str, range(200)))
    monkeypatch.setattr(self_test, "same", lambda gold, text: "," not in gold or text.startswith(gold))
    tested = of_golds(asked)
    assert tested["respelled"] > 0.97
    assert [flag for flag in flags_of(asked, tested) if "order" in flag] == flags
