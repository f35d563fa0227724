"""The rows that a training reads are those of the file as it is now."""

import os

from tiny_chat import write_jsonl

from distill.base.files import sha256_file
from distill.training.rows import training_rows


def row(text):
    return {"id": "a", "prompt": [{"role": "user", "content": "What?"}], "completion": [{"role": "assistant", "content": text}]}


def test_a_file_that_changed_under_its_old_time_is_read_again(tmp_path):
    """datasets' cache goes by path and time alone, so each content has a cache of its own: scripts/train.py names it by the digest."""
    file, read = tmp_path / "sft.jsonl", []
    for text in ("one", "two", "one"):
        write_jsonl(file, [row(text)])
        os.utime(file, (1_700_000_000, 1_700_000_000))
        rows = training_rows(file, tmp_path / "work" / "rows" / sha256_file(file)[:16])
        read.append(rows[0]["completion"][0]["content"])
    assert read == ["one", "two", "one"]
