"""Prompts: a benchmark's items as messages under a protocol, written once, so that every model gets the same bytes."""

import random
import re
from collections.abc import Mapping
from typing import Any

from distill.base.files import Row, sha256_text
from distill.base.settings import Settings
from distill.benchmarks.items import BenchmarkItem

LETTERS = "ABCDEFGHIJ"
COMPLETION = "completion"  # the kind of a prompt that is the beginning of a question, and the role of its one message
# The --spec of scripts/prompts.py, by its kind.
KIND = {"enum": ["math", "choice", COMPLETION]}
_CHAT = ("$defs/benchmark/columns", "$defs/protocol/system")
SPECS = {
    "math": Settings(
        *_CHAT, user="$defs/protocol/math", examples="$defs/protocol/examples/math", kind=KIND, required=("kind", "columns", "user")
    ),
    "choice": Settings(
        *_CHAT,
        "$defs/benchmark/shuffle_seed",
        user="$defs/protocol/choice",
        examples="$defs/protocol/examples/choice",
        kind=KIND,
        required=("kind", "columns", "user"),
    ),
    # The rest of the question is the gold, so there is no column of it.
    COMPLETION: Settings("$defs/questions/columns", "$defs/protocol/share", kind=KIND, required=("kind", "columns")),
}
_FEW_WORDS = 5  # of a question with fewer, as in a script without blanks, the beginning is counted in characters


def read_spec(given: Mapping[str, Any]) -> dict[str, Any]:
    """The --spec of scripts/prompts.py with its defaults. Raises InputError for the first error."""
    kind = Settings(kind=KIND, required=("kind",)).read({key: value for key, value in given.items() if key == "kind"})["kind"]
    return SPECS[kind].read(given)


def fill_template(template: str, **texts: str) -> str:
    """Replace each {name} in `template` by its text, once. Other braces (LaTeX) stay."""
    return re.sub(r"\{(" + "|".join(texts) + r")\}", lambda match: texts[match[1]], template)


def shuffle_choices(item: BenchmarkItem, seed: int) -> tuple[list[str], str]:
    """(choices in the order shown, letter of the gold answer).

    The order depends on the seed and the question only, not on the other items.
    """
    choices = [item.gold, *item.wrong]
    order = list(range(len(choices)))
    random.Random(sha256_text(f"{seed}\n{item.question}")).shuffle(order)
    return [choices[place] for place in order], LETTERS[order.index(0)]


def split_question(question: str, share: float) -> tuple[str, str]:
    """The beginning of a question, up to `share` of its words, and the rest, neither of them empty where it has two characters."""
    words = list(re.finditer(r"\S+", question))
    if len(words) < _FEW_WORDS:
        text = question.strip()
        place = min(max(1, int(share * len(text))), len(text) - 1)
        return text[:place], text[place:]
    end = words[min(max(1, int(share * len(words))), len(words) - 1) - 1].end()
    return question[:end], question[end:].strip()


def make_prompt(item: BenchmarkItem, spec: dict[str, Any]) -> Row:
    """One row of prompts.jsonl. `spec`: kind, system, user (a template), examples and, for choices, shuffle_seed.

    Of kind completion: kind and share. The message is the beginning of the question, the gold the rest of it.
    """
    if spec["kind"] == COMPLETION:
        begins, rest = split_question(item.question, spec["share"])
        return {"id": item.id, "messages": [{"role": COMPLETION, "content": begins}], "gold": rest, "kind": COMPLETION, "choices": None}
    choices, gold = None, item.gold
    texts = {"question": item.question}
    if spec["kind"] == "choice":
        choices, gold = shuffle_choices(item, spec["shuffle_seed"])
        choices = [choice.strip() for choice in choices]  # some of GPQA's end in a line break; lighteval strips them too
        texts["question"] = item.question.strip()
        texts["choices"] = "\n".join(f"{letter}) {choice}" for letter, choice in zip(LETTERS, choices, strict=False))
    messages = [{"role": "system", "content": spec["system"]}] if spec.get("system") else []
    for example in spec.get("examples") or ():
        # The question of a choice example holds its choices.
        question = fill_template(spec["user"], question=example["question"], choices="").rstrip()
        messages += [{"role": "user", "content": question}, {"role": "assistant", "content": example["answer"]}]
    messages.append({"role": "user", "content": fill_template(spec["user"], **texts)})
    return {"id": item.id, "messages": messages, "gold": gold, "kind": spec["kind"], "choices": choices}
