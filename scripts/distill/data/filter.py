"""The filter's two halves: what can be said of a trace on its own (any process may say it), and what depends on the rows before it."""

import atexit
import os
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from distill.base.errors import InputError
from distill.base.files import dumps
from distill.base.tables import parse_line, read_lines
from distill.data.contamination import Hit, Index, contaminates, find_hits
from distill.data.duplicates import Banding, Bands, NearIndex, Suspects, marks_of, question_key, stem_key, trace_key
from distill.data.filter_rules import FilterSpec, graded, grading_task, malformed, path_key, sft_row, truncated, unverifiable, wrong_length
from distill.data.hashset import HashSet, hash64
from distill.data.tokens import ChatTokenizer
from distill.data.traces import Defect, Trace, from_row
from distill.grading.grader import Task, Verdict, grade_all

Lines = Sequence[tuple[int, bytes]]
_BATCH_ROWS, _BATCH_BYTES = 256, 1 << 21


def batches(path: str) -> Iterator[Lines]:
    """Numbered lines of a traces.jsonl, so many at a time as are worth a message to a worker."""
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
class Finding:
    """What is known of a row without the others: its first flaw, or what the later predicates need. Keys are 64-bit hashes.

    `marks` only for a question that may be a near-duplicate, `question` only where a report will show it; `line` is the row of sft.jsonl.
    """

    id: str
    flaw: Defect | None = None
    trace_key: int = 0
    question_key: int = 0
    stem_key: int = 0
    path_key: int = 0
    tokens: int = 0
    hits: tuple[Hit, ...] = ()
    marks: frozenset[int] | None = None
    question: str = ""
    line: str = ""


class RowChecker:
    """Makes findings of batches of lines. One a process: it holds the tokenizer, the benchmarks and a grader."""

    def __init__(
        self,
        path: str,
        spec: FilterSpec,
        tokenizer: str,
        chat_template: str | None,
        benchmarks: Mapping[str, Sequence[str]],
        suspects: Suspects,
    ) -> None:
        # The number of workers says how many cores are used, so the tokenizer may not start threads of its own.
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
        self._path, self._spec, self._suspects = path, spec, suspects
        self._tokenizer = ChatTokenizer(tokenizer, chat_template)
        self._special = re.compile("|".join(map(re.escape, self._tokenizer.special_tokens)) or r"(?!)")
        self._indexes = [Index(name, questions, spec.ngram) for name, questions in benchmarks.items()]
        self._grader = _Grader()

    def __call__(self, batch: Lines) -> list[Finding]:
        traces = _traces(self._path, batch)
        flaws = [malformed(trace, self._special) or truncated(trace) or unverifiable(trace, self._spec) for trace in traces]
        self._grade(traces, flaws)
        found = [Finding(trace.id, flaw) if flaw else self._find(trace) for trace, flaw in zip(traces, flaws, strict=True)]
        return self._count(traces, found)

    def _grade(self, traces: Sequence[Trace], flaws: list[Defect | None]) -> None:
        tasks = {at: task for at, trace in enumerate(traces) if flaws[at] is None and (task := grading_task(trace, self._spec))}
        for (at, task), verdict in zip(tasks.items(), self._grader.verdicts(list(tasks.values())), strict=True):
            flaws[at] = graded(verdict.reason, verdict.answer, task.gold)

    def _find(self, trace: Trace) -> Finding:
        hits = find_hits(self._indexes, trace.question)
        stem = stem_key(trace.question)
        return Finding(
            trace.id,
            trace_key=trace_key(trace.question, trace.thought, trace.solution),
            question_key=question_key(trace.question),
            stem_key=stem,
            path_key=path_key(trace) if self._spec.per_question.rule == "distinct" else 0,
            hits=hits,
            marks=marks_of(trace.question) if stem in self._suspects else None,
            question=trace.question if hits else "",
        )

    def _count(self, traces: Sequence[Trace], found: list[Finding]) -> list[Finding]:
        """Tokens and lines of the rows that may still be kept."""
        drop = self._spec.contamination_action == "drop"
        rows = {
            at: sft_row(traces[at], self._spec)
            for at, finding in enumerate(found)
            if not (finding.flaw or (drop and contaminates(finding.hits)))
        }
        counts = self._tokenizer.count([self._tokenizer.text(row["prompt"] + row["completion"]) for row in rows.values()])
        for (at, row), tokens in zip(rows.items(), counts, strict=True):
            found[at] = replace(found[at], tokens=tokens, line=dumps(row))
        return found


class _Grader:
    """grade_all, batch by batch with one worker process for all of them.

    grade_all asks for the next task before it gives a verdict that it waits for. Between batches there is none, so it is given tasks that
    need no grading; it takes some 250 of them, a fraction of a millisecond, before it waits.
    """

    _NOTHING = Task("exact", "", "")

    def __init__(self) -> None:
        self._tasks: deque[Task] = deque()
        self._asked: deque[bool] = deque()
        self._verdicts = grade_all(self._feed())
        atexit.register(self._verdicts.close)  # ends its worker

    def _feed(self) -> Iterator[Task]:
        while True:
            self._asked.append(bool(self._tasks))
            yield self._tasks.popleft() if self._tasks else self._NOTHING

    def verdicts(self, tasks: Sequence[Task]) -> list[Verdict]:
        self._tasks.extend(tasks)
        found: list[Verdict] = []
        while len(found) < len(tasks):
            verdict = next(self._verdicts)
            if self._asked.popleft():
                found.append(verdict)
        return found


class DuplicateScanner:
    """The first pass over the questions of a batch of lines: keys and bands for duplicates.Survey."""

    def __init__(self, path: str, threshold: float) -> None:
        self._path = path
        self._banding = Banding(threshold)

    def __call__(self, batch: Lines) -> list[tuple[int, Bands]]:
        return [(stem_key(trace.question), self._banding.of(trace.question)) for trace in _traces(self._path, batch)]


@dataclass
class RowSelector:
    """Goes through the findings in the order of the rows and remembers what it has kept, as hashes."""

    spec: FilterSpec
    suspects: Suspects
    _ids: HashSet = field(default_factory=HashSet)
    _kept: HashSet = field(default_factory=HashSet)

    def __post_init__(self) -> None:
        self._near = NearIndex(self.spec.near_duplicates or 1.0, self.suspects)

    def rejection(self, finding: Finding) -> Defect | None:
        """Why a row is dropped, or None. A row is a duplicate of rows that were kept only. Raises InputError for an id that came before."""
        if not self._ids.add(hash64(finding.id)):
            raise InputError(f"two traces have the id {finding.id!r}: make this file with scripts/normalise.py")
        flaw = finding.flaw or self._repeats(finding) or self._contaminated(finding) or wrong_length(finding.tokens, self.spec)
        if flaw is None:
            self._kept.add(finding.trace_key)
            if finding.marks is not None:
                self._near.keep(finding.stem_key, finding.id, finding.marks)
        return flaw

    def _repeats(self, finding: Finding) -> Defect | None:
        if finding.trace_key in self._kept:
            return Defect("duplicate", "the same question, thought and solution as an earlier row")
        near = self._near.find(finding.stem_key, finding.marks) if finding.marks is not None else None
        return Defect("near_duplicate", f"nearly the question of {near}") if near else None

    def _contaminated(self, finding: Finding) -> Defect | None:
        if self.spec.contamination_action == "report" or not contaminates(finding.hits):
            return None
        names = [f"{hit.benchmark} ({hit.match})" for hit in finding.hits if hit.match != "other_numbers"]
        return Defect("contaminated", ", ".join(names))
