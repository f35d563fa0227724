"""Select the traces that are trained on; every other row is listed with the reason why it is not.

Predicates in order: malformed, truncated, unverifiable, no answer, wrong answer, duplicate, near-duplicate, contaminated, too long,
too short; then the choice among several traces of one question. Kept rows stay in the order of the input, and the bytes do not depend on
--workers.

    python scripts/filter.py --traces traces.jsonl --tokenizer results/models/base \\
        --spec '{"thought_style": "stratos", "max_tokens": 320, "benchmarks": {"mini_math": {"columns": {"question": "problem"}}}}' \\
        --benchmark mini_math=results/sources/benchmarks/mini_math --output sft.jsonl --dropped dropped.jsonl --funnel funnel.json
"""

from collections.abc import Iterator
from pathlib import Path

from distill.base import cli, manifest
from distill.base.errors import InputError
from distill.base.files import Row, atomic_write, dumps, read_jsonl, write_json
from distill.base.tables import named_paths
from distill.benchmarks.items import BenchmarkItem, load_items
from distill.data.contamination import ContaminationReport
from distill.data.filter import DroppedRows, FilterInputs, NothingKept, filter_traces
from distill.data.filter_rules import OPTIONAL_REASONS, REASONS, FilterSpec


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--traces", required=True, metavar="JSONL", help="from scripts/normalise.py")
    parser.add_argument(
        "--rejected", metavar="JSONL", help="rows that are no trace, from normalise.py (rejected.jsonl next to the traces, if it is there)"
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
    benchmarks = {name: benchmark_items(path, spec, name) for name, path in named_paths(args.benchmark).items()}
    report = ContaminationReport(benchmarks, frozenset(name for name in benchmarks if spec.benchmarks[name]["gated"]))
    template = Path(args.chat_template).read_text(encoding="utf-8") if args.chat_template else None
    rejected = Path(args.rejected) if args.rejected else Path(args.traces).with_name("rejected.jsonl")
    inputs = FilterInputs(args.traces, args.tokenizer, template, benchmarks)
    with atomic_write(args.dropped) as file:
        dropped = DroppedRows(file)
        for row in rejected_rows(rejected) if args.rejected or rejected.is_file() else ():
            dropped.add(row["id"], row["reason"], row["detail"])
        try:
            with atomic_write(args.output) as sft:
                kept = filter_traces(inputs, spec, sft, dropped, report, args.workers)
        except NothingKept:
            kept = 0
    reasons = {reason: dropped.counts[reason] for reason in REASONS if dropped.counts[reason] or reason not in OPTIONAL_REASONS}
    funnel: Row = {"rows_in": kept + dropped.counts.total(), "kept": kept, "dropped": reasons}
    if dropped.examples:
        funnel["examples"] = dict(sorted(dropped.examples.items()))
    write_json(args.funnel, funnel)
    if args.contamination:
        write_json(args.contamination, report.as_json(spec.ngram, spec.contamination_action))
    counts = [f"{reason} {count}" for reason, count in funnel["dropped"].items() if count]
    summary = ", ".join([f"{kept} of {funnel['rows_in']} rows kept", *counts])
    if not kept:
        for reason, line in dropped.first.items():  # Snakemake deletes the files of a failed step
            print(f"for example {reason}: {line}")
        raise InputError(f"{args.traces}: {summary}: nothing to train on; loosen the filter (a row of each reason stands above)")
    print(summary)


def benchmark_items(path: str, spec: FilterSpec, name: str) -> list[BenchmarkItem]:
    """The items of a benchmark that rows must not hold; none where the benchmark is optional and could not be fetched."""
    if name not in spec.benchmarks:
        raise InputError(f"--spec: benchmarks.{name}.columns.question: missing; name the column of its questions")
    columns = spec.benchmarks[name]["columns"]
    if why := manifest.unavailable(path):
        print(f"rows are not searched for questions of {name}, which is not available: {why}")
        return []
    return list(load_items(path, {key: columns[key] for key in ("question", "id") if columns.get(key)}))


def rejected_rows(path: Path) -> Iterator[Row]:
    """Rows of a rejected.jsonl."""
    for row in read_jsonl(path):
        if {"id", "reason", "detail"} - set(row) or row["reason"] not in REASONS:
            raise InputError(f"{path}: {dumps(row)[:80]} is no rejected row: make this file with scripts/normalise.py")
        yield row


if __name__ == "__main__":
    cli.run(main)
