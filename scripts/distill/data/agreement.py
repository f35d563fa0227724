"""How well two judges agree beyond chance, of keep and drop: Cohen's kappa with an interval.

Kappa: Cohen, A coefficient of agreement for nominal scales, 1960. The interval is the 95 % credible interval under the Jeffreys prior on
the four cells (Basu, Banerjee and Sen, Bayesian inference for kappa from single and multiple studies, Biometrics 2000): the usual one, of
an asymptotic variance (Fleiss, Cohen and Everitt 1969), has no width where two judges agree on all of a handful of rows.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

DRAWS = 20_000


@dataclass(frozen=True)
class Agreement:
    """Counts of rows that both keep, the first of two judges alone, the second alone, and neither. `kappa` is None where it is not defined,
    since both say the same of every row."""

    both: int
    first: int
    second: int
    neither: int
    kappa: float | None
    ci95: tuple[float, float] | None

    @property
    def rows(self) -> int:
        return self.both + self.first + self.second + self.neither


def agreement(pairs: Iterable[tuple[bool, bool]], seed: int = 0) -> Agreement:
    """Of (first keeps, second keeps) of each row. Kappa and its interval are rounded to 3 decimals."""
    counts = [0, 0, 0, 0]
    for first, second in pairs:
        counts[2 * (not first) + (not second)] += 1
    cells = np.array(counts, dtype=float)
    kappa = float(_kappa(cells[None])[0]) if cells.sum() else float("nan")
    if np.isnan(kappa):
        return Agreement(*counts, None, None)
    draws = _kappa(np.random.default_rng(seed).dirichlet(cells + 0.5, DRAWS))
    low, high = (round(float(edge), 3) for edge in np.quantile(draws, (0.025, 0.975)))
    return Agreement(*counts, round(kappa, 3), (low, high))


def in_words(found: Agreement) -> str:
    """Kappa with its interval, or that there is none."""
    if found.kappa is None or found.ci95 is None:
        return "Cohen's kappa is not defined, as both say the same of every row"
    return f"Cohen's kappa {found.kappa:.2f}, 95 % interval {found.ci95[0]:.2f} to {found.ci95[1]:.2f}"


def _kappa(cells: np.ndarray) -> np.ndarray:
    """Of (n, 4) counts or shares: both, first alone, second alone, neither."""
    shares = cells / cells.sum(axis=1, keepdims=True)
    both, first, second, neither = shares.T
    chance = (both + first) * (both + second) + (second + neither) * (first + neither)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(chance < 1, (both + neither - chance) / (1 - chance), np.nan)
