"""Scores with their uncertainty, and comparisons of two models item by item. numpy and scipy only; shapes are (items, samples)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtri, stdtrit  # quantiles of beta, normal and t; scipy.stats takes a second to import

from distill.base.errors import InputError

Floats = NDArray[np.float64]
LEVEL = 0.95  # of intervals
ALPHA = 0.05  # of tests: a difference is detected where its corrected p value is below
POWER = 0.8  # "four times out of five"
_UPPER = 0.5 + LEVEL / 2
Z95 = float(ndtri(_UPPER))  # 1.96, the 97.5 % quantile of the normal distribution
_JEFFREYS = 1 / 8  # the variance of Beta(1/2, 1/2)
# The exact sign-flip distribution is held as an array over all sums of the differences in units of 1/samples; beyond this, Monte Carlo.
_MAX_EXACT = 1_000_000
DRAWS = 100_000  # of that Monte Carlo
_BLOCK = 1_000_000  # signs that are drawn at once


def pass_at_1(correct: Floats) -> float:
    """The mean over items of the mean over samples; correct is (items, samples), 0 or 1."""
    return float(correct.mean(axis=1).mean())


def wilson(p: float, n: float, z: float) -> tuple[float, float]:
    """The score interval of Wilson (1927), https://doi.org/10.1080/01621459.1927.10502953, for a share p of n and a normal quantile z."""
    center = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return min(max(center - half, 0.0), p), max(min(center + half, 1.0), p)  # p itself may stick out by a rounding error


def ci95(correct: Floats) -> tuple[float, float]:
    """The 95 % interval of pass@1 with the items as a sample of all possible items.

    Wilson's interval where there is one sample an item. With several, the samples of an item are a cluster: Wilson's interval with the
    effective number of answers p(1-p) / var(item means) * items (Korn and Graubard 1998, Survey Methodology 24) and the t quantile of
    items - 1. Where nearly all items are wrong (or right) the few others hold all of the variance, and a sample that has missed them would
    seem sure of itself: so one more item is averaged in, whose chance is drawn from Jeffreys' prior Beta(1/2, 1/2), of variance 1/8. The
    effective number is at least the items, as if each were always right or always wrong. bench/stats_coverage.py shows what that gives.
    """
    return ci95_of_means(correct.mean(axis=1), correct.shape[1])


def ci95_of_means(means: Floats, samples: int) -> tuple[float, float]:
    """The same from a share for each item (items,), known as well as by so many answers to it.

    For pass@k and maj@k of n samples these are n // k: so many choices of k samples do not overlap.
    """
    n, p = len(means), float(means.mean())
    if samples == 1 or n == 1 or p in (0.0, 1.0):
        return wilson(min(max(p, 0.0), 1.0), n, Z95)
    variance = (float(((means - p) ** 2).sum()) + _JEFFREYS) / n
    effective = min(max(n * p * (1 - p) / variance, n), n * samples)
    return wilson(p, effective, float(stdtrit(n - 1, _UPPER)))


def ci95_sampling(correct: Floats) -> tuple[float, float] | None:
    """The 95 % interval of pass@1 on these same items, if they were answered again; None with one sample an item, which cannot show it.

    Wilson's interval with the effective number p(1-p) / var, where var is the unbiased variance within items,
    sum of m(1-m)/(samples-1) over squared items.
    """
    n, samples = correct.shape
    if samples == 1:
        return None
    means = correct.mean(axis=1)
    p = float(means.mean())
    variance = float((means * (1 - means)).sum()) / (samples - 1) / n**2
    effective = p * (1 - p) / variance if variance > 0 else n * samples
    return wilson(p, effective, Z95)


def pass_at_k(correct: Floats, k: int) -> float:
    """The mean over items of `pass_at_k_by_item`."""
    return float(pass_at_k_by_item(correct, k).mean())


def pass_at_k_by_item(correct: Floats, k: int) -> Floats:
    """The unbiased estimate 1 - C(n-c, k) / C(n, k) of Chen et al. (2021), https://arxiv.org/abs/2107.03374, for each item (items,)."""
    n = correct.shape[1]
    if not 1 <= k <= n:
        raise InputError(f"pass@{k}: needs {k} samples an item and there are {n}: raise n_samples or ask for pass@{n}")
    wrong = n - correct.sum(axis=1)
    at_least = np.arange(n - k + 1, n + 1)  # C(w, k) / C(n, k) = product over j of (w - n + j) / j
    return 1 - np.prod(np.clip(wrong[:, None] - n + at_least, 0, None) / at_least, axis=1)


def majority(answers: Sequence[str | None], correct: Sequence[bool]) -> float:
    """Whether the most frequent answer of one item is right; answers that tie share the vote, samples without an answer have none."""
    votes, right = tally(answers, correct)
    first = [place for place, count in enumerate(votes) if count == max(votes)]
    return sum(right[place] for place in first) / len(first) if first else 0.0


