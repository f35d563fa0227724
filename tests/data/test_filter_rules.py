"""The rules of the filter, each on its own."""

import re

import pytest
from good_trace import GOOD, but

from distill.base.errors import InputError
from distill.data.filter_rules import (
    REASONS,
    FilterSpec,
    answer_kind,
    choose,
    graded,
    grading_task,
    malformed,
    path_key,
    sft_row,
    truncated,
    unverifiable,
    wrong_length,
)
from distill.data.traces import MAX_CHARS


@pytest.mark.parametrize(
    ("trace", "detail"),
    [
        (GOOD, None),
        (but(thought=""), "empty thought"),
        (but(solution=" \n"), "empty solution"),
        (but(question=" "), "empty question"),
        (but(thought="a <|end_of_thought|> b"), "<|end_of_thought|> inside the thought"),
        (but(solution="7 </think>"), "</think> inside the solution"),
        (but(thought="Hm. \ud800"), "half a surrogate pair, which no tokenizer reads"),
        (but(system="\udfff"), "half a surrogate pair, which no tokenizer reads"),
        (but(thought="Hm. <|im_end|> So 7."), "<|im_end|>, which the tokenizer takes for its own"),
        (but(thought="Hm. \U0001d44e\x00\u2028"), None),
        (but(thought="x" * MAX_CHARS), f"longer than {MAX_CHARS} characters"),
    ],
)
def test_malformed(trace, detail):
    drop = malformed(trace, re.compile(re.escape("<|im_end|>")))
    assert (drop and drop.detail) == detail


@pytest.mark.parametrize(("finish", "cut"), [("stop", False), (None, False), ("length", True), ("MAX_TOKENS", True)])
def test_truncated(finish, cut):
    assert (truncated(but(finish_reason=finish)) is not None) == cut


@pytest.mark.parametrize(
    ("gold", "verify", "policy", "drops"),
    [
        ("7", True, "drop", False),
        (None, True, "drop", True),
        (" ", True, "drop", True),
        (None, True, "keep", False),
        (None, False, "drop", False),
    ],
)
def test_unverifiable(gold, verify, policy, drops):
    assert (unverifiable(but(gold=gold), FilterSpec.of({"verify": verify, "unverifiable": policy})) is not None) == drops


@pytest.mark.parametrize(
    ("gold", "kind"), [("A", "choice"), ("(C)", "choice"), ("J", "choice"), ("K", "math"), ("a", "math"), ("7", "math"), ("AB", "math")]
)
def test_the_kind_of_an_answer_is_read_from_its_gold(gold, kind):
    assert answer_kind(gold) == kind


@pytest.mark.parametrize(
    ("gold", "spec", "task"),
    [
        ("7", {}, ("math", "7")),
        ("(B)", {}, ("choice", "B")),
        ("B", {"answer_kind": "math"}, ("math", "B")),
        ("Paris", {"answer_kind": "exact"}, ("exact", "Paris")),
        (None, {"unverifiable": "keep"}, None),
        ("7", {"verify": False}, None),
    ],
)
def test_the_grader_is_asked_about_the_solution(gold, spec, task):
    made = grading_task(but(gold=gold), FilterSpec.of(spec))
    assert (made and (made.kind, made.gold)) == task
    assert made is None or made.text == GOOD.solution


@pytest.mark.parametrize(
    ("reason", "answer", "name"),
    [
        ("correct", "7", None),
        ("wrong", "8", "wrong_answer"),
        ("no_answer", None, "no_answer"),
        ("grader_timeout", "9^9^9", "grader_timeout"),
        ("grader_memory", "9^9^9", "grader_memory"),
        ("answer_too_long", "1" * 9000, "wrong_answer"),
        ("something_new", "8", "grader_error"),
    ],
)
def test_a_verdict_drops_its_trace_under_a_reason_of_the_funnel(reason, answer, name):
    drop = graded(reason, answer, "7")
    assert (drop and drop.reason) == name
    assert name is None or name in REASONS
    assert drop is None or len(drop.detail) < 250


@pytest.mark.parametrize(
    ("tokens", "spec", "reason"),
    [
        (10, {}, None),
        (10, {"max_tokens": 10}, None),
        (11, {"max_tokens": 10}, "too_long"),
        (10, {"min_tokens": 10}, None),
        (9, {"min_tokens": 10}, "too_short"),
    ],
)
def test_length(tokens, spec, reason):
    drop = wrong_length(tokens, FilterSpec.of(spec))
    assert (drop and drop.reason) == reason


