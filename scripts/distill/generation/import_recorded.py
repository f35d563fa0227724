"""Recorded responses joined to the prompts of a benchmark, by id or else by the text of the question."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.base.files import Row, read_jsonl
from distill.base.settings import Settings
from distill.base.tables import SUFFIXES
from distill.base.thoughts import THOUGHT
from distill.benchmarks.items import load_items
from distill.benchmarks.prompts import LETTERS
from distill.generation.recorded_row import RecordedAnswer

# The --spec of scripts/import_responses.py; `items` names the columns of the benchmark, `answered` is what the configuration calls items,
# and `task` the benchmark's name in files that hold several.
SPEC = Settings(
    "$defs/responses/format",
    "$defs/responses/columns",
    "$defs/responses/prefilled_thought",
    answered="$defs/responses/items",
    task={"type": "string"},
    items={"type": "object", "required": ["question"], "additionalProperties": {"type": ["string", "array"]}},
)


@dataclass(frozen=True)
class PromptedItem:
    """An item as it is prompted: the bare question and the whole user turn, both with normal white space; the choices as shown."""

    id: str
    question: str
    prompt: str
    choices: tuple[str, ...]

    def order_in(self, text: str) -> str | None:
        """Our letters of the choices that a text shows one after the other, as in `A) x B) y`: CA where its A is our C and its B our A.
        None where it shows other choices or none, or where two of them are alike."""
        if not self.choices:
            return ""
        known = {normal(choice): letter for choice, letter in zip(self.choices, LETTERS, strict=False)}
        any_choice = "|".join(map(re.escape, sorted(known, key=len, reverse=True)))
        lettered = (rf"[(\[*]{{0,2}}{letter}[)\].:*\s]{{1,4}}({any_choice})" for letter in LETTERS[: len(self.choices)])
        found = re.search(r"(?<!\w)" + r"[\s,;]+".join(lettered) + r"(?!\S)", text)
        order = "".join(known[choice] for choice in found.groups()) if found else ""
        if len(known) < len(self.choices):
            return LETTERS[: len(self.choices)] if found and found.groups() == tuple(map(normal, self.choices)) else None
        return order if len(set(order)) == len(known) else None


def normal(text: str) -> str:
    """Text with every run of white space as one blank."""
    return " ".join(text.split())


class PromptedItems:
    """The items of a benchmark, found by id or by the text of the question or prompt."""

    def __init__(self, prompts: str | Path, questions: Mapping[str, str] | None = None) -> None:
        """`questions`: the bare question of each id. Without them only ids and whole prompts are found."""
        self.path = str(prompts)
        self.items: dict[str, PromptedItem] = {}
        for row in read_jsonl(prompts):
            prompt = normal(row["messages"][-1]["content"])
            question = normal((questions or {}).get(row["id"], prompt))
            self.items[row["id"]] = PromptedItem(row["id"], question, prompt, tuple(row.get("choices") or ()))
        if not self.items:
            raise InputError(f"{prompts}: no items: make it again with scripts/prompts.py")
        self._found: dict[str, tuple[str, str]] = {}

    @cached_property
    def _by_prompt(self) -> dict[str, list[PromptedItem]]:
        found: dict[str, list[PromptedItem]] = {}
        for item in self.items.values():
            found.setdefault(item.prompt, []).append(item)
        return found

    def find(self, one: RecordedAnswer) -> tuple[str, str]:
        """The id of the item that an answer is to, and our letters of its choices in the order shown, "" where that is our order. Raises
        InputError, which shows no text of the benchmark."""
        if one.id in self.items:
            return str(one.id), one.shown
        if one.question is None:
            raise InputError(
                f"{one.where}: item {one.id!r} is not in {self.path}: name the id column of this benchmark, or a question column"
            )
        text = normal(one.question)
        if text not in self._found:
            self._found[text] = self._by_text(text, one.where)
        return self._found[text]

    def _by_text(self, text: str, where: str) -> tuple[str, str]:
        """By the whole prompt, else by the longest question that stands in the text: other programs put other words round it."""
        if text in self._by_prompt:
            found = self._by_prompt[text]
        else:
            held = [item for item in self.items.values() if item.question and item.question in text]
            longest = max((len(item.question) for item in held), default=0)
            found = [item for item in held if len(item.question) == longest]
        if not found:
            raise InputError(f"{where}: its question is none of {self.path}: name the files of this benchmark only (files:), or join by id")
        if len(found) > 1:
            raise InputError(f"{where}: its question is that of items {found[0].id!r} and {found[1].id!r}: join by id")
        order = "" if text == found[0].prompt else found[0].order_in(text)
        if order is None:
            raise InputError(
                f"{where}: does not show the choices of item {found[0].id!r} as {self.path} has them, so that its letter means none "
                "of them: ask the model with these prompts"
            )
        return found[0].id, "" if order == LETTERS[: len(order)] else order


def questions(benchmark: str | Path, columns: Mapping[str, Any]) -> dict[str, str]:
    """The bare question of each id of a benchmark's files."""
    return {item.id: item.question for item in load_items(benchmark, columns)}


