"""Scores and their uncertainty: against scipy where it has the same, against simulation where it has not."""

import itertools
import math
import runpy
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats as scipy_stats

from distill.base.errors import InputError
from distill.evaluation import stats

bench = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[2] / "bench/stats_coverage.py")))


def answers(items: int, samples: int, a: float, b: float, rng: np.random.Generator) -> np.ndarray:
    """(items, samples) of 0 and 1; the chance of an item is drawn from Beta(a, b)."""
    return (rng.random((items, samples)) < rng.beta(a, b, (items, 1))).astype(float)


def test_pass_at_1_is_the_mean_over_items_of_the_mean_over_samples():
    assert stats.pass_at_1(np.array([[1.0, 0.0], [1.0, 1.0]])) == 0.75


@pytest.mark.parametrize(("right", "n"), [(0, 30), (1, 30), (15, 30), (30, 30), (415, 500)])
def test_one_sample_an_item_gives_wilsons_interval(right, n):
    correct = np.array([[1.0]] * right + [[0.0]] * (n - right))
    theirs = scipy_stats.binomtest(right, n).proportion_ci(0.95, method="wilson")
    assert stats.ci95(correct) == pytest.approx((theirs.low, theirs.high))


def test_statsmodels_agrees():
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    assert stats.wilson(0.3, 30, 1.959963984540054) == pytest.approx(proportion.proportion_confint(9, 30, method="wilson"))


def test_many_like_items_give_the_t_interval():
    correct = answers(500, 64, 5, 5, np.random.default_rng(0))
    means = correct.mean(axis=1)
    theirs = scipy_stats.t.interval(0.95, 499, means.mean(), means.std(ddof=1) / math.sqrt(500))
    assert stats.ci95(correct) == pytest.approx(theirs, abs=0.001)


def test_the_sampling_interval_holds_the_items_fixed():
    certain = np.repeat([[1.0], [0.0]], 50, axis=0).repeat(8, axis=1)
    low, high = stats.ci95_sampling(certain)
    assert high - low < 0.1 < np.diff(stats.ci95(certain))[0]
    assert stats.ci95_sampling(np.ones((5, 1))) is None


@pytest.mark.parametrize("correct", [np.zeros((30, 4)), np.ones((30, 4)), np.zeros((1, 1)), np.ones((1, 8)), np.array([[1.0, 0.0]] * 3)])
def test_extreme_scores_have_an_interval_of_some_width_within_0_and_1(correct):
    for low, high in (stats.ci95(correct), *filter(None, [stats.ci95_sampling(correct)])):
        assert 0 <= low < high <= 1
        assert low <= stats.pass_at_1(correct) <= high


@pytest.mark.parametrize(("n", "right", "k"), [(4, 1, 1), (4, 1, 2), (4, 3, 2), (5, 0, 3), (5, 5, 5), (6, 2, 4), (64, 10, 8)])
def test_pass_at_k_is_the_share_of_all_choices_of_k_that_hold_a_right_one(n, right, k):
    samples = [1.0] * right + [0.0] * (n - right)
    assert stats.pass_at_k(np.array([samples]), k) == pytest.approx(1 - math.comb(n - right, k) / math.comb(n, k))
    if n < 10:
        chosen = list(itertools.combinations(samples, k))
        assert stats.pass_at_k(np.array([samples]), k) == pytest.approx(sum(any(some) for some in chosen) / len(chosen))


def test_pass_at_k_is_refused_where_there_are_fewer_samples():
    with pytest.raises(InputError, match="pass@8: needs 8 samples an item and there are 4"):
        stats.pass_at_k(np.ones((3, 4)), 8)


@pytest.mark.parametrize(
    ("given", "right", "value"),
    [
        (["4", "4", "5"], [True, True, False], 1.0),
        (["4", "5", "5"], [True, False, False], 0.0),
        (["4", "5"], [True, False], 0.5),
        (["4", None, None], [True, False, False], 1.0),
        ([None, None], [False, False], 0.0),
        ([r"\dfrac{1}{2}", r"\frac{1} {2}", "3", "4"], [True, True, False, False], 1.0),
    ],
)
def test_the_majority_of_answers_decides(given, right, value):
    assert stats.majority(given, right) == value


