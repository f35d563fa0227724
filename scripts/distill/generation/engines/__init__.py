"""Engines that generate: one module each, with a class Engine(model, runtime). torch and vllm are imported there.

Engine.answers(requests, sampling) yields (index in `requests`, Answer) in the order in which answers are finished, so that each can be
stored at once. An engine that could not answer some requests raises Unanswered after all others.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.base.settings import defaults

ENGINES = ("vllm", "transformers", "openai")


@dataclass(frozen=True)
class Request:
    """A request for one answer: the messages of a prompt, and the seed of this sample."""

    messages: list[dict[str, str]]
    seed: int


@dataclass(frozen=True)
class Sampling:
    """temperature 0 is greedy; `max_new_tokens` is capped at the end of the model's context, or of the protocol's (`context`)."""

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


def load(name: str, model: Path | str, runtime: dict[str, Any]) -> Any:
    """The engine of that name with a model in memory. `runtime` changes speed and no answer, except for `batch_invariant`: answers do not
    depend on which others are generated at the same time. Raises InputError where the engine cannot promise that. What `runtime` leaves out
    is config/schema.yaml's default."""
    if runtime.get("batch_invariant") and name != "vllm":
        raise InputError(f"sampling.batch_invariant: engine {name} has no such answers: write engine: vllm, or remove batch_invariant")
    return import_module(f"distill.generation.engines.{name}").Engine(
        model, defaults("$defs/endpoint" if name == "openai" else "runtime") | runtime
    )
