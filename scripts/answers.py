"""Every answer of a run on one page for a browser, which works offline: filters, all models' answers to a question side by side, links.

From a results folder (responses, scores, prompts) to answers.html. Of gated benchmarks it shows verdicts and lengths, and no text. Formulas
are rendered where a package that holds KaTeX is installed (envs/requirements-katex.txt).

    python scripts/answers.py --spec report.json --results results --output results/answers.html
"""

from distill.base import cli
from distill.base.files import atomic_write
from distill.report.answers_page import katex, page
from distill.report.names import names
from distill.report.results import Results


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--spec", required=True, help="JSON object (or a file of one): models, benchmarks, datasets, as of report.py")
    parser.add_argument("--results", default="results", help="results folder (default: %(default)s)")
    parser.add_argument("--output", required=True, help="HTML file to write")
    args = parser.parse_args()
    shown = names(cli.spec(args.spec))
    with atomic_write(args.output) as file:
        file.writelines(page(shown, Results(args.results), katex()))


if __name__ == "__main__":
    cli.run(main)
