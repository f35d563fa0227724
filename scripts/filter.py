"""Select the traces that are trained on, and say of every other row why not.

Predicates in order: malformed, truncated, unverifiable, no answer, wrong answer, duplicate, near-duplicate, contaminated, too long,
too short; then the choice among several traces of one question. Kept rows stay in the order of the input, and the bytes do not depend on
--workers.

    python scripts/filter.py --traces traces.jsonl --tokenizer results/models/base \\
        --spec '{"thought_style": "stratos", "max_tokens": 320, "benchmarks": {"mini_math": {"columns": {"question": "problem"}}}}' \\
        --benchmark mini_math=results/sources/benchmarks/mini_math --output sft.jsonl --dropped dropped.jsonl --funnel funnel.json
"""

import json
from argparse import Namespace
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from distill.base import cli, manifest
from distill.base.errors import InputError
from distill.base.files import Row, atomic_write, dumps, read_jsonl, write_json
from distill.base.parallel import map_batches
from distill.base.progress import Progress, track
from distill.base.tables import named_paths
from distill.benchmarks.items import BenchmarkItem, load_items
from distill.data.contamination import Report
from distill.data.duplicates import DuplicateScan, Suspects
from distill.data.filter import DuplicateScanner, Finding, RowChecker, RowSelector, batches
from distill.data.filter_rules import BEFORE_CONTAMINATION, REASONS, FilterSpec, PerQuestion, choose

SLOW_IMPORTS = ("datasketch", "jinja2", "tokenizers")  # by the processes of --workers


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--traces", required=True, metavar="JSONL", help="from scripts/normalise.py")
    parser.add_argument(
        "--rejected", metavar="JSONL", help="rows that were no trace, from normalise.py (rejected.jsonl beside the traces, if it is there)"
    )
    parser.add_argument("--spec", type=cli.spec, default={}, metavar="JSON", help="what to keep; see config/README.md")
    parser.add_argument(
        "--tokenizer", required=True, metavar="DIR", help="folder of the model whose tokenizer and chat template count the tokens"
    )
    parser.add_argument("--chat-template", metavar="FILE", help="Jinja file that training uses in place of the model's own")
    parser.add_argument(
        "--benchmark", action="append", default=[], metavar="NAME=PATH", help="a benchmark to keep out; spec.benchmarks names its columns"
    )
    parser.add_argument("--output", required=True, metavar="JSONL", help="sft.jsonl: id, prompt, completion")
    parser.add_argument("--dropped", required=True, metavar="JSONL", help="id, reason, detail of each dropped row")
    parser.add_argument("--funnel", required=True, metavar="JSON", help="rows_in, kept, dropped")
    parser.add_argument("--contamination", metavar="JSON", help="which rows hold which benchmark questions")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes, one core each")
    args = parser.parse_args()

    spec = FilterSpec.of(args.spec)
    benchmarks = {name: _items(path, spec, name) for name, path in named_paths(args.benchmark).items()}
    report = Report(benchmarks, frozenset(name for name in benchmarks if spec.benchmarks.get(name, {}).get("gated")))
    with atomic_write(args.dropped) as file:
        dropped = _Dropped(file)
        for row in _rejected(args.rejected or _beside(args.traces)):
            dropped.add(row["id"], row["reason"], row["detail"])
        kept = _select(args, spec, benchmarks, dropped, report)
    funnel = {"rows_in": kept + dropped.counts.total(), "kept": kept, "dropped": {reason: dropped.counts[reason] for reason in REASONS}}
    write_json(args.funnel, funnel)
    if args.contamination:
        write_json(args.contamination, report.as_json(spec.ngram, spec.contamination_action))
    summary = ", ".join(
        [f"{kept} of {funnel['rows_in']} rows kept", *(f"{reason} {count}" for reason, count in funnel["dropped"].items() if count)]
    )
    if not kept:
        for reason, line in dropped.first.items():  # Snakemake takes the files of a failed step away
            print(f"for example {reason}: {line}")
        raise InputError(f"{args.traces}: {summary}: nothing to train on; loosen the filter (a row of each reason stands above)")
    print(summary)


class _Dropped:
    """dropped.jsonl, and the count of each reason."""

    def __init__(self, file: IO[str]) -> None:
        self.counts: Counter[str] = Counter()
        self.first: dict[str, str] = {}
        self._file = file

    def add(self, name: str, reason: str, detail: str) -> None:
        line = dumps({"id": name, "reason": reason, "detail": detail})
        self._file.write(line + "\n")
        self.first.setdefault(reason, line)
        self.counts[reason] += 1


