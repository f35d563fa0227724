"""What the first batch teaches, before it teaches it: which tokens carry loss, held against the chat template and shown to people."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any

from transformers import PreTrainedTokenizerBase

from distill.base.errors import InputError
from distill.base.packing import PACKINGS
from distill.training.recipe import Recipe
from distill.training.trainer import Trainer

SHOWN = 600  # characters of one span of a sequence, in the log


@dataclass(frozen=True)
class Document:
    """A piece of a training sequence whose tokens see each other and no others: a row, or the part of one that fits."""

    ids: list[int]
    carries: list[bool]

    def spans(self) -> Iterator[tuple[int, int]]:
        """Begin and end of each run of tokens that carry loss."""
        at = 0
        for carries, run in groupby(self.carries):
            end = at + len(list(run))
            if carries:
                yield at, end
            at = end


def first_batch(trainer: Trainer) -> dict[str, Any]:
    """What this process takes for its first forward pass, as accelerate deals the sampler's order out."""
    args = trainer.args
    size, rank = args.per_device_train_batch_size, args.process_index
    order = list(islice(trainer._get_train_sampler(), rank * size, (rank + 1) * size))
    return trainer.data_collator([trainer.train_dataset[at] for at in order or [0]])


def documents(batch: dict[str, Any]) -> list[Document]:
    """The documents of a batch, without padding. Where sequences are packed, position 0 begins a document."""
    found = []
    for at, (ids, labels) in enumerate(zip(batch["input_ids"].tolist(), batch["labels"].tolist(), strict=True)):
        length = int(batch["attention_mask"][at].sum()) if "attention_mask" in batch else len(ids)
        starts = [0]
        if "position_ids" in batch:
            starts = [place for place, position in enumerate(batch["position_ids"][at].tolist()) if position == 0]
        for start, end in zip(starts, [*starts[1:], length], strict=True):
            found.append(Document(ids[start:end], [label != -100 for label in labels[start:end]]))
    return found


def check_mask(trainer: Trainer, first_row: dict[str, Any], recipe: Recipe) -> str:
    """The first sequence of the first batch with its loss mask, as text: what carries no loss stands in [brackets].

    Raises InputError where a token of a prompt carries loss, nothing carries any, or the end of a turn is not learned.
    """
    tokenizer: PreTrainedTokenizerBase = trainer.processing_class
    packing, found = PACKINGS[recipe["packing"]], documents(first_batch(trainer))
    if not any(any(document.carries) for document in found):
        raise InputError(f"train: no token of the first batch carries loss; is max_length {recipe['max_length']} shorter than its prompts?")
    if recipe["loss_on"] == "completion":
        opening = _opening(tokenizer, first_row["prompt"])
        for document in found:
            _check_prompt(document, opening, cut_in_front=not packing.cuts)
    for document in found:
        _check_end(document, tokenizer, cut_behind=not packing.separates or len(document.ids) >= recipe["max_length"])
    return "\n".join(_shown(document, tokenizer) for document in found[:3])


def notes(trainer: Trainer, first_row: dict[str, Any], recipe: Recipe) -> list[str]:
    """What people should know of the training sequences before they are trained on."""
    made, name, packing = [], recipe["packing"], PACKINGS[recipe["packing"]]
    if not packing.separates:
        made.append(f"train.packing {name}: documents in one sequence see each other and are cut at its end; bfd_split keeps them apart")
    if packing.packed and packing.cuts:
        full = sum(length >= recipe["max_length"] for lengths in trainer.train_dataset["seq_lengths"] for length in lengths)
        if full:
            made.append(
                f"train.packing {name}: {full} documents fill max_length {recipe['max_length']}: what is longer is cut there and loses its "
                "answer and its end of turn; bfd_split trains on the rest as well"
            )
    silent = silent_system(trainer.processing_class, first_row["prompt"])
    if silent:
        made.append(f"the chat template adds its own system prompt: {silent!r}; name a chat_template that does not")
    return [f"warning: {line}" for line in made]


def silent_system(tokenizer: PreTrainedTokenizerBase, prompt: list[dict[str, str]]) -> str:
    """What a template puts in front of a question where the messages have no system prompt and it adds one, as Qwen2.5's own does."""
    if any(message["role"] == "system" for message in prompt):
        return ""
    text = tokenizer.apply_chat_template([{"role": "user", "content": "QUESTION"}], tokenize=False)
    return text.split("QUESTION")[0].strip() if "system" in text else ""


def _opening(tokenizer: PreTrainedTokenizerBase, prompt: list[dict[str, str]]) -> list[int]:
    """The tokens with which the template opens the assistant's turn."""
    with_it, without = (
        tokenizer.apply_chat_template(prompt, add_generation_prompt=add, tokenize=True, return_dict=False) for add in (True, False)
    )
    return with_it[len(without) :] if with_it[: len(without)] == without else with_it[-1:]


def _check_prompt(document: Document, opening: list[int], cut_in_front: bool) -> None:
    for start, end in document.spans():
        # A fragment's answer goes on from a sequence before; its first token is not learned, since nothing precedes it.
        opened = (cut_in_front and start <= 1) or document.ids[max(start - len(opening), 0) : start] == opening
        if not opened or any(document.ids[at : at + len(opening)] == opening for at in range(start, end)):
            raise InputError("train: tokens of the prompt carry loss; the chat template must render the prompt as it begins the whole")


def _check_end(document: Document, tokenizer: PreTrainedTokenizerBase, cut_behind: bool) -> None:
    for start, end in document.spans():
        if not (cut_behind and end == len(document.ids)) and tokenizer.eos_token_id not in document.ids[start:end]:
            raise InputError(
                f"train: the end of turn {tokenizer.eos_token} is not learned, so the model would never stop; "
                "set train.eos_token to what the chat template ends a turn with"
            )


def _shown(document: Document, tokenizer: PreTrainedTokenizerBase) -> str:
    at, parts = 0, []
    for carries, run in groupby(document.carries):
        end = at + len(list(run))
        text = tokenizer.decode(document.ids[at:end])
        if len(text) > SHOWN:
            text = f"{text[: SHOWN // 2]} … {text[-SHOWN // 2 :]}"
        parts.append(text if carries else f"[{text}]")
        at = end
    return "".join(parts)
