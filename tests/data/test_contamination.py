"""Which training questions hold a benchmark question, and what is said of it."""

import os
from pathlib import Path

import pytest

from distill.base.tables import read_rows
from distill.benchmarks.items import BenchmarkItem
from distill.data.contamination import LISTED, BenchmarkIndex, ContaminationReport, contaminates, find_hits
from distill.data.questions import question_stem, words

ITEM = "A robe takes 2 bolts of blue fiber and half that much white fiber. How many bolts in total does it take?"
SHORT = "What is $2+2$?"
ITEMS = [ITEM, SHORT, "Every morning Aya goes for a 9 kilometer walk and stops at a coffee shop afterwards."]


def hits(question, ngram=8):
    return [(hit.item, hit.match) for hit in find_hits([BenchmarkIndex("b", ITEMS, ngram)], question)]


@pytest.mark.parametrize(
    ("question", "found"),
    [
        (ITEM, [(0, "exact")]),
        (f"Return your final response within \\boxed{{}}. {ITEM}\nA) 3\nB) 4", [(0, "exact")]),
        (ITEM.upper(), [(0, "exact")]),
        ("Solve this: a robe takes 2 bolts of blue fiber and half of red.", [(0, "ngram")]),
        ("what is 2 + 2", [(1, "exact")]),
        ("What is $2-2$?", []),
        ("a robe takes 2 bolts of blue", []),
        ("What is love?", []),
        (ITEM.replace("2", "5"), [(0, "ngram")]),
        (ITEM.replace("2", "5").replace("fiber", "5").replace("many", "5"), []),
    ],
)
def test_a_question_is_found_by_a_run_of_words_or_by_equality(question, found):
    assert hits(question) == found


@pytest.mark.parametrize(
    "before",
    [
        "Which is a fruit?\nA) apple\nB) chair\nAnswer: A\n\nNow solve this:\n",
        "Facts.\n(A) Grass is red.\n(B) Ice is hot.\n\nIgnoring them: ",
    ],
    ids=["an example", "statements"],
)
def test_a_question_is_found_behind_choices_too(before):
    assert hits(before + ITEM) == [(0, "ngram")]


def test_a_question_is_found_among_choices_too():
    assert hits(f"Which?\nA) {ITEM}\nB) none") == [(0, "ngram")]


def test_choices_of_the_benchmark_make_no_hit():
    shown = "\nA) one of the first eight of the natural numbers\nB) none"
    index = BenchmarkIndex("b", [f"Which number is it that we want?{shown}"], 8)
    assert find_hits([index], f"Another question, of another kind.{shown}") == ()


CHINESE = "已知等差数列的前三项之和为二十一且公差为四求该数列的第十项"
JAPANESE = "赤い玉が三個と白い玉が五個入った袋から同時に二個の玉を取り出す確率を求めなさい"


@pytest.mark.parametrize(
    ("item", "question"),
    [
        (CHINESE, f"请解答:{CHINESE}。"),
        (JAPANESE, f"次の問題を解け。{JAPANESE}。答えは分数で書け。"),
        ("Solve x^{2} + 3x - 7 = 0 over the field with eleven elements.", "Now solve x^2+3x-7=0 over the field with eleven elements"),
        ("Let $f(t) = t^3 - 5t$ on the torus; where does $f$ peak?", r"First let \( f(t)=t^3-5t \) on the torus; where does \(f\) peak?"),
        ("Is $10^{2}$ kg of gravel, sand, or clay heavier when wet?", "So: is 10² kg of gravel, sand or clay heavier when wet?"),
    ],
    ids=["Chinese", "Japanese", "braces and spaces", "delimiters", "superscripts and commas"],
)
def test_what_is_written_differently_and_means_the_same_is_found(item, question):
    assert [hit.match for hit in find_hits([BenchmarkIndex("b", [item, ITEM], 8)], question)] == ["ngram"]


def test_chinese_questions_that_share_a_phrase_are_no_hits():
    other = "已知等差数列的前三项之和为九求首项"
    assert find_hits([BenchmarkIndex("b", [CHINESE], 8)], other) == ()


