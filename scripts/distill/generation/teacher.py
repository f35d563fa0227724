"""Traces from a teacher model: the questions, and how answers become rows of a trace set (collect.py: how they are collected)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.base.files import Row, sha256_text
from distill.base.rows import as_text
from distill.base.settings import Settings
from distill.base.tables import read_rows
from distill.benchmarks.items import BenchmarkItem
from distill.benchmarks.prompts import make_prompt
from distill.generation.engines import ENGINES
from distill.generation.responses import Pair, ResponseSet, prompt_key

# The --spec of scripts/generate_traces.py.
SPEC = Settings(
    "$defs/teacher/*",
    "$defs/questions/columns",
    without=("engine", "questions", "system"),
    engine={"enum": list(ENGINES)},
    required=("engine",),
)


def questions(path: str | Path, columns: dict[str, str]) -> Iterator[BenchmarkItem]:
    """The different questions of a file or folder, each once, with its gold where it has one.

    `columns` names the columns `question` and, where they exist, `id` and `gold`; without `id` a question is known by the first 16
    hex digits of its sha256. Raises InputError for a column that is missing, ids that collide and for no questions.
    """
    texts, ids = set(), set()
    for number, row in enumerate(read_rows(path), 1):
        for column in columns.values():
            if column not in row:
                found = ", ".join(map(str, row)) or "none"
                raise InputError(f"{path}: row {number}: no column {column!r} (found: {found}): set questions.columns")
        cells = {name: as_text(row[column], f"{path}: row {number}: column {column!r}") for name, column in columns.items()}
        text = cells["question"]
        if text is None or not text.strip() or text in texts:
            continue
        texts.add(text)
        name = cells["id"] if "id" in columns else sha256_text(text)[:16]
        if not name or name in ids:
            raise InputError(f"{path}: row {number}: its id {name!r} is empty or not unique: fix it or name another id column")
        ids.add(name)
        gold = cells.get("gold")
        yield BenchmarkItem(name, text, gold if gold and gold.strip() else None)
    if not texts:
        raise InputError(f"{path}: no questions: check the file and questions.columns")


def pairs(items: Iterator[BenchmarkItem], system: str | None, spec: dict[str, Any]) -> list[Pair]:
    """(Question with its messages, sample), all samples of a question together."""
    posed = [make_prompt(item, {"kind": "math", "system": system, "user": spec["user"]}) for item in items]
    return [(question, sample) for question in posed for sample in range(spec["samples"])]


def trace_rows(answers: ResponseSet) -> Iterator[Row]:
    """The answers as rows of the Bespoke-Stratos schema, with gold and finish reason, in the order of the questions."""
    for question, sample in answers.pairs:
        kept = answers.store.answers.get((prompt_key(question), sample))
        if kept is None:
            continue
        turns = {message["role"]: message["content"] for message in question["messages"]}
        yield {
            "id": question["id"],
            "sample": sample,
            "system": turns.get("system"),
            "conversations": [{"from": "user", "value": turns["user"]}, {"from": "assistant", "value": kept["text"]}],
            "gold": question["gold"],
            "source": answers.spec["model"],
            **{name: kept[name] for name in ("finish_reason", "prompt_tokens", "completion_tokens")},
        }
