"""From responses to scores: what grade.py writes, and what it refuses."""

import json
import re
import sys

import grade as program
import pytest

from distill.base.errors import InputError
from distill.base.files import read_json, read_jsonl, write_jsonl


def item(name: str, gold: str, kind: str = "math", choices: list[str] | None = None) -> dict:
    messages = [{"role": "user", "content": f"Question {name}? Put the answer within \\boxed{{}}."}]
    return {"id": name, "messages": messages, "gold": gold, "kind": kind, "choices": choices}


def response(name: str, text: str, sample: int = 0, finish_reason: str = "stop") -> dict:
    return {"id": name, "sample": sample, "text": text, "finish_reason": finish_reason, "prompt_tokens": 5, "completion_tokens": 10}


ITEMS = [item("a", "7"), item("b", "B", "choice", ["1 m", "2 m", "3 m", "4 m"])]
RESPONSES = [
    response("b", "\\boxed{B}"),
    response("b", "I think", 1, "length"),
    response("a", "<think>7</think> \\boxed{7}"),
    response("a", "<think>7 \\boxed{7}", 1),
]


@pytest.fixture
def grade(tmp_path, monkeypatch):
    """Runs grade.py's main on items and responses, with what more it is given on the command line."""

    def run(items=ITEMS, responses=RESPONSES, *more: str, text: str | None = None) -> None:
        write_jsonl(tmp_path / "prompts.jsonl", items)
        write_jsonl(tmp_path / "responses.jsonl", responses)
        if text is not None:
            (tmp_path / "responses.jsonl").write_text(text)
        files = [f"--{name}={tmp_path / name}.jsonl" for name in ("prompts", "responses", "output")]
        monkeypatch.setattr(sys, "argv", ["grade.py", *files, f"--summary={tmp_path / 'summary.json'}", *more])
        program.main()

    return run


def test_a_letter_means_the_choice_that_it_was_shown_with(tmp_path, grade):
    """The gold is our B, 2 m; the model was shown it as its A."""
    asked = [item("b", "B", "choice", ["1 m", "2 m", "3 m", "4 m"])]
    texts = ("\\boxed{A}", "\\boxed{B}", "\\boxed{2 m}", "\\boxed{1 m}")
    grade(asked, [{**response("b", text, sample), "shown": "BADC"} for sample, text in enumerate(texts)])
    rows = list(read_jsonl(tmp_path / "output.jsonl"))
    assert [(row["correct"], row["answer"]) for row in rows] == [(True, "B"), (False, "A"), (True, "B"), (False, "A")]


def test_of_a_model_that_answers_some_items_only_the_summary_says_of_how_many(tmp_path, grade):
    some = [row for row in RESPONSES if row["id"] != ITEMS[0]["id"]]
    with pytest.raises(InputError, match="has no sample 0"):
        grade(ITEMS, some)
    grade(ITEMS, some, "--spec", '{"items": "answered"}')
    summary = read_json(tmp_path / "summary.json")
    assert (summary["n_items"], summary["n_items_in_benchmark"]) == (len(ITEMS) - 1, len(ITEMS))
    assert ITEMS[0]["id"] not in {row["id"] for row in read_jsonl(tmp_path / "output.jsonl")}


def test_rows_are_in_the_order_of_the_prompts_with_their_reasons(tmp_path, grade, capsys):
    grade()
    assert "pass@1 50.0%" in capsys.readouterr().out
    rows = [(row["id"], row["sample"], row["correct"], row["answer"], row["reason"]) for row in read_jsonl(tmp_path / "output.jsonl")]
    assert rows == [
        ("a", 0, True, "7", "correct"),
        ("a", 1, False, None, "unclosed_thought"),
        ("b", 0, True, "B", "correct"),
        ("b", 1, False, None, "truncated"),
    ]


def test_the_summary_holds_the_score_and_how_the_answers_came_out(tmp_path, grade):
    grade()
    found = read_json(tmp_path / "summary.json")
    expected = {"pass@1": 0.5, "n_items": 2, "n_samples": 2, "maj@n": 1.0, "pass@n": 1.0}
    expected |= {"truncated": 0.25, "no_answer": 0.5, "unclosed_thought": 0.25, "mean_completion_tokens": 10.0, "flags": []}
    assert {key: found[key] for key in expected} == expected
    shares = {"gold": 1.0, "echo": 0.0, "cut": 0.0, "empty": 0.0, "wrong": 0.0}
    assert found["self_test"] == shares | {"respelled": 1.0, "near_miss": 0.0, "unread": 0.0, "worded": 0.0}


