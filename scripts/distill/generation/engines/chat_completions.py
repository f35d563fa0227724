"""Requests to a chat completions endpoint and what a response means: an answer, or a failure and what to do next. No network in here."""

import json
from dataclasses import dataclass
from typing import Any

from distill.base.retry import is_temporary, retry_after_s
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
    fatal: no request would be answered.
    """

    why: str
    retry: bool = True
    billed: bool = False
    wait_s: float = 0.0
    fatal: bool = False


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


def read(status: int, retry_after: str | None, content: bytes) -> Answer | RequestFailure:
    """What a response means. Of an error only the start of its text is kept, on one line."""
    if status == 200:
        return _answer(content)
    said = f"HTTP {status}: {' '.join(content[:4000].decode('utf-8', 'replace').split())[:200]}"
    if status in FATAL:
        return RequestFailure(said, retry=False, fatal=True)
    return RequestFailure(said, retry=is_temporary(status), billed=status in GATEWAY, wait_s=retry_after_s(retry_after) or 0.0)


def _answer(content: bytes) -> Answer | RequestFailure:
    try:
        given = json.loads(content)
        choice, usage = given["choices"][0], given["usage"]
        text, finish = _text(choice["message"]), choice["finish_reason"]
        counts = usage["prompt_tokens"], usage["completion_tokens"]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return RequestFailure(f"no chat completion: {content[:80].decode('utf-8', 'replace')!r}", billed=True)
    if any(type(count) is not int or count < 0 for count in counts):
        return RequestFailure(f"no chat completion: its usage is {counts}", billed=True)
    if finish not in ("stop", "length"):
        return RequestFailure(f"finish_reason is {finish!r}", retry=False, billed=True)
    return Answer(text, finish, *counts)


def _text(message: dict[str, Any]) -> str:
    """What the model wrote. A thought that the server keeps in a field of its own is put back in front, in <think> tags."""
    said = message["content"] or ""
    if isinstance(said, list):
        said = "".join(part["text"] for part in said if part["type"] == "text")
    if not isinstance(said, str):
        raise TypeError
    thought = message.get("reasoning_content") or message.get("reasoning")
    if not isinstance(thought, str):
        return said
    thought = thought.strip("\n")
    return f"<think>\n{thought}\n</think>\n\n{said}" if said else f"<think>\n{thought}"
