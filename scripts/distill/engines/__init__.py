"""What generates: one module an engine, each with `answers(model, requests, sampling, **runtime)`. torch and vllm are imported here.

An engine yields (place in `requests`, Answer) in whatever order answers are finished, so that each can be kept as it comes.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Request:
    """One answer wanted: the messages of a prompt, and the seed of this sample."""

    messages: list[dict[str, str]]
    seed: int


@dataclass(frozen=True)
class Sampling:
    """temperature 0 is greedy; `max_new_tokens` is capped where the model's context ends."""

    temperature: float
    top_p: float
    max_new_tokens: int


@dataclass(frozen=True)
class Answer:
    """What a model wrote. finish_reason: stop (the model ended its turn) or length (it was cut)."""

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int


def load(name: str) -> Any:
    """The engine of that name."""
    if name == "transformers":
        from distill.engines import transformers

        return transformers.answers
    raise ValueError(name)
