"""The program from verdicts to tables."""

import csv
import json
import sys
from pathlib import Path

import compare as program
import pytest
from scored_models import BASE, REFERENCE, score

from distill.base.errors import InputError
from distill.evaluation.evaluations import ComparedBenchmark
from distill.evaluation.rows import DifferenceRow, PublishedRow, ScoreRow, read_csv

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs compare.py's main on the scores in tmp_path."""

    def run(spec: dict, published: Path = ROOT / "config/published.csv") -> None:
        outputs = {"--comparison": "c.csv", "--differences": "d.csv", "--published-checks": "p.csv"}
        arguments = ["--scores-dir", tmp_path, "--spec", json.dumps(spec), "--published", published]
        arguments += [part for flag, name in outputs.items() for part in (flag, tmp_path / name)]
        monkeypatch.setattr(sys, "argv", ["compare.py", *map(str, arguments)])
        program.main()

    return run


def test_the_program_writes_three_tables(tmp_path, run):
    for model, right in ((BASE, 20), (REFERENCE, 84)):
        score(tmp_path, model, right)
    spec = {
        "models": [
            {"name": "base", "role": "baseline"},
            {"name": "r1", "role": "reference", "published": "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"},
        ],
        "benchmarks": [{"name": "math_500", "protocol": "deepseek"}, {"name": "gpqa", "protocol": "deepseek"}],
        "seed": 0,
    }
    run(spec)
    assert [(row.model, row.pass_at_1) for row in read_csv(ScoreRow, tmp_path / "c.csv")] == [
        ("base", 0.2),
        ("r1", 0.84),
    ]  # gpqa is left out
    assert [(row.a, row.b, row.verdict) for row in read_csv(DifferenceRow, tmp_path / "d.csv")] == [("r1", "base", "better")]
    published = read_csv(PublishedRow, tmp_path / "p.csv")
    assert ("deepseek-ai", 0.839, 0.84) in {(row.source[:11], row.published_share, row.ours_share) for row in published}


def test_a_published_score_and_ours_have_one_unit_in_the_file(tmp_path, run):
    """Ours minus published is the difference that stands next to them, and each column says that it is a share."""
    score(tmp_path, REFERENCE, 84)
    models = [{"name": "r1", "role": "reference", "published": "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"}]
    run({"models": models, "benchmarks": [{"name": "math_500", "protocol": "deepseek"}]})
    with open(tmp_path / "p.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        assert float(row["ours_share"]) - float(row["published_share"]) == pytest.approx(float(row["difference_share"]))
    assert rows and {column for column in rows[0] if _is_number(rows[0][column])} - {"samples", "evaluators", "evaluators_below"} == {
        column for column in rows[0] if column.endswith("_share")
    }


def test_the_range_of_evaluators_is_of_shares(tmp_path, run):
    """Of these five one would expect more than 100 %, which nobody can score."""
    score(tmp_path, REFERENCE, 100, benchmark=ComparedBenchmark("math", "", "mini"))
    run(
        {
            "models": [{"name": "r1", "role": "reference", "published": "R1-Distill-mini"}],
            "benchmarks": [{"name": "math", "protocol": "mini", "published": "mini_math"}],
        },
        published=ROOT / "config/doubts.csv",
    )
    rows = read_csv(PublishedRow, tmp_path / "p.csv")
    assert [row.evaluators for row in rows] == [5] * 5
    assert {row.range_high_share for row in rows} == {1.0} and 0.9 < rows[0].range_low_share < 1


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"modles": []}, "modles: unknown key; did you mean models"),
        ({"models": [], "benchmarks": [{"name": "b"}]}, "models: .* should be non-empty"),
        ({"models": [{"name": "a"}], "benchmarks": [{"name": "b"}]}, "models.0.role: missing"),
        ({"models": [{"name": "a", "role": "student"}]}, "benchmarks: missing; add it"),
        ({"models": [{"name": "a", "role": "student", "colour": "red"}], "benchmarks": [{"name": "b"}]}, "models.0.colour: unknown key"),
        ({"models": [{"name": "a", "role": "student"}], "benchmarks": [{"name": "b"}]}, "no scores of a on b"),
    ],
)
def test_bad_input_is_one_line(run, spec, message):
    with pytest.raises(InputError, match=message) as error:
        run(spec)
    assert "\n" not in str(error.value)
