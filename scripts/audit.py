"""Say what training will do to a training set: tokens, cuts, what the cuts take away, packing, and one row with its loss mask.

Warnings go to audit.json and to the screen; a share above its threshold in stop_above ends in an error, with audit.json written. Snakemake
takes that away, as all that a failed step has made; the warnings stay in the log.

    python scripts/audit.py --sft results/data/mini_stratos/sft.jsonl --tokenizer results/models/base \\
        --spec '{"max_length": 4096, "packing": "bfd", "thought_style": "stratos", "stop_above": {"lose_boxed_answer": 0.01}}' \\
        --output results/data/mini_stratos/audit.json
"""

import os
from pathlib import Path

from distill import cli
from distill.audit import AuditSpec, Measures, audit, measure, sample, stops
from distill.errors import InputError
from distill.files import read_jsonl, write_json
from distill.progress import counted
from distill.tokens import ChatTokenizer


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--sft", required=True, metavar="JSONL", help="from scripts/filter.py")
    parser.add_argument("--tokenizer", required=True, metavar="DIR", help="folder of the model that is trained")
    parser.add_argument("--chat-template", metavar="FILE", help="Jinja file that training uses in place of the model's own")
    parser.add_argument(
        "--spec", type=cli.spec, default={}, metavar="JSON", help="max_length, packing, thought_style, loss_on, eos_token, stop_above"
    )
    parser.add_argument("--output", required=True, metavar="JSON", help="audit.json")
    args = parser.parse_args()

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    spec = AuditSpec.of(args.spec)
    template = Path(args.chat_template).read_text(encoding="utf-8") if args.chat_template else None
    tokenizer = ChatTokenizer(args.tokenizer, template)
    measures = Measures(measure(tokenizer, counted(read_jsonl(args.sft), "audit"), spec))
    if not len(measures):
        raise InputError(f"{args.sft}: no rows: run scripts/filter.py again")
    found = audit(measures, spec)
    write_json(args.output, found | {"sample": sample(tokenizer, next(read_jsonl(args.sft)), spec)})
    for warning in found["warnings"]:
        print(f"warning: {args.sft}: {warning}")
    if over := stops(found["shares"], spec.stop_above):
        raise InputError(f"{args.sft}: {'; '.join(over)}")


if __name__ == "__main__":
    cli.run(main)
