"""Items of a benchmark from any kind of file, and rows of tables in general."""

import json

import pytest
from tiny_chat import write_jsonl

from distill.base.errors import InputError
from distill.base.json_rows import OversizeRow
from distill.base.tables import read_rows
from distill.benchmarks.items import BenchmarkItem, load_items

COLUMNS = {"question": "Question", "gold": "Correct Answer", "wrong": ["Wrong 1", "Wrong 2"]}
ROWS = [
    {"Question": "Which?\u2028\x00", "Correct Answer": "a", "Wrong 1": "b", "Wrong 2": "c"},
    {"Question": "How many?", "Correct Answer": "7", "Wrong 1": "8", "Wrong 2": "9"},
]


def _json(path):
    path.write_text(json.dumps(ROWS, ensure_ascii=False), encoding="utf-8")


def _csv(path):
    import csv

    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ROWS[0])
        writer.writeheader()
        writer.writerows(ROWS)


def _parquet(path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(ROWS), path)


@pytest.mark.parametrize(
    ("name", "write"), [("b.jsonl", lambda path: write_jsonl(path, ROWS)), ("b.json", _json), ("b.csv", _csv), ("b.parquet", _parquet)]
)
@pytest.mark.parametrize("folder", [False, True])
def test_each_kind_of_file_gives_the_same_items(tmp_path, name, write, folder):
    write(tmp_path / name)
    (tmp_path / "manifest.json").write_text("{}")
    items = list(load_items(tmp_path if folder else tmp_path / name, COLUMNS))
    assert [(item.question, item.gold, item.wrong) for item in items] == [
        ("Which?\u2028\x00", "a", ("b", "c")),
        ("How many?", "7", ("8", "9")),
    ]
    assert [item.id for item in items] == [item.id for item in load_items(tmp_path, {"question": "Question"})]
    assert len({item.id for item in items}) == 2


def test_an_id_column_is_taken_as_it_is_and_numbers_become_text(tmp_path):
    file = write_jsonl(tmp_path / "b.jsonl", [{"n": 60, "q": "Why?", "a": 204}])
    assert list(load_items(file, {"id": "n", "question": "q", "gold": "a"})) == [BenchmarkItem("60", "Why?", "204")]


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        ([{"problem": "Why?"}], {"question": "question"}, "no column 'question' (found: problem)"),
        ([{"q": "Why?"}], {"question": "q", "gold": "answer"}, "no column 'answer' (found: q)"),
        ([{"q": " "}], {"question": "q"}, "item 1: column 'q' is empty"),
        ([{"q": "Why?", "a": [["7"]]}], {"question": "q", "gold": "a"}, "item 1: column 'a' is a list, not text"),
        ([{"q": "Why?", "a": ["7", None]}], {"question": "q", "gold": "a"}, "item 1: column 'a' is empty"),
        ([{"q": "Why?", "a": []}], {"question": "q", "gold": "a"}, "item 1: column 'a' is empty"),
        ([{"q": ["Why?"]}], {"question": "q"}, "item 1: column 'q' is a list, not text"),
        ([{"q": "Why?"}, {"q": "Why?"}], {"question": "q"}, "items 1 and 2 have the same id"),
        ([], {"question": "q"}, "no items"),
    ],
)
def test_a_benchmark_that_cannot_be_used_is_named(tmp_path, rows, columns, message):
    file = write_jsonl(tmp_path / "b.jsonl", rows)
    with pytest.raises(InputError) as error:
        list(load_items(file, columns))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"a": 1}\n{"a": \n', "a.jsonl: line 2 is not JSON"),
        ("a.jsonl", b"[1]\n", "line 1 is not a JSON object"),
        ("a.json", b'[{"a": 1},\n {"a": ', "a.json: line 2: row 2 of the array is not JSON (it ends too soon)"),
        ("a.json", b'[\n{"a": 1},\n{"a": "x",\n b: 2, "and so on": 1}]', "a.json: line 4: row 2 of the array is not JSON (Expecting"),
        ("a.json", b'[\n{"a": 1}, {"a": "x\ny and so on and on"}]', "a.json: line 2: row 2 of the array is not JSON (Invalid control"),
        ("a.json", b"\n[" + b"[" * 100_000, "a.json: line 2: row 1 of the array is not JSON (nested too deep)"),
        ("a.json", b"[1, 2]", "row 1 of the array is not an object"),
        ("a.json", b'[{"a": 1}]\n' + b" " * 100_000 + b'[{"a": 2}]', "stands behind the end of the array"),
        ("a.json", b'[{"a": "\xff"}]', "a.json: not UTF-8"),
        ("a.jsonl", b'{"a": 1}\n{"a": "\xff"}', "a.jsonl: not UTF-8 (invalid start byte at line 2, byte 7)"),
        ("a.parquet", b"PAR1 no", "not Parquet"),
        ("a.txt", b"hello", "unknown suffix"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_its_line(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as error:
        list(read_rows(tmp_path / name))
    assert message in str(error.value)


def test_an_array_is_streamed_past_its_buffer(tmp_path):
    rows = [{"n": number, "text": "x" * 50_000 + "]},{"} for number in range(5)]
    (tmp_path / "a.json").write_text(json.dumps(rows, indent=1))
    assert list(read_rows(tmp_path / "a.json")) == rows


def test_a_line_beyond_the_limit_is_reported_and_the_rows_round_it_are_unharmed(tmp_path):
    rows = [{"a": "1"}, {"a": "x" * 5000}, {"a": "3"}]
    found = list(read_rows(write_jsonl(tmp_path / "a.jsonl", rows), max_row_bytes=1000))
    assert [found[0], found[2]] == [rows[0], rows[2]]
    assert isinstance(found[1], OversizeRow)
    assert found[1].place == "a.jsonl line 2"


def test_a_folder_is_read_in_sorted_order_without_hidden_files(tmp_path):
    for name in ("b.jsonl", "a.jsonl", ".hidden.jsonl"):
        write_jsonl(tmp_path / name, [{"from": name}])
    assert [row["from"] for row in read_rows(tmp_path)] == ["a.jsonl", "b.jsonl"]


def test_a_row_of_an_array_beyond_the_limit_is_named(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps([{"a": 1}, {"a": "x" * 300_000}]))
    with pytest.raises(InputError, match=r"line 1: row 2 is longer than 1000 characters"):
        list(read_rows(tmp_path / "a.json", max_row_bytes=1000))
