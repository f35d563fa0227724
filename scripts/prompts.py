"""Write the prompts of a benchmark under a protocol: from the benchmark's files to prompts.jsonl (id, messages, gold, kind, choices).

For an optional benchmark that could not be fetched the file is empty.

    python scripts/prompts.py --benchmark results/sources/benchmarks/mini_math --output results/benchmarks/mini_math/prompts.jsonl \\
        --spec '{"kind": "math", "columns": {"question": "problem", "gold": "answer"}, "system": null, "user": "{question}"}'
"""

from pathlib import Path

from distill.base import manifest
from distill.base.cli import parser, run, spec
from distill.base.errors import InputError
from distill.base.files import write_jsonl
from distill.benchmarks.items import load_items
from distill.benchmarks.prompts import make_prompt, read_spec


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--benchmark", required=True, type=Path, help="file or folder with the benchmark's items")
    options.add_argument(
        "--spec",
        required=True,
        help="JSON of kind (math, choice), columns, system, user, examples, for choice shuffle_seed; or kind (completion), columns, share",
    )
    options.add_argument("--output", required=True, type=Path, help="prompts.jsonl")
    args = options.parse_args()
    given = read_spec(spec(args.spec))
    if why := manifest.unavailable(args.benchmark):
        write_jsonl(args.output, [])
        print(f"0 prompts, since {args.benchmark} is not available: {why}")
        return
    count = write_jsonl(args.output, (make_prompt(item, given) for item in load_items(args.benchmark, given["columns"])))
    if not count:
        args.output.unlink()
        raise InputError(f"{args.benchmark}: holds no items; a benchmark needs at least one")
    print(f"{count} prompts")


if __name__ == "__main__":
    run(main)