def answer_files(path: str | Path, pattern: str | None, names: Sequence[str]) -> list[str]:
    """The files that hold a benchmark's answers: `path` itself, what `pattern` finds in this folder, or what has one of the benchmark's
    `names`. Where there is nothing, the one path that was looked for first."""
    path = Path(path)
    if path.is_file() or (path.suffix in SUFFIXES and not path.is_dir()):
        return [str(path)]
    if pattern:
        return sorted(str(file) for file in path.glob(pattern) if file.is_file()) or [str(path / pattern)]
    for name in names:
        if found := [str(path / f"{name}{suffix}") for suffix in SUFFIXES if (path / f"{name}{suffix}").is_file()]:
            return found
    return [str(path / f"{names[0]}.jsonl")]


def join_responses(
    recorded: Iterable[RecordedAnswer],
    items: PromptedItems,
    source: str,
    answered: str = "all",
    prefilled_thought: bool = False,
    count_tokens: Callable[[str], int] | None = None,
    may_count_from_1: bool = False,
) -> Iterator[Row]:
    """Rows of responses in the order of the prompts, then of the samples. `source` names the files in messages.

    `answered`: all, where each item needs an answer, or answered, where those without one are left out. `prefilled_thought`: the prompts
    ended in the tag that opens a thought, which is put in front of each text. `count_tokens` counts those of an answer that comes without a
    count. `may_count_from_1`: where the samples of every item are numbered 1 to n, they are those from 0 to n - 1 here.
    Raises InputError for an unknown item, a doubled (id, sample), and items with different numbers of answers.
    """
    found: dict[str, dict[int, RecordedAnswer]] = {name: {} for name in items.items}
    orders: dict[int, str] = {}
    for one in recorded:
        name, orders[id(one)] = items.find(one)
        samples = found[name]
        sample = len(samples) if one.sample is None else one.sample
        if one.sample is None and (others := [other.file for other in samples.values() if other.file != one.file]):
            raise InputError(f"{one.where}: {others[0]} has answers to item {name!r} too: name the files of one run only (files:)")
        if sample in samples:
            raise InputError(f"{one.where}: item {name!r} sample {sample} stands in {samples[sample].where} too: remove one of the two")
        samples[sample] = one
    if may_count_from_1 and any(found.values()) and all(samples.keys() == set(range(1, len(samples) + 1)) for samples in found.values()):
        print(f"{source}: samples are numbered from 1, and here from 0")
        found = {name: {sample - 1: one for sample, one in samples.items()} for name, samples in found.items()}
    if answered == "answered":
        found = {name: samples for name, samples in found.items() if samples}
        if not found:
            raise InputError(f"{source}: no answers: name the files of this benchmark (files:)")
    count = 1 + max((sample for samples in found.values() for sample in samples), default=0)
    missing = count * len(found) - sum(map(len, found.values()))
    if missing:
        name, sample = next((name, sample) for name, samples in found.items() for sample in range(count) if sample not in samples)
        unanswered = sum(not samples for samples in found.values())
        some = f" (items: answered leaves out the {unanswered:,} without any answer)" if unanswered else ""
        raise InputError(
            f"{source}: no answer to item {name!r}, sample {sample} of {count} numbered from 0 ({missing:,} are missing of "
            f"{count * len(found):,}): add them, or leave this benchmark out under files:{some}"
        )
    opened = THOUGHT["think"][0] if prefilled_thought else ""

    def rows() -> Iterator[Row]:
        for name, samples in found.items():
            for sample in range(count):
                order = orders[id(samples[sample])]
                yield _row(name, sample, samples[sample], opened, count_tokens) | ({"shown": order} if order else {})

    return rows()


def token_counter(folder: str | Path) -> Callable[[str], int]:
    """Counts the tokens of a text by the tokenizer.json of a model's folder, without special tokens around it."""
    from tokenizers import Tokenizer

    path = Path(folder) / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the package raises nothing more specific
        raise InputError(f"{path}: no tokenizer ({str(error).splitlines()[0]}): name a model that has a tokenizer.json") from None
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def _row(name: str, sample: int, one: RecordedAnswer, opened: str, count_tokens: Callable[[str], int] | None) -> Row:
    tokens = {"prompt_tokens": one.prompt_tokens, "completion_tokens": one.completion_tokens}
    if tokens["completion_tokens"] is None and count_tokens:
        tokens["completion_tokens"] = count_tokens(one.text)
    text = one.text if one.text.lstrip().startswith(opened) else f"{opened}\n{one.text}"
    return {"id": name, "sample": sample, "text": text, "finish_reason": one.finish_reason, **tokens}
