"""What a judge reads, and which score is read from what it writes."""

import json
import sys

import filter as filter_program
import judge_prompts
import pytest
import tiny_chat

from distill.base import settings
from distill.base.errors import InputError
from distill.base.paths import SCHEMA
from distill.data.judge import JudgeRule, JudgeVerdict, judge_prompt, judged, read_score, read_template, read_verdicts, score_counts
from distill.data.pass_rate import question_id
from distill.data.traces import Trace

PROMPT = SCHEMA.parents[1] / settings.find("$defs/judge/prompt")["default"]
GOOD = Trace("id", "What is 3+4?", "7", "Hm. So 7.", "It is \\boxed{7}.", "table", "stop")


@pytest.mark.parametrize(
    ("text", "score", "reason"),
    [
        ("It is sound.\n\nScore: 4", 4, "It is sound."),
        ("It is sound.\n**Score:** 4/5", 4, "It is sound."),
        ("Sound. Score: **4.5**", 4.5, "Sound."),
        ('{"reason": "sound", "score": 4}', 4, 'reason": "sound'),
        ("score = 2", 2, ""),
        ("Score (1-5): 4", 4, ""),
        ("Score (4)", 4, ""),
        ("Score\uff1a4", 4, ""),
        ("Score: 4 out of 5.", 4, ""),
        ("Score: 10.", 10, ""),
        ("Score 1 to 5: 4", None, None),
        ("Score: 4-5", None, None),
        ("Score: 4,5", None, None),
        ("Score: four", None, None),
        ("Not a Score: 1 but\nSCORE: -3", -3, "Not a Score: 1 but"),
        ("<think>Score: 1?</think>Sound. Score: 5", 5, "Sound."),
        ("<think>Score: 1?", None, None),
        ("Score: 5 <think>", None, None),
        ("Score: N", None, None),
        ("Score:\n5", None, None),
        ("A scoreboard 5", None, None),
        ("", None, None),
        ("\x00\ud800\u2028 Score: 3", 3, "\x00\ud800"),
        ("Score: " + "9" * 400, None, None),
    ],
)
def test_the_last_score_outside_of_the_judge_s_own_thought_counts(text, score, reason):
    assert read_score(text, "stop") == (None if score is None else (score, reason))


def test_a_verdict_that_was_cut_has_no_score():
    assert read_score("Score: 4", "length") is None


def test_the_verdict_is_the_mean_of_the_samples_that_have_a_score(tmp_path):
    texts = {"a": ["Sound. Score: 4", "Score: 1", "hm"], "b": ["hm", ""], "c": ["Score: 3"]}
    rows = [
        {"id": name, "sample": sample, "text": text, "finish_reason": "stop"}
        for name, told in texts.items()
        for sample, text in enumerate(told)
    ]
    found = read_verdicts(tiny_chat.write_jsonl(tmp_path / "responses.jsonl", rows))
    assert found == {"a": JudgeVerdict(2.5, "Sound."), "b": JudgeVerdict(None, ""), "c": JudgeVerdict(3, "")}
    assert score_counts(found.values()) == {"2.5": 1, "3": 1, "none": 1}


@pytest.mark.parametrize(
    ("name", "unjudged", "reason", "detail"),
    [
        ("kept", "drop", None, ""),
        ("low", "drop", "judged", "score 2, at least 3: It jumps."),
        ("low", "keep", "judged", "score 2"),
        ("unread", "drop", "unjudged", "no score in what the judge wrote"),
        ("unread", "keep", None, ""),
        ("failed", "drop", "unjudged", "no answer of the judge"),
        ("failed", "keep", None, ""),
    ],
)
def test_a_row_is_kept_from_the_threshold_on(name, unjudged, reason, detail):
    verdicts = {"kept": JudgeVerdict(3, ""), "low": JudgeVerdict(2, "It jumps."), "unread": JudgeVerdict(None, "")}
    found = judged(name, verdicts, JudgeRule(3, unjudged))
    assert (found and found.reason) == reason
    assert found is None or found.detail.startswith(detail)


def test_a_response_without_its_columns_is_named(tmp_path):
    file = tiny_chat.write_jsonl(tmp_path / "responses.jsonl", [{"id": "a", "text": ""}])
    with pytest.raises(InputError, match=r"responses\.jsonl: row 1: no 'finish_reason': make this file with scripts/judge\.py"):
        read_verdicts(file)


