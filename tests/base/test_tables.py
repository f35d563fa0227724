"""Which files of a folder are read as rows, from which kinds of file, and what is said of the others."""

import datetime
import gzip
import json

import pytest
from tiny_chat import write_jsonl

from distill.base.errors import InputError
from distill.base.json_rows import MAX_ROW_BYTES
from distill.base.rows import as_text
from distill.base.tables import read_rows

ROWS = [{"question": "What is 3+4?", "gold": "7"}, {"question": "Wie groß ist π?\u2028", "gold": "1/2"}]
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()
CSV = 'question,gold\nWhat is 3+4?,7\n"Wie groß ist π?\u2028",1/2\n'.encode()


def zst(content: bytes) -> bytes:
    import pyarrow as pa

    return pa.Codec("zstd").compress(content, asbytes=True)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.jsonl", LINES),
        ("rows.ndjson", LINES),
        ("rows.json", LINES),
        ("rows.json", json.dumps(ROWS, indent=1).encode()),
        ("rows.csv", CSV),
        ("rows.csv", CSV.replace(b",", b";")),
        ("rows.csv", CSV.replace(b",", b"\t")),
        ("rows.csv", "\ufeff".encode() + CSV.replace(b",", b";")),
        ("rows.tsv", CSV.replace(b",", b"\t")),
        ("rows.tsv.gz", gzip.compress(CSV.replace(b",", b"\t"), mtime=0)),
        ("rows.jsonl.gz", gzip.compress(LINES, mtime=0)),
        ("rows.ndjson.gz", gzip.compress(LINES, mtime=0)),
        ("rows.json.gz", gzip.compress(json.dumps(ROWS).encode(), mtime=0)),
        ("rows.csv.gz", gzip.compress(CSV, mtime=0)),
        ("rows.jsonl.zst", zst(LINES)),
        ("rows.json.zst", zst(json.dumps(ROWS).encode())),
        ("part/log.jsonl", LINES),
    ],
)
def test_rows_are_read_from_each_kind_of_file(tmp_path, name, content):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    assert list(read_rows(path)) == ROWS
    assert list(read_rows(tmp_path)) == ROWS, "by its folder"


@pytest.mark.parametrize(
    ("text", "columns", "delimiter"),
    [
        ("Nr.;Frage;Lösung\n1;Was ist 1+1, also 2?;2\n", ["Nr.", "Frage", "Lösung"], "a semicolon"),
        ("Nr.;Frage, lang\n1;Was?\n", ["Nr.", "Frage, lang"], "a semicolon"),
        ('question,"a;b;c"\nx,y\n', ["question", "a;b;c"], None),
        ("question;answer,source\n1;2,x\n", ["question;answer", "source"], None),
        ("question\nWhat; and why?\n", ["question"], None),
        ("a\tb\n1\t2\n", ["a", "b"], "a tab"),
        ("a;b\n", ["a", "b"], "a semicolon"),
        ("a|b\n1|2\n", ["a|b"], None),
    ],
)  # fmt: skip
def test_what_divides_the_columns_of_a_csv_is_seen_in_its_first_lines_and_said(tmp_path, capsys, text, columns, delimiter):
    (tmp_path / "a.csv").write_text(text + text.split("\n")[-2] + "\n", encoding="utf-8")
    rows = list(read_rows(tmp_path / "a.csv"))
    assert all(list(row) == columns for row in rows) and rows
    said = capsys.readouterr().out
    assert said == (f"{tmp_path}/a.csv: {delimiter} stands between its columns\n" if delimiter else "")


def test_what_is_not_read_is_named(tmp_path, capsys):
    write_jsonl(tmp_path / "rows.jsonl", ROWS)
    for name in ("log.jsonl", "rows.zip", "data.arrow", "README.md", "manifest.json", ".hidden"):
        (tmp_path / name).write_text("{}")
    assert list(read_rows(tmp_path)) == ROWS
    assert capsys.readouterr().out == f"{tmp_path}: not read: data.arrow, log.jsonl, rows.zip\n"


def test_a_folder_without_rows_names_what_it_found(tmp_path):
    (tmp_path / "rows.zip").write_text("")
    with pytest.raises(InputError, match=r"no \.jsonl, .* in this folder \(found: rows.zip\)"):
        list(read_rows(tmp_path))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", json.dumps({"version": 1, "data": ROWS}, indent=1).encode(), "not rows: .*its rows are under 'data': jq -c '.data"),
        ("a.json", json.dumps({"version": 1}, indent=1).encode(), "one JSON object, not rows: write an array of objects"),
        ("a.json", '[{"question": "größer"}]'.encode("latin-1"), "not UTF-8 .*iconv -f WINDOWS-1252 -t UTF-8 a.json"),
        ("a.csv", "question\ngrößer\n".encode("latin-1"), "not UTF-8 .*iconv -f WINDOWS-1252 -t UTF-8 a.csv"),
        ("a.jsonl", '{"question": "größer"}\n'.encode("latin-1"), "not UTF-8 .* at line 1, byte 16.: .*-f WINDOWS-1252 -t UTF-8 a.jsonl"),
        ("a.csv.gz", gzip.compress("question\ngrößer\n".encode("latin-1"), mtime=0), "zcat a.csv.gz . iconv -f WINDOWS-1252"),
        ("a.csv", "question,gold\nx,7\n".encode("utf-16"), "not UTF-8 .*iconv -f UTF-16 -t UTF-8 a.csv"),
        ("a.csv", b'question,gold\n"' + b"x" * (MAX_ROW_BYTES + 10) + b'",7\n', "a cell after line .* is longer than .*: remove that row"),
        ("a.jsonl.gz", gzip.compress(LINES, mtime=0)[:-20], "check the file, or fetch it again"),
        ("a.jsonl.gz", LINES, "check the file, or fetch it again"),
        ("a.jsonl.zst", LINES, "check the file, or fetch it again"),
        ("a.xlsx", LINES, "unknown suffix: give .jsonl"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_one_line_with_the_cure(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        list(read_rows(tmp_path / name))
    assert name in str(error.value) and "\n" not in str(error.value) and len(str(error.value)) < 600


def test_json_in_parquet_comes_as_what_it_means(tmp_path):
    """datasets 5 writes columns of mixed kinds as arrow.json, of which pyarrow hands over the text: "1/2" with its quotes."""
    from datasets import Dataset, load_dataset

    rows = [{"gold": "1/2", "tags": ["a", 3]}, {"gold": 3, "tags": []}, {"gold": None, "tags": [{"b": 1}]}]
    write_jsonl(tmp_path / "mixed.jsonl", rows)
    found = load_dataset("json", data_files=str(tmp_path / "mixed.jsonl"), cache_dir=str(tmp_path / "cache"), split="train")
    assert isinstance(found, Dataset)
    found.to_parquet(str(tmp_path / "mixed.parquet"))
    read = list(read_rows(tmp_path / "mixed.parquet"))
    assert [row["gold"] for row in read] == ["1/2", 3, None]
    assert [list(row["tags"]) for row in read][:2] == [["a", 3], []]


@pytest.mark.parametrize("value", [datetime.date(2024, 3, 4), datetime.datetime(2024, 3, 4, 1), datetime.time(3, 4), datetime.timedelta(1)])
def test_a_date_is_no_text(value):
    with pytest.raises(InputError, match=r"here is a date or time .*: write that column as text"):
        as_text(value, "here")
