"""From raw rows to traces: ids, golds, selected rows, what is rejected, and the program."""

import json
import sys
from datetime import date, datetime

import normalise
import pytest
from raw_rows import QUESTION, THINK, traces
from tiny_chat import read_jsonl, write_jsonl

from distill.base.errors import InputError
from distill.base.json_rows import MAX_ROW_BYTES
from distill.base.tables import read_rows
from distill.data.normalise import Golds, Normaliser, RejectedRow
from distill.data.traces import KEYS


def test_ids_are_stable_and_repeated_rows_are_numbered():
    row = {"system": "Think first.", "conversations": [{"from": "user", "value": QUESTION}, {"from": "assistant", "value": THINK}]}
    first, second, third = (made.id for made in traces("bespoke_stratos", [row] * 3))
    assert [second, third] == [f"{first}-2", f"{first}-3"]
    assert traces("bespoke_stratos", [{**row, "system": None}, row])[0].id == first


def test_ids_that_came_with_the_rows_may_not_collide():
    (trace,) = traces("table", [{"question": "q", "response": THINK}])
    with pytest.raises(InputError, match="here: two rows have the id"):
        traces("distill", [trace.row(), trace.row()])


@pytest.mark.parametrize(
    ("name", "rows", "message"),
    [
        ("table", [{"problem": "q", "response": THINK}], "no column 'question' (found: problem, response)"),
        ("openr1_math", [{"messages": []}], "no column 'problem' (found: messages)"),
        ("bespoke_stratos", [], "no rows"),
        ("alpaca", [{}], "unknown format: use one of messages, sharegpt, bespoke_stratos"),
    ],
)
def test_a_file_of_another_format_is_named(name, rows, message):
    with pytest.raises(InputError) as error:
        traces(name, rows)
    assert message in str(error.value)


def test_rows_under_a_key_of_one_row_are_named():
    rows = [{"question": "q", "response": "<think>Hm.</think>7"}]
    with pytest.raises(InputError, match=r"is this really table\? Its rows are under 'train': jq -c '.train\[\]' FILE > rows.jsonl"):
        list(Normaliser("table", "a.json").traces([{"version": [{}], "train": rows, "test": rows}]))


def test_a_named_column_that_no_row_has_is_an_error_and_one_that_some_rows_lack_is_none():
    rows = [{"question": "q", "response": THINK}, {"question": "r", "response": THINK, "answer": "7"}]
    assert [trace.gold for trace in traces("table", rows, columns={"gold": "answer"})] == [None, "7"]
    with pytest.raises(InputError, match=r"here: no row has a column 'anwser' \(found: question, response\): fix columns.gold"):
        traces("table", rows, columns={"gold": "anwser"})


def test_columns_that_would_not_be_read_are_an_error():
    with pytest.raises(InputError, match="columns: have no meaning with format bespoke_stratos"):
        traces("bespoke_stratos", [{"question": "q", "response": THINK, "answer": "7"}], columns={"gold": "answer"})


def test_a_gold_is_joined_by_question_whatever_stands_round_it(tmp_path):
    source = write_jsonl(
        tmp_path / "gold.jsonl",
        [
            {"problem": "What is  $3+4$?", "solution": "So \\boxed{7}."},
            {"problem": "Twice?", "solution": "\\boxed{1}"},
            {"problem": "Twice?", "solution": "\\boxed{2}"},
        ],
    )
    golds = Golds(source, question="problem", gold="solution", boxed=True)
    rows = [{"question": question, "response": THINK} for question in (QUESTION, "Twice?", "What is 3-4?")]
    assert [trace.gold for trace in traces("table", rows, golds=golds)] == ["7", None, None]
    assert traces("table", [rows[0] | {"gold": "own"}], golds=golds)[0].gold == "own"


def test_the_gold_of_other_choices_is_not_joined(tmp_path):
    stem = "Which of the following statements is correct?"
    golds = Golds(write_jsonl(tmp_path / "gold.jsonl", [{"question": f"{stem}\nA) Cats are fish\nB) Cats are mammals", "gold": "B"}]))
    shown = ("A) Cats are fish\nB) Cats are mammals", "A) 2 is prime\nB) 4 is prime")
    rows = [{"question": f"{stem}\n{choices}", "response": THINK} for choices in shown]
    assert [trace.gold for trace in traces("table", rows, golds=golds)] == ["B", None]


def test_a_gold_source_without_its_columns_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no column 'answer' \(found: problem\)"):
        Golds(write_jsonl(tmp_path / "gold.jsonl", [{"problem": "q"}]), question="problem", gold="answer")
    with pytest.raises(InputError, match=r"gold.jsonl: row 1: column 'gold' is a list, not text"):
        Golds(write_jsonl(tmp_path / "gold.jsonl", [{"question": "q", "gold": ["7"]}]))


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["normalise.py", *map(str, arguments)])
    normalise.main()


