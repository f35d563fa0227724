"""Prepare a model folder to be trained or evaluated.

From a model's files to a folder that from_pretrained and vLLM load, with a manifest written last. The weights stay as they are. The spec
can change the context length (rope_theta, max_position_embeddings), the end-of-turn token (eos_token), the chat template and the date that
it writes (today); the manifest records it and the parent's digest.

    python scripts/prepare_base.py --base results/sources/models/base --output results/models/base \\
        --spec '{"rope_theta": 300000, "max_position_embeddings": 32768, "eos_token": "<|im_end|>"}'
"""

from pathlib import Path

from distill.base import manifest
from distill.base.cli import parser, run, spec
from distill.base.files import atomic_folder, copy_files
from distill.models.prepare import SPEC, write_declarations
from distill.models.remote_code import KEY, check_weights


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--base", required=True, type=Path, help="folder of the model to prepare")
    options.add_argument("--spec", default="{}", help="JSON of rope_theta, max_position_embeddings, eos_token, today, trust_remote_code")
    options.add_argument("--chat-template", nargs="?", type=Path, help="jinja file that replaces the tokenizer's chat template")
    options.add_argument("--output", required=True, type=Path, help="folder of the prepared model")
    args = options.parse_args()
    given = SPEC.read(spec(args.spec))
    parent = manifest.read(args.base)
    check_weights(args.base, list(parent["files"]))
    trusted = {KEY: True} if given.pop(KEY) or parent.get(KEY) else {}
    template = args.chat_template.read_text(encoding="utf-8") if args.chat_template else None

    facts = {"parent": parent["digest"], "prepare": dict(sorted(given.items())), "chat_template": template, **trusted}
    with atomic_folder(args.output) as part:
        copy_files(args.base, parent["files"], part)
        write_declarations(part, given, template)
        made = manifest.write(part, made_by="prepare_base", **facts)
    print(f"digest {made['digest'][:12]}")


if __name__ == "__main__":
    run(main)
