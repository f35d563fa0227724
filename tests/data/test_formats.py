"""Each published shape of trace sets becomes the same trace; a row of another shape is rejected with its reason."""

import copy
import json
import os
import random
from pathlib import Path

import pytest
from raw_rows import QUESTION, THINK, traces
from tiny_chat import write_jsonl

from distill.base.files import dumps
from distill.base.tables import read_rows
from distill.data.formats import FORMATS
from distill.data.normalise import RejectedRow
from distill.data.traces import from_row
from distill.grading.grader import Task, grade_all

STRATOS = "<|begin_of_thought|>\n\nHm. So 7.\n\n<|end_of_thought|>\n\n<|begin_of_solution|>\n\nIt is \\boxed{7}.\n\n<|end_of_solution|>"
SYSTEM = "Think first."
TURNS = [{"from": "user", "value": QUESTION}, {"from": "assistant", "value": STRATOS}]
MESSAGES = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": STRATOS}]
S1 = {"question": QUESTION, "solution": "Add them: $\\boxed{7}$."}
OPENR1 = {
    "problem": QUESTION,
    "solution": "Add them.",
    "answer": "7",
    "source": "olympiads",
    "uuid": "u",
    "generations": [THINK, THINK.replace("7", "8"), THINK.replace("Hm.", "Well."), THINK[:12]],
    "finish_reasons": ["stop", "length", None, "length"],
    "is_reasoning_complete": [True, True, False, False],
    "correctness_math_verify": [True, False, False, False],
}
GSM8K = {"question": QUESTION, "answer": "Half is 2/2 = $<<2/2=1>>1.\nIn all <<999+1=1000>>1000.\n#### 1,000"}
# name, row, the system text and the gold that come with it, the source
ONE_TRACE = [
    ("bespoke_stratos", {"system": SYSTEM, "conversations": TURNS}, SYSTEM, None, "bespoke_stratos"),
    ("bespoke_stratos", {"system": SYSTEM, "conversations": TURNS, "messages": MESSAGES}, SYSTEM, None, "bespoke_stratos"),
    ("bespoke_stratos", {"system": SYSTEM, "conversations": TURNS, "gold": "7"}, SYSTEM, "7", "bespoke_stratos"),
    (
        "sky_t1",
        {"system": SYSTEM, "conversations": [{"from": "human", "value": QUESTION}, {"from": "gpt", "value": STRATOS}]},
        SYSTEM,
        None,
        "sky_t1",
    ),
    ("openthoughts", {"system": SYSTEM, "conversations": TURNS}, SYSTEM, None, "openthoughts"),
    ("messages", {"messages": MESSAGES}, None, None, "messages"),
    ("messages", {"messages": MESSAGES, "conversations": "of another kind", "source": "x/y"}, None, None, "messages/x/y"),
    ("sharegpt", {"system": SYSTEM, "conversations": TURNS, "messages": MESSAGES[1:]}, SYSTEM, None, "sharegpt"),
    (
        "mixture_of_thoughts",
        {"messages": [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": THINK}], "num_tokens": 20, "source": "x/y"},
        None,
        None,
        "mixture_of_thoughts/x/y",
    ),
    ("s1k", S1 | {"thinking_trajectories": ["Hm. So 7."], "attempt": "It is \\boxed{7}."}, None, "7", "s1k/thinking"),
    ("s1k", S1 | {"deepseek_thinking_trajectory": "Hm. So 7.", "deepseek_attempt": "It is \\boxed{7}."}, None, "7", "s1k/deepseek"),
    ("table", {"question": QUESTION, "gold": 7, "response": THINK}, None, "7", "table"),
    ("table", {"question": QUESTION, "response": "It is \\boxed{7}.", "reasoning": "Hm. So 7."}, None, None, "table"),
    (
        "openthoughts",
        {
            "source": "olympiads",
            "problem": QUESTION,
            "solution": "Add them: $\\boxed{7}$.",
            "messages": [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "Add them: $\\boxed{7}$."}],
            "system": SYSTEM,
            "conversations": TURNS,
            "generated_token_count": 20,
            "correct": True,
        },
        SYSTEM,
        "7",
        "openthoughts/olympiads",
    ),
    (
        "openthoughts",
        {
            "problem": QUESTION,
            "deepseek_reasoning": "Hm. So 7.",
            "deepseek_solution": "It is \\boxed{7}.",
            "ground_truth_solution": "Add them: $\\boxed{7}$.",
            "domain": "math",
            "source": "olympiads",
        },
        None,
        "7",
        "openthoughts/olympiads",
    ),
]


@pytest.mark.parametrize(("name", "row", "system", "gold", "source"), ONE_TRACE)
def test_each_published_shape_becomes_the_same_trace(name, row, system, gold, source):
    (trace,) = traces(name, [row])
    assert (trace.question, trace.thought, trace.solution) == (QUESTION, "Hm. So 7.", "It is \\boxed{7}.")
    assert (trace.system, trace.gold, trace.source) == (system, gold, source)


def test_every_format_has_a_case():
    """deepmath and am_distilled have theirs in test_published_shapes.py."""
    assert {case[0] for case in ONE_TRACE} | {"openr1_math", "gsm8k", "distill"} | {"deepmath", "am_distilled"} == set(FORMATS)


def as_jsonl(rows, folder):
    return write_jsonl(folder / "rows.jsonl", rows)


def as_json(rows, folder):
    path = folder / "rows.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def as_parquet(rows, folder):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows), folder / "rows.parquet")
    return folder / "rows.parquet"


OWN = {"id": "i", "question": QUESTION, "gold": None, "thought": "t", "solution": "s", "source": "x", "finish_reason": None}


@pytest.mark.parametrize("write", [as_jsonl, as_json, as_parquet])
def test_each_format_is_read_from_each_kind_of_file(write, tmp_path):
    for name, row in [*((case[0], case[1]) for case in ONE_TRACE), ("openr1_math", OPENR1), ("gsm8k", GSM8K), ("distill", OWN)]:
        rows = [row, copy.deepcopy(row)] if name != "distill" else [row]
        assert traces(name, read_rows(write(rows, tmp_path))) == traces(name, rows), name


def test_a_parquet_file_is_read_in_a_stream(tmp_path):
    import pyarrow as pa

    file = as_parquet([{"question": str(number), "response": os.urandom(4000).hex()} for number in range(5000)], tmp_path)
    before = pa.total_allocated_bytes()
    held = max(pa.total_allocated_bytes() - before for _ in read_rows(file))
    assert held < 0.7 * file.stat().st_size


def test_a_parquet_row_beyond_all_measure_is_reported_unread(tmp_path):
    rows = [{"question": "q", "response": text} for text in (THINK, "x" * 200_000, THINK)]
    found = list(read_rows(as_parquet(rows, tmp_path), max_row_bytes=100_000))
    assert [getattr(row, "place", None) for row in found] == [None, "rows.parquet row 2", None]
    assert [dict(row) for row in found] == [rows[0], {}, rows[2]]


def test_each_generation_of_openr1_is_a_trace_with_its_own_finish():
    found = traces("openr1_math", [OPENR1])
    assert [(made.id, made.finish_reason) for made in found[:2]] == [(found[0].id, "stop"), (found[1].id, "length")]
    assert [made.reason for made in found[2:]] == ["truncated", "truncated"]
    assert found[0].gold == "7"
    assert found[0].source == "openr1_math/olympiads"


def test_a_worked_solution_of_gsm8k_is_the_thought_and_its_last_line_the_gold():
    (trace,) = traces("gsm8k", [GSM8K])
    assert (trace.question, trace.thought) == (QUESTION, "Half is 2/2 = $1.\nIn all 1000.")
    assert (trace.solution, trace.gold, trace.source) == ("The answer is \\boxed{1000}.", "1000", "gsm8k")


@pytest.mark.skipif("DISTILL_REAL_DATA" not in os.environ, reason="DISTILL_REAL_DATA is not set: no real data")
def test_every_row_of_gsm8k_is_a_trace():
    rows = list(read_rows(Path(os.environ["DISTILL_REAL_DATA"]) / "gsm8k" / "train.jsonl"))
    made = traces("gsm8k", rows)
    assert len(rows) == len(made) == 7473
    assert not any(isinstance(trace, RejectedRow) or "<<" in trace.thought or "####" in trace.thought for trace in made)


def test_both_teachers_of_s1k_are_kept_apart():
    row = S1 | {f"{name}_{what}": f"{name}." for name in ("deepseek", "gemini") for what in ("thinking_trajectory", "attempt")}
    assert [trace.source for trace in traces("s1k", [row])] == ["s1k/deepseek", "s1k/gemini"]


@pytest.mark.parametrize(
    ("solution", "gold"),
    [("128", "128"), ("Thus \\boxed{\\frac{1}{2}}.", "\\frac{1}{2}"), ("First\nsecond", None), ("A proof. " * 20, None)],
)
def test_the_gold_of_s1k_is_a_box_or_one_short_line(solution, gold):
    assert traces("s1k", [{"question": "q", "solution": solution, "thinking_trajectories": ["t"], "attempt": "s"}])[0].gold == gold


def test_our_own_rows_come_back_as_they_are():
    (trace,) = traces("table", [{"question": QUESTION, "gold": "7", "response": THINK}])
    assert traces("distill", [trace.row()]) == [trace]


@pytest.mark.parametrize(
    ("name", "row", "detail"),
    [
        ("bespoke_stratos", {"conversations": TURNS[:1]}, "turns are user"),
        ("bespoke_stratos", {"conversations": TURNS + TURNS}, "more than one user turn"),
        ("bespoke_stratos", {"conversations": "hello"}, "no list of turns"),
        ("bespoke_stratos", {"conversations": [{"from": "tool", "value": "x"}]}, "a turn by 'tool'"),
        ("bespoke_stratos", {"system": SYSTEM}, "no column 'conversations' or 'messages'"),
        ("openr1_math", OPENR1 | {"generations": []}, "no response"),
        ("openr1_math", OPENR1 | {"generations": [None]}, "generation 1 is no text"),
        ("gsm8k", {"question": QUESTION, "answer": "It is 7."}, "no gold after '####'"),
        ("gsm8k", {"question": QUESTION, "answer": "It is 7.\n####  "}, "no gold after '####'"),
        ("s1k", S1 | {"attempt": "It is 7."}, "no thought with an attempt"),
        ("table", {"question": None, "response": THINK}, "no text in column 'question'"),
        ("table", {"question": " ", "response": THINK}, "question of 1 characters"),
        ("table", {"question": "q", "response": "It is 7."}, "no thought tags"),
        ("table", {"question": MESSAGES, "response": THINK}, "column 'question' is a conversation, not one question"),
        ("table", {"question": "q", "response": [THINK]}, "column 'response' is a list, not text"),
        ("table", {"question": "q", "response": {"content": THINK}}, "column 'response' is an object, not text"),
        ("table", {"question": "q", "response": THINK.encode()}, "column 'response' is bytes, not text"),
        ("table", {"question": "q", "response": "7", "reasoning": ["Hm."]}, "column 'reasoning' is a list, not text"),
        ("table", {"question": "q", "response": THINK, "gold": ["7"]}, "column 'gold' is a list, not text"),
        ("s1k", S1 | {"thinking_trajectories": [["Hm."]], "attempt": "7"}, "column 'thinking_trajectories' is a list, not text"),
    ],
)
def test_a_row_without_its_shape_is_rejected_and_its_neighbours_are_not(name, row, detail):
    examples = {form: example for form, example, *_ in ONE_TRACE[::-1]} | {"openr1_math": OPENR1, "gsm8k": GSM8K}
    good = examples[name]
    found = traces(name, [good, row, good])
    (rejected,) = [made for made in found if isinstance(made, RejectedRow) and made.reason == "malformed"]
    assert detail in rejected.detail
    assert len(found) == 2 * len(traces(name, [good])) + 1


def test_a_generation_that_is_no_text_takes_no_other_with_it():
    row = {"problem": QUESTION, "answer": "7", "generations": [THINK, None, THINK.replace("Hm.", "Well."), None]}
    first, bad, second, worse = traces("openr1_math", [row])
    assert [trace.thought for trace in (first, second)] == ["Hm. So 7.", "Well. So 7."]
    assert [made.detail for made in (bad, worse)] == ["generation 2 is no text", "generation 4 is no text"]
    assert worse.id == f"{bad.id}-2"


JUNK = [
    None,
    "",
    " ",
    7,
    1.5,
    float("nan"),
    True,
    [],
    {},
    [None],
    [[]],
    [{}],
    {"a": 1},
    "<think>",
    "</think>",
    "\x00\u2028\ud800",
    ["x"] * 3,
]


def mangled(value, rng):
    """A copy of a row in which one place, however deep, holds something else."""
    inside = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    if not inside or rng.random() < 0.2:
        return rng.choice(JUNK)
    copied, at = copy.copy(value), rng.choice(inside)
    copied[at] = mangled(copied[at], rng)
    return copied


def test_no_row_breaks_the_reading_of_the_others():
    rng = random.Random(0)
    for name, good in [*((case[0], case[1]) for case in ONE_TRACE), ("openr1_math", OPENR1), ("gsm8k", GSM8K), ("distill", OWN)]:
        for _ in range(200):
            bad = mangled(good, rng)
            if not isinstance(bad, dict):
                continue
            if bad.get("id") == good.get("id"):
                bad = bad | {"id": "its own"}
            found = traces(name, [good, bad, good | {"id": "another"}])
            assert len(found) > 2 * len(traces(name, [good])), bad
            for made in found:
                json.loads(dumps(made.row()))
                if isinstance(made, RejectedRow):
                    assert made.reason in ("malformed", "truncated") and made.detail, bad
                else:
                    assert from_row(made.row(), "here") == made


def as_columns(turns):
    """As datasets before version 4 stored `Sequence({..})`: an object of lists."""
    return {key: [turn[key] for turn in turns] for key in turns[0]}


def test_turns_that_are_stored_as_an_object_of_lists_are_read(tmp_path):
    file = as_parquet([{"system": SYSTEM, "conversations": as_columns(TURNS)}], tmp_path)
    assert traces("bespoke_stratos", read_rows(file)) == traces("bespoke_stratos", [{"system": SYSTEM, "conversations": TURNS}])


REAL = os.environ.get("DISTILL_REAL_DATA")


@pytest.mark.skipif(not REAL, reason="DISTILL_REAL_DATA is not set")
@pytest.mark.parametrize(
    ("file", "name", "columns", "golds", "right"),
    [
        # The wrong one is a proof: its box holds what was to be shown twice over.
        ("s1k_5_rows__curator.jsonl", "s1k", {}, 3, 2),
        (
            "math_train_5_r1_traces__rasbt.json",
            "table",
            {"question": "problem", "response": "message_content", "gold": "gtruth_answer", "reasoning": "message_thinking"},
            5,
            5,
        ),
        (
            "math_train_5_ollama_traces__rasbt.json",
            "table",
            {"question": "problem", "response": "message_content", "gold": "gtruth_answer", "reasoning": "message_thinking"},
            5,
            5,
        ),
    ],
)
def test_real_rows_become_traces_whose_answers_are_judged_as_published(file, name, columns, golds, right):
    found = traces(name, read_rows(Path(str(REAL)) / "traces" / file), columns=columns)
    assert not [made for made in found if isinstance(made, RejectedRow)]
    assert len(found) == 5
    tasks = [Task("math", trace.gold, trace.solution) for trace in found if trace.gold is not None]
    assert (len(tasks), sum(verdict.correct for verdict in grade_all(tasks))) == (golds, right)