def tally(answers: Sequence[str | None], correct: Sequence[bool]) -> tuple[tuple[int, ...], tuple[bool, ...]]:
    """The votes for each answer to one item, and whether it is right, in the order in which the answers occur."""
    votes: dict[str, int] = {}
    right: dict[str, bool] = {}
    for answer, is_right in zip(answers, correct, strict=True):
        if answer is not None:
            key = "".join(answer.replace(r"\dfrac", r"\frac").replace(r"\left", "").replace(r"\right", "").split())
            votes[key] = votes.get(key, 0) + 1
            right[key] = right.get(key, False) or is_right
    return tuple(votes.values()), tuple(right.values())


@lru_cache(maxsize=4096)
def majority_at_k(votes: tuple[int, ...], right: tuple[bool, ...], n: int) -> tuple[float, ...]:
    """The chance that the majority of k of the n samples of one item is right, for k = 1 to n: the mean over all C(n, k) choices, exact.

    `votes` and `right` as `tally` returns them. For each right answer and each number m of votes with which it can win, the ways in which
    no other answer has more are the coefficients of a product of polynomials in the number of samples drawn; answers that tie share the
    vote, as in `majority`.
    """
    ways = np.zeros(n + 1)
    silent = _combinations(n - sum(votes))
    for place, own in enumerate(votes):
        others = [*votes[:place], *votes[place + 1 :]]
        for m in range(1, own + 1) if right[place] else ():
            for ties, rest in enumerate(_no_more_than(others, m)):
                drawn = math.comb(own, m) * np.convolve(rest, silent) / (1 + ties)
                ways[m : m + len(drawn)] += drawn
    return tuple(float(ways[k] / math.comb(n, k)) for k in range(1, n + 1))


def _combinations(count: int) -> Floats:
    return np.array([math.comb(count, drawn) for drawn in range(count + 1)], dtype=float)


def _no_more_than(votes: Sequence[int], m: int) -> list[Floats]:
    """By the number of answers that have exactly m votes, the ways to draw 0, 1, .. samples so that no answer has more than m."""
    found = [np.ones(1)]
    for count in votes:
        ways = _combinations(count)
        fewer, tied = [np.convolve(rest, ways[:m]) for rest in found], []
        if count >= m:
            tied = [np.append(np.zeros(m), rest) * ways[m] for rest in found]
        found = [_sum(*some) for some in zip_longest(fewer, [np.zeros(1), *tied], fillvalue=np.zeros(1))] if tied else fewer
    return found


def _sum(a: Floats, b: Floats) -> Floats:
    """The sum of two polynomials."""
    short, long = sorted((a, b), key=len)
    return long + np.append(short, np.zeros(len(long) - len(short)))


def agreement(votes: Sequence[int], n: int) -> float:
    """The share of pairs of the n samples of one item that give the same answer; a sample without an answer agrees with none."""
    return sum(count * (count - 1) for count in votes) / (n * (n - 1))


@dataclass(frozen=True)
class PairedDifference:
    """a minus b over the same items: `low` and `high` its 95 % interval, `p` two-sided, `by_item` the differences per item (items,).

    `exact`: p is of all 2^items signs, and not of so many random ones.
    """

    value: float
    low: float
    high: float
    p: float
    exact: bool
    by_item: Floats = field(compare=False, repr=False)


def compare(a: Floats, b: Floats, seed: int) -> PairedDifference:
    """Two models on the same items, (items, samples of a) and (items, samples of b)."""
    if len(a) != len(b):
        raise InputError(f"a comparison needs the same items: {len(a)} and {len(b)} given: grade both models on one prompts file")
    by_item = a.mean(axis=1) - b.mean(axis=1)
    low, high = bootstrap_ci95(by_item, seed)
    p, exact = sign_flip_p(by_item, math.lcm(a.shape[1], b.shape[1]), seed)
    return PairedDifference(float(by_item.mean()), low, high, p, exact, by_item)


def bootstrap_ci95(differences: Floats, seed: int, draws: int = 10_000) -> tuple[float, float]:
    """The percentile interval of the mean of paired differences (Efron and Tibshirani 1993, ch. 13), items drawn with replacement.

    The quantiles are moved away from the mean by t / z * sqrt(n / (n-1)), since percentiles are too narrow for small n
    (Hesterberg 2015, https://doi.org/10.1080/00031305.2015.1089789, section 3.2). Where two models agree on every item there is nothing to
    draw from: then no more than 1 - .025^(1/n) of all items differ, by the interval of Clopper and Pearson (1934) for none of n.
    """
    n = len(differences)
    mean = float(differences.mean())
    if not differences.any():
        most = 1 - (1 - _UPPER) ** (1 / n)
        return -most, most
    if n < 2:
        return -1.0, 1.0
    values, counts = np.unique(differences, return_counts=True)  # few: multiples of 1/samples
    means = np.random.default_rng(seed).multinomial(n, counts / n, size=draws) @ values / n
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    wider = float(stdtrit(n - 1, _UPPER)) / Z95 * math.sqrt(n / (n - 1))
    return max(mean - (mean - float(low)) * wider, -1.0), min(mean + (float(high) - mean) * wider, 1.0)