def test_the_prompt_of_the_project_shows_question_thought_and_solution_and_asks_for_what_is_read():
    template = read_template(PROMPT)
    row = judge_prompt(GOOD, template)
    (message,) = row["messages"]
    assert all(part in message["content"] for part in (GOOD.question, GOOD.thought, GOOD.solution))
    assert read_score(template.replace("Score: N", "Score: 4"), "stop")[0] == 4


def test_a_trace_s_own_braces_stay(tmp_path):
    hostile = Trace("id", "{thought} \\frac{1}{2}", None, "{solution}", "{question}", "table")
    row = judge_prompt(hostile, "{question}|{thought}|{solution}|{gold}|{other}")
    assert row["messages"][0]["content"] == "{thought} \\frac{1}{2}|{solution}|{question}||{other}"


def test_a_prompt_without_the_thought_is_refused(tmp_path):
    (tmp_path / "judge.txt").write_text("Judge {question}")
    with pytest.raises(InputError, match=r"judge\.txt: holds no \{thought\}; put it where the text goes"):
        read_template(tmp_path / "judge.txt")


def test_the_judge_reads_what_no_predicate_on_a_row_of_its_own_drops(tmp_path, monkeypatch):
    """A duplicate is read too: it is kept where the judge drops the row that it repeats."""
    asked = "How many of them are on the table?"
    changes = [{}, {"gold": "8"}, {"finish_reason": "length"}, {"question": asked}, {}, {"thought": "Hm. " * 200}]
    rows = [{**GOOD.row(), "id": f"t{number}", **change} for number, change in enumerate(changes)]
    tiny_chat.write_jsonl(tmp_path / "b.jsonl", [{"problem": asked}])
    spec = {"max_tokens": 400, "benchmarks": {"b": {"columns": {"question": "problem"}}}}
    arguments = {
        "traces": tiny_chat.write_jsonl(tmp_path / "traces.jsonl", rows), "prompt": PROMPT, "spec": json.dumps(spec),
        "tokenizer": tiny_chat.save(tmp_path / "tokenizer"), "benchmark": f"b={tmp_path / 'b.jsonl'}", "output": tmp_path / "out.jsonl",
    }  # fmt: skip
    made = []
    for workers in (1, 2):
        words = [str(word) for name, value in (arguments | {"workers": workers}).items() for word in (f"--{name}", value)]
        monkeypatch.setattr(sys, "argv", ["judge_prompts.py", *words])
        judge_prompts.main()
        made.append((tmp_path / "out.jsonl").read_bytes())
    assert made[0] == made[1]
    assert [row["id"] for row in tiny_chat.read_jsonl(tmp_path / "out.jsonl")] == ["t0", "t4"]


def test_a_judge_reads_no_row_whose_pass_rate_drops_it(tmp_path, monkeypatch):
    rows = [{**GOOD.row(), "id": name, "question": question} for name, question in (("in", "What is 3+4?"), ("out", "What is 5+2?"))]
    share = {rows[0]["question"]: True, rows[1]["question"]: False}
    rated = [{"id": question_id(question), "sample": 0, "correct": correct} for question, correct in share.items()]
    spec = {"pass_rate": {"model": "ours", "max_new_tokens": 9, "min": 0.5}}
    arguments = {
        "traces": tiny_chat.write_jsonl(tmp_path / "traces.jsonl", rows), "tokenizer": tiny_chat.save(tmp_path / "tokenizer"),
        "pass-rates": tiny_chat.write_jsonl(tmp_path / "rated.jsonl", rated),
    }  # fmt: skip

    def run(program, **more):
        words = [str(word) for name, value in (arguments | more).items() for word in (f"--{name}", value)]
        monkeypatch.setattr(sys, "argv", ["program", *words])
        program.main()

    run(judge_prompts, prompt=PROMPT, spec=json.dumps(spec), output=tmp_path / "prompts.jsonl")
    (asked,) = tiny_chat.read_jsonl(tmp_path / "prompts.jsonl")
    assert asked["id"] == "in"
    told = tiny_chat.write_jsonl(tmp_path / "told.jsonl", [{"id": "in", "text": "Score: 4", "finish_reason": "stop"}])
    outputs = {name: tmp_path / name for name in ("output", "dropped", "funnel")}
    run(filter_program, spec=json.dumps(spec | {"judge": {}}), verdicts=told, **outputs)
    assert [row["id"] for row in tiny_chat.read_jsonl(tmp_path / "output")] == ["in"]
    assert [(row["id"], row["reason"]) for row in tiny_chat.read_jsonl(tmp_path / "dropped")] == [("out", "pass_rate")]
