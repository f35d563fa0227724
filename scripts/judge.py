"""Have a model judge traces: answer the prompts of judge_prompts.py.

From prompts.jsonl to responses: id, sample, text, finish_reason, prompt_tokens, completion_tokens. The judge is a model on this machine
(--model) or one behind an OpenAI-compatible endpoint (base_url in --runtime). Answers are kept in the work folder as they come, by the
prompt's bytes and the sample: a killed run, a budget that ran out or more traces cost only what is missing. Ends with 3 at the budget, with
4 where too many samples failed; those that may have failed are left out.

    python scripts/judge.py --prompts judge/prompts.jsonl --output judge/responses.jsonl \\
        --spec '{"engine": "openai", "model": "deepseek-chat", "samples": 2}' \\
        --runtime '{"base_url": "https://api.deepseek.com/v1", "key_variable": "DEEPSEEK_API_KEY",
                    "prices": {"prompt": 0.55, "completion": 2.19}, "budget": {"money": 20.0}}'
"""

from pathlib import Path

from distill.base.cli import parser, run, spec
from distill.base.files import read_jsonl, write_jsonl
from distill.base.work import locked
from distill.generation.collect import JUDGE, collect, identity, run_folder
from distill.generation.responses import ResponseSet
from distill.generation.runtime import read_runtime


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--prompts", required=True, type=Path, metavar="JSONL", help="id, messages of each trace")
    options.add_argument("--spec", required=True, metavar="JSON", help="engine, model; samples, max_new_tokens, temperature, ...")
    options.add_argument(
        "--runtime", default="{}", metavar="JSON", help="what changes no answer: base_url, key_variable, budget; device, ..."
    )
    options.add_argument("--model", type=Path, metavar="DIR", help="folder of the judge, where it is on this machine")
    options.add_argument("--work", default="work/judge", type=Path, help="where answers are kept as they come")
    options.add_argument("--output", required=True, type=Path, metavar="JSONL", help="responses")
    args = options.parse_args()

    judge = JUDGE.read(spec(args.spec))
    runtime = read_runtime(judge["engine"], spec(args.runtime))
    pairs = [(row, sample) for row in read_jsonl(args.prompts) for sample in range(judge["samples"])]
    folder = run_folder(args.work, judge, identity(judge, runtime, args.model), args.output.resolve().parents[1].name)
    with locked(folder):
        failed = collect(ResponseSet(args.output, folder, judge, pairs), runtime, args.model, "judge")
        without = {(row["id"], row["sample"]) for row in failed}
        answered = [(row, sample) for row, sample in pairs if (row["id"], sample) not in without]
        count = write_jsonl(args.output, ResponseSet(args.output, folder, judge, answered).rows())
    print(f"{args.output}: {count} verdicts")


if __name__ == "__main__":
    run(main)
