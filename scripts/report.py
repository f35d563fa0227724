"""The report: verdict, scores, data, training, sample answers and provenance on one page, and the table of scores for a paper.

From a results folder (comparison.csv, differences.csv, published.csv, data, models, scores, responses, figures) to report.md, which names
missing files; to the same page for a browser, with its figures inside; and to a LaTeX tabular (booktabs) for \\input in a paper.

    python scripts/report.py --spec report.json --results results --output results/report.md --html results/report.html \\
        --tex results/comparison.tex
"""

from distill.base import cli
from distill.base.files import atomic_write
from distill.report import html, page, tex
from distill.report.names import names
from distill.report.results import Results


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--spec", required=True, help="JSON object (or a file of one): title, note, models, benchmarks, datasets")
    parser.add_argument("--results", default="results", help="results folder (default: %(default)s)")
    parser.add_argument("--output", required=True, help="Markdown file to write")
    parser.add_argument("--html", help="HTML file to write")
    parser.add_argument("--tex", help="LaTeX file to write")
    args = parser.parse_args()

    spec, results = cli.spec(args.spec), Results(args.results)
    body = page.render(spec, results)
    pages = {args.output: body}
    if args.html:
        pages[args.html] = html.page(body, results)
    if args.tex:
        pages[args.tex] = tex.table(names(spec), results)
    for path, content in pages.items():
        with atomic_write(path) as file:
            file.write(content)


if __name__ == "__main__":
    cli.run(main)
