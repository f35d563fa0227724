"""Select the traces that are trained on; every other row is listed with the reason why it is not.

Predicates in order: malformed, truncated, unverifiable, no answer, wrong answer, the thought, pass rate (--pass-rates), decisions made by
hand (--decisions), a judge (--verdicts), duplicate, near-duplicate, contaminated, too long, too short; then the choice among several traces
of one question. Kept rows stay in the order of the input, and the bytes do not depend on --workers.

    python scripts/filter.py --traces traces.jsonl --tokenizer results/models/base \\
        --spec '{"thought_style": "stratos", "max_tokens": 320, "benchmarks": {"mini_math": {"columns": {"question": "problem"}}}}' \\
        --benchmark mini_math=results/sources/benchmarks/mini_math --output sft.jsonl --dropped dropped.jsonl --funnel funnel.json
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from distill.base import cli
from distill.base.errors import InputError
from distill.base.files import Row, atomic_write, dumps, read_jsonl, write_json
from distill.data.agreement import agreement, in_words
from distill.data.contamination import ContaminationReport
from distill.data.filter import DroppedRows, FilterInputs, NothingKept, benchmark_items, filter_traces
from distill.data.filter_rules import OPTIONAL_REASONS, REASONS, FilterSpec
from distill.data.judge import JudgeRule, JudgeVerdict, read_verdicts, score_counts
from distill.data.pass_rate import PassRates
from distill.data.review import Decision, read_decisions


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
    parser.add_argument("--verdicts", metavar="JSONL", help="what a judge wrote, from judge.py; spec.judge says which rows that drops")
    parser.add_argument("--decisions", metavar="JSONL", help="id, decision (keep, drop), note of rows judged by hand, from review.html")
    parser.add_argument("--pass-rates", metavar="JSONL", help="verdicts on a model's answers to the questions, for spec.pass_rate")
    parser.add_argument("--output", required=True, metavar="JSONL", help="sft.jsonl: id, prompt, completion")
    parser.add_argument("--dropped", required=True, metavar="JSONL", help="id, reason, detail of each dropped row")
    parser.add_argument("--funnel", required=True, metavar="JSON", help="rows_in, kept, dropped")
    parser.add_argument("--contamination", metavar="JSON", help="which rows hold which benchmark questions")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes, one core each")
    args = parser.parse_args()

    spec = FilterSpec.of(args.spec)
    benchmarks = {name: benchmark_items(path, spec, name) for name, path in cli.named_paths(args.benchmark).items()}
    report = ContaminationReport(benchmarks, frozenset(name for name in benchmarks if spec.benchmarks[name]["gated"]))
    template = Path(args.chat_template).read_text(encoding="utf-8") if args.chat_template else None
    rejected = Path(args.rejected) if args.rejected else Path(args.traces).with_name("rejected.jsonl")
    if (spec.judge is None) != (args.verdicts is None):
        raise InputError("--verdicts: goes together with judge in --spec; give both or none")
    if (spec.pass_rate is None) != (args.pass_rates is None):
        raise InputError("--pass-rates: goes together with pass_rate in --spec; give both or none")
    verdicts = read_verdicts(args.verdicts) if args.verdicts else {}
    decisions = read_decisions(args.decisions) if args.decisions else {}
    rates = PassRates(args.pass_rates) if args.pass_rates else None
    inputs = FilterInputs(args.traces, args.tokenizer, template, benchmarks, verdicts, decisions, rates)
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
    if args.decisions:
        funnel["by_hand"] = count_decisions(args.decisions, decisions, dropped)
    if spec.judge:
        funnel["judge"] = describe_judge(verdicts, decisions, spec.judge)
    if rates and spec.pass_rate:
        bounds = {key: getattr(spec.pass_rate, key) for key in ("model", "min", "max")}
        funnel["pass_rate"] = {**bounds, "questions_by_right_answers": rates.counts()}
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


def count_decisions(path: str, decisions: Mapping[str, Decision], dropped: DroppedRows) -> Row:
    """How many rows were decided to be kept and dropped, and how many decisions are of rows that are not among the traces."""
    made = sum(decision.keep is not None for decision in decisions.values())
    here = dropped.by_hand.total()
    if made and not here:
        raise InputError(f"{path}: none of its {made} decisions is of a row of these traces: was it saved for another dataset?")
    if made > here:
        print(f"warning: {path}: {made - here} of {made} decisions are of rows that are not among these traces", file=sys.stderr)
    return {"keep": dropped.by_hand["keep"], "drop": dropped.by_hand["drop"], "of_other_rows": made - here}


def describe_judge(verdicts: Mapping[str, JudgeVerdict], decisions: Mapping[str, Decision], rule: JudgeRule) -> Row:
    """How many rows have which score, and how far the judge agrees with the decisions made by hand, where there are any."""
    found: Row = {"rows": len(verdicts), "keep_at": rule.keep_at, "scores": score_counts(verdicts.values())}
    both = {name: decision for name, decision in decisions.items() if decision.keep is not None and name in verdicts}
    pairs = [(verdicts[name].keeps(rule), bool(decision.keep)) for name, decision in both.items() if verdicts[name].score is not None]
    if pairs:
        agreed = agreement(pairs)
        found["agreement"] = asdict(agreed)
        print(f"judge and hand agree on {agreed.both + agreed.neither} of {agreed.rows} rows: {in_words(agreed)}")
    return found


def rejected_rows(path: Path) -> Iterator[Row]:
    """Rows of a rejected.jsonl."""
    for row in read_jsonl(path):
        if {"id", "reason", "detail"} - set(row) or row["reason"] not in REASONS:
            raise InputError(f"{path}: {dumps(row)[:80]} is no rejected row: make this file with scripts/normalise.py")
        yield row


if __name__ == "__main__":
    cli.run(main)
