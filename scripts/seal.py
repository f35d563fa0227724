"""Seal the training sets: write the sha256 of each sft.jsonl, by which a training run knows its data, and of the prompts in it, by which a
distillation does.

python scripts/seal.py --output results/data/digests.json mini_stratos=results/data/mini_stratos/sft.jsonl
"""

from distill.base import cli
from distill.base.files import sha256_file, write_json
from distill.training.prompts import prompts_digest, prompts_of, read_prompts


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--output", required=True, metavar="JSON", help="{dataset: sha256}, datasets in sorted order")
    parser.add_argument("--prompts", action="append", default=[], metavar="DATASET=SFT", help="of sets whose prompts are answered")
    parser.add_argument("sets", nargs="*", metavar="DATASET=SFT", help="name and sft.jsonl of each training set")
    args = parser.parse_args()
    sealed = {name: sha256_file(path) for name, path in cli.named_paths(args.sets).items()}
    sealed |= {prompts_of(name): prompts_digest(read_prompts(path)) for name, path in cli.named_paths(args.prompts).items()}
    write_json(args.output, dict(sorted(sealed.items())))


if __name__ == "__main__":
    cli.run(main)
