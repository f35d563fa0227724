"""A plain table: names of its columns, choices in a column of their own."""

import pytest
from raw_rows import THINK, traces


def test_columns_of_a_table_may_have_other_names():
    (trace,) = traces(
        "table", [{"problem": "q", "output": THINK, "answer": "7"}], columns={"question": "problem", "response": "output", "gold": "answer"}
    )
    assert (trace.question, trace.gold) == ("q", "7")


CHOICES = ["a prime", "an even number"]


@pytest.mark.parametrize(
    "options",
    [CHOICES, {"A": "a prime", "B": "an even number"}, {"label": ["A", "B"], "text": CHOICES}, [{"text": choice} for choice in CHOICES]],
    ids=["texts", "by letter", "labels and texts", "objects"],
)
def test_choices_are_put_behind_a_question_that_does_not_show_them(options):
    (trace,) = traces("table", [{"question": "What is 4?", "choices": options, "response": THINK}], columns={"options": "choices"})
    assert trace.question == "What is 4?\n\nA) a prime\nB) an even number"
    shown = {"question": "What is 4: a prime, or an  even number?", "choices": options, "response": THINK}
    assert traces("table", [shown], columns={"options": "choices"})[0].question == shown["question"]
