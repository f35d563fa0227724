"""Report what training will do to a training set: tokens, cuts and what they remove, packing, and one row with its loss mask.

Models that train on the same rows with other settings (`others` in the spec, each with its own tokenizer and template, in the same order)
are reported under `others` in the same file.

Warnings go to audit.json and to the screen; a share above its threshold in stop_above ends in an error, with audit.json written. Snakemake
deletes it, like all outputs of a failed step; the warnings stay in the log.

    python scripts/audit.py --sft results/data/mini_stratos/sft.jsonl --tokenizer results/models/base \\
        --spec '{"max_length": 4096, "packing": "bfd", "thought_style": "stratos", "stop_above": {"lose_boxed_answer": 0.01}}' \\
        --output results/data/mini_stratos/audit.json
"""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from distill.base import cli
from distill.base.errors import InputError
from distill.base.files import Row, read_json, read_jsonl, write_json
from distill.base.progress import track
from distill.data.audit import AuditSpec, Measures, audit, by_part, describe_differences, measure, sample, stops
from distill.data.tokens import ChatTokenizer
from distill.data.trained_text import TemplateCheck

OWN = "-"  # not '', which Snakemake 9.27 leaves out of a command line


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--sft", required=True, metavar="JSONL", help="from scripts/filter.py")
    parser.add_argument("--tokenizer", required=True, nargs="+", metavar="DIR", help="folder of the model that is trained; one a way")
    parser.add_argument(
        "--chat-template", nargs="*", default=[], metavar="FILE", help="Jinja file that training uses in place of the model's own, or -"
    )
    parser.add_argument(
        "--spec",
        type=cli.spec,
        default={},
        metavar="JSON",
        help="max_length, packing, thought_style, loss_on, eos_token, stop_above; others: a list of more such ways, without stop_above",
    )
    parser.add_argument("--funnel", metavar="JSON", help="funnel.json of a mixture, whose parts are counted one by one too")
    parser.add_argument("--output", required=True, metavar="JSON", help="audit.json")
    args = parser.parse_args()

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    specs = AuditSpec.each_of(args.spec)
    templates = args.chat_template or [OWN] * len(specs)
    for option, values in (("--tokenizer", args.tokenizer), ("--chat-template", templates)):
        if len(values) != len(specs):
            raise InputError(f"{option}: {len(values)} given, and --spec has {len(specs)} ways: give one for each")
    parts = {name: part["kept"] for name, part in read_json(args.funnel).get("parts", {}).items()} if args.funnel else {}
    found = list(audits(args.sft, specs, args.tokenizer, templates, parts))
    first, *others = found
    write_json(args.output, first | {"others": others})
    ways = [f" ({what})" if what else "" for what in describe_differences([one["settings"] for one in found])]
    for one, way in zip(found, ways, strict=True):
        for warning in one["warnings"]:
            print(f"warning: {args.sft}{way}: {warning}")
        if example := one.get("altered_example"):
            print(f"warning: {args.sft}{way}: for example row {example['id']}: the template {example['difference']}")
    if over := [f"{stop}{way}" for one, way in zip(found, ways, strict=True) for stop in stops(one["shares"], specs[0].stop_above)]:
        raise InputError(f"{args.sft}: {'; '.join(over)}")


def audits(sft: str, specs: list[AuditSpec], folders: list[str], templates: list[str], parts: dict[str, int]) -> Iterator[dict]:
    """The audit of each way, with its sample. Ways that differ in length, packing or loss only share their measures."""
    measured: dict[tuple, Measures] = {}
    for spec, folder, file in zip(specs, folders, templates, strict=True):
        template = Path(file).read_text(encoding="utf-8") if file != OWN else None
        tokenizer = ChatTokenizer(folder, template, spec.eos_token)
        key = (folder, template, spec.eos_token, spec.thought_style)
        if key not in measured:
            measured[key] = Measures(measure(tokenizer, track(_rows(sft), "audit"), spec))
        if not len(measured[key]):
            raise InputError(f"{sft}: no rows: run scripts/filter.py again")
        made = audit(measured[key], spec) | ({"parts": by_part(measured[key], parts)} if parts else {})
        if made["altered_by_template"]:
            place = next(place for place, row in enumerate(measured[key]) if row.altered)
            row = next(islice(read_jsonl(sft), place, None))
            made["altered_example"] = {"id": row["id"], "difference": TemplateCheck(tokenizer).row(row)}
        yield made | {"sample": sample(tokenizer, next(read_jsonl(sft)), spec)}


def _rows(sft: str) -> Iterator[Row]:
    for number, row in enumerate(read_jsonl(sft), 1):
        for column in ("id", "prompt", "completion"):
            if column not in row:
                raise InputError(
                    f"{sft}: row {number}: no column {column!r} (found: {', '.join(row)}): make this file with scripts/filter.py"
                )
        yield row


if __name__ == "__main__":
    cli.run(main)
