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
    """What a model wrote. finish_reason: stop (the model ended its turn) or length (it was cut).

    Token counts are None where an endpoint gives none. `raw` is the response of an endpoint as it came, kept next to the answer, so that a
    better reader needs no second purchase.
    """

    text: str
    finish_reason: str
    prompt_tokens: int | None
    completion_tokens: int | None
    raw: str | None = None


# The columns of a responses file that an answer fills.
ANSWER_COLUMNS = ("text", "finish_reason", "prompt_tokens", "completion_tokens")


class Unanswered(InputError):
    """Requests without an answer: `failed` {place: why}, and what `ended` the run before all were sent: budget, refusal or nothing.

    `unread` {place: response} are those that came, and may have been paid for, and could not be read.
    """

    def __init__(self, line: str, failed: dict[int, str], ended: str | None = None, unread: dict[int, str] | None = None):
        super().__init__(line)
        self.failed = failed
        self.ended = ended
        self.unread = unread or {}


def load(name: str, model: Path, runtime: dict[str, Any]) -> Any:
    """The engine of that name with a model in memory. `runtime` is what changes speed and not the answers."""
    return import_module(f"distill.generation.engines.{name}").Engine(model, runtime)
