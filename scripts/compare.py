"""Compare the models of an experiment with each other, and with published scores.

From the scores of all models (a summary and a file of verdicts per model and benchmark, as grade.py writes them) to tables: all scores; the
paired differences of student, baseline and reference item by item; whether each published score is reproduced; pass@k, maj@k and the score
by token budget; how long the answers are and how often samples agree. A missing score is left out; one that cannot be right is flagged and
gets no verdict.

Example:
    python scripts/compare.py --scores-dir results/scores --published config/published.csv --comparison results/comparison.csv \\
        --differences results/differences.csv --published-checks results/published.csv --responses-dir results/responses \\
        --curves results/curves.csv --answers results/answers.csv --spec '{"seed": 0,
        "models": [{"name": "base", "role": "baseline"}, {"name": "ours", "role": "student"}], "benchmarks": [{"name": "mini_math"}]}'
"""

from distill.base.cli import parser, run, spec
from distill.base.files import atomic_write
from distill.evaluation.compare import tables
from distill.evaluation.published import read_published


def main() -> None:
    parse = parser(__doc__)
    parse.add_argument("--scores-dir", required=True, help="holds MODEL/BENCHMARK.json and .jsonl")
    parse.add_argument("--spec", required=True, help="JSON: models [{name, role, label, published, results}], benchmarks, seed")
    parse.add_argument("--published", help="CSV of published scores: its columns are in config/README.md under published")
    parse.add_argument("--comparison", required=True, help="CSV: a row per model and benchmark")
    parse.add_argument("--differences", required=True, help="CSV: a row per pair of models and benchmark")
    parse.add_argument("--published-checks", required=True, help="CSV: a row per published score of these models")
    parse.add_argument("--responses-dir", help="holds MODEL/BENCHMARK.jsonl: the responses, for the lengths of the answers")
    parse.add_argument("--curves", help="CSV: pass@k, maj@k and the score by token budget")
    parse.add_argument("--answers", help="CSV: a row per model and benchmark: lengths of the answers, agreement of the samples")
    given = parse.parse_args()

    published = read_published(given.published) if given.published else []
    made = tables(given.scores_dir, spec(given.spec), published, given.responses_dir)
    paths = (given.comparison, given.differences, given.published_checks, given.curves, given.answers)
    for content, path in zip(made.values(), paths, strict=True):
        if path:
            with atomic_write(path) as file:
                file.write(content)


if __name__ == "__main__":
    run(main)
