"""Coverage of the intervals and false rejections of the paired test: should be 95 % and 5 %.

Simulated benchmarks: each item has a chance of being answered right, drawn from a Beta distribution with the mean score of a model and a
correlation 1/(a+b+1) of .24 to .42 within items, from 3 % (a base model on AIME) to 97 % (a strong one on MATH-500). With one sample an
item the right answers are binomial whatever the items are, and so are the items on which two models differ: ci95 and the test are summed up
exactly there, for the worlds and for all means. Prints Markdown tables; 5 minutes on one core.

`difference` is the interval of a paired difference between models that are alike (chance c for both) and unlike (c and c^1.5).

The table of detectable differences takes two models that differ by just as much as is reported to be detectable, in a report with other
tests that Holm's correction takes into account: 80 % of the draws should detect it.

Example:
    python bench/stats_coverage.py --draws 4000
"""

import sys
from bisect import bisect_left
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import numpy as np
from scipy.special import betaln
from scipy.stats import binom

from distill.base.cli import parser, run
from distill.evaluation import stats

WORLDS = {
    "AIME, base model (3 %)": (0.05, 1.5),
    "AIME, small model (10 %)": (0.15, 1.35),
    "AIME (29 %)": (0.4, 1.0),
    "GPQA (33 %)": (1.0, 2.0),
    "MATH-500 (82 %)": (1.6, 0.35),
    "MATH-500, good model (90 %)": (1.8, 0.2),
    "MATH-500, strong model (97 %)": (3.0, 0.1),
}
ITEMS, SAMPLES = (30, 198, 500), (1, 4, 16, 64)
MEANS = np.arange(0.03, 0.9001, 0.001)
DIFFERING = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)


def coverage_of_one_sample(items: int, means: np.ndarray) -> np.ndarray:
    """The exact coverage of ci95 with one sample an item, at each mean."""
    ends = np.array([stats.ci95((np.arange(items) < right)[:, None].astype(float)) for right in range(items + 1)])
    holds = (ends[:, :1] <= means) & (means <= ends[:, 1:])
    return (binom.pmf(np.arange(items + 1)[:, None], items, means) * holds).sum(axis=0)


def rejections_of_one_sample(items: int, differing: float) -> float:
    """The exact chance that the paired test rejects between like models, where each item differs with chance `differing`."""
    total = 0.0
    for count in range(items + 1):
        weight = binom.pmf(count, items, differing)
        if weight > 1e-9:
            total += weight * 2 * binom.cdf(_most_behind(count), count, 0.5)
    return float(total)


