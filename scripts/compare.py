"""Compare the models of an experiment with each other, and with what was published of them.

From the scores of all models (a summary and a file of verdicts a model and benchmark, as grade.py writes them) to three tables: all scores,
the paired differences of student, baseline and reference item by item, and each published number with whether it is reproduced.
A score that is not there is left out; one that cannot be right is flagged and kept out of the verdicts.

Example:
    python scripts/compare.py --scores-dir results/scores --published config/published.csv --comparison results/comparison.csv \
        --differences results/differences.csv --published-checks results/published.csv --spec '{"seed": 0,
        "models": [{"name": "base", "role": "baseline"}, {"name": "ours", "role": "student"}], "benchmarks": [{"name": "mini_math"}]}'
"""

import csv
from collections.abc import Iterable, Sequence
from typing import Any

from distill.cli import parser, run, spec
from distill.comparison import CHECKS, COMPARISON, DIFFERENCES, Benchmark, Model, check_rows, comparison_row, difference_rows, entries, load
from distill.errors import InputError
from distill.files import Row, whole
from distill.published import read_published

KEYS = {"models", "benchmarks", "seed"}


def main() -> None:
    parse = parser(__doc__)
    parse.add_argument("--scores-dir", required=True, help="holds MODEL/BENCHMARK.json and .jsonl")
    parse.add_argument("--spec", required=True, help="JSON: models [{name, role, label, published, results}], benchmarks, seed")
    parse.add_argument("--published", help="CSV of published numbers: model, benchmark, protocol, metric, value, samples, source")
    parse.add_argument("--comparison", required=True, help="CSV: a row a model and benchmark")
    parse.add_argument("--differences", required=True, help="CSV: a row a pair of models and benchmark")
    parse.add_argument("--published-checks", required=True, help="CSV: a row a published number of these models")
    given = parse.parse_args()

    what = spec(given.spec)
    if unknown := sorted(set(what) - KEYS):
        raise InputError(f"--spec: unknown key {unknown[0]!r}: known are {', '.join(sorted(KEYS))}")
    published = read_published(given.published) if given.published else []
    scores = load(given.scores_dir, entries(what, "models", Model), entries(what, "benchmarks", Benchmark), published)
    write(given.comparison, COMPARISON, [comparison_row(score) for score in scores])
    write(given.differences, DIFFERENCES, difference_rows(scores, what.get("seed", 0)))
    write(given.published_checks, CHECKS, check_rows(scores, published))


def write(path: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    with whole(path) as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows({name: cell(value) for name, value in row.items()} for row in rows)


def cell(value: Any) -> Any:
    """Twelve digits that count, so that equal results are equal files on any machine."""
    return float(f"{value:.12g}") if isinstance(value, float) else value


if __name__ == "__main__":
    run(main)
