"""Requests to a chat completions endpoint and what a response means: an answer, or a failure and what to do next. No network in here."""

import json
import re
from dataclasses import dataclass
from typing import Any

from distill.base.retry import is_temporary, retry_after_s
from distill.base.thoughts import CLOSED, THOUGHT, completion
from distill.generation.engines import Answer, Request, Sampling

# Refusals that no other request of the run would escape: key, balance, permission, path or model.
FATAL = (401, 402, 403, 404, 405)
# A gateway that gave up does not know whether the server behind it went on.
GATEWAY = (502, 504)
TEMPLATE_BYTES = 512  # more tokens than any known chat template adds to the messages


@dataclass(frozen=True)
class RequestFailure:
    """Why an attempt brought no answer.

    retry: another attempt may succeed. billed: it may have cost something all the same. wait_s: seconds to wait first, as the server says.
    fatal: no request would be answered. raw: what was received, where it may have been paid for.
    """

    why: str
    retry: bool = True
    billed: bool = False
    wait_s: float = 0.0
    fatal: bool = False
    raw: str | None = None


def body(model: str, request: Request, sampling: Sampling, extra: dict[str, Any]) -> dict[str, Any]:
    """The request as JSON. `extra` is laid over it; a null takes a key out."""
    fields = {
        "model": model,
        "messages": request.messages,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_new_tokens,
        "seed": request.seed,
        "stream": False,
        **extra,
    }
    return {key: value for key, value in fields.items() if value is not None}


def most_prompt_tokens(request: Request) -> int:
    """A bound on a prompt's tokens: one a byte of UTF-8 and no tokenizer makes more of it, and the template's."""
    return TEMPLATE_BYTES + sum(len(message["content"].encode("utf-8", "surrogatepass")) for message in request.messages)


def read(status: int, retry_after: str | None, content: bytes, max_new_tokens: int | None = None) -> Answer | RequestFailure:
    """What a response means. Of an error only the start of its text is kept, on one line.

    `max_new_tokens` tells a cut answer from a finished one where the server gives no finish_reason.
    """
    if status == 200:
        return _answer(content, max_new_tokens)
    said = f"HTTP {status}: {' '.join(content[:4000].decode('utf-8', 'replace').split())[:200]}"
    if status in FATAL:
        return RequestFailure(said, retry=False, fatal=True)
    if status == 400 and b"max_tokens" in content and b"max_completion_tokens" in content:
        said += ": this endpoint wants extra: {max_tokens: null, max_completion_tokens: N} with the N of max_new_tokens"
    return RequestFailure(said, retry=is_temporary(status), billed=status in GATEWAY, wait_s=retry_after_s(retry_after) or 0.0)


# How servers say that a model ended its turn, and that it was cut: OpenAI, vLLM, SGLang; TGI; Ollama and llama.cpp; Anthropic; Google.
_STOPPED = ("stop", "eos_token", "eos", "end_turn", "stop_sequence", "end", "complete")
_CUT = ("length", "max_tokens", "max_length", "model_length", "model_context_window_exceeded")


def _answer(content: bytes, max_new_tokens: int | None) -> Answer | RequestFailure:
    raw = content.decode("utf-8", "replace")
    try:
        choice = (given := json.loads(content))["choices"][0]
        message = choice["message"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return RequestFailure(f"no chat completion: {raw[:80]!r}", billed=True)
    # What follows would come again in the same shape: nothing is bought twice.
    try:
        text = _text(message)
    except (LookupError, TypeError, AttributeError):
        return RequestFailure(f"no text in this message: {str(message)[:80]!r}", retry=False, billed=True, raw=raw)
    usage = given.get("usage")
    prompt_tokens, completion_tokens = (_count(usage, name) for name in ("prompt_tokens", "completion_tokens"))
    said = choice.get("finish_reason")
    reason = str(said).lower() if said else _assumed_reason(completion_tokens, max_new_tokens)
    if reason not in (*_STOPPED, *_CUT):
        return RequestFailure(f"finish_reason is {said!r}", retry=False, billed=True, raw=raw)
    return Answer(text, "stop" if reason in _STOPPED else "length", prompt_tokens, completion_tokens, raw)


def _assumed_reason(completion_tokens: int | None, max_new_tokens: int | None) -> str:
    """The finish reason of an answer whose server gives none."""
    cut = completion_tokens is not None and max_new_tokens is not None and completion_tokens >= max_new_tokens
    return "length" if cut else "stop"


def _count(usage: Any, name: str) -> int | None:
    """A number of tokens, which some servers write as 20.0; None where there is none."""
    try:
        found = float(usage[name])
        return int(found) if found >= 0 and found == int(found) else None
    except (TypeError, ValueError, LookupError, OverflowError):
        return None


# Where servers put a thought that they keep apart: DeepSeek, vLLM and SGLang; OpenRouter and newer vLLM; Ollama.
_THOUGHT_FIELDS = ("reasoning_content", "reasoning", "thinking")
_EMPTY_THOUGHT = re.compile(r"\A\s*(?:{})?\s*{}\s*".format(*THOUGHT["think"]))


def _text(message: dict[str, Any]) -> str:
    """What the model wrote, its thought once: in its own tags, or in <think> tags where the server kept it apart."""
    said, thoughts = _parts(message.get("content"))
    thoughts += [message[name] for name in _THOUGHT_FIELDS if isinstance(message.get(name), str)]
    thoughts += [text for detail in message.get("reasoning_details") or () if (text := detail.get("text") or detail.get("summary"))]
    thought = next((text.strip("\n") for text in thoughts if text.strip()), None)
    said = _EMPTY_THOUGHT.sub("", said) if thought else said
    if thought is None or CLOSED.search(said):
        return said
    return completion(thought, said, "think") if said else f"{THOUGHT['think'][0]}\n{thought}"


def _parts(content: Any) -> tuple[str, list[str]]:
    """The text of a message's content and the thoughts in it. Content is a text, nothing, or a list of parts.

    A thought is a part of type thinking (Anthropic, Mistral) or reasoning; its text may be a list of parts again.
    """
    if content is None or isinstance(content, str):
        return content or "", []
    said, thoughts = [], []
    for part in content:
        if part["type"] in ("text", "output_text"):
            said.append(part["text"])
        elif part["type"] in ("thinking", "reasoning", "reasoning_content"):
            inner = next(part[name] for name in ("thinking", "reasoning", "text", "summary", "content") if part.get(name) is not None)
            thoughts.append(inner if isinstance(inner, str) else _parts(inner)[0])
    if not said and not thoughts:
        raise TypeError("no part is text or thought")
    return "".join(said), ["".join(thoughts)] if thoughts else []
