"""Bring a published set of reasoning traces into one shape: one trace a row, thought and solution apart.

Reads jsonl, json or parquet, a file or a folder of files in sorted order. Rows that are no trace go to the rejected file with their reason,
from where scripts/filter.py takes them into the funnel.

    python scripts/normalise.py --format bespoke_stratos --input results/sources/datasets/mini_stratos --output traces.jsonl
"""

from pathlib import Path

from distill.base import cli
from distill.base.errors import InputError
from distill.base.files import atomic_write, dumps
from distill.base.progress import track
from distill.base.tables import read_rows
from distill.data.formats import FORMATS
from distill.data.normalise import SPEC, Golds, Normaliser, RejectedRow

REJECTED = "rejected.jsonl"


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--format", required=True, choices=FORMATS, metavar="NAME", help=f"shape of the rows: {', '.join(FORMATS)}")
    parser.add_argument("--input", required=True, metavar="FILE_OR_FOLDER", help="jsonl, json, csv or parquet")
    parser.add_argument("--output", required=True, metavar="JSONL", help="traces.jsonl")
    parser.add_argument("--rejected", metavar="JSONL", help=f"rows that are no trace: id, reason, detail ({REJECTED} next to the output)")
    parser.add_argument("--gold", metavar="FILE_OR_FOLDER", help="gold answers, joined by question, for rows without a gold column")
    parser.add_argument(
        "--spec",
        type=cli.spec,
        default={},
        metavar="JSON",
        help="columns {name: column} of a table; gold {question, gold, boxed}; where {column: value, list or {min, max, not}}",
    )
    args = parser.parse_args()

    form = SPEC.read(args.spec)
    golds = Golds(args.gold, **form.get("gold", {})) if args.gold else None
    normaliser = Normaliser(args.format, args.input, form.get("columns", {}), golds, form.get("where", {}))
    rejected = args.rejected or Path(args.output).with_name(REJECTED)
    counts = {"traces": 0, "rejected": 0}
    first = ""
    with atomic_write(args.output) as traces, atomic_write(rejected) as rest:
        for made in track(normaliser.traces(read_rows(args.input)), "normalise"):
            out, count = (rest, "rejected") if isinstance(made, RejectedRow) else (traces, "traces")
            if isinstance(made, RejectedRow):
                first = first or f"{made.reason}, {made.detail}"
            out.write(dumps(made.row()) + "\n")
            counts[count] += 1
        if not counts["traces"]:
            rows = f"{counts['rejected']:,} rows"
            raise InputError(f"{args.input}: none of its {rows} is a trace (the first: {first}): check format and columns")
    for column, rows in normaliser.hidden_choices.items():
        print(f"warning: {rows} questions do not show the choices in column {column!r}: columns: {{options: {column}}} adds them")
    print(f"{counts['traces']} traces, {counts['rejected']} rejected")


if __name__ == "__main__":
    cli.run(main)
