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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from distill.base import manifest
from distill.base.errors import InputError
from distill.base.files import dumps
from distill.base.parallel import map_batches
from distill.base.progress import Progress, track
from distill.benchmarks.items import BenchmarkItem, load_items
from distill.data.analyse import DuplicateScanner, RowAnalysis, RowChecker, batches, contaminated, dropped_alone
from distill.data.contamination import ContaminationReport
from distill.data.duplicates import DuplicateScan, NearCandidates, NearIndex
from distill.data.filter_rules import BEFORE_CONTAMINATION, FilterSpec, PerQuestion, choose, wrong_length
from distill.data.hashset import HashSet, hash64
from distill.data.judge import REASONS as JUDGE_REASONS
from distill.data.judge import JudgeVerdict, judged
from distill.data.pass_rate import REASON as BY_PASS_RATE
from distill.data.pass_rate import PassRates
from distill.data.review import REASON as REVIEWED
from distill.data.review import Decision
from distill.data.thought_rules import REASONS as THOUGHT_REASONS
from distill.data.traces import Defect

EXAMPLES = (*THOUGHT_REASONS, REVIEWED, *JUDGE_REASONS, BY_PASS_RATE)
SLOW_IMPORTS = ("datasketch", "jinja2", "tokenizers")  # preloaded once for all worker processes


class NothingKept(Exception):
    """Raised in place of writing an empty training set."""


@dataclass(frozen=True)
class FilterInputs:
    """`traces` is a traces.jsonl, `tokenizer` a model folder, `chat_template` the text of a Jinja template or None for its own.

    `verdicts` of a judge and `decisions` made by hand are by the id of a trace.
    """

    traces: str
    tokenizer: str
    chat_template: str | None
    benchmarks: Mapping[str, Sequence[BenchmarkItem]]
    verdicts: Mapping[str, JudgeVerdict] = field(default_factory=dict)
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    pass_rates: PassRates | None = None

    def analyser(self, spec: FilterSpec, candidates: NearCandidates) -> Callable[[], RowChecker]:
        """What each process analyses its batches of lines with."""
        questions = {name: [item.question for item in items] for name, items in self.benchmarks.items()}
        by_hand = frozenset(name for name, decision in self.decisions.items() if decision.keep)
        return partial(RowChecker, self.traces, spec, self.tokenizer, self.chat_template, questions, candidates, by_hand)


def benchmark_items(path: str, spec: FilterSpec, name: str) -> list[BenchmarkItem]:
    """The items of a benchmark that rows must not hold; none where the benchmark is optional and could not be fetched."""
    if name not in spec.benchmarks:
        raise InputError(f"--spec: benchmarks.{name}.columns.question: missing; name the column of its questions")
    columns = spec.benchmarks[name]["columns"]
    if why := manifest.unavailable(path):
        print(f"rows are not searched for questions of {name}, which is not available: {why}")
        return []
    return list(load_items(path, {key: columns[key] for key in ("question", "id") if columns.get(key)}))


class DroppedRows:
    """Writes dropped.jsonl, counts each reason, remembers the first row of each, and counts the rows that somebody decided on."""

    def __init__(self, file: IO[str]) -> None:
        self.counts: Counter[str] = Counter()
        self.first: dict[str, str] = {}
        self.by_hand: Counter[str] = Counter()  # rows of the traces that are decided by hand: keep, drop
        self.examples: dict[str, dict[str, str]] = {}  # of predicates that somebody chose, for the report
        self._file = file

    def add(self, row_id: str, reason: str, detail: str) -> None:
        """Writes the row, counts its reason and keeps the first of each reason, for the report."""
        line = dumps({"id": row_id, "reason": reason, "detail": detail})
        self._file.write(line + "\n")
        self.first.setdefault(reason, line)
        if reason in EXAMPLES:
            self.examples.setdefault(reason, {"id": row_id, "detail": detail})
        self.counts[reason] += 1


