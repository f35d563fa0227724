"""What can be said of a trace on its own, in any process: its drop reason, or what the later predicates need of it."""

import atexit
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from distill.base.errors import InputError
from distill.base.files import dumps
from distill.base.json_rows import parse_line, read_lines
from distill.data.contamination import BenchmarkIndex, Hit, contaminates, find_hits
from distill.data.duplicates import Banding, Bands, NearCandidates, question_key, shingle_hashes, stem_key, trace_key
from distill.data.filter_rules import (
    FilterSpec,
    graded,
    grading_task,
    malformed,
    path_key,
    sft_row,
    truncated,
    unverifiable,
    wrong_length,
)
from distill.data.pass_rate import question_id
from distill.data.thought_rules import answer_defect, answer_task, find_thought_defect
from distill.data.tokens import ChatTokenizer
from distill.data.traces import Defect, Trace, from_row
from distill.grading.grader import Grader

Lines = Sequence[tuple[int, bytes]]
_BATCH_ROWS, _BATCH_BYTES = 256, 1 << 21


def batches(path: str) -> Iterator[Lines]:
    """Numbered lines of a traces.jsonl in batches of up to 256 lines or 2 MiB, large enough to be worth a message to a worker."""
    batch: list[tuple[int, bytes]] = []
    size = 0
    for number, line in read_lines(path):
        if line is None:
            raise InputError(f"{path}: line {number} is too long: make this file with scripts/normalise.py")
        batch.append((number, line))
        size += len(line)
        if len(batch) >= _BATCH_ROWS or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _traces(path: str, batch: Lines) -> list[Trace]:
    return [from_row(parse_line(path, number, line), f"{path}: line {number}") for number, line in batch]


@dataclass(frozen=True, slots=True)
class RowAnalysis:
    """What is known of a row without the others: the first reason to drop it, or what the later predicates need.

    Keys are 64-bit hashes; `question_id` (pass_rate.py) only where pass rates decide. `shingles` (their hashes) only for a question that
    may be a near-duplicate, `question` only where contamination.json will show it; `line` is the row of sft.jsonl.
    """

    id: str
    drop: Defect | None = None
    trace_key: int = 0
    question_key: int = 0
    stem_key: int = 0
    path_key: int = 0
    question_id: int = 0
    tokens: int = 0
    hits: tuple[Hit, ...] = ()
    shingles: frozenset[int] | None = None
    question: str = ""
    line: str = ""


class RowChecker:
    """Analyses batches of lines. One per process: it holds the tokenizer, the benchmarks and a grader."""

    def __init__(
        self,
        path: str,
        spec: FilterSpec,
        tokenizer: str,
        chat_template: str | None,
        benchmarks: Mapping[str, Sequence[str]],
        near_candidates: NearCandidates,
        kept_by_hand: Collection[str] = (),
    ) -> None:
        """`kept_by_hand`: ids of rows that somebody wants to keep whatever the grader and the predicates on a thought say."""
        # The number of workers says how many cores are used, so the tokenizer must not start threads.
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
        self._path, self._spec, self._near_candidates, self._kept_by_hand = path, spec, near_candidates, kept_by_hand
        self._tokenizer = ChatTokenizer(tokenizer, chat_template)
        self._special = re.compile("|".join(map(re.escape, self._tokenizer.special_tokens)) or r"(?!)")
        self._indexes = [BenchmarkIndex(name, questions, spec.ngram) for name, questions in benchmarks.items()]
        self._grader = Grader()  # one worker process for all batches
        atexit.register(self._grader.close)

    def __call__(self, batch: Lines) -> list[RowAnalysis]:
        traces = _traces(self._path, batch)
        drops = [malformed(trace, self._special) or truncated(trace) for trace in traces]
        undecided = [at for at, trace in enumerate(traces) if drops[at] is None and trace.id not in self._kept_by_hand]
        self._check_answers(undecided, traces, drops)
        found = [RowAnalysis(trace.id, drop) if drop else self._analyse(trace) for trace, drop in zip(traces, drops, strict=True)]
        return self._count_tokens(traces, found)

    def _check_answers(self, places: Sequence[int], traces: Sequence[Trace], drops: list[Defect | None]) -> None:
        """Fills `drops` with what is wrong with the answers and thoughts of the rows in these places."""
        spec = self._spec
        for at in places:
            drops[at] = unverifiable(traces[at], spec)
        tasks = {at: task for at in places if drops[at] is None and (task := grading_task(traces[at], spec))}
        for (at, task), verdict in zip(tasks.items(), self._grader.grade(tasks.values()), strict=True):
            drops[at] = graded(verdict.reason, verdict.answer, task.gold)
        for at in places:
            drops[at] = drops[at] or find_thought_defect(traces[at], spec.thought)
        tasks = {at: task for at in places if drops[at] is None and (task := answer_task(traces[at], spec.thought))}
        for (at, task), verdict in zip(tasks.items(), self._grader.grade(tasks.values()), strict=True):
            drops[at] = answer_defect(verdict.correct, task)

    def _analyse(self, trace: Trace) -> RowAnalysis:
        hits = find_hits(self._indexes, trace.question)
        stem = stem_key(trace.question)
        return RowAnalysis(
            trace.id,
            trace_key=trace_key(trace.question, trace.thought, trace.solution),
            question_key=question_key(trace.question),
            stem_key=stem,
            path_key=path_key(trace) if self._spec.per_question.rule == "distinct" else 0,
            question_id=int(question_id(trace.question), 16) if self._spec.pass_rate else 0,
            hits=hits,
            shingles=shingle_hashes(trace.question) if stem in self._near_candidates else None,
            question=trace.question if hits else "",
        )

    def _count_tokens(self, traces: Sequence[Trace], found: list[RowAnalysis]) -> list[RowAnalysis]:
        """Add tokens and lines to the rows that may still be kept."""
        drop = self._spec.contamination_action == "drop"
        rows = {at: sft_row(traces[at], self._spec) for at, row in enumerate(found) if not (row.drop or (drop and contaminates(row.hits)))}
        counts = self._tokenizer.count([self._tokenizer.text(row["prompt"] + row["completion"]) for row in rows.values()])
        for (at, row), tokens in zip(rows.items(), counts, strict=True):
            found[at] = replace(found[at], tokens=tokens, line=dumps(row))
        return found


def dropped_alone(row: RowAnalysis, spec: FilterSpec) -> Defect | None:
    """Why a row is dropped whatever the others are, or None."""
    return row.drop or contaminated(row, spec) or wrong_length(row.tokens, spec)


def contaminated(row: RowAnalysis, spec: FilterSpec) -> Defect | None:
    """Which benchmark questions a row holds, where that drops it."""
    if spec.contamination_action == "report" or not contaminates(row.hits):
        return None
    names = [f"{hit.benchmark} ({hit.match})" for hit in row.hits if hit.match != "other_numbers"]
    return Defect("contaminated", ", ".join(names))


class DuplicateScanner:
    """The first pass over the questions of a batch of lines: keys and bands for duplicates.DuplicateScan."""

    def __init__(self, path: str, threshold: float) -> None:
        self._path = path
        self._banding = Banding(threshold)

    def __call__(self, batch: Lines) -> list[tuple[int, Bands]]:
        return [(stem_key(trace.question), self._banding.of(trace.question)) for trace in _traces(self._path, batch)]
