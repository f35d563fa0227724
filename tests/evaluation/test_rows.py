"""Rows of the three tables: what is written is read again as it was, and a broken file is named."""

from dataclasses import replace

import pytest

from distill.base.errors import InputError
from distill.evaluation.rows import DifferenceRow, PublishedRow, ScoreRow, columns, read_csv, to_csv

SCORE = ScoreRow("ours", "student", "mini@p", "p", 0.5, ci95_low=0.4, n_items=10, disagreements=0, flags='"a", b')
DIFFERENCE = DifferenceRow("ours", "base", "mini", 0.25, 0.1, 0.4, 0.001, 0.002, "better", 0.1, 10)
PUBLISHED = PublishedRow("r1", "mini", "p", "pass@1", "S, 2025", None, 0.5, 0.6, 0.1, 0.0, 0.2, "reproduced")


@pytest.mark.parametrize("row", [SCORE, DIFFERENCE, PUBLISHED], ids=lambda row: type(row).__name__)
def test_a_row_comes_back_as_it_was(row, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(to_csv(type(row), [row, row]), encoding="utf-8")
    assert read_csv(type(row), path) == [row, row]


def test_the_columns_of_a_score_have_the_names_of_the_summary():
    assert {"pass@1", "maj@n", "pass@n", "n_items", "mean_completion_tokens"} <= set(columns(ScoreRow))


def test_numbers_have_twelve_digits_so_that_equal_results_are_equal_files(tmp_path):
    assert to_csv(ScoreRow, [replace(SCORE, pass_at_1=1 / 3)]) == to_csv(ScoreRow, [replace(SCORE, pass_at_1=1 / 3 + 1e-15)])


def test_swapped_is_the_other_model_minus_the_first():
    swapped = DIFFERENCE.swapped()
    assert (swapped.a, swapped.b, swapped.difference, swapped.verdict) == ("base", "ours", -0.25, "worse")
    assert (swapped.ci95_low, swapped.ci95_high) == (-0.4, -0.1)
    assert swapped.swapped() == DIFFERENCE


BROKEN = [
    (lambda text: text.replace("pass@1", "score"), "no column 'pass@1'"),
    (lambda text: text.replace("0.4", "many"), "column 'ci95_low' holds 'many', which is no number"),
]


@pytest.mark.parametrize(("change", "message"), BROKEN, ids=["a column is missing", "a cell is no number"])
def test_a_broken_file_is_named_with_its_fix(change, message, tmp_path):
    path = tmp_path / "comparison.csv"
    path.write_text(change(to_csv(ScoreRow, [SCORE])), encoding="utf-8")
    with pytest.raises(InputError, match=message) as error:
        read_csv(ScoreRow, path)
    assert str(error.value).startswith(f"{path}: ") and "make it again" in str(error.value)
