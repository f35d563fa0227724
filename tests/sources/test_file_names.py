"""Which files of a source are fetched, by their names."""

import pytest

from distill.base.errors import InputError
from distill.sources.file_names import safe_name, select_files


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ({"repo_type": "model"}, ["a.json", "a.safetensors"]),
        ({"repo_type": "dataset"}, ["README.md", "a.json", "a.safetensors", "b.bin", "d/a.json", "d/e/train-1.parquet"]),
        ({"repo_type": "model", "files": ["*.bin"]}, ["b.bin"]),
        ({"repo_type": "dataset", "files": ["d/*.json"]}, ["d/a.json"]),
        ({"repo_type": "dataset", "files": ["d/e/train-*.parquet", "a.json"]}, ["a.json", "d/e/train-1.parquet"]),
        ({"files": ["manifest.json", ".hidden", ".d/a"]}, []),
    ],
)
def test_files_are_those_that_match_and_are_visible(source, names):
    there = ["a.json", "a.safetensors", "b.bin", "d/a.json", "d/e/train-1.parquet", "README.md", "manifest.json", ".hidden", ".d/a"]
    assert select_files(there, source) == names


@pytest.mark.parametrize(
    ("names", "source", "refused"),
    [
        (["train.jsonl", "test.jsonl"], {}, True),
        (["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet", "data/test-00000-of-00001.parquet"], {}, True),
        (["main/train.csv.gz", "main/validation.csv.gz"], {}, True),
        (["train.jsonl", "test.jsonl"], {"files": ["t*.jsonl"]}, False),
        (["train.json", "test.json"], {"repo_type": "model"}, False),
        (["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet", "README.md"], {}, False),
        (["test.jsonl", "test2.jsonl"], {}, False),
        (["train.jsonl", "latest.jsonl", "contest.csv", "test_suite.py"], {}, False),
    ],
)
def test_splits_are_not_mixed_unless_files_says_so(names, source, refused):
    if refused:
        with pytest.raises(InputError, match=r"are of different splits: name those to take, such as files: \['.*train.*'\]"):
            select_files(names, source)
    else:
        assert select_files(names, source)


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "a//x", "a/./x", "..", "", "a\\..\\x", "a\0x", "a\nx"])
def test_a_name_that_leads_out_is_refused(name):
    with pytest.raises(InputError, match="leads out of its folder"):
        safe_name(name)
