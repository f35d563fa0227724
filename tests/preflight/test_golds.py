"""Golds are looked at before a GPU answers their questions."""

from distill.base.files import write_jsonl
from distill.preflight.golds import findings


def prompts(folder, run, golds):
    rows = [
        {"id": str(at), "messages": [{"role": "user", "content": "?"}], "gold": gold, "kind": "math", "choices": None}
        for at, gold in enumerate(golds)
    ]
    write_jsonl(folder / f"benchmarks/{run}/prompts.jsonl", rows)


def test_a_benchmark_whose_golds_carry_remarks_stops_the_run(tmp_path):
    prompts(tmp_path, "fruit", ["9 (apples)", "4 (pears)"])
    prompts(tmp_path, "clean", ["9", "4"])
    (found,) = findings({"runs": {"fruit": {}, "clean": {}, "absent": {}}}, tmp_path)
    assert (found["level"], found["about"]) == ("stop", "golds of fruit")
    assert "such as '9 (apples)'" in found["text"] and "gold_after" in found["text"]