def test_further_graders_are_recorded_and_their_disagreements_listed(tmp_path, grade):
    write_jsonl(tmp_path / "other.jsonl", ({"id": row["id"], "sample": row["sample"], "correct": row["id"] == "a"} for row in RESPONSES))
    grade(ITEMS, RESPONSES, "--verdicts", f"lighteval={tmp_path / 'other.jsonl'}")
    rows = list(read_jsonl(tmp_path / "output.jsonl"))
    assert [row["verdicts"] for row in rows[:3]] == [
        {"boxed": True, "lighteval": True},
        {"boxed": False, "lighteval": True},
        {"letter": True, "lighteval": False},
    ]
    assert read_json(tmp_path / "summary.json")["disagreements"] == {"count": 2, "ids": ["a", "b"]}


@pytest.mark.parametrize(("limit", "capped"), [(10, 0.0), (11, 0.25)])
def test_an_answer_that_ends_before_its_limit_was_capped_by_the_context(tmp_path, grade, limit, capped):
    grade(ITEMS, RESPONSES, "--spec", json.dumps({"max_new_tokens": limit}))
    summary = read_json(tmp_path / "summary.json")
    assert (summary["truncated"], summary["capped"]) == (0.25, capped)


def test_of_no_items_there_is_no_score(tmp_path, grade):
    grade([], [])
    assert (read_json(tmp_path / "summary.json"), (tmp_path / "output.jsonl").read_text()) == ({"n_items": 0}, "")


def test_the_named_grader_decides(tmp_path, grade):
    write_jsonl(tmp_path / "other.jsonl", ({"id": row["id"], "sample": row["sample"], "correct": True} for row in RESPONSES))
    grade(ITEMS, RESPONSES, "--verdicts", f"lighteval={tmp_path / 'other.jsonl'}", "--spec", '{"grader": "lighteval"}')
    summary = read_json(tmp_path / "summary.json")
    assert (summary["pass@1"], summary["self_test"]) == (1.0, {})  # ours does not decide, so its test would say nothing


def test_the_self_test_is_that_of_the_grader_that_decides(tmp_path, grade, capsys):
    write_jsonl(tmp_path / "other.jsonl", ({"id": row["id"], "sample": row["sample"], "correct": True} for row in RESPONSES))
    tested = {"gold": 0.99, "echo": 0.5, "cut": 0.0, "empty": 0.0, "wrong": 0.0}
    (tmp_path / "other.json").write_text(json.dumps({"self_test": tested}))
    files = ["--verdicts", f"lighteval={tmp_path / 'other.jsonl'}", "--self-test", f"lighteval={tmp_path / 'other.json'}"]
    grade(ITEMS, RESPONSES, *files)
    assert read_json(tmp_path / "summary.json")["self_test"]["echo"] == 0.0
    grade(ITEMS, RESPONSES, *files, "--spec", '{"grader": "lighteval"}')
    found = read_json(tmp_path / "summary.json")
    assert (found["self_test"], len(found["flags"])) == (tested, 2)
    assert "self-test: gold 99.0%, echo 50.0%" in capsys.readouterr().out
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(InputError, match=r"other\.json: has no self_test"):
        grade(ITEMS, RESPONSES, *files, "--spec", '{"grader": "lighteval"}')


def test_the_same_responses_give_the_same_bytes(tmp_path, grade):
    grade()
    first = [(tmp_path / name).read_bytes() for name in ("output.jsonl", "summary.json")]
    grade(ITEMS, RESPONSES[::-1], "--workers", "2")
    assert [(tmp_path / name).read_bytes() for name in ("output.jsonl", "summary.json")] == first


