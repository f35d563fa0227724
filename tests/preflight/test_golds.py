"""Golds are looked at before a GPU answers their questions."""

import re

import pytest
from tutorial_plan import MINIATURE, ONE, planned

from distill.base.files import write_jsonl
from distill.base.schema_errors import errors
from distill.base.settings import find
from distill.preflight.golds import findings

OURS, LIGHTEVAL = {"grader": "boxed"}, {"grader": "lighteval"}


def prompts(folder, task, golds, kind="math"):
    rows = [
        {"id": str(at), "messages": [{"role": "user", "content": "?"}], "gold": gold, "kind": kind, "choices": None}
        for at, gold in enumerate(golds)
    ]
    write_jsonl(folder / f"benchmarks/{task}/prompts.jsonl", rows)


def test_a_benchmark_whose_golds_carry_remarks_stops_the_run(tmp_path):
    prompts(tmp_path, "fruit", ["9 (apples)", "4 (pears)"])
    prompts(tmp_path, "clean", ["9", "4"])
    (found,) = findings({"runs": dict.fromkeys(("fruit", "clean", "absent"), OURS)}, tmp_path)
    assert (found["level"], found["about"]) == ("stop", "golds of fruit")
    assert "such as '9 (apples)'" in found["text"] and "gold_after" in found["text"]


@pytest.mark.parametrize(
    ("golds", "kind", "keys", "values"),
    [
        (["9 (apples)", "4 (pears)"], "math", ["columns.gold", "columns.gold_after"], [("protocol", "grader", "lighteval")]),
        (["A"] * 10, "choice", ["shuffle_seed"], []),
    ],
)
def test_the_schema_has_the_keys_and_values_of_the_advice(golds, kind, keys, values, tmp_path):
    prompts(tmp_path, "fruit@plain", golds, kind)
    (found,) = findings({"runs": {"fruit@plain": OURS}}, tmp_path)
    advice = found["text"].rpartition("; ")[2]
    assert re.findall(r"benchmarks\.fruit\.([\w.]+\w)", advice) == keys and all(
        find(f"$defs/benchmark/{key.replace('.', '/')}") for key in keys
    )
    assert re.findall(r"(\w+): (\w+)", advice) == [(key, value) for _, key, value in values]
    assert not any(errors(value, find(f"$defs/{entry}/{key}")) for entry, key, value in values)


def test_golds_are_not_tested_by_our_grader_where_lighteval_decides(tmp_path):
    prompts(tmp_path, "fruit", ["9 (apples)", "4 (pears)"])
    prompts(tmp_path, "letters", ["A"] * 10, "choice")
    found = findings({"runs": dict.fromkeys(("fruit", "letters"), LIGHTEVAL)}, tmp_path)
    assert [finding["about"] for finding in found] == ["golds of letters"]


def test_a_plan_has_the_grader_of_each_task(tmp_path):
    given = planned(ONE, tmp_path, MINIATURE)
    assert {how["grader"] for how in given["runs"].values()} == {"boxed"}
