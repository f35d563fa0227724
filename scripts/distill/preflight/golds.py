"""Golds that no right answer would match, such as 9 (apples), are found before a GPU answers the questions: the self-test's part that needs
no answers (evaluation/self_test.py)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distill.evaluation.scoring import read_items
from distill.evaluation.self_test import flags_of, of_golds
from distill.preflight.findings import new_finding


def findings(part: Mapping[str, Any], results: Path) -> list[dict[str, str]]:
    """A finding for each fault of the golds of a planned task whose prompts exist."""
    found = []
    for task, how in part["runs"].items():
        path = results / f"benchmarks/{task}/prompts.jsonl"
        if not path.is_file():
            continue
        items, benchmark = read_items(path), f"benchmarks.{task.partition('@')[0]}"
        if any(item.kind == "choice" for item in items.values()):
            fix = f"write another {benchmark}.shuffle_seed"
        else:
            fix = f"clean the golds ({benchmark}.columns.gold, {benchmark}.columns.gold_after), or write grader: lighteval for its protocol"
        # This is a test of our grader. Where lighteval decides, its own self-test says what it makes of the golds.
        tested = {} if how.get("grader") == "lighteval" else of_golds(items)
        found += [new_finding("stop", f"golds of {task}", f"{flag}; {fix}") for flag in flags_of(items, tested)]
    return found
