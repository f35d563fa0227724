"""Whether a chat template trains on exactly what it should: prompt, generation prompt, completion, end of turn, and nothing else.

Templates that do not: DeepSeek-R1-Distill's deletes the thought, Qwen3's writes `<think>\\n\\n</think>\\n\\n` before an answer without
these tags, and both changes lie within the loss.
"""

import re
from collections.abc import Sequence

from distill.base.files import Row
from distill.data.tokens import ChatTokenizer

_SHOWN = 80  # characters of a difference


class TemplateCheck:
    """Compares rows of sft.jsonl with what the tokenizer's chat template makes of them."""

    def __init__(self, tokenizer: ChatTokenizer) -> None:
        self._tokenizer = tokenizer
        tokens: Sequence[str] = [*tokenizer.special_tokens, *filter(None, [tokenizer.eos_token])]
        self._special = re.compile("|".join(map(re.escape, tokens)) or r"(?!)")

    def row(self, row: Row) -> str | None:
        """What the template adds to this row or changes in it; None where it does neither."""
        prompt = self._tokenizer.text(row["prompt"], add_generation_prompt=True)
        return self.difference(prompt, self._tokenizer.text(row["prompt"] + row["completion"]), row["completion"][0]["content"])

    def difference(self, prompt: str, text: str, completion: str) -> str | None:
        """`prompt` is the rendered prompt with its generation prompt, `text` the rendered chat with the completion.

        The generation prompt may open what the completion begins with (`<think>`): then the rest of the completion follows it.
        """
        at = text.rfind(completion)
        if at < 0:
            return _changed(text.removeprefix(prompt), completion)
        before, after = text[:at], text[at + len(completion) :]
        if prompt.startswith(before):
            opened = prompt[len(before) :]
            if not completion.startswith(opened):
                return f"begins a generation after {opened[:_SHOWN]!r}, which training does not show"
        elif before.startswith(prompt):
            return f"adds {before[len(prompt) :][:_SHOWN]!r} before the completion"
        else:
            return f"shows another prompt in training than for generation: {_changed(before, prompt)}"
        rest = self._special.sub("", after).strip()
        return f"adds {rest[:_SHOWN]!r} after the completion" if rest else None


def _changed(shown: str, expected: str) -> str:
    """The first place where two texts differ."""
    pairs = enumerate(zip(shown, expected, strict=False))
    at = next((at for at, (one, other) in pairs if one != other), min(len(shown), len(expected)))
    return f"writes {shown[at : at + _SHOWN]!r} in place of {expected[at : at + _SHOWN]!r}"
