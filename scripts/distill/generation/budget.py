"""A budget in tokens and in money that is not overrun: a request is entered at its worst before it is sent, and at its true size after.

Entries are kept on disk. One without an answer, of a run that was killed or of a connection that broke, stays at its worst: the
server may have written, and charged for, all of it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.generation.store import AnswerStore


@dataclass(frozen=True)
class Budget:
    """Limits in tokens (prompts and answers together) and in money, None where there is none. Prices are per million tokens."""

    tokens: int | None = None
    money: float | None = None
    prompt_price: float = 0.0
    completion_price: float = 0.0

    @classmethod
    def of(cls, runtime: dict[str, Any]) -> "Budget":
        """The budget under `budget` {tokens, money} and `prices` {prompt, completion}. Raises InputError for money without prices."""
        limits, prices = runtime.get("budget") or {}, runtime.get("prices") or {}
        if limits.get("money") is not None and not {"prompt", "completion"} <= prices.keys():
            raise InputError("budget.money: needs prices: {prompt: .., completion: ..} per million tokens of the endpoint; add them")
        return cls(limits.get("tokens"), limits.get("money"), prices.get("prompt", 0.0), prices.get("completion", 0.0))

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        return (prompt_tokens * self.prompt_price + completion_tokens * self.completion_price) / 1e6

    def allows(self, prompt_tokens: int, completion_tokens: int) -> bool:
        within_tokens = self.tokens is None or prompt_tokens + completion_tokens <= self.tokens
        return within_tokens and (self.money is None or self.cost(prompt_tokens, completion_tokens) <= self.money)


class Ledger:
    """What all requests of a run have cost so far, over all the processes that worked on it."""

    def __init__(self, path: Path, budget: Budget):
        self.budget = budget
        self._store = AnswerStore(path)
        entries = self._store.answers.values()
        self.prompt_tokens = sum(entry["prompt_tokens"] for entry in entries)
        self.completion_tokens = sum(entry["completion_tokens"] for entry in entries)

    def enter(self, prompt_tokens: int, completion_tokens: int) -> int | None:
        """The number of a new entry of at most so many tokens, or None where the budget might not hold them."""
        if not self.budget.allows(self.prompt_tokens + prompt_tokens, self.completion_tokens + completion_tokens):
            return None
        entry = len(self._store.answers)
        self._write(entry, prompt_tokens, completion_tokens)
        return entry

    def settle(self, entry: int, prompt_tokens: int, completion_tokens: int) -> None:
        """What an entry came to in the end."""
        worst = self._store.answers["request", entry]
        self.prompt_tokens -= worst["prompt_tokens"]
        self.completion_tokens -= worst["completion_tokens"]
        self._write(entry, prompt_tokens, completion_tokens)

    def _write(self, entry: int, prompt_tokens: int, completion_tokens: int) -> None:
        self.prompt_tokens += prompt_tokens
        self.completion_tokens += completion_tokens
        row = {"key": "request", "sample": entry, "prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
        self._store.append([row])

    def __str__(self) -> str:
        spent = f"{self.prompt_tokens + self.completion_tokens:,} tokens"
        priced = self.budget.prompt_price or self.budget.completion_price
        return f"{spent}, {self.budget.cost(self.prompt_tokens, self.completion_tokens):.4f} in money" if priced else spent