@pytest.mark.parametrize(
    ("responses", "more", "message"),
    [
        ([*RESPONSES, response("c", "?")], [], "a response to item 'c', which"),
        (RESPONSES[:-1], [], "item 'a' has no sample 1 of 2"),
        (RESPONSES[:2], [], "item 'a' has no sample 0 of 2"),
        ([*RESPONSES, RESPONSES[0]], [], "item 'b' sample 0 is there twice"),
        ([{"id": "a", "sample": 0}], [], "responses.jsonl: row 1: text must be text, and is missing"),
        ([*RESPONSES, {**RESPONSES[0], "sample": "0"}], [], "responses.jsonl: row 5: sample must be a whole number, not '0'; fix"),
        ([{**RESPONSES[0], "sample": 0.0}], [], "row 1: sample must be a whole number, not 0.0"),
        ([{**RESPONSES[0], "sample": 0.5}], [], "row 1: sample must be a whole number, not 0.5"),
        ([{**RESPONSES[0], "sample": True}], [], "row 1: sample must be a whole number, not True"),
        ([*RESPONSES, {**RESPONSES[0], "sample": -1}], [], "item 'b' has a sample -1: samples are numbered from 0"),
        ([*RESPONSES, {**RESPONSES[0], "sample": 1_000_000_000}], [], "item 'a' has no sample 2 of 1000000001"),
        ([{**RESPONSES[0], "id": ["b"]}], [], "row 1: id must be text, not ['b']"),
        ([{**RESPONSES[0], "text": 5}], [], "row 1: text must be text, not 5"),
        ([{**RESPONSES[0], "completion_tokens": "12"}], [], "row 1: completion_tokens must be a whole number, not '12'"),
        ([{**RESPONSES[0], "finish_reason": 1}], [], "row 1: finish_reason must be text, not 1"),
        (RESPONSES, ["--spec", '{"grader": "lighteval"}'], "give its verdicts with --verdicts lighteval=FILE"),
        (RESPONSES, ["--spec", '{"greder": "boxed"}'], "--spec: greder: unknown key; did you mean grader?"),
        (RESPONSES, ["--verdicts", "lighteval"], "--verdicts lighteval: write NAME=FILE"),
        (RESPONSES, ["--self-test", "lighteval"], "--self-test lighteval: write NAME=FILE"),
        (RESPONSES, ["--verdicts", "lighteval=prompts.jsonl"], "prompts.jsonl"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(tmp_path, grade, responses, more, message):
    with pytest.raises(InputError, match=re.escape(message)) as error:
        grade(ITEMS, responses, *more)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "output.jsonl").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"correct": "false"}, "row 1: correct must be true or false, not 'false'"),
        ({"correct": 1}, "row 1: correct must be true or false, not 1"),
        ({"correct": None}, "row 1: correct must be true or false, not None"),
        ({"id": ["b"]}, "row 1: id must be text, not ['b']"),
        ({"sample": "0"}, "row 1: sample must be a whole number, not '0'"),
    ],
)
def test_a_verdict_of_another_kind_is_refused_and_never_guessed_at(tmp_path, grade, change, message):
    write_jsonl(tmp_path / "other.jsonl", [{"id": "b", "sample": 0, "correct": True, **change}])
    with pytest.raises(InputError, match=re.escape(f"other.jsonl: {message}")):
        grade(ITEMS, RESPONSES, "--verdicts", f"lighteval={tmp_path / 'other.jsonl'}")


def test_responses_recorded_elsewhere_may_not_know_their_tokens_and_their_end(tmp_path, grade):
    grade(ITEMS, [{**row, "finish_reason": None, "completion_tokens": None} for row in RESPONSES])
    assert read_json(tmp_path / "summary.json")["truncated"] is None


def test_a_broken_line_is_named(tmp_path, grade):
    with pytest.raises(InputError, match=r"responses.jsonl: line 2 is not JSON"):
        grade(text=json.dumps(RESPONSES[0]) + "\n{broken\n")


def test_scores_need_no_verdicts_of_lighteval(tmp_path, grade):
    """lighteval is not installed: its step leaves empty files, and our own verdicts stand alone."""
    (tmp_path / "lighteval.jsonl").write_text("")
    grade(ITEMS, RESPONSES, "--verdicts", f"lighteval={tmp_path / 'lighteval.jsonl'}")
    assert [sorted(row["verdicts"]) for row in read_jsonl(tmp_path / "output.jsonl")] == [["boxed"], ["boxed"], ["letter"], ["letter"]]


def test_an_answer_in_words_counts_where_the_protocol_takes_it_and_its_share_is_told(tmp_path, grade):
    items, responses = [item("a", "72")], [response("a", "So the answer is $72$.")]
    grade(items, responses)
    assert read_json(tmp_path / "summary.json")["no_answer"] == 1.0
    grade(items, responses, "--spec", '{"answer": "box_or_stated"}')
    found = read_json(tmp_path / "summary.json")
    assert (found["pass@1"], found["stated"], found["no_answer"]) == (1.0, 1.0, 0.0)


def test_answers_of_equal_value_vote_together_and_unknown_tags_are_flagged(tmp_path, grade):
    texts = ["<my_thought>\\boxed{0.5}", "\\boxed{\\frac12}", "\\boxed{3}", "\\boxed{3}", "\\boxed{.50}"]
    grade([item("a", "1/2")], [response("a", text, sample) for sample, text in enumerate(texts)])
    found = read_json(tmp_path / "summary.json")
    assert (found["pass@1"], found["maj@n"]) == (0.6, 1.0)
    assert [flag for flag in found["flags"] if "<my_thought>" in flag]
