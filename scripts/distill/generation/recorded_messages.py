"""The texts of chat messages, as recorded responses of other programs hold them."""

from collections.abc import Mapping
from typing import Any

from distill.base.thoughts import completion


def user_text(messages: Any) -> str | None:
    """What the user says in chat messages (role, content), or in OpenCompass' turns (role, prompt)."""
    if not isinstance(messages, list):
        return None
    said = [one for one in messages if isinstance(one, dict) and str(one.get("role")).lower() in ("user", "human")]
    return "\n".join(_content(one) for one in said) or None


def _content(message: Mapping[str, Any]) -> str:
    """A chat message's text; its content is a text, or a list of parts."""
    content = message.get("content") or message.get("prompt") or ""
    return (
        content
        if isinstance(content, str)
        else "\n".join(str(part["text"]) for part in content if isinstance(part, dict) and part.get("text"))
    )


def answer_text(message: Mapping[str, Any]) -> str:
    """A model's message, with the thought that is a separate part put back in front."""
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    thought = "\n".join(str(part.get("reasoning") or "") for part in parts if isinstance(part, dict) and part.get("type") == "reasoning")
    return with_thought(thought, _content(message))


def with_thought(thought: str | None, text: Any) -> Any:
    """A response with its thought, if any, put in front in <think> tags."""
    return completion(thought, text, "think") if thought else text
