"""Record a teacher's next-token distribution on the rows of a training set: its top k log-probabilities at each token of a completion.

From an sft.jsonl and the teacher's folder to a folder of arrays (scripts/distill/training/logits.py) with, last, manifest.json, which
scripts/train.py --logits learns from (train.loss: kl). Rows are tokenized as training does it, by the tokenizer of the student's base. When
the same command is given again, a killed run goes on after its last part in the work folder, and ends in the same bytes.

    python scripts/logits.py --data results/data/mini_r1/sft.jsonl --teacher results/models/r1-distill-mini \\
        --tokenizer results/models/base --spec '{"top_k": 8, "eos_token": "<|im_end|>"}' --output results/data/mini_r1/logits
"""

from pathlib import Path

from distill.base import manifest
from distill.base.cli import parser, run, spec
from distill.base.code_digest import code_digest
from distill.base.errors import InputError
from distill.base.files import atomic_folder, read_jsonl, sha256_file
from distill.base.settings import Settings
from distill.base.work import locked, open_work_folder
from distill.training.recipe import RUNTIME

SPEC = Settings("$defs/dataset/logits/top_k", "$defs/recipe/eos_token")


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--data", required=True, type=Path, help="sft.jsonl: rows of id, prompt, completion")
    options.add_argument("--teacher", required=True, type=Path, help="folder of the teacher")
    options.add_argument("--tokenizer", required=True, type=Path, help="folder of the students' base, for tokenizer and template")
    options.add_argument("--chat-template", nargs="?", type=Path, help="jinja file; the base's own template if absent")
    options.add_argument("--spec", default="{}", help="JSON of top_k, and of eos_token as in the recipe")
    options.add_argument("--runtime", default="{}", help="JSON of device")
    options.add_argument("--work", default="work/logits", type=Path, help="where finished parts are kept")
    options.add_argument("--output", required=True, type=Path, help="folder of the logits")
    args = options.parse_args()

    given = SPEC.read(spec(args.spec))
    template = args.chat_template.read_text(encoding="utf-8") if args.chat_template else None
    facts = {
        "made_by": "logits",
        "teacher": manifest.read(args.teacher)["digest"],
        "data": sha256_file(args.data),
        "tokenizer": sha256_file(args.tokenizer / "tokenizer.json"),
        "chat_template": template,
        **given,
    }
    folder = open_work_folder(args.work, {**facts, "code": code_digest("logits.py")})
    with locked(folder, wait=True):
        make(args, facts, given, template, folder)


def make(args, facts: dict, given: dict, template: str | None, folder: Path) -> None:
    from transformers import AutoTokenizer

    from distill.training import logits

    tokenizer = logits.chat_tokenizer(args.tokenizer, template, given.get("eos_token"))
    logits.check_vocabulary(tokenizer, AutoTokenizer.from_pretrained(args.teacher), args.teacher)
    if given["top_k"] > len(tokenizer):
        raise InputError(f"logits.top_k: {given['top_k']} is more than the {len(tokenizer)} tokens of the vocabulary; lower it")
    rows = [logits.tokenize(tokenizer, row) for row in read_jsonl(args.data)]
    device = RUNTIME.read(spec(args.runtime), "--runtime")["device"]
    logits.score(rows, lambda: logits.Teacher(args.teacher, len(tokenizer), device), given["top_k"], folder)

    lengths = [len(row.ids) for row in rows]
    counted = {"rows": len(rows), "tokens": sum(lengths), "attended": sum(length * (length + 1) // 2 for length in lengths)}
    with atomic_folder(args.output) as part:
        logits.write(rows, given["top_k"], folder, part)
        made = manifest.write(part, **facts, **counted)
    print(f"{len(rows)} rows, {sum(lengths)} tokens; digest {made['digest'][:12]}")


if __name__ == "__main__":
    run(main)
