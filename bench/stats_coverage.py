"""How often the intervals hold the truth and the paired test rejects a true null: should be 95 % and 5 %.

Simulated benchmarks: each item has a chance of being answered right, drawn from a Beta distribution; AIME's are mostly hard, MATH-500's
mostly easy, GPQA's in between. A base model on AIME (mean 3 %) and a strong one on MATH-500 (97 %) stand apart, as extremes: with 30 such
items next to nothing is known of the spread, and no interval is right for all. Prints a Markdown table; 10 minutes on one core.

Example:
    python bench/stats_coverage.py --draws 3000
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import numpy as np

from distill import stats
from distill.cli import parser, run

WORLDS = {"AIME": (0.4, 1.0), "MATH-500": (1.6, 0.35), "GPQA": (1.0, 2.0)}
EXTREME = {"AIME, base model": (0.05, 1.5), "MATH-500, strong model": (3.0, 0.1)}
ITEMS, SAMPLES = (30, 198, 500), (1, 4, 16, 64)


def answers(chance: np.ndarray, samples: int, rng: np.random.Generator) -> np.ndarray:
    """(items, samples) of 0 and 1 from chances (items,); by counts, since only these matter."""
    right = rng.binomial(samples, chance)
    return (np.arange(samples) < right[:, None]).astype(float)


def shares(beta: tuple[float, float], items: int, samples: int, draws: int, rng: np.random.Generator) -> list[float]:
    """How often ci95 and ci95_sampling hold the truth, how often the interval of a difference does, and how often its test rejects."""
    truth = beta[0] / sum(beta)
    over_items, over_samples, over_pairs, rejected = 0, 0, 0, 0
    for draw in range(draws):
        chance = rng.beta(*beta, items)
        first, second = answers(chance, samples, rng), answers(chance, samples, rng)
        low, high = stats.ci95(first)
        over_items += low <= truth <= high
        low, high = stats.ci95_sampling(first) or (np.nan, np.nan)
        over_samples += low <= chance.mean() <= high
        differences = first.mean(axis=1) - second.mean(axis=1)
        low, high = stats.bootstrap_ci95(differences, seed=draw, draws=1000)
        over_pairs += low <= 0 <= high
        rejected += stats.sign_flip_p(differences, samples, seed=draw) < 0.05
    return [over_items / draws, over_samples / draws if samples > 1 else np.nan, over_pairs / draws, rejected / draws]


def main() -> None:
    parse = parser(__doc__)
    parse.add_argument("--draws", type=int, default=3000, help="simulated benchmarks a cell")
    parse.add_argument("--seed", type=int, default=0)
    given = parse.parse_args()
    rng = np.random.default_rng(given.seed)
    print("| world | items | samples | ci95 | ci95_sampling | difference | test rejects |\n|---|---|---|---|---|---|---|")
    for name, beta in (WORLDS | EXTREME).items():
        for items in ITEMS:
            for samples in SAMPLES:
                cells = shares(beta, items, samples, given.draws, rng)
                print(
                    f"| {name} | {items} | {samples} | " + " | ".join("" if np.isnan(cell) else f"{cell:.1%}" for cell in cells) + " |",
                    flush=True,
                )


if __name__ == "__main__":
    run(main)
