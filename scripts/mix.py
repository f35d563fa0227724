"""Put a training set together from other ones.

From the sft.jsonl and contamination.json of each part to those of the mixture. A row that an earlier part holds is dropped; of the rest
each part gives so many rows, or a share by its weight, or all. The rows stand part by part, in the order of the parts.

    python scripts/mix.py --part a=results/data/a --part b=results/data/b \\
        --spec '{"mix": [{"dataset": "a", "rows": 500}, {"dataset": "b"}]}' \\
        --output sft.jsonl --dropped dropped.jsonl --funnel funnel.json --contamination contamination.json
"""

from collections import Counter
from pathlib import Path

from distill.base import cli
from distill.base.errors import InputError
from distill.base.files import atomic_write, dumps, read_json, read_jsonl, write_json
from distill.data.filter import DroppedRows
from distill.data.mixture import SPEC, Duplicates, Part, draw, funnel, merge_contamination, sizes


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--part", required=True, action="append", metavar="NAME=DIR", help="a part's folder: sft.jsonl, contamination.json")
    parser.add_argument("--spec", required=True, type=cli.spec, metavar="JSON", help="mix: list of dataset, rows, weight; seed of the draw")
    parser.add_argument("--output", required=True, metavar="JSONL", help="sft.jsonl: id, prompt, completion")
    parser.add_argument("--dropped", required=True, metavar="JSONL", help="id, reason, detail of each row that is left out")
    parser.add_argument("--funnel", required=True, metavar="JSON", help="rows_in, kept, dropped, and the same of each part")
    parser.add_argument("--contamination", required=True, metavar="JSON", help="which rows of the parts hold which benchmark questions")
    args = parser.parse_args()

    spec, folders = SPEC.read(args.spec), cli.named_paths(args.part)
    parts = [Part(**entry) for entry in spec["mix"]]
    if [part.dataset for part in parts] != list(folders):
        named = ", ".join(part.dataset for part in parts)
        raise InputError(f"--part: gives {', '.join(folders)}, and --spec mixes {named}; give each once")
    files = {name: Path(folder) / "sft.jsonl" for name, folder in folders.items()}

    seen, own, rows = Duplicates(), {name: [] for name in files}, Counter()
    for name, file in files.items():
        for row in read_jsonl(file):
            rows[name] += 1
            if seen.add(row):
                own[name].append(row["id"])
    wanted = dict(zip(files, sizes(parts, [len(ids) for ids in own.values()]), strict=True))
    if not any(wanted.values()):
        raise InputError(f"{args.output}: no part gives a row; raise rows or the weights of the small parts")

    with atomic_write(args.output) as sft, atomic_write(args.dropped) as file:
        dropped = DroppedRows(file)
        for name, path in files.items():
            new, drawn = set(own[name]), draw(own[name], wanted[name], spec["seed"])
            for row in read_jsonl(path):
                if row["id"] in drawn:
                    sft.write(dumps(row) + "\n")
                elif row["id"] in new:
                    dropped.add(row["id"], "not_drawn", f"beyond the {wanted[name]} rows of {name}")
                else:
                    dropped.add(row["id"], "duplicate", f"{name}: the same row, or question and answer, as in an earlier part")
    made = funnel((name, rows[name], rows[name] - len(own[name]), wanted[name]) for name in files)
    write_json(args.funnel, made)
    write_json(args.contamination, merge_contamination([read_json(Path(folder) / "contamination.json") for folder in folders.values()]))
    print(f"{made['kept']} of {made['rows_in']} rows: " + ", ".join(f"{name} {count}" for name, count in wanted.items()))


if __name__ == "__main__":
    cli.run(main)
