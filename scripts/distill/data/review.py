"""Traces judged by hand: which are drawn for it, and the decisions that come back (decisions.jsonl).

A decision is worth asking for where it changes something: of rows that are kept, and of rows that were dropped by a judgement (the answer,
the thought, a judge). That a row is a duplicate, holds a benchmark question or is too long is a fact, which no decision overrules.
"""

import heapq
from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.base.files import Row, read_jsonl, sha256_text
from distill.data import judge, thought_rules

REASON = "reviewed"
# What a decision to keep overrules.
JUDGEMENTS = (
    *("unverifiable", "no_answer", "wrong_answer", "grader_timeout", "grader_memory", "grader_error"),
    *thought_rules.REASONS,
    REASON,
    *judge.REASONS,
)
_DECISIONS = {"keep": True, "drop": False, None: None}


@dataclass(frozen=True, slots=True)
class Decision:
    """`keep` is None for a row that has a note and no decision."""

    keep: bool | None
    note: str


def read_decisions(path: str | Path) -> dict[str, Decision]:
    """{id of a trace: decision} of a decisions.jsonl: `id`, `decision` (keep, drop or null), `note` if there is one.

    Raises InputError for a row in another form, and for an id with both decisions.
    """
    found: dict[str, Decision] = {}
    for number, row in enumerate(read_jsonl(path), 1):
        where = f"{path}: row {number}"
        name, decision, note = row.get("id"), row.get("decision"), row.get("note")
        if not isinstance(name, str) or "decision" not in row or not (decision is None or isinstance(decision, str)):
            raise InputError(f'{where}: no id and decision as text: save it from review.html, or write {{"id": "..", "decision": "keep"}}')
        if decision not in _DECISIONS:
            raise InputError(f"{where}: decision {decision!r} is not known; write keep or drop")
        made = Decision(_DECISIONS[decision], note if isinstance(note, str) else "")
        earlier = found.get(name)
        if earlier and earlier.keep is not None and made.keep not in (None, earlier.keep):
            raise InputError(f"{where}: {name} is decided twice, keep and drop: leave one of them")
        if not earlier or made.keep is not None:
            found[name] = made
    return found


def outcome(name: str, dropped: Mapping[str, str]) -> str:
    """kept, or the reason for which a row was dropped."""
    return dropped.get(name, "kept")


def draw(traces: Iterable[Row], dropped: Mapping[str, str], rows: int, seed: int, decided: Collection[str] = ()) -> list[str]:
    """The ids of `rows` traces on which a decision counts, from strata by source, length (in thirds) and outcome, and all of `decided`.

    Each stratum gives one row in turn, the largest first, so that rare kinds are seen too. Which row of a stratum comes first depends on
    the seed and its id alone: a larger draw holds the smaller.
    """
    names, places, lengths = [], array("L"), array("Q")
    kinds: dict[tuple[str, str], int] = {}  # one number in place of two texts a row
    for row in traces:
        end = outcome(row["id"], dropped)
        if end == "kept" or end in JUDGEMENTS:
            names.append(row["id"])
            places.append(kinds.setdefault((row["source"], end), len(kinds)))
            lengths.append(len(row["thought"]) + len(row["solution"]))
    in_order = sorted(lengths)
    thirds = [in_order[len(in_order) * third // 3] for third in (1, 2)] if in_order else []
    kind_of = list(kinds)
    strata: dict[tuple[str, str, int], list[str]] = {}
    for name, place, length in zip(names, places, lengths, strict=True):
        strata.setdefault((*kind_of[place], bisect_right(thirds, length)), []).append(name)
    order = [heapq.nsmallest(rows, found, key=lambda name: sha256_text(f"{seed}\n{name}")) for found in _by_size(strata)]
    turns = (found[turn] for turn in range(rows) for found in order if turn < len(found))
    chosen = dict.fromkeys(name for name, _ in zip(turns, range(rows), strict=False))
    return [*chosen, *sorted(set(decided) & set(names) - set(chosen))]


def _by_size(strata: Mapping[Any, list[str]]) -> Iterator[list[str]]:
    return (found for _, found in sorted(strata.items(), key=lambda entry: (-len(entry[1]), entry[0])))
