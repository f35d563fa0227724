"""Write what a judge reads: a prompt for each trace that filter.py would drop for no reason that needs no other row.

From traces.jsonl to prompts.jsonl (id, messages), which judge.py answers; filter.py --verdicts reads the scores. --prompt is a text file
with {thought}, and {question}, {solution} or {gold} where they are to be read too.

    python scripts/judge_prompts.py --traces traces.jsonl --prompt config/templates/judge.txt --tokenizer results/models/base \\
        --spec '{"thought_style": "stratos", "max_tokens": 8192}' --output judge/prompts.jsonl
"""

from collections.abc import Iterator
from pathlib import Path

from distill.base import cli
from distill.base.files import Row, read_jsonl, write_jsonl
from distill.data.filter import FilterInputs, benchmark_items, to_judge
from distill.data.filter_rules import FilterSpec
from distill.data.judge import judge_prompt, read_template
from distill.data.pass_rate import PassRates
from distill.data.traces import from_row


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--traces", required=True, metavar="JSONL", help="from scripts/normalise.py")
    parser.add_argument("--prompt", required=True, type=Path, metavar="FILE", help="the judge's user turn")
    parser.add_argument("--spec", type=cli.spec, default={}, metavar="JSON", help="what to keep, as of filter.py; see config/README.md")
    parser.add_argument("--tokenizer", required=True, metavar="DIR", help="as of filter.py")
    parser.add_argument("--chat-template", metavar="FILE", help="as of filter.py")
    parser.add_argument("--benchmark", action="append", default=[], metavar="NAME=PATH", help="as of filter.py")
    parser.add_argument("--pass-rates", metavar="JSONL", help="as of filter.py")
    parser.add_argument("--output", required=True, metavar="JSONL", help="prompts")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes, one core each")
    args = parser.parse_args()

    spec, prompt = FilterSpec.of(args.spec), read_template(args.prompt)
    benchmarks = {name: benchmark_items(path, spec, name) for name, path in cli.named_paths(args.benchmark).items()}
    template = Path(args.chat_template).read_text(encoding="utf-8") if args.chat_template else None
    rates = PassRates(args.pass_rates) if args.pass_rates else None
    inputs = FilterInputs(args.traces, args.tokenizer, template, benchmarks, pass_rates=rates)
    print(f"{write_jsonl(args.output, prompts(inputs, spec, prompt, args.workers))} traces to judge")


def prompts(inputs: FilterInputs, spec: FilterSpec, template: str, workers: int) -> Iterator[Row]:
    for row, is_read in zip(read_jsonl(inputs.traces), to_judge(inputs, spec, workers), strict=True):
        if is_read:
            yield judge_prompt(from_row(row, inputs.traces), template)


if __name__ == "__main__":
    cli.run(main)
