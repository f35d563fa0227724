"""A training set put together from others: how many rows each part gives, which, and what was dropped on the way."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from distill.base.errors import InputError
from distill.base.files import Row
from distill.base.settings import Settings
from distill.data.duplicates import trace_key
from distill.data.hashset import HashSet, hash64

SPEC = Settings("$defs/dataset/mix", "$defs/dataset/seed", required=("mix",))
REASONS = ("duplicate", "not_drawn")


@dataclass(frozen=True)
class Part:
    """A dataset of a mixture: so many `rows` of it, or a `weight` relative to the other parts with one, or all that it has."""

    dataset: str
    rows: int | None = None
    weight: float | None = None


class Duplicates:
    """Remembers rows of sft.jsonl: their ids, and their questions with their answers."""

    def __init__(self) -> None:
        self._ids, self._traces = HashSet(), HashSet()

    def add(self, row: Row) -> bool:
        """Whether a row is new: neither its id nor its last question with its answer has come before."""
        is_new = self._ids.add(hash64(row["id"]))
        return self._traces.add(trace_key(row["prompt"][-1]["content"], row["completion"][0]["content"], "")) and is_new


def sizes(parts: Sequence[Part], available: Sequence[int]) -> list[int]:
    """How many rows each part gives of those that it has. Parts with weights give as many as the first to run out allows.

    Raises InputError where a part has fewer rows than its entry takes.
    """
    for part, count in zip(parts, available, strict=True):
        if part.rows is not None and part.rows > count:
            raise InputError(
                f"mix: {part.dataset} has {count} rows that no earlier part has, which is less than rows: {part.rows}; lower it"
            )
    weights = [None if part.weight is None else Fraction(str(part.weight)) for part in parts]
    scale = min((count / weight for weight, count in zip(weights, available, strict=True) if weight is not None), default=Fraction(0))
    return [
        int(weight * scale) if weight is not None else count if part.rows is None else part.rows
        for part, weight, count in zip(parts, weights, available, strict=True)
    ]


def draw(ids: Sequence[str], size: int, seed: int) -> set[str]:
    """So many of the ids, by the order of a hash of seed and id: the same rows whatever their order, and of a larger draw a part."""
    return set(sorted(ids, key=lambda row_id: (hash64(f"{seed} {row_id}"), row_id))[:size])


def funnel(parts: Iterable[tuple[str, int, int, int]]) -> dict[str, Any]:
    """funnel.json from (name, rows, duplicates, kept) of each part, which stand under `parts` as their own funnels."""
    by_part = {
        name: {"rows_in": rows, "kept": kept, "dropped": {"duplicate": duplicates, "not_drawn": rows - duplicates - kept}}
        for name, rows, duplicates, kept in parts
    }
    found = by_part.values()
    return {
        "rows_in": sum(part["rows_in"] for part in found),
        "kept": sum(part["kept"] for part in found),
        "dropped": {reason: sum(part["dropped"][reason] for part in found) for reason in REASONS},
        "parts": by_part,
    }


def merge_contamination(found: Sequence[Row]) -> Row:
    """contamination.json of all parts together; a row that several parts hold counts once."""
    names = list(dict.fromkeys(name for part in found for name in part["benchmarks"]))
    return {
        "ngram": _agreed([part["ngram"] for part in found]),
        "action": _agreed([part["action"] for part in found]),
        "benchmarks": {name: _merge_hits([part["benchmarks"][name] for part in found if name in part["benchmarks"]]) for name in names},
    }


def _agreed(values: Sequence[Any]) -> Any:
    return values[0] if len(set(values)) == 1 else None


def _merge_hits(found: Sequence[Row]) -> Row:
    rows = list({(row["id"], row["item_id"]): row for part in found for row in part["rows"]}.values())
    listed = list({row["id"]: row for part in found for row in part["other_numbers"]["listed"]}.values())
    return {
        "items": max(part["items"] for part in found),
        "rows_hit": len(rows),
        "items_hit": len({row["item_id"] for row in rows}),
        "rows": rows,
        "other_numbers": {"rows": sum(part["other_numbers"]["rows"] for part in found), "listed": listed},
    }
