"""What recorded answers say beyond the score: pass@k and maj@k for every k, accuracy against the token budget, lengths, agreement.

Everything follows from verdicts and token counts that are recorded already. A token budget asks what the score would be if each answer were
cut after so many tokens: an answer that is longer is not finished by then, and wrong, whatever it says before.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from distill.base.files import read_jsonl
from distill.evaluation import stats
from distill.evaluation.rows import AnswersRow, CurveRow
from distill.evaluation.summary import in_one_spelling

PASS, MAJORITY, BUDGET = "pass@k", "maj@k", "budget"


@dataclass(frozen=True)
class TaskAnswers:
    """The answers of one model to one benchmark, item by item: `correct` and `tokens` are (items, samples); `tokens` None if unknown."""

    model: str
    benchmark: str
    correct: stats.Floats
    spelled: Sequence[Sequence[str | None]]
    tokens: stats.Floats | None = None

    @property
    def n_samples(self) -> int:
        return self.correct.shape[1]

    def tallies(self) -> list[tuple[tuple[int, ...], tuple[bool, ...]]]:
        """Of each item the votes for each answer, and whether it is right."""
        return [stats.tally(in_one_spelling(answers), right) for answers, right in zip(self.spelled, self.correct > 0, strict=True)]


def read_answers(model: str, benchmark: str, verdicts: Path, responses: Path | None) -> TaskAnswers:
    """From a file of verdicts (id, sample, correct, answer), and the responses (id, sample, completion_tokens) where they are there."""
    found: dict[str, list[tuple[int, bool, str | None]]] = {}
    for row in read_jsonl(verdicts):
        found.setdefault(row["id"], []).append((row["sample"], row["correct"], row.get("answer")))
    correct = np.array([[right for _, right, _ in samples] for samples in found.values()], dtype=float)
    spelled = [[answer for *_, answer in samples] for samples in found.values()]
    tokens = None
    if responses is not None and responses.is_file():
        known = {(row["id"], row["sample"]): row.get("completion_tokens") for row in read_jsonl(responses)}
        counts = [[known.get((item, sample)) for sample, *_ in samples] for item, samples in found.items()]
        if all(count is not None for samples in counts for count in samples):
            tokens = np.array(counts, dtype=float)
    return TaskAnswers(model, benchmark, correct, spelled, tokens)


def curve_rows(answers: TaskAnswers, budgets: Iterable[int] = (), max_new_tokens: int | None = None) -> Iterator[CurveRow]:
    """pass@k and maj@k for each k where there are several samples, and the score by token budget.

    Budgets from `max_new_tokens` on (or from the longest answer on, where that is unknown) are one: the score as it is.
    """
    n = answers.n_samples
    if n > 1:
        majorities = np.array([stats.majority_at_k(*tally, n) for tally in answers.tallies()])
        for k in range(1, n + 1):
            yield _row(answers, PASS, k, stats.pass_at_k_by_item(answers.correct, k), n // k)
        for k in range(1, n + 1):
            yield _row(answers, MAJORITY, k, majorities[:, k - 1], n // k)
    if answers.tokens is not None:
        most = max_new_tokens or int(answers.tokens.max())
        for budget in [*(budget for budget in sorted(set(budgets)) if budget < most), most]:
            finished = (answers.correct * (answers.tokens <= budget)).mean(axis=1)
            yield _row(answers, BUDGET, budget, finished, n)


def _row(answers: TaskAnswers, curve: str, at: int, by_item: stats.Floats, samples: int) -> CurveRow:
    share = float(by_item.mean())
    return CurveRow(answers.model, answers.benchmark, curve, at, share, *stats.ci95_of_means(by_item, samples))


def answers_row(answers: TaskAnswers) -> AnswersRow:
    """Lengths of right and wrong answers in tokens, and how far the samples agree: a row of answers.csv."""
    items, n = answers.correct.shape
    lengths: dict[str, float | None] = {}
    for name, mask in (("right", answers.correct > 0), ("wrong", answers.correct == 0)):
        some = answers.tokens[mask] if answers.tokens is not None else ()
        for part, share in (("median", 0.5), ("p90", 0.9)):
            lengths[f"{name}_{part}"] = float(np.quantile(some, share, method="inverted_cdf")) if len(some) else None
    return AnswersRow(answers.model, answers.benchmark, items, n, **lengths, **_agreement(answers))


def _agreement(answers: TaskAnswers) -> dict[str, float]:
    """Over all items, and over those whose majority is right."""
    n = answers.n_samples
    if n == 1:
        return {}
    tallies = answers.tallies()
    agreeing = [stats.agreement(votes, n) for votes, _ in tallies]
    right = [share for share, tally in zip(agreeing, tallies, strict=True) if stats.majority_at_k(*tally, n)[-1] > 0.5]
    made = {"agreement": float(np.mean(agreeing)), "answers_per_item": float(np.mean([len(votes) for votes, _ in tallies]))}
    return made | ({"agreement_right": float(np.mean(right))} if right else {})
