"""The summary of rows of verdicts: what grade.py writes next to them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from distill.base.files import Row
from distill.evaluation import stats
from distill.evaluation.scoring import CAPPED, STATED, TAGS, TRUNCATED, UNREAD
from distill.grading.grader import GRADER_TIMEOUT, NO_ANSWER, UNCLOSED_THOUGHT, same

_MANY_TAGS = 0.01  # of the responses, from which on unknown tags are flagged


class Summary:
    """Adds up rows as they are written; `result()` is the content of the summary file."""

    def __init__(self, max_new_tokens: int | None = None) -> None:
        """`max_new_tokens` is what the protocol allows: a truncated answer of fewer was capped by the context."""
        self._max_new_tokens = max_new_tokens or 0
        self._rows: dict[str, list[tuple[bool, str | None]]] = {}
        self._counts = dict.fromkeys((TRUNCATED, CAPPED, NO_ANSWER, UNCLOSED_THOUGHT, GRADER_TIMEOUT, STATED, UNREAD), 0)
        self._tags: Counter[str] = Counter()
        self._answers, self._tokens, self._with_tokens, self._with_finish = 0, 0, 0, 0
        self._disagreements: dict[str, None] = {}
        self._disagreeing = 0

    def add(self, row: Row, response: Row, unclosed: bool) -> None:
        self._rows.setdefault(row["id"], []).append((row["correct"], row["answer"]))
        self._answers += 1
        self._counts[TRUNCATED] += response.get("finish_reason") == "length"
        tokens = response.get("completion_tokens")
        self._counts[CAPPED] += response.get("finish_reason") == "length" and tokens is not None and tokens < self._max_new_tokens
        self._with_finish += response.get("finish_reason") is not None
        self._counts[NO_ANSWER] += row["answer"] is None
        self._counts[UNCLOSED_THOUGHT] += unclosed
        self._counts[GRADER_TIMEOUT] += row["reason"] == GRADER_TIMEOUT
        self._counts[STATED] += row.get(STATED, False)
        self._counts[UNREAD] += row.get(UNREAD, False)
        self._tags.update(row.get(TAGS, ()))
        if tokens is not None:
            self._tokens += tokens
            self._with_tokens += 1
        if len(set(row["verdicts"].values())) > 1:
            self._disagreeing += 1
            self._disagreements[row["id"]] = None

    def result(self, self_test: Mapping[str, float], flags: Sequence[str] = ()) -> Row:
        """The scores as shares from 0 to 1, with the rates of the self-test and what is to be flagged. Needs one row at least."""
        correct = np.array([[right for right, _ in samples] for samples in self._rows.values()], dtype=float)
        sampling = stats.ci95_sampling(correct)
        n_samples = correct.shape[1]
        return {
            "pass@1": _round(stats.pass_at_1(correct)),
            "n_items": correct.shape[0],
            "n_samples": n_samples,
            "ci95": _rounded(stats.ci95(correct)),
            "ci95_sampling": sampling and _rounded(sampling),
            "maj@n": _round(float(np.mean([_majority(samples) for samples in self._rows.values()]))),
            "pass@n": _round(stats.pass_at_k(correct, n_samples)),
            **{name: _round(count / self._answers) for name, count in self._counts.items()},
            **({} if self._with_finish else {TRUNCATED: None, CAPPED: None}),  # unknown, as of responses recorded elsewhere
            "mean_completion_tokens": round(self._tokens / self._with_tokens, 3) if self._with_tokens else None,
            "disagreements": {"count": self._disagreeing, "ids": list(self._disagreements)},
            "self_test": {name: _round(rate) for name, rate in self_test.items()},
            "flags": list(dict.fromkeys([*flags, *self._tag_flags()])),
        }

    def _tag_flags(self) -> Iterator[str]:
        for tag, count in sorted(self._tags.items()):
            if count > _MANY_TAGS * self._answers:
                yield f"{count} responses hold {tag}, which may open or close a thought: such a thought is graded as part of the solution"


def _majority(samples: Sequence[tuple[bool, str | None]]) -> float:
    """The share of the vote that is right."""
    return stats.majority(in_one_spelling([answer for _, answer in samples]), [right for right, _ in samples])


def in_one_spelling(answers: Sequence[str | None]) -> list[str | None]:
    """Answers of the same value in the spelling of the first of them, so that they vote together."""
    first: dict[str, str] = {}
    for answer in answers:
        if answer is not None and answer not in first:
            first[answer] = next((other for other in dict.fromkeys(first.values()) if same(other, answer)), answer)
    return [answer and first[answer] for answer in answers]


def _round(value: float) -> float:
    """Twelve digits: what is equal on two machines is equal in the file."""
    return round(float(value), 12)


def _rounded(interval: tuple[float, float]) -> list[float]:
    return [_round(end) for end in interval]


def facts(summary: Mapping[str, Any]) -> str:
    """One line for the terminal: the score, its interval and how good its grader is."""
    low, high = summary["ci95"]
    test = ", ".join(f"{name} {rate:.1%}" for name, rate in summary["self_test"].items()) or "not made"
    return f"pass@1 {summary['pass@1']:.1%} [{low:.1%}, {high:.1%}], {summary['n_items']} items x {summary['n_samples']}; self-test: {test}"
