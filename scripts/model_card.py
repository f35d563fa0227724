"""The model card of a trained model: base, data, recipe, and scores with their intervals once it is evaluated.

From a results folder (models/MODEL/manifest.json and log.jsonl, comparison.csv, data/*/funnel.json) to a README.md as the Hugging Face hub
reads it, with the scores in its metadata (model-index). It is stored next to the model, not in it, since scores come later than weights.

    python scripts/model_card.py --model ours --spec card.json --results results --output results/cards/ours/README.md
"""

from distill.base import cli
from distill.base.files import atomic_write
from distill.report import card
from distill.report.results import Results


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--model", required=True, help="name of the model, as in the config")
    parser.add_argument("--spec", required=True, help="JSON object (or a file of one): as for report.py, and base, data, repository")
    parser.add_argument("--results", default="results", help="results folder (default: %(default)s)")
    parser.add_argument("--output", required=True, help="README.md to write")
    args = parser.parse_args()
    page = card.render(args.model, cli.spec(args.spec), Results(args.results))
    with atomic_write(args.output) as file:
        file.write(page)


if __name__ == "__main__":
    cli.run(main)
