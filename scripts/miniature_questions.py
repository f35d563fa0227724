"""Make one of the miniature's benchmarks.

From a seed and a number of items to a source folder: items.jsonl (math, aime: id, problem, answer, level; gpqa: id, question, correct,
wrong_1 to wrong_3, not yet shuffled) and manifest.json.

    python scripts/miniature_questions.py --kind aime --spec '{"seed": 1, "items": 300}' --output results/sources/benchmarks/mini_aime
"""

from pathlib import Path

from distill.base import cli, manifest
from distill.base.files import write_jsonl
from distill.miniature import benchmarks
from distill.miniature.specs import QUESTIONS


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--kind", required=True, choices=benchmarks.KINDS, help="which benchmark")
    parser.add_argument("--spec", required=True, type=cli.spec, help='JSON: {"seed": 1, "items": 300}')
    parser.add_argument("--output", required=True, type=Path, help="folder to write")
    args = parser.parse_args()

    count = write_jsonl(args.output / "items.jsonl", benchmarks.rows(args.kind, **QUESTIONS.read(args.spec)))
    manifest.write(args.output)
    print(f"{args.output}: {count} questions")


if __name__ == "__main__":
    cli.run(main)
