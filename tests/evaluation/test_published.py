"""When a published number is reproduced."""

import csv
import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scored_models import summary

from distill.base.errors import InputError
from distill.evaluation.published import PublishedScore, check, random_effects, read_published

PUBLISHED = Path(__file__).parents[2] / "config/published.csv"


def number(value: float, samples: int | None = 64, metric: str = "pass@1") -> PublishedScore:
    return PublishedScore("r1", "math_500", "deepseek", metric, value, samples, "DeepSeek")


@pytest.mark.parametrize(
    ("published", "found", "verdict"),
    [
        (number(0.839), summary(0.835, samples=4, sampling=(0.82, 0.85)), "reproduced"),
        (number(0.839), summary(0.80, samples=4, sampling=(0.785, 0.815)), "not reproduced"),
        (number(0.839, samples=1), summary(0.80, samples=4, sampling=(0.78, 0.82)), "reproduced"),  # theirs is the uncertain one
        (number(0.289), summary(0.30, n=30), "undecidable"),
        (number(0.289), summary(0.90, n=30), "not reproduced"),
        (number(0.839), summary(0.80, n=5000), "not reproduced"),
        (number(0.80, metric="maj@4"), summary(0.5, n=5000, samples=4, sampling=(0.49, 0.51), **{"maj@n": 0.79}), "reproduced"),
    ],
)
def test_a_published_number_is_checked_with_both_uncertainties(published, found, verdict):
    assert check(published, found).verdict == verdict


def test_a_metric_that_we_have_not_is_not_checked():
    assert check(number(0.8, metric="maj@64"), summary(0.8, samples=4)) is None


def test_the_published_file_holds_what_the_sources_say():
    rows = {(row.model, row.benchmark, row.protocol, row.metric, row.source[:8]): row.value for row in read_published(PUBLISHED)}
    distilled, base = "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", "Qwen/Qwen2.5-Math-1.5B"
    assert rows[distilled, "aime24", "deepseek", "pass@1", "deepseek"] == 0.289
    assert rows[distilled, "math_500", "open_r1", "pass@1", "huggingf"] == 0.831
    assert rows[base, "gpqa_diamond", "tutorial", "pass@1", "the Deep"] == 0.2575
    assert len(rows) > 80


@pytest.mark.parametrize("seed", range(6))
def test_the_random_effects_estimate_is_that_of_statsmodels(seed):
    """Its iterated estimator is Paule and Mandel's; the standard error is that of its fixed weights at that variance."""
    combine = pytest.importorskip("statsmodels.stats.meta_analysis").combine_effects
    generator = np.random.default_rng(seed)
    variances = generator.uniform(0.0001, 0.0009, 4 + seed)
    values = generator.normal(0.3, 0.02 * seed, len(variances)) + generator.normal(0, np.sqrt(variances))
    found = combine(values, variances, method_re="iterated")
    mean, error, between = random_effects(list(values), list(variances))
    assert between == pytest.approx(found.tau2, abs=1e-8)
    assert (mean, error) == pytest.approx((found.mean_effect_re, found.sd_eff_w_re), rel=1e-4)


DATA = os.environ.get("DISTILL_REAL_DATA", "")
# Left out of the published scores: answers that were cut at 12,000 tokens, and a number whose page names no evaluation.
LEFT_OUT = {("nvidia/OpenMath-Nemotron-1.5B", "cut at 12000 tokens"), ("microsoft/Phi-4-mini-reasoning (3.8B)", "maker")}


@pytest.mark.skipif(not DATA, reason="DISTILL_REAL_DATA is not set")
def test_the_published_file_has_the_scores_of_all_evaluators_with_their_spreads():
    def points(value: str | float | None) -> float | None:
        return round(float(value), 2) if value not in ("", None) else None

    ours = {
        (
            row.model,
            row.benchmark,
            row.metric,
            points(100 * row.value),
            row.samples,
            points(row.spread and 100 * row.spread),
            row.spread_kind,
        )
        for row in read_published(PUBLISHED)
    }
    with open(Path(DATA) / "tables/evaluators.csv", encoding="utf-8", newline="") as file:
        theirs = [row for row in csv.DictReader(file) if (row["model"], row["protocol"]) not in LEFT_OUT]
    assert len(theirs) > 60
    for row in theirs:
        said, _, spread = row["stderr_or_ci"].partition(" ")
        kind = {"": "", "sd_between_seeds": "sd_seeds", "se_over_runs": "se_runs"}[said]
        known = row["model"].partition(" (")[0], row["benchmark"], row["metric"], points(row["value"])
        assert (*known, int(row["samples"]) if row["samples"] else None, points(spread), kind) in ours