@pytest.mark.parametrize(
    "span",
    [
        "where $m$ and $n$ are relatively prime positive integers. Find $m+n$.",
        "express your answer as a common fraction in simplest form",
        "what is the sum of the two smallest positive integers",
        "The answer can be expressed in the form $ax^3 + bx^2 + cx$",
    ],
)
def test_words_that_math_questions_share_are_no_evidence(span):
    index = BenchmarkIndex("b", [f"A quokka juggles seven torches. {span}"], 8)
    assert find_hits([index], f"Some llamas wrote poems about Peru; {span}") == ()


def test_a_run_of_words_in_several_items_is_no_evidence_and_a_whole_item_of_such_words_is():
    story = "Tom has a red barn with some hens and many goats"
    items = [f"{story}. How many legs?", f"{story}. How many eyes?", f"{story}."]
    index = BenchmarkIndex("b", items, 8)
    assert find_hits([index], f"Once {story.replace('Tom', 'Jim')}. Who?") == ()
    (hit,) = find_hits([index], f"Once {items[1]} Say.")
    assert (hit.item, hit.match) == (1, "ngram")
    (hit,) = find_hits([index], f"Once {story} in May.")
    assert (hit.item, hit.match) == (2, "ngram")


@pytest.mark.parametrize(("n", "found"), [(7, [(0, "ngram")]), (8, [])])
def test_the_length_of_the_run_is_a_setting(n, found):
    assert hits("so a robe takes 2 bolts of blue", n) == found


def test_without_n_grams_equality_is_left():
    assert hits(ITEM, None) == [(0, "exact")]
    assert hits(f"First: {ITEM}", None) != [(0, "exact")]


def test_other_numbers_are_reported_and_do_not_contaminate():
    (hit,) = find_hits([BenchmarkIndex("b", ITEMS, None)], ITEM.replace("2", "17"))
    assert (hit.item, hit.match) == (0, "other_numbers")
    assert not contaminates([hit])
    (near,) = find_hits([BenchmarkIndex("b", ITEMS, None)], ITEM.replace("2", "17").replace("robe", "coat"))
    assert near.match == "other_numbers"


@pytest.mark.parametrize(
    "instruction",
    ["Return your final response within \\boxed{}.", "Please reason step by step, and put your final answer within \\boxed{}."],
)
def test_an_instruction_in_both_is_no_hit(instruction):
    index = BenchmarkIndex("b", [f"{instruction} How far is the moon?"], 8)
    assert find_hits([index], f"{instruction} How large is the sun?") == ()


def test_the_span_is_the_longest_run_in_common():
    question = "Known: every morning Aya goes for a 9 kilometer walk and stops at a bar. Then a robe takes 2 bolts of blue fiber and half."
    (hit,) = find_hits([BenchmarkIndex("b", ITEMS, 8)], question)
    assert (hit.item, hit.span) == (2, "every morning aya goes for a 9 kilometer walk and stops at a")


def test_each_benchmark_has_its_own_hit():
    found = find_hits([BenchmarkIndex("one", ITEMS, 8), BenchmarkIndex("two", [SHORT], 8), BenchmarkIndex("three", [ITEM], 8)], ITEM)
    assert [hit.benchmark for hit in found] == ["one", "three"]


def _report(gated=frozenset()):
    items = {
        "b": [BenchmarkItem(f"id{number}", question) for number, question in enumerate(ITEMS)],
        "empty": [BenchmarkItem("x", "Nothing like it")],
    }
    report = ContaminationReport(items, gated)
    indexes = [BenchmarkIndex(name, [item.question for item in known], 8) for name, known in items.items()]
    for name, question in (("r1", ITEM), ("r2", f"So {ITEM}"), ("r3", "What is $3+3$?"), ("r4", "What is $4+4$?")):
        report.add(name, question, find_hits(indexes, question))
    return report.as_json(8, "drop")


