"""How thought and solution are found in a response, and written for the student."""

import pytest

from distill.base.errors import InputError
from distill.base.rows import as_text
from distill.base.thoughts import THOUGHT, completion
from distill.data.traces import KEYS, MAX_CHARS, Defect, Sections, Trace, from_row, parse_response, trace_id

STRATOS = "<|begin_of_thought|>\n\nHm. So 7.\n\n<|end_of_thought|>\n\n<|begin_of_solution|>\n\nIt is \\boxed{7}.\n\n<|end_of_solution|>"
FOUND = Sections("Hm. So 7.", "It is \\boxed{7}.")


@pytest.mark.parametrize(
    ("text", "reasoning"),
    [
        (STRATOS, None),
        (STRATOS.replace("<|", "< | ").replace("|>", " | >"), None),
        (f"\n{STRATOS}\n", None),
        ("<think>\nHm. So 7.\n</think>\n\nIt is \\boxed{7}.", None),
        ("Hm. So 7.\n</think>\n\nIt is \\boxed{7}.", None),
        ("It is \\boxed{7}.", "Hm. So 7.\n"),
    ],
    ids=["stratos", "blanks in tags", "blank lines round it", "think", "prefilled think", "a column of its own"],
)
def test_a_known_shape_is_parsed(text, reasoning):
    assert parse_response(text, reasoning) == FOUND


@pytest.mark.parametrize(
    ("text", "reasoning", "reason", "detail"),
    [
        ("It is \\boxed{7}.", None, "malformed", "no thought tags"),
        ("", None, "malformed", "no thought tags"),
        (STRATOS.replace("<|begin_of_thought|>", ""), None, "malformed", "tags are end_of_thought"),
        (STRATOS.replace("<|end_of_thought|>", ""), None, "malformed", "tags are begin_of_thought, begin_of_solution"),
        (STRATOS.replace("<|begin_of_solution|>", "<|begin_of_solution|"), None, "malformed", "tags are"),
        (STRATOS.replace("<|end_of_solution|>", ""), None, "truncated", "no end_of_solution"),
        (STRATOS[:40], None, "truncated", "no end_of_thought"),
        (f"{STRATOS}\n\n{STRATOS}", None, "malformed", "2 solutions"),
        (f"Sure! {STRATOS}", None, "malformed", "text outside"),
        (f"{STRATOS} Bye.", None, "malformed", "text outside"),
        (STRATOS.replace("Hm. So 7.", " "), None, "malformed", "empty thought"),
        (STRATOS.replace("It is \\boxed{7}.", ""), None, "malformed", "empty solution"),
        (STRATOS.replace("Hm.", "<think>"), None, "malformed", "<think> inside the thought"),
        ("<think>\nHm. So", None, "truncated", "no </think>"),
        ("<think>\nHm. So 7.\n</think>\n", None, "truncated", "nothing after"),
        ("<think></think> It is 7.", None, "malformed", "empty thought"),
        ("<think>a</think><think>b</think>7", None, "malformed", "tags are"),
        ("Well. <think>a</think>7", None, "malformed", "text before"),
        ("It is 7. </think>", "Hm.", "malformed", "</think> inside the solution"),
        ("It is 7.", "", "malformed", "empty thought"),
        ("a" * (MAX_CHARS + 1), None, "malformed", "longer than"),
    ],
)
def test_anything_else_has_a_drop_reason_and_is_not_guessed_at(text, reasoning, reason, detail):
    drop = parse_response(text, reasoning)
    assert isinstance(drop, Defect)
    assert drop.reason == reason
    assert detail in drop.detail


@pytest.mark.parametrize("style", THOUGHT)
def test_what_the_student_is_to_write_parses_back(style):
    assert parse_response(completion(*FOUND, style)) == FOUND


def test_characters_that_some_call_white_space_survive():
    thought, solution = "\u2028\x00first\u2028", "\x1clast\x00"
    assert parse_response(completion(thought, solution, "think")) == (thought, solution)


def test_braces_and_percent_signs_are_plain_text():
    assert completion("{thought} %s", "\\frac{1}{2}", "think") == "<think>\n{thought} %s\n</think>\n\n\\frac{1}{2}"


def test_an_id_depends_on_source_and_content_and_on_where_one_ends():
    assert trace_id("a", "b", "c") == trace_id("a", "b", "c")
    assert len({trace_id(*parts) for parts in (("a", "b", "c"), ("x", "b", "c"), ("a", "bc", ""), ("a", "b", None, "c"))}) == 4


def test_a_row_has_its_keys_in_order_and_comes_back():
    trace = Trace("i", "q", None, "t", "s", "table", "stop")
    assert tuple(trace.row()) == KEYS
    assert from_row(trace.row(), "here") == trace
    assert list(Trace("i", "q", "7", "t", "s", "table", None, "Be brief.").row()) == [*KEYS, "system"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"id": "a", "question": "q"}, "here: no column 'gold' (found: id, question)"),
        (dict.fromkeys(KEYS, "x") | {"thought": None}, "here: 'thought' is NoneType, not text"),
        (dict.fromkeys(KEYS, "x") | {"gold": 7}, "here: 'gold' is int, not text"),
    ],
)
def test_a_row_that_is_no_trace_is_named(row, message):
    with pytest.raises(InputError) as error:
        from_row(row, "here")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("cell", "text"), [("7", "7"), (7, "7"), (7.0, "7"), (0.5, "0.5"), (True, "true"), (None, None), (float("nan"), None), ("", "")]
)
def test_a_cell_is_text_as_json_writes_it(cell, text):
    assert as_text(cell, "here") == text