def test_the_program_writes_traces_and_what_it_rejects(tmp_path, monkeypatch):
    text = THINK.replace("Hm.", "Hm.\u2028\x00")
    rows = [{"question": "q", "gold": "7", "response": text}, {"question": "q", "gold": "7", "response": "7"}]
    run(monkeypatch, "--format", "table", "--input", write_jsonl(tmp_path / "in.jsonl", rows), "--output", tmp_path / "traces.jsonl")
    (trace,) = read_jsonl(tmp_path / "traces.jsonl")
    assert tuple(trace) == KEYS
    assert trace["thought"] == "Hm.\u2028\x00 So 7."
    (rejected,) = read_jsonl(tmp_path / "rejected.jsonl")
    assert (tuple(rejected), rejected["reason"]) == (("id", "reason", "detail"), "malformed")


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"columns": ["q"]}, "columns: ['q'] is not a mapping"),
        ({"columns": {"question": 3}}, "columns.question: 3 is not text"),
        ({"columns": {"answer": "a"}}, "columns: 'answer' is not known; write one of question, response, gold"),
        ({"gold": "q"}, "gold: 'q' is not a mapping"),
        ({"gold": {"question": "q", "gold": 3}}, "gold.gold: 3 is not text"),
        ({"golds": {}}, "golds: unknown key; did you mean gold?"),
    ],
)
def test_a_form_with_an_error_is_refused_in_one_line(tmp_path, monkeypatch, spec, says):
    file = write_jsonl(tmp_path / "in.jsonl", [{"question": "q", "response": THINK}])
    with pytest.raises(InputError) as error:
        run(monkeypatch, "--format", "table", "--input", file, "--output", tmp_path / "traces.jsonl", "--spec", json.dumps(spec))
    assert str(error.value).startswith(f"--spec: {says}")


def test_a_set_without_a_single_trace_is_an_error_that_says_why(tmp_path, monkeypatch):
    file = write_jsonl(tmp_path / "in.jsonl", [{"question": "q", "response": "7"}] * 3)
    with pytest.raises(InputError, match=r"none of its 3 rows is a trace \(the first: malformed, no thought tags\)"):
        run(monkeypatch, "--format", "table", "--input", file, "--output", tmp_path / "traces.jsonl")
    assert not (tmp_path / "traces.jsonl").exists()


def test_the_id_of_a_table_row_is_kept_and_one_that_comes_again_is_numbered():
    rows = [{"id": 5, "question": f"q{number}", "response": THINK} for number in range(3)]
    rows.append({"id": "5-2", "question": "q", "response": THINK})
    assert [trace.id for trace in traces("table", rows)] == ["5", "5-2", "5-3", "5-2-2"]
    named = [{"uuid": "x", "question": "q", "response": THINK}]
    assert [trace.id for trace in traces("table", named, columns={"id": "uuid"})] == ["x"]


def test_choices_that_no_question_shows_are_warned_of(tmp_path, monkeypatch, capsys):
    choices = ["a prime", "an even number"]
    rows = [{"question": "What is 4?", "choices": choices, "response": THINK}] * 2
    rows.append({"question": "Is 4 a prime, or an even number?", "choices": choices, "response": THINK})
    run(monkeypatch, "--format", "table", "--input", write_jsonl(tmp_path / "in.jsonl", rows), "--output", tmp_path / "traces.jsonl")
    said = "warning: 2 questions do not show the choices in column 'choices': columns: {options: choices} adds them"
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("where", "taken"),
    [
        ({"source": ["olympiads", "amc"]}, [0, 2]),
        ({"source": "amc"}, [2]),
        ({"level": {"min": 4}}, [1, 2]),
        ({"level": {"min": 4, "max": 4}}, [1]),
        ({"source": {"not": ["amc"]}}, [0, 1]),
        ({"ok": True}, [0, 1]),
        ({"tags": "geometry"}, [1]),
        ({"about.year": {"min": 2020}}, [2]),
        ({"day": "2025-02-01"}, [1]),
        ({"day": {"not": ["2025-02-01 00:00:00", "2024-02-01"]}}, [1]),
        ({"source": ["olympiads"], "level": {"min": 4}}, []),
    ],
)
def test_raw_rows_are_selected_by_any_column(where, taken):
    rows = [
        {"source": "olympiads", "level": "3", "ok": True, "tags": ["algebra"], "about": {"year": 2019}},
        {"source": "aops", "level": 4, "ok": True, "tags": ["geometry", "proof"], "about": {"year": 2001}},
        {"source": "amc", "level": 5.5, "ok": False, "tags": [], "about": {"year": 2024}},
    ]
    days = (date(2024, 2, 1), date(2025, 2, 1), datetime(2025, 2, 1))  # as Parquet has them
    rows = [{**row, "question": f"q{number}", "response": THINK, "day": days[number]} for number, row in enumerate(rows)]
    made = traces("table", rows, conditions=where)
    assert [trace.question for trace in made if not isinstance(trace, RejectedRow)] == [f"q{number}" for number in taken]
    dropped = [row for row in made if isinstance(row, RejectedRow)]
    assert {row.reason for row in dropped} == {"not_selected"} and len(made) == len(rows)
    assert all(row.detail.split(" is ")[0] in where for row in dropped)


def test_a_column_of_where_that_no_row_has_is_an_error():
    with pytest.raises(InputError, match=r"no row has a column 'levle' \(found: question, response\): fix where.levle"):
        traces("table", [{"question": "q", "response": THINK}], conditions={"levle": {"min": 4}})


def test_a_row_beyond_all_measure_is_rejected_unread(tmp_path):
    file = tmp_path / "big.jsonl"
    with open(file, "w") as out:
        out.write('{"question": "q", "response": "' + THINK.replace("\n", " ").replace("\\", "") + '"}\n{"question": "')
        for _ in range(9):
            out.write("x" * (MAX_ROW_BYTES // 8))
        out.write('"}\n')
    found = traces("table", read_rows(file))
    assert [type(made).__name__ for made in found] == ["Trace", "RejectedRow"]
    assert "too large" in found[1].detail
