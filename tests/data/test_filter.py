"""The filter as a program: which traces are kept, and for which reason the others are not."""

import json
import sys

import filter as filter_program
import pytest
import tiny_chat
from good_trace import GOOD, but

from distill.base import files
from distill.base.errors import InputError
from distill.data import analyse
from distill.data.filter_rules import OPTIONAL_REASONS, REASONS
from distill.data.tokens import ChatTokenizer

# One row for each reason, the good ones first and last.
BENCHMARK = "A robe takes 2 bolts of blue fiber and half that much white fiber. How many bolts does it take?"
ROWS = [
    (GOOD, None),
    (but(thought=""), "malformed"),
    (but(thought="Hm.<|im_end|>"), "malformed"),
    (but(finish_reason="length"), "truncated"),
    (but(gold=None), "unverifiable"),
    (but(solution="It is 7."), "no_answer"),
    (but(solution="It is \\boxed{8}."), "wrong_answer"),
    (but(thought="hm.  so 7."), "duplicate"),
    (but(question=BENCHMARK), "contaminated"),
    (but(question="Long?", thought="Hm. " * 200), "too_long"),
    (but(question="Q?", thought="H", solution="\\boxed{7}"), "too_short"),
    (but(question="Which one?\u2028\x00", gold="B", solution="\\boxed{B}", thought="It must be B, since A is not."), None),
]
SPEC = {"max_tokens": 400, "min_tokens": 85, "system": "Be brief.", "benchmarks": {"b": {"columns": {"question": "problem"}}}}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return tiny_chat.save(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture
def run(tmp_path, tokenizer, monkeypatch):
    """Run the filter on traces; returns the outputs."""

    def call(given, spec=SPEC, rejected=(), **options):
        rows = [{**trace.row(), "id": f"t{number}"} for number, trace in enumerate(given)]
        tiny_chat.write_jsonl(tmp_path / "traces.jsonl", rows)
        tiny_chat.write_jsonl(tmp_path / "rejected.jsonl", list(rejected))
        tiny_chat.write_jsonl(tmp_path / "b.jsonl", [{"problem": BENCHMARK}])
        names = {"output": "sft.jsonl", "dropped": "dropped.jsonl", "funnel": "funnel.json", "contamination": "contamination.json"}
        arguments = {
            "traces": tmp_path / "traces.jsonl",
            "tokenizer": tokenizer,
            "spec": json.dumps(spec),
            "benchmark": f"b={tmp_path / 'b.jsonl'}",
        }
        arguments |= {name: tmp_path / file for name, file in names.items()} | options
        monkeypatch.setattr(sys, "argv", ["filter.py", *(part for name, value in arguments.items() for part in (f"--{name}", str(value)))])
        filter_program.main()
        return tmp_path

    return call


def test_each_row_is_kept_or_dropped_under_its_first_reason(run):
    rejected = [{"id": "r", "reason": "malformed", "detail": "no thought tags"}]
    folder = run([trace for trace, _ in ROWS], rejected=rejected)
    kept, dropped = tiny_chat.read_jsonl(folder / "sft.jsonl"), tiny_chat.read_jsonl(folder / "dropped.jsonl")
    assert [row["id"] for row in kept] == [f"t{number}" for number, (_, reason) in enumerate(ROWS) if reason is None]
    wanted = [("r", "malformed")] + [(f"t{number}", reason) for number, (_, reason) in enumerate(ROWS) if reason]
    assert [(row["id"], row["reason"]) for row in dropped] == wanted
    assert kept[-1]["prompt"][-1]["content"] == "Which one?\u2028\x00"
    funnel = files.read_json(folder / "funnel.json")
    assert list(funnel) == ["rows_in", "kept", "dropped"]
    assert list(funnel["dropped"]) == [reason for reason in REASONS if reason not in OPTIONAL_REASONS]
    assert funnel["rows_in"] == funnel["kept"] + sum(funnel["dropped"].values()) == len(ROWS) + 1
    assert files.read_json(folder / "contamination.json")["benchmarks"]["b"]["rows_hit"] == 1


def test_a_thought_that_makes_no_sense_is_counted_and_shown(run):
    """The thought's answer is the grader's to decide: 0.5 is 1/2, and 3 is not."""
    half = {"gold": "\\frac{1}{2}", "solution": "\\boxed{\\frac{1}{2}}"}
    same = but(**half, thought="It is one half, so \\boxed{0.5}.")
    other = but(**half, thought="It is three, so \\boxed{3}.", question="Other?")
    loop = but(thought="Wait, no. " * 50, question="Loop?")
    spec = {"thought": {"same_answer": True, "max_repeated": 0.2}, "benchmarks": SPEC["benchmarks"]}
    folder = run([GOOD, same, other, loop], spec)
    assert [row["id"] for row in tiny_chat.read_jsonl(folder / "sft.jsonl")] == ["t0", "t1"]
    funnel = files.read_json(folder / "funnel.json")
    assert (funnel["dropped"]["repeats"], funnel["dropped"]["other_answer"]) == (1, 1)
    assert funnel["examples"]["other_answer"] == {
        "id": "t2",
        "detail": "its thought ends in \\boxed{3}, its solution in \\frac{1}{2}",
    }
    assert "examples" not in files.read_json(run([GOOD], {"benchmarks": SPEC["benchmarks"]}) / "funnel.json")


JUDGED = {"judge": {"keep_at": 3}, "benchmarks": SPEC["benchmarks"]}


def verdicts(folder, *texts):
    told = {f"t{number}": text for number, text in enumerate(texts) if text is not None}
    rows = [{"id": name, "sample": 0, "text": text, "finish_reason": "stop"} for name, text in told.items()]
    return tiny_chat.write_jsonl(folder / "responses.jsonl", rows)


def decisions(folder, **made):
    return tiny_chat.write_jsonl(folder / "decisions.jsonl", [{"id": name, "decision": decision} for name, decision in made.items()])


def test_a_judge_drops_what_it_finds_wanting_and_its_scores_are_counted(run, tmp_path):
    """The row that repeats one which the judge drops is a duplicate no more."""
    long = but(question="Long?", thought="Hm. " * 200)
    traces = [GOOD, GOOD, but(question="Else?"), but(question="More?"), but(question=BENCHMARK), but(gold="8"), long]
    told = ["It jumps. Score: 2", "Sound. Score: 4", "Hm.", None, None, None, None]
    folder = run(traces, {**JUDGED, "max_tokens": 400}, verdicts=verdicts(tmp_path, *told))
    assert [row["id"] for row in tiny_chat.read_jsonl(folder / "sft.jsonl")] == ["t1"]
    assert [(row["id"], row["reason"], row["detail"]) for row in tiny_chat.read_jsonl(folder / "dropped.jsonl")][:3] == [
        ("t0", "judged", "score 2, at least 3: It jumps."),
        ("t2", "unjudged", "no score in what the judge wrote"),
        ("t3", "unjudged", "no answer of the judge"),
    ]
    funnel = files.read_json(folder / "funnel.json")
    assert {reason: count for reason, count in funnel["dropped"].items() if count} == {
        "wrong_answer": 1,
        "judged": 1,
        "unjudged": 2,
        "contaminated": 1,
        "too_long": 1,
    }
    assert funnel["judge"] == {"rows": 3, "keep_at": 3, "scores": {"2": 1, "4": 1, "none": 1}}
    assert funnel["examples"]["judged"]["id"] == "t0"
    with pytest.raises(InputError, match="--verdicts: goes together with judge in --spec"):
        run([GOOD], JUDGED)


def test_decisions_by_hand_are_honoured_counted_and_held_against_the_judge(run, tmp_path, capsys):
    traces = [GOOD, but(question="A?"), but(question="B?"), but(question="C?", gold="8"), but(question=BENCHMARK), but(question="D?")]
    told = verdicts(tmp_path, "Score: 5", "Score: 1", "Score: 4", None, None, "Score: 2")
    by_hand = decisions(tmp_path, t0="keep", t1="keep", t2="drop", t3="keep", t4="keep", t5="drop", gone="keep")
    folder = run(traces, JUDGED, verdicts=told, decisions=by_hand)
    assert [row["id"] for row in tiny_chat.read_jsonl(folder / "sft.jsonl")] == ["t0", "t1", "t3"]
    funnel = files.read_json(folder / "funnel.json")
    assert {reason: count for reason, count in funnel["dropped"].items() if count} == {"reviewed": 2, "contaminated": 1}
    assert funnel["rows_in"] == funnel["kept"] + sum(funnel["dropped"].values())
    assert funnel["by_hand"] == {"keep": 4, "drop": 2, "of_other_rows": 1}
    assert [funnel["judge"]["agreement"][key] for key in ("both", "first", "second", "neither")] == [1, 1, 1, 1]
    told = capsys.readouterr()
    assert "judge and hand agree on 2 of 4 rows: Cohen's kappa 0.00, 95 % interval -0." in told.out
    assert "decisions.jsonl: 1 of 7 decisions are of rows that are not among these traces" in told.err


def test_decisions_of_another_dataset_are_refused(run, tmp_path):
    with pytest.raises(InputError, match=r"decisions\.jsonl: none of its 1 decisions is of a row of these traces"):
        run([GOOD], {"benchmarks": SPEC["benchmarks"]}, decisions=decisions(tmp_path, gone="keep"))


def test_what_is_kept_by_hand_does_not_depend_on_the_workers(run, tmp_path, monkeypatch):
    monkeypatch.setattr(analyse, "_BATCH_ROWS", 2)
    traces = [but(question=f"Of {number}?", gold="8" if number % 2 else "7") for number in range(9)]
    by_hand = decisions(tmp_path, t1="keep", t2="drop")
    spec = {"benchmarks": SPEC["benchmarks"]}
    made = [(run(traces, spec, decisions=by_hand, workers=workers) / "sft.jsonl").read_bytes() for workers in (1, 2)]
    assert made[0] == made[1] and made[0].count(b"\n") == 5


HOSTILE = [
    *(
        {part: f"{getattr(GOOD, part)} {text}"}
        for part in ("question", "thought", "solution")
        for text in ("\ud800", "\x00\u2028", "x " * 30_000)
    ),
    {"thought": "9" * 100_000},
    {"thought": "< | " * 50_000},
    {"question": "A) " * 50_000},
    {"question": "a\n" * 50_000},
    {"question": "{" * 50_000},
    {"solution": "\\boxed{" * 30_000},
    {"solution": "\\boxed{7}" * 20_000},
    {"solution": f"\\boxed{{{'9' * 1_000_000}}}"},
    {"gold": "\x00\ud800"},
    {"finish_reason": "\ud800"},
    {"source": ""},
]


def test_no_row_breaks_the_filter_or_its_neighbours(run):
    bad = [but(**{"question": f"What is {number}+4?", **change}) for number, change in enumerate(HOSTILE)]
    good = [but(question=f"How many are {number} and 4?") for number in range(len(bad))]
    folder = run([trace for pair in zip(good, bad, strict=True) for trace in pair], {**SPEC, "near_duplicates": 0.9, "max_tokens": None})
    kept = {row["id"] for row in tiny_chat.read_jsonl(folder / "sft.jsonl")}
    dropped = {row["id"]: row["reason"] for row in tiny_chat.read_jsonl(folder / "dropped.jsonl")}
    assert {f"t{2 * number}" for number in range(len(good))} <= kept
    assert len(kept) + len(dropped) == 2 * len(bad) and not kept & set(dropped)
    assert [dropped.get(f"t{2 * number + 1}") for number in (0, 3, 6)] == ["malformed"] * 3  # half a surrogate pair


def test_contamination_may_be_reported_only(run):
    folder = run([GOOD, but(question=BENCHMARK)], {**SPEC, "contamination_action": "report"})
    assert len(tiny_chat.read_jsonl(folder / "sft.jsonl")) == 2
    assert files.read_json(folder / "contamination.json")["benchmarks"]["b"]["rows_hit"] == 1


def test_a_row_repeats_only_what_was_kept(run):
    spec = {**SPEC, "max_tokens": 300, "near_duplicates": 0.5}
    long = but(question="How many ways are there to put the five red balls in a box?", thought="Hm. " * 200)
    near = but(question="How many ways are there to put the five red balls in a bag?")
    folder = run([long, near, but(question=near.question.replace("bag", "cup"))], spec)
    assert [row["id"] for row in tiny_chat.read_jsonl(folder / "sft.jsonl")] == ["t1"]
    assert [(row["id"], row["reason"]) for row in tiny_chat.read_jsonl(folder / "dropped.jsonl")] == [
        ("t0", "too_long"),
        ("t2", "near_duplicate"),
    ]


def test_the_traces_of_a_question_that_are_not_chosen_are_dropped_too(run):
    traces = [but(thought="A long way round to 7."), but(question="Else?"), GOOD, but(thought="Another long way to 7.")]
    folder = run(traces, {"per_question": {"rule": "shortest", "k": 1}, "benchmarks": SPEC["benchmarks"]})
    assert [row["id"] for row in tiny_chat.read_jsonl(folder / "sft.jsonl")] == ["t1", "t2"]
    assert [(row["id"], row["reason"]) for row in tiny_chat.read_jsonl(folder / "dropped.jsonl")] == [
        ("t0", "not_chosen"),
        ("t3", "not_chosen"),
    ]
    assert not [file for file in folder.iterdir() if file.name.startswith(".") or file.name.startswith("tmp")]


CHOICES = ("A) Cats are fish\nB) Cats are mammals", "A) Ice is hot\nB) Iron is a metal", "A) 4 is prime\nB) 2 is prime")


def test_questions_with_one_stem_and_other_choices_are_questions_of_their_own(run):
    asked = [f"Which of the following statements is correct?\n{choices}" for choices in CHOICES]
    traces = [but(question=question, gold="B", thought="Easy.", solution="So \\boxed{B}") for question in asked]
    spec = {"per_question": {"rule": "first", "k": 1}, "near_duplicates": 0.8, "benchmarks": SPEC["benchmarks"]}
    assert files.read_json(run(traces, spec) / "funnel.json")["kept"] == len(CHOICES)


def test_tokens_are_counted_in_the_chat_template_that_is_trained_with(run, tmp_path, tokenizer):
    """A row that just fits in the model's own template, and no longer in one that puts a text before every chat."""
    other = tmp_path / "other.jinja"
    other.write_text("{{ 'Answer in a box. ' }}" + tiny_chat.CHATML, encoding="utf-8")
    spec = {"benchmarks": SPEC["benchmarks"]}
    (row,) = tiny_chat.read_jsonl(run([GOOD], spec) / "sft.jsonl")
    chat = ChatTokenizer(tokenizer)
    limit = {**spec, "max_tokens": chat.count([chat.text(row["prompt"] + row["completion"])])[0]}
    assert tiny_chat.read_jsonl(run([GOOD], limit) / "sft.jsonl") == [row]
    with pytest.raises(InputError, match="0 of 1 rows kept, too_long 1"):
        run([GOOD], limit, **{"chat-template": other})


def test_nothing_kept_is_an_error_that_prints_the_funnel_and_leaves_the_reasons(run, tmp_path, capsys):
    with pytest.raises(InputError, match=r"0 of 2 rows kept, truncated 1, wrong_answer 1: nothing to train on"):
        run([but(finish_reason="length"), but(gold="8")])
    assert len(tiny_chat.read_jsonl(tmp_path / "dropped.jsonl")) == 2
    told = capsys.readouterr().out
    assert 'for example truncated: {"id": "' in told and 'for example wrong_answer: {"id": "' in told
    assert not (tmp_path / "sft.jsonl").exists()
    assert files.read_json(tmp_path / "funnel.json")["kept"] == 0


def test_ids_that_collide_are_an_error(run, tmp_path):
    file = tiny_chat.write_jsonl(tmp_path / "twice.jsonl", [GOOD.row(), GOOD.row()])
    with pytest.raises(InputError, match="two traces have the id 'id'"):
        run([GOOD], traces=file)


def test_a_broken_line_is_named(run, tmp_path):
    (tmp_path / "broken.jsonl").write_text(json.dumps(GOOD.row()) + "\n{\n")
    with pytest.raises(InputError, match=r"broken.jsonl: line 2 is not JSON"):
        run([GOOD], traces=tmp_path / "broken.jsonl")


def test_a_benchmark_without_its_column_is_named(run):
    with pytest.raises(InputError, match=r"--spec: benchmarks\.b\.columns\.question: missing"):
        run([GOOD], {})


def test_the_bytes_do_not_depend_on_the_workers(run, monkeypatch):
    monkeypatch.setattr(analyse, "_BATCH_ROWS", 4)
    near = [but(question=f"How many ways are there to put the five {what} balls in a box?") for what in ("red", "new", "old", "big")]
    traces = [*near, *(trace for trace, _ in ROWS), but(gold="\\frac{1}{2}", solution="\\boxed{0.5}"), *reversed(near)]
    made = []
    for workers in (1, 2):
        folder = run(traces, {**SPEC, "near_duplicates": 0.5, "min_tokens": 0}, workers=workers)
        made.append([(folder / name).read_bytes() for name in ("sft.jsonl", "dropped.jsonl", "funnel.json", "contamination.json")])
    assert made[0] == made[1]
    assert b"near_duplicate" in made[0][1]
