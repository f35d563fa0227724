"""Changes of staleness.yaml, made on copies of a finished run: each planned by itself, and those of a case run for real at once."""

import shutil
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import changes
import yaml
from checkout import Checkout

HERE = Path(__file__).parent
TABLE = yaml.safe_load((HERE / "staleness.yaml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Change:
    """A change of a row. `reruns` is the set of jobs that must run after it, `planned` those that the dry run must show: more, where it
    depends on content that is yet to be made whether they run.
    """

    what: dict[str, Any]
    reruns: frozenset[str]
    planned: frozenset[str]


@dataclass(frozen=True)
class Case:
    """A row, or several that are run `together`, or one entry of the `each` of a row that is `apart`.

    `changes` are planned one by one and then made together and run.
    """

    name: str
    world: str
    changes: tuple[Change, ...]

    @property
    def reruns(self) -> frozenset[str]:
        return frozenset().union(*(change.reruns for change in self.changes))


@dataclass(frozen=True)
class Seen:
    """What Snakemake did: `planned` for each change, `ran` for all together, and `left` to do after that."""

    planned: list[list[str]]
    ran: list[str]
    left: list[str]


def cases() -> list[Case]:
    found: list[Case] = []
    together: dict[str, int] = {}  # places in `found`
    for row in TABLE["rows"]:
        reruns = expanded(row["reruns"])
        planned = (reruns | expanded(row.get("also_planned", []))) - expanded(row.get("not_planned", []))
        parts = [{key: value for key, value in {**row, **part}.items() if key in changes.KINDS} for part in row.get("each", [{}])]
        made = [Change(part, reruns, planned) for part in parts]
        groups = [(change,) for change in made] if row.get("apart") else [tuple(made)]
        for place, group in enumerate(groups):
            name = row["change"] + (f" ({place + 1})" if len(groups) > 1 else "")
            case = Case(name, row.get("world", "world"), group)
            if row.get("together") in together:
                other = found[together[row["together"]]]
                check_together(case, other)
                found[together[row["together"]]] = replace(other, name=f"{other.name}; {name}", changes=(*other.changes, *group))
                continue
            if "together" in row:
                together[row["together"]] = len(found)
            found.append(case)
    return found


def check_together(case: Case, other: Case) -> None:
    """Rows that are run together rerun the same jobs, or jobs of which only the tables are common: then what ran tells of each row."""
    assert case.world == other.world, f"{other.name}; {case.name}"
    for one in case.changes:
        for two in other.changes:
            same = (one.reruns, one.planned) == (two.reruns, two.planned)
            assert same or one.planned & two.planned <= expanded(["tables"]), f"{other.name}; {case.name}"


def expanded(jobs: list[str]) -> frozenset[str]:
    """Whole names of jobs: short names written out, and `a,b` for each of the two."""
    found: set[str] = set()
    for job in jobs:
        rule, *names = job.split(" ")
        for whole in TABLE["short"].get(rule, [rule]):
            found |= {" ".join([whole, *some]) for some in product(*(name.split(",") for name in names))}
    return frozenset(found)


def play(case: Case, finished: Checkout, folder: Path) -> Seen:
    """Plan each change on a copy of a finished run, then make all of them, run, and plan again."""
    here = finished.copy(folder)
    planned = []
    for change in (change.what for change in case.changes if len(case.changes) > 1):
        files = not change.keys() <= {"set", "remove", "rename", "options"}
        alone = replace(finished.copy(folder.with_name("alone")) if files else here, config=deepcopy(finished.config))
        planned.append(alone.jobs("--dry-run", *changes.make(change, alone)))
        if files:
            shutil.rmtree(alone.folder)
    for change in case.changes:
        options = changes.make(change.what, here)
    if len(case.changes) == 1:
        planned.append(here.jobs("--dry-run", *options))
    ran = here.jobs("--cores", "1", *options)
    return Seen(planned, ran, here.jobs("--dry-run", *options) if case.reruns else [])


def keys_changed() -> Iterator[tuple[str, Any, bool]]:
    """(path of a key of the configuration, its new value, whether the row says that nothing reruns) of each change in the table."""
    for row in TABLE["rows"]:
        for part in [row, *row.get("each", [])]:
            for path, value in {**part.get("set", {}), **dict.fromkeys(part.get("remove", []))}.items():
                yield path, value, not row["reruns"]