def _items(path: str, spec: FilterSpec, name: str) -> list[BenchmarkItem]:
    entry = spec.benchmarks.get(name, {})
    columns = entry.get("columns", entry)
    if "question" not in columns:
        raise InputError(f"--spec: benchmarks.{name}.columns.question: missing: name the column of its questions")
    if why := manifest.unavailable(path):
        print(f"rows are not searched for questions of {name}, which is not here: {why}")
        return []
    return list(load_items(path, {key: columns[key] for key in ("question", "id") if columns.get(key)}))


def _beside(traces: str) -> Path | None:
    path = Path(traces).with_name("rejected.jsonl")
    return path if path.is_file() else None


def _rejected(path: str | Path | None) -> Iterator[Row]:
    for row in read_jsonl(path) if path else ():
        if {"id", "reason", "detail"} - set(row) or row["reason"] not in REASONS:
            raise InputError(f"{path}: {dumps(row)[:80]} is no rejected row: make this file with scripts/normalise.py")
        yield row


def _suspects(traces: str, threshold: float | None, workers: int) -> Suspects:
    """A first pass over the questions, where near-duplicates are to be found."""
    if threshold is None:
        return {}
    survey = None
    counting = track(batches(traces), "survey", unit="batches")
    for pairs in map_batches(partial(DuplicateScanner, traces, threshold), counting, workers, SLOW_IMPORTS):
        for key, bands in pairs:
            survey = survey or DuplicateScan(len(bands))
            survey.add(key, bands)
    return survey.suspects() if survey else {}


class _NothingKept(Exception):
    """Leaves `whole` without a file."""


def _select(args: Namespace, spec: FilterSpec, benchmarks: dict[str, list[BenchmarkItem]], dropped: _Dropped, report: Report) -> int:
    """Write the rows that are kept, and return how many; no file where there are none."""
    suspects = _suspects(args.traces, spec.near_duplicates, args.workers)
    questions = {name: [item.question for item in items] for name, items in benchmarks.items()}
    template = Path(args.chat_template).read_text(encoding="utf-8") if args.chat_template else None
    examiner = partial(RowChecker, args.traces, spec, args.tokenizer, template, questions, suspects)
    found = map_batches(examiner, batches(args.traces), args.workers, SLOW_IMPORTS)
    kept = _judged(found, RowSelector(spec, suspects), dropped, report)
    try:
        with atomic_write(args.output) as sft:
            count = _write(kept, sft) if spec.per_question.rule == "all" else _write_chosen(kept, spec.per_question, sft, dropped)
            if not count:
                raise _NothingKept
    except _NothingKept:
        return 0
    return count


def _judged(found: Iterable[list[Finding]], judge: RowSelector, dropped: _Dropped, report: Report) -> Iterator[Finding]:
    """The findings of kept rows; the others go to the dropped ones."""
    with Progress("filter") as progress:
        for findings in found:
            for finding in findings:
                flaw = judge.rejection(finding)
                if finding.hits and (flaw is None or flaw.reason not in BEFORE_CONTAMINATION):
                    report.add(finding.id, finding.question, finding.hits)
                if flaw:
                    dropped.add(finding.id, *flaw)
                else:
                    yield finding
            progress.add(len(findings))


def _write(kept: Iterable[Finding], sft: IO[str]) -> int:
    return sum(bool(sft.write(finding.line + "\n")) for finding in kept)


def _write_chosen(kept: Iterable[Finding], per_question: PerQuestion, sft: IO[str], dropped: _Dropped) -> int:
    """Candidates wait in a file of their own until all traces of their questions are known."""
    questions, tokens, paths = array("Q"), array("Q"), array("Q")
    with TemporaryFile("w+", encoding="utf-8", newline="\n", dir=Path(sft.name).parent) as waiting:
        for finding in kept:
            waiting.write(finding.line + "\n")
            questions.append(finding.question_key)
            tokens.append(finding.tokens)
            paths.append(finding.path_key)
        chosen = choose(per_question.rule, per_question.k, questions, tokens, paths)
        waiting.seek(0)
        for line, wanted in zip(waiting, chosen, strict=True):
            if wanted:
                sft.write(line)
            else:
                dropped.add(json.loads(line)["id"], "not_chosen", f"beyond the {per_question.k} {per_question.rule} of its question")
    return sum(chosen)


if __name__ == "__main__":
    cli.run(main)
