"""Take recorded responses in as a model's answers to a benchmark.

From files that this or another program wrote (this project's jsonl, lighteval's details, EvalScope's reviews, results of evalchemy,
predictions of OpenCompass, logs of Inspect, or a table) to responses: id, sample, text, finish_reason, prompt_tokens, completion_tokens, in
the order of prompts.jsonl; null where the files do not say. Rows are joined by id, else by the text of the question. Every item must be
answered (`answered: answered`: some), and equally often. Loads no model.

    python scripts/import_responses.py --responses answers.csv --prompts results/benchmarks/mini_math/prompts.jsonl \\
        --benchmark results/sources/benchmarks/mini_math --output results/responses/theirs/mini_math.jsonl \\
        --spec '{"format": "table", "columns": {"response": "output"}, "items": {"question": "problem"}}'
"""

from pathlib import Path

from distill.base import manifest
from distill.base.cli import parser, run, spec
from distill.base.errors import InputError
from distill.base.files import write_jsonl
from distill.generation.import_recorded import SPEC, PromptedItems, join_responses, questions, token_counter
from distill.generation.recorded import COLUMNS, FORMATS, read


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--responses", required=True, nargs="+", type=Path, help="files, or folders of them")
    options.add_argument("--prompts", required=True, type=Path, help="prompts.jsonl")
    options.add_argument("--benchmark", type=Path, help="the benchmark's own files, for its bare questions")
    options.add_argument(
        "--spec",
        required=True,
        help=f"JSON of format ({', '.join(FORMATS)}), columns of a table ({', '.join(COLUMNS)}), items: id and question of --benchmark, "
        "answered (all or answered), prefilled_thought, task: the benchmark's name in files of several",
    )
    options.add_argument("--tokenizer", type=Path, help="folder of a tokenizer.json, which counts the tokens of answers without a count")
    options.add_argument("--output", required=True, type=Path, help="responses")
    args = options.parse_args()
    form = SPEC.read(spec(args.spec))
    if args.benchmark and "items" not in form:
        raise InputError("--spec: items: missing; name the columns of --benchmark")

    if args.benchmark and manifest.unavailable(args.benchmark):
        write_jsonl(args.output, [])
        print(f"0 answers, as {args.benchmark} is not here")
        return
    items = PromptedItems(args.prompts, questions(args.benchmark, form["items"]) if args.benchmark else None)
    recorded = read(args.responses, form["format"], form["columns"], form.get("task"))
    source = ", ".join(map(str, args.responses))
    count_tokens = token_counter(args.tokenizer) if args.tokenizer else None
    rows = list(
        join_responses(recorded, items, source, form["answered"], form["prefilled_thought"], count_tokens, form["format"] == "table")
    )
    write_jsonl(args.output, rows)
    print(f"{len(rows)} answers to {len({row['id'] for row in rows})} of {len(items.items)} items")


if __name__ == "__main__":
    run(main)
