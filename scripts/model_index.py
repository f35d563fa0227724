"""Scores of one model for its model card: the model-index that the Hugging Face hub reads.

From a results folder (comparison.csv) to JSON, which is YAML too: it can stand in the head of a model card as it is.

    python scripts/model_index.py --model ours --spec report.json --results results --output results/model-index/ours.json
"""

from distill import cli
from distill.files import write_json
from distill.names import names
from distill.report.model_index import model_index
from distill.results import Results


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--model", required=True, help="name of the model, as in the config")
    parser.add_argument(
        "--spec", required=True, help="JSON object (or a file of one): models and benchmarks, each a list of name and label"
    )
    parser.add_argument("--results", default="results", help="results folder (default: %(default)s)")
    parser.add_argument("--output", required=True, help="JSON file to write")
    args = parser.parse_args()

    write_json(args.output, model_index(args.model, names(cli.spec(args.spec)), Results(args.results)))


if __name__ == "__main__":
    cli.run(main)
