"""Other spellings of a gold, and answers that miss it narrowly."""

import pytest

from distill.grading.grader import same
from distill.grading.respell import is_unread, is_worded, near_misses, respelled

GOLDS = {
    r"\frac{1}{4}": ({r"\dfrac{1}{4}", "0.25", r"\frac{1}{4}."}, {r"\frac{1}{5}", r"-(\frac{1}{4})"}),
    "12000": ({"12,000", r"12000\text{ units}"}, {"12001", "-(12000)"}),
    "1,2": ({"2, 1"}, {"1,3"}),
    "(0,1)": ({"(0,1)."}, {"[0,1]", "(0,2)"}),
    r"5 \text{ cm}": ({"5"}, {r"5\text{ hours}"}),
    r"2\sqrt{3}\pi": ({"2√{3}π"}, {r"2\sqrt{4}\pi"}),
    "204_5": ({r"204_5\,"}, {"204_6"}),
    r"\text{even}": ({"EVEN"}, {r"not \text{even}"}),
}


@pytest.mark.parametrize("gold", GOLDS)
def test_a_gold_is_respelled_and_missed_narrowly(gold):
    right, wrong = GOLDS[gold]
    assert right <= {text for _, text in respelled(gold)}
    assert wrong <= {text for _, text in near_misses(gold)}


@pytest.mark.parametrize("gold", GOLDS)
def test_the_grader_tells_them_apart(gold):
    assert all(same(gold, text) for _, text in respelled(gold))
    assert not any(same(gold, text) for _, text in near_misses(gold))


def test_golds_that_are_suspicious():
    assert is_worded("9 (apples)") and is_worded(r"240\text{ ways}") and not is_worded("5 cm") and not is_worded("9")
    assert is_unread(r"\forall x") and not is_unread("9")
