"""A page on which traces are judged by hand: question, thought and solution of a sample, with what the filter thought of each.

From traces.jsonl and the filter's dropped.jsonl to review.html, which works offline: keep, drop and a note by keyboard, saved as
decisions.jsonl for filter.py --decisions. The sample is drawn from strata by source, length and outcome; rows that --decisions has are
shown with their decision.

    python scripts/review.py --traces traces.jsonl --dropped dropped.jsonl --spec '{"rows": 50}' --output review.html
"""

from distill.base import cli
from distill.base.files import atomic_write, read_jsonl
from distill.base.settings import Settings
from distill.data.judge import read_verdicts
from distill.data.review import draw, read_decisions
from distill.report.review_page import page

SPEC = Settings("$defs/dataset/review_sample/*", "$defs/judge/keep_at", dataset={"type": "string", "default": "traces"})


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--traces", required=True, metavar="JSONL", help="from scripts/normalise.py")
    parser.add_argument("--dropped", required=True, metavar="JSONL", help="from scripts/filter.py")
    parser.add_argument("--verdicts", metavar="JSONL", help="what a judge wrote, from judge.py")
    parser.add_argument("--decisions", metavar="JSONL", help="decisions made already")
    parser.add_argument("--spec", type=cli.spec, default={}, metavar="JSON", help="rows, seed; dataset (its name), keep_at (of the judge)")
    parser.add_argument("--output", required=True, metavar="HTML", help="page to write")
    args = parser.parse_args()

    spec = SPEC.read(args.spec)
    dropped = {row["id"]: (row["reason"], row["detail"]) for row in read_jsonl(args.dropped)}
    decisions = read_decisions(args.decisions) if args.decisions else {}
    verdicts = read_verdicts(args.verdicts) if args.verdicts else {}
    outcomes = {name: reason for name, (reason, _) in dropped.items()}
    chosen = draw(read_jsonl(args.traces), outcomes, spec["rows"], spec["seed"], decisions)
    places = {name: place for place, name in enumerate(chosen)}
    traces = sorted((row for row in read_jsonl(args.traces) if row["id"] in places), key=lambda row: places[row["id"]])
    with atomic_write(args.output) as file:
        file.writelines(page(spec["dataset"], traces, dropped, verdicts, decisions, spec["keep_at"]))
    print(f"{args.output}: {len(traces)} traces")


if __name__ == "__main__":
    cli.run(main)
