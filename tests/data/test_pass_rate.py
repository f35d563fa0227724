"""Pass rates: each question is asked once, and the filter keeps what a model answers right as often as it is told to."""

import sys

import filter as filter_program
import pytest
import tiny_chat
import training_questions

from distill.base.errors import InputError
from distill.base.files import dumps, read_json, read_jsonl, sha256_text, write_jsonl
from distill.data.filter_rules import PassRate
from distill.data.pass_rate import PassRates
from distill.data.traces import Trace


def trace(name: str, question: str, gold: str | None, **more: str) -> Trace:
    return Trace(name, question, gold, "Hm.", f"It is \\boxed{{{gold}}}.", "table", **more)


TRACES = [
    trace("a", "What is 3+4?", "7", system="Think."),
    trace("b", "What is 3+4?", "7"),
    trace("c", "Which? A) x B) y", "(B)"),
    trace("d", "Prove it.", None),
    trace("e", "Half \ud800", "1"),
    trace("f", "What is 5+6?", "11"),
]


def name_of(question: str) -> str:
    return sha256_text(question)[:16]


@pytest.fixture
def traces(tmp_path):
    write_jsonl(tmp_path / "traces.jsonl", (row.row() for row in TRACES))
    return tmp_path / "traces.jsonl"


def run(program, monkeypatch, *words) -> None:
    monkeypatch.setattr(sys, "argv", ["program", *map(str, words)])
    program.main()


@pytest.mark.parametrize(
    ("spec", "first"),
    [
        ({}, [("user", "What is 3+4?")]),
        ({"user": "Box it: {question}"}, [("user", "Box it: What is 3+4?")]),
        ({"system": "Be brief."}, [("system", "Be brief."), ("user", "What is 3+4?")]),
        ({"system": "source"}, [("system", "Think."), ("user", "What is 3+4?")]),
    ],
)
def test_each_question_with_a_gold_is_asked_once(traces, tmp_path, monkeypatch, spec, first):
    run(training_questions, monkeypatch, "--traces", traces, "--spec", dumps(spec), "--output", tmp_path / "q.jsonl")
    rows = list(read_jsonl(tmp_path / "q.jsonl"))
    asked = ["What is 3+4?", "Which? A) x B) y", "What is 5+6?"]
    assert [row["id"] for row in rows] == [name_of(question) for question in asked]
    assert [(row["gold"], row["kind"]) for row in rows] == [("7", "math"), ("B", "choice"), ("11", "math")]
    assert [(message["role"], message["content"]) for message in rows[0]["messages"]] == first


def test_questions_without_any_gold_are_an_error(tmp_path, monkeypatch):
    write_jsonl(tmp_path / "traces.jsonl", [TRACES[3].row()])
    with pytest.raises(InputError, match=r"no question has a gold, so no answer to it is right; remove filter\.pass_rate"):
        run(training_questions, monkeypatch, "--traces", tmp_path / "traces.jsonl", "--output", tmp_path / "q.jsonl")


VERDICTS = {"What is 3+4?": [True, True, False, True], "Which? A) x B) y": [False] * 4, "What is 5+6?": [True, False, True, False]}


@pytest.fixture
def verdicts(tmp_path):
    rows = [
        {"id": name_of(question), "sample": sample, "correct": correct}
        for question, answers in VERDICTS.items()
        for sample, correct in enumerate(answers)
    ]
    write_jsonl(tmp_path / "verdicts.jsonl", rows)
    return tmp_path / "verdicts.jsonl"


RULE = {"model": "ours", "max_new_tokens": 9}


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 0.5), (0.5, 0.75), (0.75, 1), (0, 0), (0.1, 0.4)])
def test_the_filter_keeps_the_share_of_right_answers_that_plain_python_finds(traces, verdicts, tmp_path, monkeypatch, low, high):
    tiny_chat.save(tmp_path / "model")
    spec = {"pass_rate": {**RULE, "min": low, "max": high}, "verify": False}
    out = {name: tmp_path / name for name in ("output", "dropped", "funnel")}
    words = ["--traces", traces, "--spec", dumps(spec), "--tokenizer", tmp_path / "model", "--pass-rates", verdicts]
    share = {question: sum(answers) / len(answers) for question, answers in VERDICTS.items()}
    kept = [row.id for row in TRACES if row.id not in "be" and low <= share.get(row.question, -1) <= high]
    arguments = [*words, *(word for name, path in out.items() for word in (f"--{name}", path))]
    if not kept:
        with pytest.raises(InputError, match="pass_rate 5"):
            run(filter_program, monkeypatch, *arguments)
    else:
        run(filter_program, monkeypatch, *arguments)
        assert [row["id"] for row in read_jsonl(out["output"])] == kept
    funnel = read_json(out["funnel"])
    assert funnel["pass_rate"] == {
        "model": "ours",
        "min": low,
        "max": high,
        "questions_by_right_answers": {"0": 1, "1": 0, "2": 1, "3": 1, "4": 0},
    }
    dropped = {row["id"]: (row["reason"], row["detail"]) for row in read_jsonl(out["dropped"])}
    assert dropped["d"] == ("pass_rate", "no answer of ours: the question has no gold")
    assert "f" in kept or dropped["f"] == ("pass_rate", "2 of 4 answers of ours are right")


@pytest.mark.parametrize(("spec", "rates"), [({"pass_rate": RULE}, False), ({}, True)])
def test_bounds_and_verdicts_belong_together(traces, verdicts, tmp_path, monkeypatch, spec, rates):
    tiny_chat.save(tmp_path / "model")
    words = ["--traces", traces, "--spec", dumps(spec), "--tokenizer", tmp_path / "model", *(["--pass-rates", verdicts] if rates else [])]
    with pytest.raises(InputError, match="give both or none"):
        run(filter_program, monkeypatch, *words, "--output", tmp_path / "o", "--dropped", tmp_path / "d", "--funnel", tmp_path / "f")


@pytest.mark.parametrize("rows", [[], [{"id": "no hash", "correct": True}], [{"correct": True}]])
def test_a_file_without_verdicts_is_refused(tmp_path, rows):
    write_jsonl(tmp_path / "verdicts.jsonl", rows)
    with pytest.raises(InputError, match="make this file with rule pass_rate"):
        PassRates(tmp_path / "verdicts.jsonl")


def test_a_question_that_was_never_answered_is_outside_of_any_bounds(verdicts):
    rule = PassRate(**RULE, engine="transformers", samples=4, temperature=1.0, top_p=1.0, seed=0, user="{question}", min=0.0, max=1.0)
    found = PassRates(verdicts).rejection(int(name_of("Prove it."), 16), rule)
    assert found and found.reason == "pass_rate"
