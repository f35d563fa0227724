"""What generates: one module an engine, each with a class Engine(model, runtime). torch and vllm are imported there.

Engine.answers(requests, sampling) yields (place in `requests`, Answer) in whatever order answers are finished, so that each can be kept
as it comes. An engine that could not answer some of them raises Unanswered once all others are out.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from distill.base.errors import InputError

ENGINES = ("vllm", "transformers", "openai")


@dataclass(frozen=True)
class Request:
    """One answer wanted: the messages of a prompt, and the seed of this sample."""

    messages: list[dict[str, str]]
    seed: int


@dataclass(frozen=True)
class Sampling:
    """temperature 0 is greedy; `max_new_tokens` is capped where the model's context ends, or that of the protocol (`context`)."""

    temperature: float
    top_p: float
    max_new_tokens: int
    context: int | None = None


@dataclass(frozen=True)
class Answer:
    """What a model wrote. finish_reason: stop (the model ended its turn) or length (it was cut)."""

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int


class Unanswered(InputError):
    """Requests without an answer: `failed` {place: why}, and what `ended` the run before all were sent: budget, refusal or nothing."""

    def __init__(self, line: str, failed: dict[int, str], ended: str | None = None):
        super().__init__(line)
        self.failed = failed
        self.ended = ended


def load(name: str, model: Path, runtime: dict[str, Any]) -> Any:
    """The engine of that name with a model in memory. `runtime` is what changes speed and not the answers."""
    return import_module(f"distill.generation.engines.{name}").Engine(model, runtime)
