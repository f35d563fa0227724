"""Prompts as tokens, and how long their answers may be: the same for every engine that holds a model itself."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.base.template_date import freeze_date
from distill.base.thoughts import THOUGHT
from distill.benchmarks.prompts import COMPLETION
from distill.generation.engines import Request, Sampling

# A tag that the chat template opens for the model, as DeepSeek-R1-Distill's does: the answer then begins inside a thought.
_OPENED = re.compile(rf"(?:{'|'.join(re.escape(opening) for opening, _ in THOUGHT.values())})\s*$")


@dataclass(frozen=True)
class RenderedPrompt:
    """`room`: the most tokens of its answer. `opened`: the tag at the end of the prompt, which is part of the answer's text."""

    tokens: list[int]
    room: int
    opened: str = ""


def prompts(tokenizer: Any, requests: Sequence[Request], sampling: Sampling, context: int, name: str | Path) -> list[RenderedPrompt]:
    """The requests, rendered by the model's own chat template; a message of role completion is a text to continue, without any template.

    No prompt is ever cut: where it and `max_new_tokens` do not fit the context, the answer has less room and a line says so. Raises
    InputError where a prompt leaves none, and for a model without a template.
    """
    context = min(context, sampling.context or context)
    known: dict[str, RenderedPrompt] = {}  # samples of one item share their prompt
    template = getattr(tokenizer, "chat_template", None)
    dated = {"chat_template": freeze_date(template)} if isinstance(template, str) and "strftime_now" in template else {}
    for request in requests:
        if (key := str(request.messages)) not in known:
            raw = request.messages[0]["role"] == COMPLETION
            if not raw and not template:
                raise InputError(
                    f"{name}: has no chat template, neither chat_template.jinja nor one in tokenizer_config.json: "
                    "fetch it too (*.jinja under source.files), or give it one with prepare: {chat_template: ..}"
                )
            tokens = (
                list(tokenizer(request.messages[0]["content"])["input_ids"])
                if raw
                else tokenizer.apply_chat_template(request.messages, add_generation_prompt=True, return_dict=False, **dated)
            )
            if len(tokens) >= context:
                raise InputError(
                    f"{name}: a prompt of {len(tokens)} tokens does not fit its context of {context}: "
                    "leave that item out, or give the model a longer context with prepare: {max_position_embeddings: ..}"
                )
            opened = None if raw else _OPENED.search(tokenizer.decode(tokens[-8:]))
            known[key] = RenderedPrompt(tokens, min(sampling.max_new_tokens, context - len(tokens)), opened[0] if opened else "")
    fitted = [known[str(request.messages)] for request in requests]
    if capped := [prompt.room for prompt in fitted if prompt.room < sampling.max_new_tokens]:
        print(
            f"{len(capped)} of {len(fitted)} answers have less room than {sampling.max_new_tokens} tokens in a context of {context}: "
            f"from {min(capped)} tokens",
            flush=True,
        )
    return fitted


def stop_tokens(generation_config: Any, tokenizer: Any) -> set[int]:
    """The tokens that end an answer, by the model's generation config, or with a warning the tokenizer's eos where it names none."""
    found = generation_config.eos_token_id
    if found is None:
        found = tokenizer.eos_token_id
        ends = f"an answer ends at the tokenizer's {tokenizer.eos_token}" if found is not None else "no answer ends before max_new_tokens"
        print(f"warning: generation_config.json has no eos_token_id: {ends}; set it with prepare: {{eos_token: ..}}", flush=True)
    return set(found if isinstance(found, list) else [found] if found is not None else [])
