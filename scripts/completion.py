"""Whether a model has seen a benchmark: how many of its questions it completes word for word from their beginnings.

From prompts of kind completion (the beginning of each question, and as its gold the rest) and the responses to them to one row an item (id,
word_for_word, rouge_l) and a summary. Loads no model.

Example:
    python scripts/completion.py --prompts results/benchmarks/mini_gpqa@completion/prompts.jsonl \\
        --responses results/responses/base/mini_gpqa@completion.jsonl --output results/completions/base/mini_gpqa@completion.jsonl \\
        --summary results/completions/base/mini_gpqa@completion.json
"""

from distill.base.cli import parser, run
from distill.base.files import read_jsonl, write_json, write_jsonl
from distill.evaluation import completion


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--prompts", required=True, help="prompts.jsonl of kind completion")
    options.add_argument("--responses", required=True, help="id, sample, text")
    options.add_argument("--output", required=True, help="one row an item")
    options.add_argument("--summary", required=True, help="the shares over all items")
    args = options.parse_args()

    responses = {row["id"]: row for row in read_jsonl(args.responses) if row["sample"] == 0}
    found = list(completion.rows(read_jsonl(args.prompts), responses, args.responses))
    write_jsonl(args.output, found)
    made = completion.summary(found)
    write_json(args.summary, made)
    if found:
        print(f"{made['word_for_word']:.1%} of {len(found)} items word for word, ROUGE-L {made['rouge_l']:.3f}")
    else:
        print(f"no items in {args.prompts}")


if __name__ == "__main__":
    run(main)