@cache
def _most_behind(count: int) -> int:
    """Of `count` items that differ, how many may be against the better model for the test to reject; -1 for none."""

    def p(behind: int) -> float:
        return stats.sign_flip_p(np.where(np.arange(count) < behind, -1.0, 1.0), 1, seed=0)[0]

    return bisect_left(range((count + 1) // 2), 0.05, key=p) - 1


def answers(chance: np.ndarray, samples: int, rng: np.random.Generator) -> np.ndarray:
    """(items, samples) of 0 and 1 from chances (items,); by counts, since only these matter."""
    right = rng.binomial(samples, chance)
    return (np.arange(samples) < right[:, None]).astype(float)


def intervals(beta: tuple[float, float], items: int, samples: int, draws: int, rng: np.random.Generator) -> tuple[float, float]:
    """How often ci95 and ci95_sampling hold the truth."""
    over_items, over_samples = 0, 0
    for _ in range(draws):
        chance = rng.beta(*beta, items)
        correct = answers(chance, samples, rng)
        low, high = stats.ci95(correct)
        over_items += low <= beta[0] / sum(beta) <= high
        low, high = stats.ci95_sampling(correct) or (0.0, 1.0)
        over_samples += low <= chance.mean() <= high
    return over_items / draws, over_samples / draws


def differences(beta: tuple[float, float], items: int, samples: int, draws: int, rng: np.random.Generator) -> tuple[float, float]:
    """How often the interval of a difference holds the truth, with like and with unlike models."""
    a, b = beta
    gain = a / (a + b) - float(np.exp(betaln(a + 1.5, b) - betaln(a, b)))
    alike, unlike = 0, 0
    for draw in range(draws):
        chance = rng.beta(a, b, items)
        first, second, weaker = (rng.binomial(samples, c) / samples for c in (chance, chance, chance**1.5))
        low, high = stats.bootstrap_ci95(first - second, seed=draw, draws=1000)
        alike += low <= 0 <= high
        low, high = stats.bootstrap_ci95(first - weaker, seed=draw, draws=1000)
        unlike += low <= gain <= high
    return alike / draws, unlike / draws


def rejections(beta: tuple[float, float], items: int, samples: int, draws: int, rng: np.random.Generator) -> float:
    """How often the paired test rejects between like models."""
    rejected = 0
    for draw in range(draws):
        chance = rng.beta(*beta, items)
        first, second = (rng.binomial(samples, chance) / samples for _ in range(2))
        rejected += stats.sign_flip_p(first - second, samples, seed=draw)[0] < 0.05
    return rejected / draws


# The p values of the other tests of a report: none, five that detect nothing, five that detect everything.
OTHER_TESTS = {"none": [], "nothing detected": [0.9] * 5, "all detected": [1e-9] * 5}


def power_at_detectable(items: int, samples: int, others: list[float], draws: int, rng: np.random.Generator) -> tuple[float, float]:
    """The true difference that equals the smallest detectable one that is reported for it, and how often it is then detected."""

    def draw(gain: float) -> np.ndarray:
        chance = rng.beta(2, 2, items) * (1 - gain)
        return (rng.binomial(samples, chance + gain) - rng.binomial(samples, chance)) / samples

    level = stats.holm_levels([1.0, *others])[0]
    gain = 0.2
    for _ in range(10):  # until the difference is the one that is reported for it
        gain = float(np.mean([stats.minimum_detectable(draw(gain), level) for _ in range(50)]))
    detected = [stats.holm([stats.sign_flip_p(draw(gain), samples, seed=0)[0], *others])[0] < stats.ALPHA for _ in range(draws)]
    return gain, float(np.mean(detected))


def row(beta: tuple[float, float], items: int, samples: int, draws: int, rng: np.random.Generator) -> list[float]:
    if samples == 1:
        a, b = beta
        covered = float(coverage_of_one_sample(items, np.array([a / (a + b)]))[0])
        rejected = rejections_of_one_sample(items, 2 * a * b / ((a + b) * (a + b + 1)))
        return [covered, np.nan, *differences(beta, items, samples, draws // 4, rng), rejected]
    return [
        *intervals(beta, items, samples, draws, rng),
        *differences(beta, items, samples, draws // 4, rng),
        rejections(beta, items, samples, draws, rng),
    ]


def main() -> None:
    parse = parser(__doc__)
    parse.add_argument("--draws", type=int, default=4000, help="simulated benchmarks a cell; a quarter of it for the bootstrap")
    parse.add_argument("--seed", type=int, default=0)
    given = parse.parse_args()
    print("One sample an item: ci95 over all means from 3 to 90 %.\n")
    print("| items | average | lowest | highest | means with 93 to 97 % |\n|---|---|---|---|---|")
    for items in ITEMS:
        exact = coverage_of_one_sample(items, MEANS)
        good = ((exact >= 0.93) & (exact <= 0.97)).mean()
        print(f"| {items} | {exact.mean():.1%} | {exact.min():.1%} | {exact.max():.1%} | {good:.0%} |")
    print("\nOne sample an item: how often the paired test rejects, by the share of items on which two like models differ.\n")
    print(f"| items | {' | '.join(f'{share:.0%}' for share in DIFFERING)} |\n|---|{'---|' * len(DIFFERING)}")
    for items in ITEMS:
        print(f"| {items} | {' | '.join(f'{rejections_of_one_sample(items, share):.1%}' for share in DIFFERING)} |")
    print("\nThe smallest detectable difference: what is reported, and how often a true difference of that size is detected.\n")
    print("| items | samples | other tests of the report | reported | detected |\n|---|---|---|---|---|", flush=True)
    for items in ITEMS:
        for samples in (1, 4, 16):
            for name, others in OTHER_TESTS.items():
                rng = np.random.default_rng([given.seed, items, samples])
                reported, detected = power_at_detectable(items, samples, others, given.draws // 4, rng)
                print(f"| {items} | {samples} | {name} | {100 * reported:.1f} points | {detected:.1%} |", flush=True)
    print("\n| world | items | samples | ci95 | ci95_sampling | difference, alike | difference, unlike | test rejects |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for world, (name, beta) in enumerate(WORLDS.items()):
        for items in ITEMS:
            for samples in SAMPLES:
                rng = np.random.default_rng([given.seed, world, items, samples])
                shares = row(beta, items, samples, given.draws, rng)
                cells = ["" if np.isnan(share) else f"{share:.1%}" for share in shares]
                print(f"| {name} | {items} | {samples} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    run(main)
