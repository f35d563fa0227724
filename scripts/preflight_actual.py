"""After a run: preflight's estimates next to the actual numbers, and the speeds measured here, in the form of runtime.rates.

From the plan of a configuration, results/timing/ (Snakemake's benchmark files), training logs and responses to a page of text.

    snakemake --cores 1 preflight_actual
    python scripts/preflight_actual.py --plan plan.json --output results/preflight-vs-actual.txt
"""

from dataclasses import replace
from pathlib import Path

from distill.base.cli import parser, run, spec
from distill.base.files import atomic_write
from distill.preflight import actual, facts
from distill.preflight.estimate import estimate


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--plan", required=True, help="as for scripts/preflight.py")
    options.add_argument("--results", default="results", type=Path, help="results folder (default: %(default)s)")
    options.add_argument("--output", required=True, type=Path, help="text file")
    args = options.parse_args()

    part = facts.join_tasks(spec(args.plan))
    known = facts.gather(part, args.results)
    # What was measured in this very run is no estimate of it.
    known = replace(known, rates=replace(known.rates, here=[]), mean_tokens={})
    text = actual.page(actual.measured(estimate(part, known), args.results))
    with atomic_write(args.output) as file:
        file.write(text)
    print(text, end="")


if __name__ == "__main__":
    run(main)
