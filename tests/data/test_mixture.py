"""A mixture holds the rows that its parts are asked for, each once, and tells where the others went."""

import hashlib
import json
import sys
from pathlib import Path

import mix
import pytest

from distill.base.errors import InputError
from distill.base.files import read_json, read_jsonl, write_json, write_jsonl


def row(name: str, question: str, answer: str) -> dict:
    prompt, completion = {"role": "user", "content": question}, {"role": "assistant", "content": answer}
    return {"id": name, "prompt": [prompt], "completion": [completion]}


A = [row(f"a{number}", f"What is {number} + 1?", str(number + 1)) for number in range(10)]
B = [row(f"b{number}", f"What is {number} + 2?", str(number + 2)) for number in range(6)]
AS_IN_A = [A[3], row("other-id", A[4]["prompt"][0]["content"].upper(), A[4]["completion"][0]["content"])]


@pytest.fixture
def mixed(tmp_path, monkeypatch):
    """mixed(seed=0, a=entry, b=entry): the folder of a mixture of parts a and b."""

    def write(name: str, rows: list[dict], hits: list[str]) -> Path:
        found = [{"id": hit, "item_id": "7", "match": "exact"} for hit in hits]
        counts = {"items": 9, "rows_hit": len(hits), "items_hit": 1, "rows": found, "other_numbers": {"rows": 2, "listed": []}}
        write_jsonl(tmp_path / name / "sft.jsonl", rows)
        write_json(tmp_path / name / "contamination.json", {"ngram": 8, "action": "drop", "benchmarks": {"exam": counts}})
        return tmp_path / name

    def mixed(seed: int = 0, **parts: dict) -> Path:
        folders = {"a": write("a", A, ["x", "y"]), "b": write("b", AS_IN_A + B, ["y", "z"])}
        spec = {"mix": [{"dataset": name, **entry} for name, entry in parts.items()], "seed": seed}
        words = ["mix.py", *(f"--part={name}={folders[name]}" for name in parts), "--spec", json.dumps(spec)]
        for option, file in (("output", "sft.jsonl"), ("dropped", "dropped.jsonl"), ("funnel", "funnel.json")):
            words += [f"--{option}", str(tmp_path / "made" / file)]
        monkeypatch.setattr(sys, "argv", [*words, "--contamination", str(tmp_path / "made" / "contamination.json")])
        mix.main()
        return tmp_path / "made"

    return mixed


def by_hash(rows: list[dict], count: int, seed: int) -> list[dict]:
    """The rows with the smallest hash of seed and id, in their order."""

    def key(entry: dict) -> int:
        return int.from_bytes(hashlib.blake2b(f"{seed} {entry['id']}".encode(), digest_size=8).digest(), "little")

    first = sorted(rows, key=key)[:count]
    return [entry for entry in rows if entry in first]


@pytest.mark.parametrize(
    ("entries", "a", "b"),
    [
        ({"a": {}, "b": {}}, 10, 6),
        ({"a": {"rows": 4}, "b": {}}, 4, 6),
        ({"a": {"rows": 4}, "b": {"rows": 2}}, 4, 2),
        ({"a": {"weight": 1}, "b": {"weight": 1}}, 6, 6),
        ({"a": {"weight": 2}, "b": {"weight": 0.5}}, 10, 2),
        ({"a": {"weight": 1}, "b": {"weight": 3}}, 2, 6),
        ({"a": {"rows": 1}, "b": {"weight": 3}}, 1, 6),
    ],
)
def test_each_part_gives_the_rows_that_are_asked_for(mixed, entries, a, b):
    made = mixed(seed=3, **entries)
    assert list(read_jsonl(made / "sft.jsonl")) == by_hash(A, a, 3) + by_hash(B, b, 3)
    funnel = read_json(made / "funnel.json")
    assert funnel["parts"]["a"] == {"rows_in": 10, "kept": a, "dropped": {"duplicate": 0, "not_drawn": 10 - a}}
    assert funnel["parts"]["b"] == {"rows_in": 8, "kept": b, "dropped": {"duplicate": 2, "not_drawn": 6 - b}}
    assert funnel["rows_in"] == funnel["kept"] + sum(funnel["dropped"].values()) == 18
    dropped = list(read_jsonl(made / "dropped.jsonl"))
    assert sorted({entry["id"] for entry in A + AS_IN_A[1:] + B} - {entry["id"] for entry in read_jsonl(made / "sft.jsonl")}) == sorted(
        {entry["id"] for entry in dropped if (entry["id"], entry["reason"]) != ("a3", "duplicate")}
    )


def test_another_seed_draws_other_rows_and_a_larger_draw_holds_the_smaller(mixed):
    def ids(seed: int, count: int) -> set[str]:
        return {entry["id"] for entry in read_jsonl(mixed(seed=seed, a={"rows": count}) / "sft.jsonl")}

    assert ids(0, 5) != ids(1, 5)
    assert ids(0, 5) < ids(0, 7)


def test_a_part_with_too_few_rows_is_an_error_that_says_how_many_it_has(mixed):
    with pytest.raises(InputError, match=r"mix: b has 6 rows that no earlier part has, which is less than rows: 7; lower it"):
        mixed(a={}, b={"rows": 7})


def test_contamination_is_that_of_all_parts_each_row_once(mixed):
    found = read_json(mixed(a={}, b={}) / "contamination.json")["benchmarks"]["exam"]
    assert [entry["id"] for entry in found["rows"]] == ["x", "y", "z"]
    assert (found["items"], found["rows_hit"], found["items_hit"], found["other_numbers"]["rows"]) == (9, 3, 1, 4)
