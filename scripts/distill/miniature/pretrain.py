"""Pretrain the miniature's base model: a small Qwen2 on short exchanges, from random weights."""

import random
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.utils.data import Dataset
from transformers import (
    AutoTokenizer,
    DataCollatorForSeq2Seq,
    GenerationConfig,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Qwen2Config,
    Qwen2ForCausalLM,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)
from transformers.utils.logging import disable_progress_bar

from distill.base.progress import Progress

TOKENIZER = ("tokenizer.json", "tokenizer_config.json")


@dataclass(frozen=True)
class PretrainRecipe:
    """Size and optimisation. `head_dim` 32 with as many key-value heads as heads: the smallest that vLLM on CPU runs."""

    hidden_size: int = 96
    intermediate_size: int = 256
    layers: int = 2
    heads: int = 3
    max_position_embeddings: int = 1024
    rope_theta: float = 100.0
    initializer_range: float = 0.08
    learning_rate: float = 3e-3
    batch: int = 16
    warmup_steps: int = 30
    min_lr_rate: float = 0.1
    weight_decay: float = 0.01
    adam_beta2: float = 0.98
    max_grad_norm: float = 1.0
    seed: int = 0


class Exchanges(Dataset):
    """Token ids of exchanges in the chat template, or of texts without it. The loss covers the assistant's turn, or all, and its end."""

    def __init__(self, rows: list[dict[str, list[int]]]):
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, list[int]]:
        return self.rows[index]


def encode(tokenizer: PreTrainedTokenizerBase, exchanges: Iterable[tuple[str | None, str]]) -> list[dict[str, list[int]]]:
    """input_ids and labels, (tokens,) each, of (user, assistant); where there is a question, the labels of the prompt are -100: no loss."""
    exchanges = list(exchanges)
    conversations = [[{"role": "user", "content": user}] for user, _ in exchanges if user is not None]
    prompts = iter(tokenizer.apply_chat_template(conversations, add_generation_prompt=True, tokenize=False))
    heads = tokenizer(["" if user is None else next(prompts) for user, _ in exchanges], add_special_tokens=False).input_ids
    tails = tokenizer([assistant + tokenizer.eos_token for _, assistant in exchanges], add_special_tokens=False).input_ids
    return [{"input_ids": head + tail, "labels": [-100] * len(head) + tail} for head, tail in zip(heads, tails, strict=True)]


def in_batches(rows: list[dict], batch: int, seed: int, window: int = 50) -> list[dict]:
    """Group rows of similar length: sort within windows of `window` batches, then shuffle the batches of each window."""
    rng = random.Random(seed)
    ordered = []
    for start in range(0, len(rows), batch * window):
        chunk = sorted(rows[start : start + batch * window], key=lambda row: len(row["input_ids"]))
        batches = [chunk[at : at + batch] for at in range(0, len(chunk), batch)]
        rng.shuffle(batches)
        ordered += [row for one in batches for row in one]
    return ordered


class PretrainProgress(TrainerCallback):
    """Prints progress and the mean loss of the last hundred steps."""

    def on_train_begin(self, args, state, control, **kwargs):
        self.progress = Progress("pretrain", state.max_steps, "steps")

    def on_step_end(self, args, state, control, **kwargs):
        self.progress.update(state.global_step)

    def on_log(self, args, state, control, logs=None, **kwargs):
        if logs and "loss" in logs:
            self.progress.update(state.global_step, f"loss {float(logs['loss']):.4f}")

    def on_train_end(self, args, state, control, **kwargs):
        self.progress.close()


def pretrain(tokenizer_folder: Path, exchanges: Iterable[tuple[str | None, str]], folder: Path, recipe: PretrainRecipe) -> None:
    """Train on (user, assistant) pairs, or (None, text), and write model, config, generation config and tokenizer to `folder`."""
    disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    set_seed(recipe.seed)
    model = Qwen2ForCausalLM(config(tokenizer, recipe))
    rows = in_batches(encode(tokenizer, exchanges), recipe.batch, recipe.seed)
    arguments = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=1,
        per_device_train_batch_size=recipe.batch,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="cosine_with_min_lr",
        lr_scheduler_kwargs={"min_lr_rate": recipe.min_lr_rate},
        warmup_steps=recipe.warmup_steps,
        weight_decay=recipe.weight_decay,
        adam_beta2=recipe.adam_beta2,
        max_grad_norm=recipe.max_grad_norm,
        train_sampling_strategy="sequential",
        seed=recipe.seed,
        use_cpu=True,
        bf16=False,
        save_strategy="no",
        report_to="none",
        logging_steps=100,
        logging_nan_inf_filter=False,
        disable_tqdm=True,
    )
    collator = DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=-100)
    trainer = Trainer(model, arguments, train_dataset=Exchanges(rows), data_collator=collator, callbacks=[PretrainProgress()])
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    model.config.use_cache = True  # the Trainer (transformers 5.19) turns it off, and would leave it off in the saved config
    model.generation_config = GenerationConfig(eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id)
    model.save_pretrained(folder)
    for name in TOKENIZER:
        if not (folder / name).exists() or not (folder / name).samefile(tokenizer_folder / name):
            shutil.copyfile(tokenizer_folder / name, folder / name)


def config(tokenizer: PreTrainedTokenizerBase, recipe: PretrainRecipe) -> Qwen2Config:
    """Qwen2's architecture at the recipe's sizes, in float32, with as many heads for keys as for queries."""
    return Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=recipe.hidden_size,
        intermediate_size=recipe.intermediate_size,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=recipe.max_position_embeddings,
        rope_parameters={"rope_type": "default", "rope_theta": recipe.rope_theta},
        initializer_range=recipe.initializer_range,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        dtype=torch.float32,
    )