@pytest.mark.parametrize(
    ("name", "items", "evaluators", "between", "low", "high"),
    [
        ("aime24", 30, 9, (0.014, 0.019), 0.266, 0.332),
        ("math_500", 500, 5, (0.009, 0.012), 0.82, 0.849),
        ("gpqa_diamond", 198, 3, (0.012, 0.018), 0.338, 0.38),
    ],
)
def test_evaluators_of_r1_distill_qwen_1p5b_differ_by_one_to_two_points(name, items, evaluators, between, low, high):
    """The standard deviation between them, without what chance explains: 1.7 on AIME 2024, 1.1 on MATH-500 and 1.7 on GPQA with it."""
    rows = read_published(PUBLISHED)
    mine = [row for row in rows if (row.model, row.benchmark, row.metric) == ("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", name, "pass@1")]
    assert (min(row.value for row in mine if row.samples != 1), max(row.value for row in mine)) == pytest.approx((low, high))
    deepseek = next(row for row in mine if row.protocol == "deepseek")
    half = 1.96 * math.sqrt(deepseek.value * (1 - deepseek.value) / 2 / items / 64)
    ours = summary(deepseek.value, items, 64, (deepseek.value - half, deepseek.value + half))
    found = check(deepseek, ours, rows).evaluators
    assert found.number == evaluators and between[0] < found.spread < between[1]


NINE = (0.289, 0.268, 0.287, 0.299, 0.291, 0.332, 0.266, 0.307, 0.2935)


def evaluated(values: tuple[float, ...], samples: int = 64, benchmark: str = "aime24", **more) -> list[PublishedScore]:
    known = ("r1", benchmark, "deepseek", "pass@1")
    return [PublishedScore(*known, value, samples, f"evaluator{place}", **more) for place, value in enumerate(values)]


def aime(p: float) -> dict:
    return summary(p, 30, 64, (p - 0.02, p + 0.02))


@pytest.mark.parametrize(
    ("ours", "others", "verdict", "below"),
    [
        (0.29, NINE, "reproduced", 4),
        (0.325, NINE, "reproduced", 8),  # further from DeepSeek's than chance takes it, but evaluators are
        (0.36, NINE, "not reproduced", 9),
        (0.325, NINE[:2], "not reproduced", None),  # two do not show how much evaluators differ
        (0.30, (0.289, 0.5, 0.1, 0.9), "reproduced", 2),  # they did not measure the same: DeepSeek's number decides
    ],
)
def test_a_score_is_reproduced_where_evaluators_are_expected(ours, others, verdict, below):
    scores = evaluated(others)
    found = check(scores[0], aime(ours), scores)
    assert (found.verdict, found.evaluators and found.evaluators.below) == (verdict, below)


def test_scores_of_one_evaluator_count_once_and_greedy_ones_apart():
    several = [replace(row, source="a/b line 1") for row in evaluated((0.28, 0.3, 0.31))]
    assert check(several[0], aime(0.29), several).evaluators is None
    greedy = evaluated((0.3, 0.33, 0.36), samples=1)
    found = check(several[0], aime(0.29), [*several, *greedy, *evaluated((0.27, 0.33))])
    assert (found.evaluators.number, found.evaluators.below) == (3, 1)


def test_a_spread_over_seeds_replaces_the_guess_of_the_sampling_variance():
    wide, narrow = (evaluated((0.25,), samples=10, spread=spread, spread_kind="sd_seeds")[0] for spread in (0.12, 0.01))
    assert check(wide, aime(0.29)).low < 0 < check(narrow, aime(0.29)).low


def test_evalchemys_gpqa_is_never_compared():
    (wrong,) = [replace(row, protocol="evalchemy") for row in evaluated((0.3,), benchmark="gpqa_diamond")]
    others = evaluated((0.3, 0.31, 0.32), benchmark="gpqa_diamond")
    assert check(wrong, summary(0.3, 198), others).verdict == "not compared"
    assert check(others[0], summary(0.3, 198, 8, (0.29, 0.31)), [*others, wrong]).evaluators.number == 3


HEAD = "model,benchmark,protocol,metric,value_percent,samples,source"


@pytest.mark.parametrize("head", [HEAD, HEAD.replace("value_percent", "value")], ids=["value_percent", "value, as it was called before"])
def test_published_values_are_percent(tmp_path, head):
    path = tmp_path / "published.csv"
    path.write_text(f"{head}\na,b,c,pass@1,25.75,,s\n")
    assert read_published(path) == [PublishedScore("a", "b", "c", "pass@1", 0.2575, None, "s")]
    path.write_text(f"{head},spread,spread_kind\na,b,c,pass@1,25.75,,s,,\na,b,c,pass@1,25.75,10,s,4.8,sd_seeds\n")
    assert [(row.spread, row.spread_kind) for row in read_published(path)] == [(None, ""), (0.048, "sd_seeds")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model,benchmark\n", "no column 'protocol'"),
        (f"{HEAD}\na,b,c,pass@1,x,1,s\n", "line 2: value_percent, samples and spread must be numbers"),
        (f"{HEAD}\na,b,c,pass@1,839,1,s\n", "line 2: 839 is no percentage"),
        (f"{HEAD},spread,spread_kind\na,b,c,pass@1,83,1,s,2,sd\n", "line 2: spread_kind is 'sd': use one of sd_seeds, se_runs"),
        (f"{HEAD},spread,spread_kind\na,b,c,pass@1,83,1,s,2,\n", "line 2: spread_kind is '': use one of sd_seeds, se_runs"),
    ],
)
def test_a_broken_published_file_is_named(tmp_path, text, message):
    path = tmp_path / "published.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as error:
        read_published(path)
    assert str(path) in str(error.value)