@pytest.mark.parametrize(
    ("system", "roles", "first"),
    [(None, ["user"], "What is 3+4?"), ("Be brief.", ["system", "user"], "Be brief."), ("source", ["system", "user"], "Think first.")],
)
def test_what_is_trained_on_has_the_question_word_for_word_after_the_system_text(system, roles, first):
    row = sft_row(GOOD, FilterSpec.of({"system": system}))
    assert list(row) == ["id", "prompt", "completion"]
    assert [message["role"] for message in row["prompt"]] == roles
    assert row["prompt"][0]["content"] == first
    assert row["prompt"][-1]["content"] == GOOD.question
    assert row["completion"] == [{"role": "assistant", "content": "<think>\nHm. So 7.\n</think>\n\nIt is \\boxed{7}."}]


def test_a_row_without_a_system_text_gets_none_from_its_source():
    assert len(sft_row(but(system=None), FilterSpec.of({"system": "source"}))["prompt"]) == 1


@pytest.mark.parametrize(
    ("rule", "k", "chosen"),
    [
        ("all", 1, [1, 1, 1, 1, 1, 1]),
        ("first", 1, [1, 1, 0, 0, 0, 1]),
        ("first", 2, [1, 1, 1, 0, 0, 1]),
        ("shortest", 1, [0, 1, 1, 0, 0, 1]),
        ("shortest", 2, [0, 1, 1, 1, 0, 1]),
        ("distinct", 9, [1, 1, 0, 1, 0, 1]),
        ("distinct", 1, [1, 1, 0, 0, 0, 1]),
    ],
)
def test_rejection_sampling(rule, k, chosen):
    questions = [1, 2, 1, 1, 1, 3]
    tokens = [30, 50, 10, 10, 20, 90]
    paths = [7, 7, 7, 8, 8, 7]
    assert list(choose(rule, k, questions, tokens, paths)) == chosen


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("First 3+4=7, then 7*2 = 14.", "We see: 3+4=7, and 7*2 = 14.", True),
        ("First 3+4=7 then 7*2=14", "We see 3+4=7 and 7*2=15", False),
        ("We have x = 7 here", "Clearly x = 7 holds", True),
        ("3+4=7 and 7*2=14", "7*2=14 and 3+4=7", False),
        ("No sign at all", "no  sign at all", True),
        ("No sign at all", "Another one", False),
    ],
)
def test_two_paths_are_the_same_where_their_equations_are(one, other, same):
    assert (path_key(but(thought=one)) == path_key(but(thought=other))) == same


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"max_token": 5}, "max_token: unknown key; did you mean max_tokens?"),
        ({"thought_style": "xml"}, "thought_style: 'xml' is not known; write one of stratos, think"),
        ({"unverifiable": "maybe"}, "unverifiable: 'maybe' is not known; write one of keep, drop"),
        ({"ngram": 0}, "ngram: 0 is less than the minimum of 2"),
        ({"max_tokens": "320"}, "max_tokens: '320' is not a whole number or null"),
        ({"near_duplicates": 1.5}, "near_duplicates: 1.5 is greater than the maximum of 1"),
        ({"near_duplicates": True}, "near_duplicates: True is not a number or null"),
        ({"per_question": {"rule": "best"}}, "per_question.rule: 'best' is not known"),
        ({"per_question": {"rule": "first", "n": 2}}, "per_question.n: unknown key"),
        ({"verify": "no"}, "verify: 'no' is not true or false"),
        ({"system": 5}, "system: 5 is not text"),
        ({"benchmarks": ["b"]}, "benchmarks: ['b'] is not a mapping"),
        ({"benchmarks": {"b": {"question": "problem"}}}, "benchmarks.b.question: unknown key"),
        ({"benchmarks": {"b": {"columns": {}}}}, "benchmarks.b.columns.question: missing"),
        ({"benchmarks": {"b": {"columns": "problem"}}}, "benchmarks.b.columns: 'problem' is not a mapping"),
    ],
)
def test_a_wrong_setting_is_named(spec, message):
    with pytest.raises(InputError) as error:
        FilterSpec.of(spec)
    assert str(error.value).startswith(f"--spec: {message}")
