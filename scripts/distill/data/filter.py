"""The filter: every row is analysed on its own, by several processes, then kept or dropped in the order of the input.

    near_candidates   first pass, only with filter.near_duplicates: which questions share a MinHash band with another one
    RowChecker       second pass, one batch of rows per process: reasons that need no other row, tokens, contamination (analyse.py)
    RowSelector         in input order: duplicates, near-duplicates, contamination, length
    write_chosen      with filter.per_question: at most k traces of a question

Memory grows by a few bytes a row (hashes), never with the texts.
"""

import json
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from distill.base.errors import InputError
from distill.base.files import dumps
from distill.base.parallel import map_batches
from distill.base.progress import Progress, track
from distill.benchmarks.items import BenchmarkItem
from distill.data.analyse import DuplicateScanner, RowAnalysis, RowChecker, batches
from distill.data.contamination import ContaminationReport, contaminates
from distill.data.duplicates import DuplicateScan, NearCandidates, NearIndex
from distill.data.filter_rules import BEFORE_CONTAMINATION, FilterSpec, PerQuestion, choose, wrong_length
from distill.data.hashset import HashSet, hash64
from distill.data.thought_rules import REASONS as THOUGHT_REASONS
from distill.data.traces import Defect

SLOW_IMPORTS = ("datasketch", "jinja2", "tokenizers")  # preloaded once for all worker processes


class NothingKept(Exception):
    """Raised in place of writing an empty training set."""


@dataclass(frozen=True)
class FilterInputs:
    """`traces` is a traces.jsonl, `tokenizer` a model folder, `chat_template` the text of a Jinja template or None for its own."""

    traces: str
    tokenizer: str
    chat_template: str | None
    benchmarks: Mapping[str, Sequence[BenchmarkItem]]


class DroppedRows:
    """Writes dropped.jsonl, counts each reason and remembers the first row of each."""

    def __init__(self, file: IO[str]) -> None:
        self.counts: Counter[str] = Counter()
        self.first: dict[str, str] = {}
        self.examples: dict[str, dict[str, str]] = {}  # of predicates that somebody chose, for the report
        self._file = file

    def add(self, row_id: str, reason: str, detail: str) -> None:
        line = dumps({"id": row_id, "reason": reason, "detail": detail})
        self._file.write(line + "\n")
        self.first.setdefault(reason, line)
        if reason in THOUGHT_REASONS:
            self.examples.setdefault(reason, {"id": row_id, "detail": detail})
        self.counts[reason] += 1


def filter_traces(
    inputs: FilterInputs, spec: FilterSpec, sft: IO[str], dropped: DroppedRows, report: ContaminationReport, workers: int = 1
) -> int:
    """Write the rows that are kept to `sft` and return how many; the others go to `dropped`. Raises NothingKept for none."""
    candidates = near_candidates(inputs.traces, spec.near_duplicates, workers)
    questions = {name: [item.question for item in items] for name, items in inputs.benchmarks.items()}
    analyser = partial(RowChecker, inputs.traces, spec, inputs.tokenizer, inputs.chat_template, questions, candidates)
    analyses = map_batches(analyser, batches(inputs.traces), workers, SLOW_IMPORTS)
    kept = _kept(analyses, RowSelector(spec, candidates), dropped, report)
    count = _write(kept, sft) if spec.per_question.rule == "all" else write_chosen(kept, spec.per_question, sft, dropped)
    if not count:
        raise NothingKept
    return count


def near_candidates(traces: str, threshold: float | None, workers: int) -> NearCandidates:
    """The questions that share a band with another one, and so may be near-duplicates; none where `threshold` is None."""
    if threshold is None:
        return {}
    collisions = None
    counting = track(batches(traces), "survey", unit="batches")
    for pairs in map_batches(partial(DuplicateScanner, traces, threshold), counting, workers, SLOW_IMPORTS):
        for key, bands in pairs:
            collisions = collisions or DuplicateScan(len(bands))
            collisions.add(key, bands)
    return collisions.near_candidates() if collisions else {}


@dataclass
class RowSelector:
    """Goes through the rows in input order and remembers what it has kept, as hashes."""

    spec: FilterSpec
    candidates: NearCandidates
    _ids: HashSet = field(default_factory=HashSet)
    _kept: HashSet = field(default_factory=HashSet)

    def __post_init__(self) -> None:
        self._near = NearIndex(self.spec.near_duplicates or 1.0, self.candidates)

    def rejection(self, row: RowAnalysis) -> Defect | None:
        """Why a row is dropped, or None. A row is a duplicate only of rows that were kept. Raises InputError for an id seen before."""
        if not self._ids.add(hash64(row.id)):
            raise InputError(f"two traces have the id {row.id!r}: make this file with scripts/normalise.py")
        drop = row.drop or self._duplicate(row) or self._contaminated(row) or wrong_length(row.tokens, self.spec)
        if drop is None:
            self._kept.add(row.trace_key)
            if row.shingles is not None:
                self._near.keep(row.stem_key, row.id, row.shingles)
        return drop

    def _duplicate(self, row: RowAnalysis) -> Defect | None:
        if row.trace_key in self._kept:
            return Defect("duplicate", "the same question, thought and solution as an earlier row")
        near = self._near.find(row.stem_key, row.shingles) if row.shingles is not None else None
        return Defect("near_duplicate", f"nearly the question of {near}") if near else None

    def _contaminated(self, row: RowAnalysis) -> Defect | None:
        if self.spec.contamination_action == "report" or not contaminates(row.hits):
            return None
        names = [f"{hit.benchmark} ({hit.match})" for hit in row.hits if hit.match != "other_numbers"]
        return Defect("contaminated", ", ".join(names))


def _kept(
    analyses: Iterable[list[RowAnalysis]], row_filter: RowSelector, dropped: DroppedRows, report: ContaminationReport
) -> Iterator[RowAnalysis]:
    with Progress("filter") as progress:
        for batch in analyses:
            for row in batch:
                drop = row_filter.rejection(row)
                if row.hits and (drop is None or drop.reason not in BEFORE_CONTAMINATION):
                    report.add(row.id, row.question, row.hits)
                if drop:
                    dropped.add(row.id, *drop)
                else:
                    yield row
            progress.add(len(batch))


def _write(kept: Iterable[RowAnalysis], sft: IO[str]) -> int:
    count = 0
    for row in kept:
        sft.write(row.line + "\n")
        count += 1
    return count


def write_chosen(kept: Iterable[RowAnalysis], per_question: PerQuestion, sft: IO[str], dropped: DroppedRows) -> int:
    """Write the rows that `per_question` chooses; candidates wait in a temporary file until all traces of their questions are known."""
    questions, tokens, paths = array("Q"), array("Q"), array("Q")
    with TemporaryFile("w+", encoding="utf-8", newline="\n", dir=Path(sft.name).parent) as waiting:
        for row in kept:
            waiting.write(row.line + "\n")
            questions.append(row.question_key)
            tokens.append(row.tokens)
            paths.append(row.path_key)
        chosen = choose(per_question.rule, per_question.k, questions, tokens, paths)
        waiting.seek(0)
        for line, is_chosen in zip(waiting, chosen, strict=True):
            if is_chosen:
                sft.write(line)
            else:
                dropped.add(json.loads(line)["id"], "not_chosen", f"beyond the {per_question.k} {per_question.rule} of its question")
    return sum(chosen)
