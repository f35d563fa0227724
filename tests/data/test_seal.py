"""The seal: a training set by its bytes, the prompts of a distillation by what they ask."""

import sys

import pytest
import seal
import tiny_chat

from distill.base.files import read_json, sha256_file
from distill.training.prompts import prompts_digest, read_prompts

ROWS = [
    {"id": str(at), "prompt": [{"role": "user", "content": f"{at}?"}], "completion": [{"role": "assistant", "content": "1"}]}
    for at in range(3)
]


@pytest.fixture
def sealed(tmp_path, monkeypatch):
    """sealed(rows): the digests of a training set, and of the prompts in it."""

    def sealed(rows: list) -> dict:
        data = tiny_chat.write_jsonl(tmp_path / "sft.jsonl", rows)
        words = ["seal.py", "--output", tmp_path / "digests.json", f"--prompts=mini={data}", f"mini={data}"]
        monkeypatch.setattr(sys, "argv", list(map(str, words)))
        seal.main()
        return read_json(tmp_path / "digests.json")

    return sealed


def test_both_digests_stand_next_to_each_other(sealed, tmp_path):
    data = tmp_path / "sft.jsonl"
    assert sealed(ROWS) == {"mini": sha256_file(data), "mini (prompts)": prompts_digest(read_prompts(data))}


def test_another_completion_is_another_training_set_and_the_same_prompts(sealed):
    before, after = sealed(ROWS), sealed([{**ROWS[0], "completion": [{"role": "assistant", "content": "2"}]}, *ROWS[1:]])
    assert after["mini"] != before["mini"]
    assert after["mini (prompts)"] == before["mini (prompts)"]
