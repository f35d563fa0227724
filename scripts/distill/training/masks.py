"""What the first batch teaches, before it teaches it: which tokens carry loss, in words that people can read."""

from itertools import groupby
from typing import Any

from transformers import PreTrainedTokenizerBase

from distill.errors import InputError
from distill.training.recipe import Recipe
from distill.training.trainer import Trainer


def check_mask(trainer: Trainer, first_row: dict[str, Any], recipe: Recipe, whole: bool) -> str:
    """The first training sequence with its loss mask, as text: what carries no loss stands in [brackets].

    Raises InputError where a token of the prompt carries loss, the completion carries none, or (where `whole`, that is, not cut) the end of
    the turn is not learned.
    """
    tokenizer: PreTrainedTokenizerBase = trainer.processing_class
    batch = trainer.data_collator([trainer.train_dataset[0]])
    ids, labels = batch["input_ids"][0].tolist(), batch["labels"][0].tolist()
    learned = [label for label in labels if label != -100]
    text = "".join(
        tokenizer.decode([token for token, _ in group]) if carries else f"[{tokenizer.decode([token for token, _ in group])}]"
        for carries, group in (
            (carries, list(group)) for carries, group in groupby(zip(ids, labels, strict=True), lambda pair: pair[1] != -100)
        )
    )
    if not learned:
        raise InputError(f"train: no token of the first sequence carries loss; is max_length {recipe.max_length} shorter than its prompt?")
    prompt = tokenizer.apply_chat_template(first_row["prompt"], add_generation_prompt=True, tokenize=True, return_dict=False)
    if recipe.loss_on == "completion" and recipe.packing == "none" and any(label != -100 for label in labels[: len(prompt)]):
        raise InputError("train: tokens of the prompt carry loss; the chat template must render the prompt as it begins the whole")
    if whole and tokenizer.eos_token_id not in learned:
        raise InputError(
            f"train: the end of turn {tokenizer.eos_token} is not learned, so the model would never stop; "
            "set train.eos_token to what the chat template ends a turn with"
        )
    return text
