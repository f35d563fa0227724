"""The table of scores for a paper, in LaTeX with booktabs.

From a results folder (comparison.csv, published.csv) to a tabular environment that a paper takes by \\input.

    python scripts/table_tex.py --spec report.json --results results --output results/comparison.tex
"""

from distill import cli
from distill.errors import InputError
from distill.files import whole
from distill.names import names
from distill.report import tex
from distill.results import Results


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument(
        "--spec", required=True, help="JSON object (or a file of one): models and benchmarks, each a list of name and label"
    )
    parser.add_argument("--results", default="results", help="results folder (default: %(default)s)")
    parser.add_argument("--output", required=True, help="LaTeX file to write")
    args = parser.parse_args()

    results = Results(args.results)
    if not results.scores:
        raise InputError(f"{args.results}/comparison.csv: missing or empty: make it with scripts/compare.py")
    with whole(args.output) as file:
        file.write(tex.table(names(cli.spec(args.spec)), results))


if __name__ == "__main__":
    cli.run(main)
