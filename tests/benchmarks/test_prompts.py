"""Every model answers the same bytes, and the place of the right choice says nothing."""

from collections import Counter

import pytest

from distill.benchmarks.items import BenchmarkItem
from distill.benchmarks.prompts import fill_template, make_prompt, shuffle_choices, split_question

CHOICE = {"kind": "choice", "system": None, "user": "{question}\n{choices}", "shuffle_seed": 0}
ITEMS = [BenchmarkItem(str(n), f"Question {n}?", f"right {n}", (f"wrong {n} a", f"wrong {n} b", f"wrong {n} c")) for n in range(400)]


@pytest.mark.parametrize(
    ("template", "texts", "filled"),
    [
        ("Put it in \\boxed{}. {question}", {"question": "x^{2}"}, "Put it in \\boxed{}. x^{2}"),
        ("{question}", {"question": "{choices} {question}", "choices": "no"}, "{choices} {question}"),
        ("{question} {other}", {"question": "q"}, "q {other}"),
        ("{question}", {"question": "\\1 \\g<0>"}, "\\1 \\g<0>"),
    ],
)
def test_a_template_is_filled_once_and_braces_stay(template, texts, filled):
    assert fill_template(template, **texts) == filled


@pytest.mark.parametrize(
    ("question", "share", "begins", "rest"),
    [
        ("Let a be 4.  What is  twice a, plus one\nmore?", 0.6, "Let a be 4.  What is", "twice a, plus one\nmore?"),
        ("one two three four five", 0.01, "one", "two three four five"),
        ("one two three four five", 0.99, "one two three four", "five"),
        ("What is 3+4?", 0.6, "What is", " 3+4?"),
        ("\u6c42\u5b9e\u6570\u7684\u548c", 0.6, "\u6c42\u5b9e\u6570", "\u7684\u548c"),
    ],
)
def test_a_question_is_split_between_words_and_nothing_is_lost(question, share, begins, rest):
    assert split_question(question, share) == (begins, rest)


def test_a_completion_shows_the_beginning_and_its_gold_is_the_rest_whatever_the_kind_of_the_benchmark():
    row = make_prompt(BenchmarkItem("7", "one two three four five"), {"kind": "completion", "share": 0.6})
    assert row == {
        "id": "7",
        "messages": [{"role": "completion", "content": "one two three"}],
        "gold": "four five",
        "kind": "completion",
        "choices": None,
    }


def test_the_letter_is_that_of_the_right_choice():
    for item in ITEMS[:50]:
        row = make_prompt(item, CHOICE)
        assert row["choices"]["ABCD".index(row["gold"])] == item.gold
        assert f"{row['gold']}) {item.gold}" in row["messages"][0]["content"]


def test_gold_letters_are_balanced():
    counts = Counter(make_prompt(item, CHOICE)["gold"] for item in ITEMS)
    # 400 draws of four letters: the standard deviation of a count is sqrt(400 * 1/4 * 3/4) = 8.7, so 100 +- 35 is four of them.
    assert set(counts) == set("ABCD")
    assert all(abs(count - 100) <= 35 for count in counts.values())


def test_the_order_depends_on_the_seed_and_the_question_alone():
    assert [shuffle_choices(item, 0) for item in ITEMS[:9]] == [shuffle_choices(item, 0) for item in reversed(ITEMS[:9])][::-1]
    assert [shuffle_choices(item, 0) for item in ITEMS] != [shuffle_choices(item, 1) for item in ITEMS]


def test_a_system_prompt_is_there_only_if_declared():
    spec = {"kind": "math", "system": None, "user": "{question}"}
    assert [message["role"] for message in make_prompt(ITEMS[0], spec)["messages"]] == ["user"]
    assert [message["role"] for message in make_prompt(ITEMS[0], spec | {"system": "Think."})["messages"]] == ["system", "user"]


def test_examples_are_earlier_turns_in_the_protocol_s_own_form():
    examples = [{"question": "What is 1 + 1?", "answer": "It is \\boxed{2}."}]
    spec = {"kind": "math", "system": "Think.", "user": "{question} In a box.", "examples": examples}
    messages = make_prompt(ITEMS[0], spec)["messages"]
    assert [(message["role"], message["content"]) for message in messages] == [
        ("system", "Think."),
        ("user", "What is 1 + 1? In a box."),
        ("assistant", "It is \\boxed{2}."),
        ("user", "Question 0? In a box."),
    ]


def test_a_choice_example_brings_its_choices_in_its_question():
    examples = [{"question": "Which?\nA) this\nB) that", "answer": "A"}]
    messages = make_prompt(ITEMS[0], CHOICE | {"examples": examples})["messages"]
    assert messages[0]["content"] == "Which?\nA) this\nB) that"
