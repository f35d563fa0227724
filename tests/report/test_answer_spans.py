"""The answer that is marked is the one that was read, and the rule is named as docs/grading.md has it."""

import pytest

from distill.report.answer_spans import span_of

CASES = [
    ("<think>\n\\boxed{4}?</think>\n\nSo \\boxed{4}. Thus 4 it is.", "4", "4", "So \\boxed{", "4", "last box; the gold's text"),
    (
        "\U0001d54f \\boxed{\\frac{1}{2}} and \\boxed{3}",
        "3,1/2",
        "\\frac{1}{2},3",
        "\U0001d54f \\boxed{",
        "\\frac{1}{2}} and \\boxed{3",
        "last boxes, side by side; listing against listing",
    ),
    ("\\boxed 7 x 7", "7.0", "7", "\\boxed ", "7", "last box; number against number"),
    ("\\boxed{x \\in 4}", "4", "y", "", "x \\in 4", "last box; "),
    ("no box", "4", None, "", "", ""),
]


@pytest.mark.parametrize(("text", "gold", "answer", "before", "marked", "rule"), CASES)
def test_the_box_that_was_read_is_marked(text, gold, answer, before, marked, rule):
    found = span_of(text, {"kind": "math", "gold": gold}, {"answer": answer})
    units = text.encode("utf-16-le")
    assert units[2 * found.start : 2 * found.end].decode("utf-16-le") == marked
    assert units[2 * found.solution : 2 * found.start].decode("utf-16-le").endswith(before) or not marked
    assert found.rule.startswith(rule)


LETTERS = [
    ("I pick B because A is bad. \\boxed{\\text{B}} A", "B", "\\text{B}"),
    ("Answer: C. A B", "C", "C"),
    ("So \\boxed{two}", "B", "two"),
    ("because", "B", ""),
]


@pytest.mark.parametrize(("text", "letter", "marked"), LETTERS)
def test_a_letter_is_marked_where_it_was_read(text, letter, marked):
    found = span_of(text, {"kind": "choice", "gold": "A", "choices": ["one", "two", "three"]}, {"answer": letter})
    assert (text[found.start : found.end], found.rule) == (marked, "letter")


def test_a_letter_is_marked_as_the_model_was_shown_it():
    prompt = {"kind": "choice", "gold": "B", "choices": ["one", "two", "three"]}
    text = "So \\boxed{A} and not B."
    found = span_of(text, prompt, {"answer": "B"}, shown="BCA")
    assert text[found.start : found.end] == "A" and found.start == 10


def test_a_stated_answer_is_marked_and_its_rule_says_so():
    text = "The answer is 72. Really."
    found = span_of(text, {"kind": "math", "gold": "72.0"}, {"answer": "72", "stated": True})
    assert (text[found.start : found.end], found.rule) == ("72", "stated in words; number against number")


def test_an_unclosed_thought_is_all_thought_and_hostile_text_changes_nothing():
    assert span_of("<think>on and on", {"kind": "math", "gold": "1"}, {"answer": None}).solution == len("<think>on and on")
    hostile = {"answer": "{" * 5000}
    assert (
        span_of("lone \ud800 \\boxed{" + "{" * 5000, {"kind": "math", "gold": "\ud800"}, hostile).rule == "last box; unread against unread"
    )
