"""The report of a run: verdict, scores, data, training, sample answers and provenance on one page.

From a results folder (comparison.csv, differences.csv, published.csv, and what lies under data, models, scores, responses, figures) to
report.md. A file that is not there is shown as a gap.

    python scripts/report.py --spec report.json --results results --output results/report.md
"""

from distill import cli, report
from distill.files import whole
from distill.results import Results


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--spec", required=True, help="JSON object (or a file of one): title, note, command, models, benchmarks, datasets")
    parser.add_argument("--results", default="results", help="results folder (default: %(default)s)")
    parser.add_argument("--output", required=True, help="Markdown file to write")
    args = parser.parse_args()

    page = report.render(cli.spec(args.spec), Results(args.results))
    with whole(args.output) as file:
        file.write(page)


if __name__ == "__main__":
    cli.run(main)