def filter_traces(
    inputs: FilterInputs, spec: FilterSpec, sft: IO[str], dropped: DroppedRows, report: ContaminationReport, workers: int = 1
) -> int:
    """Write the rows that are kept to `sft` and return how many; the others go to `dropped`. Raises NothingKept for none."""
    candidates = near_candidates(inputs.traces, spec.near_duplicates, workers)
    analyses = map_batches(inputs.analyser(spec, candidates), batches(inputs.traces), workers, SLOW_IMPORTS)
    kept = _kept(analyses, RowSelector(spec, candidates, inputs.verdicts, inputs.decisions, inputs.pass_rates), dropped, report)
    count = _write(kept, sft) if spec.per_question.rule == "all" else write_chosen(kept, spec.per_question, sft, dropped)
    if not count:
        raise NothingKept
    return count


def to_judge(inputs: FilterInputs, spec: FilterSpec, workers: int = 1) -> Iterator[bool]:
    """Of each trace whether a judge reads it: whether it is dropped for no reason that needs no other row."""
    for batch in map_batches(inputs.analyser(spec, {}), batches(inputs.traces), workers, SLOW_IMPORTS):
        yield from (not (dropped_alone(row, spec) or _outside(row, spec, inputs.pass_rates)) for row in batch)


def near_candidates(traces: str, threshold: float | None, workers: int) -> NearCandidates:
    """The questions that share a band with another one, and so may be near-duplicates; none where `threshold` is None."""
    if threshold is None:
        return {}
    collisions = None
    counting = track(batches(traces), "near-duplicates", unit="batches")
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
    verdicts: Mapping[str, JudgeVerdict] = field(default_factory=dict)
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    pass_rates: PassRates | None = None
    _ids: HashSet = field(default_factory=HashSet)
    _kept: HashSet = field(default_factory=HashSet)

    def __post_init__(self) -> None:
        self._near = NearIndex(self.spec.near_duplicates or 1.0, self.candidates)

    def rejection(self, row: RowAnalysis) -> Defect | None:
        """Why a row is dropped, or None. A row is a duplicate only of rows that were kept. Raises InputError for an id seen before."""
        if not self._ids.add(hash64(row.id)):
            raise InputError(f"two traces have the id {row.id!r}: make this file with scripts/normalise.py")
        alone = row.drop or _outside(row, self.spec, self.pass_rates) or self._judged(row)
        drop = alone or self._duplicate(row) or contaminated(row, self.spec) or wrong_length(row.tokens, self.spec)
        if drop is None:
            self._kept.add(row.trace_key)
            if row.shingles is not None:
                self._near.keep(row.stem_key, row.id, row.shingles)
        return drop

    def _judged(self, row: RowAnalysis) -> Defect | None:
        """By hand, or else by the judge where no other predicate drops the row on its own: those are the rows that it has read."""
        decision = self.decisions.get(row.id)
        if decision and decision.keep is not None:
            return None if decision.keep else Defect(REVIEWED, f"dropped by hand{': ' if decision.note else ''}{decision.note[:300]}")
        if self.spec.judge is None or dropped_alone(row, self.spec):
            return None
        return judged(row.id, self.verdicts, self.spec.judge)

    def _duplicate(self, row: RowAnalysis) -> Defect | None:
        if row.trace_key in self._kept:
            return Defect("duplicate", "the same question, thought and solution as an earlier row")
        near = self._near.find(row.stem_key, row.shingles) if row.shingles is not None else None
        return Defect("near_duplicate", f"nearly the question of {near}") if near else None


def _outside(row: RowAnalysis, spec: FilterSpec, rates: PassRates | None) -> Defect | None:
    """A question whose pass rate is outside of the bounds."""
    return rates.rejection(row.question_id, spec.pass_rate) if rates and spec.pass_rate else None


def _kept(
    analyses: Iterable[list[RowAnalysis]], row_filter: RowSelector, dropped: DroppedRows, report: ContaminationReport
) -> Iterator[RowAnalysis]:
    with Progress("filter") as progress:
        for batch in analyses:
            for row in batch:
                drop = row_filter.rejection(row)
                if row.hits and (drop is None or drop.reason not in BEFORE_CONTAMINATION):
                    report.add(row.id, row.question, row.hits)
                if (decision := row_filter.decisions.get(row.id)) and decision.keep is not None:
                    dropped.by_hand["keep" if decision.keep else "drop"] += 1
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