def test_one_sample_an_item_gives_mcnemars_mid_p():
    first, second = np.array([1.0] * 12 + [0.0] * 18), np.array([0.0] * 9 + [1.0] * 3 + [1.0] * 2 + [0.0] * 16)
    ahead, behind = 9, 2
    exact = scipy_stats.binomtest(ahead, ahead + behind).pvalue
    mid = exact - scipy_stats.binom.pmf(behind, ahead + behind, 0.5)
    assert stats.sign_flip_p(first - second, 1, 0) == (pytest.approx(mid), True)


def test_several_samples_give_the_exact_permutation_test():
    differences = np.array([0.25, 0.5, -0.25, 0.75, 0.25, 0.0, 0.5, 1.0])
    theirs = scipy_stats.permutation_test((differences,), np.sum, permutation_type="samples", n_resamples=np.inf)
    null = np.abs(theirs.null_distribution)
    mid = (null > abs(differences.sum())).mean() + (null == abs(differences.sum())).mean() / 2
    assert stats.sign_flip_p(differences, 4, 0) == (pytest.approx(mid), True)


def test_monte_carlo_agrees_with_the_exact_test(monkeypatch):
    rng = np.random.default_rng(1)
    differences = answers(50, 4, 1, 1, rng).mean(axis=1) - answers(50, 4, 1, 1, rng).mean(axis=1)
    exact, _ = stats.sign_flip_p(differences, 4, 0)
    monkeypatch.setattr(stats, "_MAX_EXACT", 0)
    assert stats.sign_flip_p(differences, 4, 0) == (pytest.approx(exact, abs=0.01), False)


@pytest.mark.parametrize("items", [4, 30, 198, 500])
def test_models_that_agree_everywhere_are_not_told_apart(items):
    """And what is said to be detectable lies beyond what the interval leaves possible."""
    same = np.ones((items, 1))
    found = stats.compare(same, same, seed=0)
    assert (found.value, found.p) == (0.0, 1.0)
    assert found.low < 0 < found.high
    assert stats.minimum_detectable(found.by_item) >= found.high


def test_a_comparison_is_repeatable_and_turns_round():
    rng = np.random.default_rng(2)
    a, b = answers(100, 4, 2, 1, rng), answers(100, 8, 1, 1, rng)
    assert stats.compare(a, b, 7) == stats.compare(a, b, 7)
    there, back = stats.compare(a, b, 7), stats.compare(b, a, 7)
    assert (there.value, there.p) == (-back.value, back.p)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=0.01)


def test_a_comparison_wants_the_same_items():
    with pytest.raises(InputError, match="3 and 2 given"):
        stats.compare(np.ones((3, 1)), np.ones((2, 1)), 0)


def test_holm_corrects_as_in_his_paper():
    assert stats.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert stats.holm([0.9, 0.8]) == [1.0, 1.0]
    assert stats.holm([]) == []


def test_holms_level_is_where_a_test_turns_from_not_rejected_to_rejected():
    rng = np.random.default_rng(8)
    for _ in range(200):
        p = list(rng.random(rng.integers(1, 8)) ** 4)
        for place, level in enumerate(stats.holm_levels(p)):
            below, above = ([*p[:place], level * factor, *p[place + 1 :]] for factor in (1 - 1e-9, 1 + 1e-9))
            assert stats.holm(below)[place] < stats.ALPHA <= stats.holm(above)[place]


def test_fewer_items_than_any_test_could_reject_with_detect_no_difference():
    assert stats.minimum_detectable(np.array([1.0, 0.0, 0.0, 0.0])) == 1.0


@pytest.mark.parametrize("others", bench.OTHER_TESTS.values(), ids=list(bench.OTHER_TESTS))
@pytest.mark.parametrize(("items", "samples"), [(30, 1), (30, 16), (198, 1), (198, 4), (500, 1)])
def test_the_detectable_difference_is_detected_four_times_out_of_five(items, samples, others):
    """Whatever else the report tests. Of 400 draws a share of .8 is known to .02; few items make the exact test jump by more than that."""
    _, detected = bench.power_at_detectable(items, samples, others, 400, np.random.default_rng([9, items, samples]))
    assert 0.72 <= detected <= 0.92


