"""The prompts of on-policy distillation: those of an sft.jsonl, each once, and which of them are held out."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from distill.base.errors import InputError
from distill.base.files import read_jsonl, sha256_text

Messages = list[dict[str, str]]


@dataclass(frozen=True)
class Prompt:
    """Messages up to the answer, and the completion of the first row that has them."""

    messages: Messages
    completion: str

    @property
    def key(self) -> str:
        return json.dumps(self.messages, sort_keys=True)


def read_prompts(path: Path) -> list[Prompt]:
    """The different prompts of an sft.jsonl, in its order. Raises InputError where there is none."""
    found: dict[str, Prompt] = {}
    for row in read_jsonl(path):
        prompt = Prompt(row["prompt"], row["completion"][-1]["content"])
        found.setdefault(prompt.key, prompt)
    if not found:
        raise InputError(f"{path}: holds no prompts; see funnel.json next to it for why its rows were dropped")
    return list(found.values())


def prompts_of(dataset: str) -> str:
    """The name by which results/data/digests.json has the prompts of a dataset; no dataset can have it."""
    return f"{dataset} (prompts)"


def prompts_digest(prompts: Sequence[Prompt]) -> str:
    """sha256 of the prompts in their order. Completions do not count: they are not learned from."""
    return sha256_text("\n".join(prompt.key for prompt in prompts))


def split(prompts: Sequence[Prompt], held_out: int, seed: int) -> tuple[list[Prompt], list[Prompt]]:
    """(prompts to train on, in their order; held-out prompts, at most a tenth of all), drawn by a hash of `seed` and prompt."""
    count = min(held_out, len(prompts) // 10)
    drawn = sorted(prompts, key=lambda prompt: sha256_text(f"{seed} {prompt.key}"))[:count]
    keys = {prompt.key for prompt in drawn}
    return [prompt for prompt in prompts if prompt.key not in keys], drawn
