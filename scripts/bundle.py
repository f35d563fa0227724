"""Make a bundle, one zip file that holds enough to check each number of a report, or check such a file.

From a finished results folder to bundle.zip: report, tables, figures, verdicts, responses, prompts, funnel, audit, manifests, training
logs, provenance (configuration, versions, digests), locks. No weights and no training set; of a gated benchmark no text. --check computes
summaries, tables with their intervals and p values, and the report again from the verdicts in a bundle, and exits with 1 where one differs.

    python scripts/bundle.py --spec bundle.json --results results --published config/published.csv --lock envs/requirements.txt \\
        --output results/bundle.zip
    python scripts/bundle.py --check results/bundle.zip
"""

import json
import sys
import tempfile
from pathlib import Path

from distill.base import cli
from distill.base.errors import InputError
from distill.base.settings import Settings
from distill.report import bundle

# What each of these steps checks on its own is left to it.
SPEC = Settings(
    compare={"type": "object", "required": ["models"]},
    report={"type": "object", "required": ["models", "benchmarks", "datasets"]},
    grade={"type": "object"},
    required=("compare", "report", "grade"),
)


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--check", type=Path, metavar="FILE", help="bundle to check; nothing else is needed then")
    parser.add_argument("--spec", help="JSON object (or a file of one): compare, report and grade, the --spec of each of these steps")
    parser.add_argument("--results", type=Path, default=Path("results"), help="results folder (default: %(default)s)")
    parser.add_argument("--published", type=Path, help="CSV of published scores that ours were compared with")
    parser.add_argument("--lock", type=Path, nargs="+", default=[], help="lock files of what was installed and downloaded")
    parser.add_argument("--output", type=Path, help="zip file to write")
    args = parser.parse_args()

    if args.check:
        sys.exit(check(args.check))
    if not (args.spec and args.published and args.output):
        raise InputError("give --spec, --published and --output, or --check FILE")
    spec = SPEC.read(cli.spec(args.spec))
    others = {bundle.PUBLISHED: args.published, **{f"locks/{path.name}": path for path in args.lock}}
    for model in spec["compare"]["models"]:
        if "results" in model:
            others |= files_from_elsewhere(model)
            model["results"] = f"elsewhere/{model['name']}"
    found = bundle.files(args.results, spec, others)
    found[bundle.SPEC] = iter([json.dumps(spec, ensure_ascii=False, indent=1) + "\n"])
    bundle.write(args.output, found)


def files_from_elsewhere(model: dict) -> dict[str, Path]:
    """The results files of a model of which only scores are known."""
    path = Path(model["results"])
    inside = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    return {f"elsewhere/{model['name']}/{file.relative_to(path if path.is_dir() else path.parent).as_posix()}": file for file in inside}


def check(file: Path) -> int:
    """Print what differs from the bundle; returns 1 if anything does."""
    with tempfile.TemporaryDirectory() as folder:
        bundle.extract(file, Path(folder))
        found = list(bundle.check(Path(folder)))
    for name, wrong in found:
        print(f"{'differs' if wrong else 'same':8}{name}{': ' + wrong if wrong else ''}")
    return int(any(wrong for _, wrong in found))


if __name__ == "__main__":
    cli.run(main)
