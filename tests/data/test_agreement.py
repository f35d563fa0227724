"""Cohen's kappa of two judges, held against scikit-learn, statsmodels and a simulation."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa

from distill.data.agreement import agreement, in_words

CELLS = ((True, True), (True, False), (False, True), (False, False))


def pairs(*counts: int) -> list[tuple[bool, bool]]:
    return [cell for cell, count in zip(CELLS, counts, strict=True) for _ in range(count)]


@pytest.mark.parametrize("counts", [(45, 15, 25, 15), (80, 5, 5, 10), (1, 0, 0, 1), (20, 10, 0, 30), (0, 7, 9, 0)])
def test_kappa_is_that_of_scikit_learn(counts):
    given = pairs(*counts)
    found = agreement(given)
    assert found.kappa == pytest.approx(cohen_kappa_score(*zip(*given, strict=True)), abs=5e-4)
    assert (found.both, found.first, found.second, found.neither, found.rows) == (*counts, sum(counts))


@pytest.mark.parametrize("counts", [(450, 150, 250, 150), (800, 50, 50, 100)])
def test_with_many_rows_the_interval_is_that_of_the_asymptotic_variance(counts):
    both, first, second, neither = counts
    usual = cohens_kappa(np.array([[both, first], [second, neither]]))
    assert agreement(pairs(*counts)).ci95 == pytest.approx((usual.kappa_low, usual.kappa_upp), abs=0.01)


def test_a_handful_of_rows_on_which_both_agree_prove_little():
    low, high = agreement(pairs(3, 0, 0, 2)).ci95
    assert low < 0.5 and high < 1


def test_the_interval_holds_the_true_kappa_about_95_times_out_of_100():
    shares, rng = np.array([0.55, 0.1, 0.1, 0.25]), np.random.default_rng(1)
    chance = 0.65 * 0.65 + 0.35 * 0.35
    truth = (0.8 - chance) / (1 - chance)
    held = [low <= truth <= high for low, high in (agreement(pairs(*rng.multinomial(40, shares))).ci95 for _ in range(300))]
    assert 0.92 <= np.mean(held) <= 0.98


@pytest.mark.parametrize("counts", [(5, 0, 0, 0), (0, 0, 0, 4), (0, 0, 0, 0)])
def test_where_both_say_the_same_of_every_row_there_is_no_kappa(counts):
    found = agreement(pairs(*counts))
    assert (found.kappa, found.ci95) == (None, None)
    assert "not defined" in in_words(found)


def test_the_words_have_kappa_and_interval():
    assert in_words(agreement(pairs(45, 15, 25, 15))).startswith("Cohen's kappa 0.13, 95 % interval -0.")
