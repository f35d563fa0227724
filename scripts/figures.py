"""The figures of the report, each as png and svg, the same bytes for the same results.

From a results folder (comparison.csv, published.csv, data, models, scores, responses) to NAME.png and NAME.svg. Without --figure, all whose
files exist; with it, a figure that cannot be drawn is an error. A figure whose data has not changed is copied from --work, not drawn again.

    python scripts/figures.py --spec report.json --results results --output-dir results/figures --figure scores loss
"""

import json
from pathlib import Path

import matplotlib

from distill.base import cli
from distill.base.code_digest import code_digest
from distill.base.errors import InputError
from distill.base.files import sha256_text
from distill.report import figures
from distill.report.compute import costs
from distill.report.figures import style
from distill.report.figures.kept import Kept
from distill.report.names import names
from distill.report.results import Results


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument(
        "--spec", required=True, help="JSON object (or a file of one): models, benchmarks, datasets, each a list of name and label"
    )
    parser.add_argument("--results", default="results", help="results folder (default: %(default)s)")
    parser.add_argument("--work", default="work/figures", type=Path, help="where the last pictures are kept (default: %(default)s)")
    parser.add_argument("--output-dir", type=Path, default="results/figures", help="folder of the figures (default: %(default)s)")
    parser.add_argument(
        "--figure",
        nargs="+",
        choices=figures.FIGURES,
        metavar="NAME",
        help=f"which: {', '.join(figures.FIGURES)} (default: all that can be drawn)",
    )
    args = parser.parse_args()

    spec = cli.spec(args.spec)
    shown, cost = names(spec), costs(spec.get("made_from") or {}, Path(args.results))
    drawn_by = sha256_text(json.dumps([code_digest("figures.py"), matplotlib.__version__, spec], sort_keys=True))
    for name in args.figure or figures.FIGURES:
        kept, path = Kept(args.work / name, drawn_by), args.output_dir / f"{name}.png"
        if kept.copy(path, Results(args.results, cost)):
            continue
        results = Results(args.results, cost)
        figure = figures.draw(name, shown, results)
        if figure is not None:
            style.save(figure, path)
            kept.keep(path, results)
        elif args.figure:
            raise InputError(f"{args.results}: nothing to draw figure {name} from: it needs {figures.FIGURES[name][1]}")
        else:
            print(f"not drawn: {name} (it needs {figures.FIGURES[name][1]})")


if __name__ == "__main__":
    cli.run(main)
