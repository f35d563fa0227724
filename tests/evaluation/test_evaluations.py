"""Scores that cannot be right are flagged."""

from dataclasses import replace

import pytest
from scored_models import BENCHMARK, summary

from distill.evaluation.evaluations import ComparedBenchmark, flags_of
from distill.evaluation.published import PublishedScore


@pytest.mark.parametrize(
    ("found", "compared", "flags"),
    [
        (summary(0.5), BENCHMARK, []),
        (summary(0.5, flags=["all golds are A"]), BENCHMARK, ["all golds are A"]),
        (summary(0.5, samples=1), ComparedBenchmark("math_500", "", n_samples=4), ["1 samples an item where its protocol promises 4"]),
        (
            summary(0.99),
            BENCHMARK,
            ["far above every published score (94.5%); add to the published scores what is known of this benchmark"],
        ),
        (summary(0.97), BENCHMARK, []),
        (summary(0.5), replace(BENCHMARK, items=500), []),
        (summary(0.5), replace(BENCHMARK, items=499), ["500 items where its configuration says 499: look at its source"]),
        (summary(0.99), ComparedBenchmark("mini_math", ""), []),
    ],
)
def test_what_cannot_be_right_is_flagged(found, compared, flags):
    published = [PublishedScore("a", "math_500", "deepseek", "pass@1", value, 64, "") for value in (0.839, 0.945)]
    assert flags_of(found, compared, published) == flags
