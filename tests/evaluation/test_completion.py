"""Which texts are the rest of a question, and how much of it they are."""

import random

import pytest

from distill.base.errors import InputError
from distill.evaluation.completion import is_continued, rouge_l, rows, summary

CONTINUED = [
    ("of the last two. Give the last.", " of the last two.\nGive the last. And then", True),
    ("of the last two.", "of the last one.", False),
    ("is $x^2 + 5$?", "is $x^2 + 5$? Answer: 5", True),
    ("and 3", "and 35", False),
    ("and 3", "and 3.", True),
    ("and 3?", "and 3?5", True),
    ("two", "twofold", False),
    ("two words", "two", False),
    ("x", "", False),
    ("", "anything", False),
    ("\u6c42\u548c", "\u6c42\u548c\u3002", True),
]


@pytest.mark.parametrize(("rest", "text", "found"), CONTINUED)
def test_a_rest_comes_out_word_for_word_or_not(rest, text, found):
    assert is_continued(rest, text) is found


def test_rouge_l_is_that_of_rouge_score_over_as_many_words():
    scorer = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(["rougeL"])
    rng = random.Random(0)
    words = ["Give", "the", "last", "two.", "x^2", "3,5", "mod-7", "A=0"]
    for _ in range(200):
        rest, text = (" ".join(rng.choices(words, k=rng.randrange(1, 12))) for _ in range(2))
        cut = " ".join(scorer._tokenizer.tokenize(text)[: len(scorer._tokenizer.tokenize(rest))])
        assert rouge_l(rest, text) == pytest.approx(scorer.score(rest, cut)["rougeL"].fmeasure)


@pytest.mark.parametrize(
    ("rest", "text", "value"), [("a b", "a b c d", 1.0), ("a b", "", 0.0), ("\u6c42\u548c", "\u6c42\u548c", 1.0), ("?", "!", 0.0)]
)
def test_rouge_l_does_not_punish_what_follows_the_rest(rest, text, value):
    assert rouge_l(rest, text) == value


def test_the_summary_is_over_all_items_and_each_needs_a_response():
    prompts = [{"id": name, "gold": "of two"} for name in "abcd"]
    responses = {name: {"text": text} for name, text in zip("abcd", ("of two.", "of", "no", "of two"), strict=True)}
    found = list(rows(prompts, responses))
    assert [row["word_for_word"] for row in found] == [True, False, False, True]
    made = summary(found)
    assert (made["n_items"], made["word_for_word"]) == (4, 0.5) and made["ci95"][0] < 0.5 < made["ci95"][1]
    assert made["rouge_l"] == pytest.approx((1 + 2 / 3 + 0 + 1) / 4)
    assert summary([]) == {"n_items": 0}
    with pytest.raises(InputError, match="no response to item 'd'"):
        list(rows(prompts, {name: responses[name] for name in "abc"}, "r.jsonl"))