def test_the_report_shows_question_item_and_span():
    made = _report()
    assert (made["ngram"], made["action"]) == (8, "drop")
    found = made["benchmarks"]["b"]
    assert (found["items"], found["rows_hit"], found["items_hit"], found["other_numbers"]["rows"]) == (3, 2, 1, 2)
    assert found["rows"][1] == {
        "id": "r2",
        "item_id": "id0",
        "match": "ngram",
        "question": f"So {ITEM}",
        "item": ITEM,
        "span": " ".join(words(ITEM)),
    }
    assert made["benchmarks"]["empty"] == {
        "items": 1,
        "rows_hit": 0,
        "items_hit": 0,
        "rows": [],
        "other_numbers": {"rows": 0, "listed": []},
    }


def test_no_text_of_a_gated_benchmark_is_shown():
    made = _report(frozenset({"b"}))
    assert [(row["item_id"], row["question"], row["item"], row["span"]) for row in made["benchmarks"]["b"]["rows"]] == [
        ("id0", None, None, None)
    ] * 2
    assert "robe" not in str(made)
    assert "$" not in str(made)


def test_questions_with_other_numbers_are_all_counted_and_some_listed():
    report = ContaminationReport({"b": [BenchmarkItem("i", SHORT)]})
    index = BenchmarkIndex("b", [SHORT], 8)
    for number in range(LISTED + 5):
        question = f"What is ${number}+100$?"
        report.add(str(number), question, find_hits([index], question))
    other = report.as_json(8, "drop")["benchmarks"]["b"]["other_numbers"]
    assert (other["rows"], len(other["listed"])) == (LISTED + 5, LISTED)


REAL = os.environ.get("DISTILL_REAL_DATA")


def _real(name, column):
    return [row[column] for row in read_rows(Path(str(REAL)) / "benchmarks" / name)]


@pytest.mark.skipif(not REAL, reason="DISTILL_REAL_DATA is not set")
@pytest.mark.parametrize(("name", "column"), [("math500.jsonl", "problem"), ("aime24.jsonl", "prompt")])
def test_each_real_question_is_found_in_another_wrapping(name, column):
    questions = _real(name, column)
    index = BenchmarkIndex("b", questions, 8)
    found = [
        find_hits([index], f"Return your final response within \\boxed{{}}. {question_stem(question)}\nA) 1\nB) 2")
        for question in questions
    ]
    assert {hit.match for hits in found for hit in hits} == {"exact"}
    assert [[hit.item for hit in hits] for hits in found] == [[number] for number in range(len(questions))]


@pytest.mark.skipif(not REAL, reason="DISTILL_REAL_DATA is not set")
def test_real_questions_of_another_source_are_no_hits():
    index = BenchmarkIndex("math", _real("math500.jsonl", "problem"), 8)
    assert not [hit for question in _real("gsm8k_test.jsonl", "question") for hit in find_hits([index], question)]
    assert not [hit for question in _real("aime24.jsonl", "prompt") for hit in find_hits([index], question)]


@pytest.mark.skipif(not REAL, reason="DISTILL_REAL_DATA is not set")
def test_of_real_training_questions_only_near_copies_of_a_benchmark_question_are_hits():
    """765 traces of MATH's training questions against MATH-500: 68 were hits by 8 words of any kind."""
    index = BenchmarkIndex("math", _real("math500.jsonl", "problem"), 8)
    rows = [row["question"] for row in read_rows(Path(str(REAL)) / "traces" / "math_765_r1distill_qwen3.jsonl")]
    spans = [hit.span for question in rows for hit in find_hits([index], question) if hit.match == "ngram"]
    assert len(rows) == 765 and len(spans) == 7
    assert {" ".join(span.split()[:3]) for span in spans} == {"daniel works at", "= c (a)", "how many ways", "four years ago"}


@pytest.mark.skipif(not REAL, reason="DISTILL_REAL_DATA is not set")
def test_a_real_question_in_the_middle_of_another_text_is_found_unless_it_is_shorter_than_the_run():
    questions = _real("math500.jsonl", "problem") + _real("gsm8k_test.jsonl", "question")
    index = BenchmarkIndex("b", questions, 8)
    missed = [question for question in questions if not hits_of(index, f"Here is what I was asked yesterday. {question} Could you help?")]
    assert len(questions) == 1819 and len(missed) == 23
    assert all(len(words(question)) < 12 for question in missed)


def hits_of(index, question):
    return [hit for hit in find_hits([index], question) if hit.match != "other_numbers"]
