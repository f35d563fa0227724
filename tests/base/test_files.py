"""Files appear whole or not at all, and equal content is equal bytes."""

import json

import pytest

from distill.base.errors import InputError
from distill.base.files import atomic_folder, atomic_write, read_jsonl, write_jsonl

TEXTS = ["plain", "line\u2028separator", "nul\0", "tab\tand\nnewline", "𝔸 ⊗ é", "\ud800 alone", '"quoted" \\boxed{1}']


def test_any_text_comes_back_as_it_was(tmp_path):
    rows = [{"text": text} for text in TEXTS]
    assert write_jsonl(tmp_path / "a.jsonl", rows) == len(TEXTS)
    assert list(read_jsonl(tmp_path / "a.jsonl")) == rows
    assert (tmp_path / "a.jsonl").read_bytes().count(b"\n") == len(TEXTS)


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        (b'{"a": 1}\n{"a": \n', "line 2 is not JSON"),
        (b"[1]\n", "line 1 is not a JSON object"),
        (b'{"a": "\xff"}\n', "line 1 is not JSON"),
        (b"[" * 100_000, "line 1 is not JSON"),
        (b'{"a": "' + b"x" * 2000 + b'"}', "line 1 is longer than 1000 bytes"),
    ],
)
def test_a_broken_line_is_named(tmp_path, content, answer):
    (tmp_path / "a.jsonl").write_bytes(content)
    with pytest.raises(InputError) as error:
        list(read_jsonl(tmp_path / "a.jsonl", max_row_bytes=1000 if b"xx" in content else 1 << 20))
    assert "a.jsonl" in str(error.value)
    assert answer in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"b\.jsonl: no such file"):
        list(read_jsonl(tmp_path / "b.jsonl"))


def test_a_file_that_fails_half_way_leaves_the_old_one(tmp_path):
    (tmp_path / "a.txt").write_text("old", encoding="utf-8")
    with pytest.raises(ZeroDivisionError), atomic_write(tmp_path / "a.txt") as file:
        file.write("new")
        1 / 0  # noqa: B018
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_in_the_place_of_a_file_is_told_before_anything_is_done(tmp_path):
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(IsADirectoryError, match=r"a\.txt"), atomic_write(tmp_path / "a.txt"):
        pytest.fail("nothing is to be done that would be for nothing")


def test_rows_keep_the_order_of_their_keys(tmp_path):
    write_jsonl(tmp_path / "a.jsonl", [{"b": 1, "a": 2}])
    assert list(json.loads((tmp_path / "a.jsonl").read_text(encoding="utf-8"))) == ["b", "a"]


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path):
    place = tmp_path / "a"
    for text in ("one", "two"):
        with atomic_folder(place) as part:
            (part / text).write_text(text)
        assert [file.name for file in place.iterdir()] == [text]
    with pytest.raises(ZeroDivisionError), atomic_folder(place) as part:
        (part / "three").write_text("three")
        raise ZeroDivisionError
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*"))] == ["a", "a/two"]