# The fast part of bench/stats_coverage.py, which prints the whole table. Of 1500 draws a share of .95 is known to .006: what covers as it
# should lies three such errors within .93 and .97.
CLAIMED = {name: beta for name, beta in bench.WORLDS.items() if 0.1 <= beta[0] / sum(beta) <= 0.9}


@pytest.mark.parametrize(("items", "samples"), list(itertools.product((30, 198, 500), (4, 16, 64))))
def test_intervals_cover_the_truth_as_often_as_they_say(items, samples):
    rng = np.random.default_rng([4, items, samples])
    found = np.array([bench.intervals(beta, items, samples, 300, rng) for beta in CLAIMED.values()])
    for share in found.mean(axis=0):
        assert 0.93 <= share <= 0.97


@pytest.mark.parametrize("items", [30, 198, 500])
def test_wilsons_interval_covers_the_truth_as_often_as_it_says(items):
    """Exactly: the right answers are binomial. Of 30 they are so few that a single mean may lie outside; the average may not."""
    covered = bench.coverage_of_one_sample(items, bench.MEANS)
    assert 0.93 <= covered.mean() <= 0.97
    within = (covered >= 0.93) & (covered <= 0.97)
    assert within.all() if items > 30 else within.mean() > 0.9


@pytest.mark.parametrize("samples", [4, 16, 64])
def test_with_few_items_that_are_ever_right_the_interval_errs_to_the_safe_side(samples):
    share, _ = bench.intervals((0.05, 1.5), 30, samples, 600, np.random.default_rng(6))
    assert share >= 0.95


@pytest.mark.parametrize("items", [198, 500])
@pytest.mark.parametrize("differing", [0.1, 0.3])
def test_mcnemars_test_rejects_a_true_null_as_often_as_it_says(items, differing):
    """Exactly: the number of items that differ is binomial, and so is who is ahead on them."""
    assert 0.04 <= bench.rejections_of_one_sample(items, differing) <= 0.06


def test_with_30_items_and_one_sample_the_test_is_careful():
    """It cannot reject at all where fewer than 5 items differ, and between two neighbouring p values it takes the one that is safe."""
    rates = [bench.rejections_of_one_sample(30, differing) for differing in (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)]
    assert rates == sorted(rates)
    assert rates[0] < 0.01
    assert 0.04 <= rates[3] <= rates[-1] <= 0.05


def test_the_paired_test_rejects_a_true_null_as_often_as_it_says():
    """Of 2400 draws a share of .05 is known to .0045, so that .04 to .06 is more than two such errors."""
    rng = np.random.default_rng(5)
    worlds = bench.WORLDS["AIME (29 %)"], bench.WORLDS["GPQA (33 %)"]
    cells = [(30, 4), (30, 16), (30, 64), (198, 4), (198, 16), (500, 4)]
    assert 0.04 <= np.mean([bench.rejections(world, *cell, 200, rng) for world in worlds for cell in cells]) <= 0.06


def test_random_signs_take_no_more_memory_for_more_items():
    """4,000 items of 1,001 samples: all signs of all draws at once would be 400 MB."""
    differences = np.random.default_rng(0).integers(-1001, 1002, 4000) / 1001
    tracemalloc.start()
    p, exact = stats.sign_flip_p(differences, 1001, 0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0 < p <= 1 and not exact
    assert peak < 20_000_000


def test_a_common_divisor_of_the_differences_keeps_the_test_exact():
    """Ten million units in all, but each difference is a multiple of 1,000 of them."""
    differences = np.where(np.arange(100) < 60, 0.1, -0.1)
    assert stats.sign_flip_p(differences, 1_000_000, 0) == stats.sign_flip_p(differences, 10, 0)
    assert stats.sign_flip_p(differences, 1_000_000, 0)[1]