def sign_flip_p(differences: Floats, units: int, seed: int, draws: int = DRAWS) -> tuple[float, bool]:
    """(two-sided mid-p value of the paired sign-flip test, whether it is exact).

    Were the two models alike, each difference could as well have the other sign. Exact where the differences are multiples of 1/units, by
    adding up the distribution of all 2^items signs; for one sample an item this is McNemar's test. The mid-p value (Lancaster 1961,
    https://doi.org/10.1080/01621459.1961.10482105) counts half of the sums as extreme as the one seen, and keeps to the nominal level where
    the exact p value is too careful (Fagerland, Lydersen and Laake 2013, https://doi.org/10.1186/1471-2288-13-91). Beyond 10^6 different
    sums, so many random draws of the signs, in blocks, so that memory does not grow with items or draws.
    """
    steps = np.abs(np.rint(differences * units)).astype(np.int64)
    steps = steps[steps > 0]
    if len(steps) == 0:
        return 1.0, True
    observed = abs(int(np.rint(differences * units).sum()))
    steps, observed = steps // (divisor := int(np.gcd.reduce(steps))), observed // divisor
    total = int(steps.sum())
    if total > _MAX_EXACT:
        return _drawn_p(steps, observed, seed, draws), False
    sums, offset = _signed_sums(steps), np.abs(np.arange(-total, total + 1, 2))
    return min(float(sums[offset > observed].sum() + sums[offset == observed].sum() / 2), 1.0), True


def _drawn_p(steps: NDArray[np.int64], observed: int, seed: int, draws: int) -> float:
    """The same from random signs, of which the observed ones are one more draw."""
    generator, more, equal = np.random.default_rng(seed), 0, 1
    rows = max(4, _BLOCK // len(steps) // 4 * 4)  # of four elements each, which the generator makes from one number
    for start in range(0, draws, rows):
        signs = generator.integers(0, 2, (min(rows, draws - start), len(steps)), dtype=np.int8)
        sums = np.abs(2 * (signs @ steps) - steps.sum())
        more, equal = more + int((sums > observed).sum()), equal + int((sums == observed).sum())
    return (more + equal / 2) / (draws + 1)


def _signed_sums(steps: NDArray[np.int64]) -> Floats:
    """The probabilities of all sums of steps with random signs: -total, -total + 2, .. total."""
    sums = np.ones(1)
    for step in np.sort(steps):
        wider = np.zeros(len(sums) + int(step))
        wider[: len(sums)] += sums / 2
        wider[int(step) :] += sums / 2
        sums = wider
    return sums


def holm(p: Sequence[float]) -> list[float]:
    """p values adjusted for being one of several, by Holm (1979), https://www.jstor.org/stable/4615733."""
    order = sorted(range(len(p)), key=lambda index: p[index])
    adjusted, largest = [0.0] * len(p), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p) - rank) * p[index]))
        adjusted[index] = largest
    return adjusted


def holm_levels(p: Sequence[float], alpha: float = ALPHA) -> list[float]:
    """The level at which Holm's correction tests each of several p values: it rejects where p is below it.

    alpha / (tests - r), where r of the others are rejected whatever this one is: the smallest of them is below alpha / tests, the next
    below alpha / (tests - 1), and so on.
    """
    levels = []
    for place in range(len(p)):
        others = sorted([*p[:place], *p[place + 1 :]])
        rejected = 0
        while rejected < len(others) and others[rejected] < alpha / (len(p) - rejected):
            rejected += 1
        levels.append(alpha / (len(p) - rejected))
    return levels


def minimum_detectable(differences: Floats, level: float = ALPHA) -> float:
    """The smallest true difference that a comparison like this one detects with 80 % power at `level`; at most 1.

    (z_{1-level/2} + z_power) * standard error, Miller (2024), https://arxiv.org/abs/2411.00640, section 5, with the standard error of the
    paired differences seen, to which one item of the largest difference is added, since a few equal differences seem surer than they are.

    And no less than the sign-flip test needs: k items that all differ the same way have p = 2^-k, so that it cannot reject before enough
    items differ. That is the share of items at which k of n differ with 80 % power, times the mean size of the differences seen. Where the
    models agree on every item, the size is 1 as for the interval, which then stays within. bench/stats_coverage.py shows how often such
    differences are detected.
    """
    n, sizes = len(differences), np.abs(differences[differences != 0])
    variance = float(((differences - differences.mean()) ** 2).sum() + (sizes.max() ** 2 if len(sizes) else 0.0)) / n
    normal = float(ndtri(1 - level / 2) + ndtri(POWER)) * math.sqrt(variance / n)
    needed = math.floor(-math.log2(level)) + 1
    share = float(betaincinv(needed, n - needed + 1, POWER)) if n >= needed else 1.0
    return min(max(normal, share * float(sizes.mean() if len(sizes) else 1.0)), 1.0)
