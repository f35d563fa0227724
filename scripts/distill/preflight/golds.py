"""Golds that no right answer would match, such as 9 (apples), are found before a GPU answers the questions: the self-test's part that needs
no answers (evaluation/self_test.py)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distill.evaluation.scoring import read_items
from distill.evaluation.self_test import flags_of, of_golds


def findings(part: Mapping[str, Any], results: Path) -> list[dict[str, str]]:
    """A finding for each fault of the golds of a planned benchmark whose prompts exist."""
    found: list[dict[str, str]] = []
    for run in part["runs"]:
        path = results / f"benchmarks/{run}/prompts.jsonl"
        if path.is_file():
            items = read_items(path)
            fix = "clean the gold column (columns.gold_after), or say kind: exact"
            found += [{"level": "stop", "about": f"golds of {run}", "text": f"{flag}; {fix}"} for flag in flags_of(items, of_golds(items))]
    return found
