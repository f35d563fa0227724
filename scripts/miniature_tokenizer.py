"""Make the miniature's tokenizer, apart from its base model, so that traces can be filtered while the base is still in training.

From a seed to a folder that AutoTokenizer loads: tokenizer.json and tokenizer_config.json (chat template: ChatML).

    python scripts/miniature_tokenizer.py --spec '{"seed": 1}' --output results/sources/tokenizers/base
"""

from pathlib import Path

from distill.base import cli
from distill.miniature import tokenizer
from distill.miniature.specs import TOKENIZER


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--spec", required=True, type=cli.spec, help='JSON: {"seed": 1}')
    parser.add_argument("--output", required=True, type=Path, help="folder to write")
    args = parser.parse_args()

    tokenizer.save(**TOKENIZER.read(args.spec), folder=args.output)
    print(f"{args.output}: tokenizer written")


if __name__ == "__main__":
    cli.run(main)
