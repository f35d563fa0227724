"""Write a model's graded answers to a benchmark as a log of Inspect, which `inspect view` opens.

From a results folder (prompts, responses, scores) to one .eval file. Of gated benchmarks it holds verdicts and no text.

    python scripts/inspect_log.py --spec report.json --results results --model ours --benchmark mini_math \\
        --output results/inspect/ours/mini_math.eval
    inspect view --log-dir results/inspect
"""

from pathlib import Path

from distill.base import cli
from distill.base.errors import InputError
from distill.report import inspect_log
from distill.report.names import names
from distill.report.results import Results


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--spec", required=True, help="JSON object (or a file of one): models, benchmarks, datasets, as of report.py")
    parser.add_argument("--results", default="results", help="results folder (default: %(default)s)")
    parser.add_argument("--model", required=True, help="name of a model of --spec")
    parser.add_argument("--benchmark", required=True, help="name of a benchmark of --spec")
    parser.add_argument("--output", required=True, type=Path, help="log to write, .eval")
    args = parser.parse_args()
    shown = names(cli.spec(args.spec))
    model = next((one for one in (*shown.models, *shown.checkpoints) if one.name == args.model), None)
    benchmark = next((one for one in shown.benchmarks if one.name == args.benchmark), None)
    if model is None or benchmark is None:
        raise InputError(f"--spec: holds no {args.benchmark if model else args.model}: name one of its models and benchmarks")
    count = inspect_log.write(args.output, model, benchmark, Results(args.results))
    print(f"{count} samples")


if __name__ == "__main__":
    cli.run(main)
