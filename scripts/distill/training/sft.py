"""Supervised fine-tuning of a model on traces by TRL's SFTTrainer, resumable to the byte."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch.utils.data import Sampler
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase, PrinterCallback, TrainerCallback
from transformers.trainer_pt_utils import get_length_grouped_indices
from transformers.trainer_utils import get_last_checkpoint
from transformers.utils.logging import disable_progress_bar
from trl import SFTConfig, SFTTrainer

from distill.errors import InputError
from distill.training.recipe import Recipe, accumulation

disable_progress_bar()

STOPPED = 75  # EX_TEMPFAIL of sysexits.h: try again
STRATEGY = {"none": None, "bfd": "bfd", "bfd_split": "bfd_split", "wrapped": "wrapped"}


class Stopped(Exception):
    """A signal asked the training to stop; its checkpoint is saved."""


class Order(Sampler[int]):
    """The order of rows in an epoch, from the seed and the epoch alone, so that a resumed run goes on exactly.

    transformers 5.19 draws the order of group_by_length from the global random state, which a resume in a later epoch cannot bring back.
    With `lengths` (tokens of each row) rows of like length share a batch.
    """

    def __init__(self, rows: int, seed: int, lengths: list[int] | None, batch_size: int):
        self.rows, self.seed, self.lengths, self.batch_size = rows, seed, lengths, batch_size
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.rows

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        if self.lengths is None:
            return iter(torch.randperm(self.rows, generator=generator).tolist())
        return iter(get_length_grouped_indices(self.lengths, self.batch_size, generator=generator))


class Trainer(SFTTrainer):
    """SFTTrainer whose data order follows from seed and epoch, and whose checkpoints take their name only once they are complete.

    A kill while saving costs that save and no more.
    """

    group_by_length = False

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Order:
        data = self.train_dataset if train_dataset is None else train_dataset
        lengths = [len(ids) for ids in data["input_ids"]] if self.group_by_length else None
        return Order(len(data), self.args.seed, lengths, self.args.train_batch_size * self.args.gradient_accumulation_steps)

    def _get_output_dir(self, trial: Any = None) -> str:
        return os.path.join(self.args.output_dir, "saving") if getattr(self, "_saving", False) else self.args.output_dir

    def _save_checkpoint(self, model: Any, trial: Any = None) -> None:
        run = Path(self.args.output_dir)
        name = f"checkpoint-{self.state.global_step}"
        if self.args.should_save:
            shutil.rmtree(run / "saving", ignore_errors=True)
        self.accelerator.wait_for_everyone()
        self._saving = True
        try:
            super()._save_checkpoint(model, trial)
        finally:
            self._saving = False
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            if (run / name).exists():
                shutil.rmtree(run / name)
            os.replace(run / "saving" / name, run / name)
            shutil.rmtree(run / "saving")
            for older in sorted(run.glob("checkpoint-*"), key=lambda path: int(path.name.rsplit("-", 1)[1]))[:-2]:
                shutil.rmtree(older)
        self.accelerator.wait_for_everyone()


class StopOnSignal(TrainerCallback):
    """SIGTERM, as a cluster sends it ahead of preemption, ends the training after the step at hand and a checkpoint."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, *_: Any) -> None:
        self.asked = True

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.asked:
            control.should_save = control.should_training_stop = True


class Progress(TrainerCallback):
    """Prints every tenth step as one plain line, and notes tokens per second, which only logs may hold.

    Every step is logged, so that a log put together from several attempts is that of an unbroken run.
    """

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.last: tuple[float, float] | None = None
        self.tokens_per_s: dict[int, float] = {}

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        # TRL 1.16 counts tokens from 0 again after a resume.
        self.trainer._total_train_tokens = max((row.get("num_tokens", 0) for row in state.log_history), default=0)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
        if "loss" not in logs or not (state.global_step % 10 == 0 or state.global_step in (1, state.max_steps)):
            return
        now, tokens = time.monotonic(), logs.get("num_tokens", 0)
        if self.last:
            self.tokens_per_s[state.global_step] = round((tokens - self.last[1]) / max(now - self.last[0], 1e-9), 1)
        self.last = (now, tokens)
        if state.is_world_process_zero:
            speed = self.tokens_per_s.get(state.global_step)
            rate = f"  {speed:,.0f} tokens/s" if speed else ""
            print(f"step {state.global_step}/{state.max_steps}  loss {float(logs['loss']):.4f}  tokens {tokens:,.0f}{rate}", flush=True)


def arguments(recipe: Recipe, run: Path, device: str, micro_batch: int, save_steps: int, world_size: int) -> SFTConfig:
    """The recipe as TRL and transformers take it."""
    micro, steps = accumulation(recipe.global_batch, world_size, micro_batch)
    minimum = {"min_lr_rate": recipe.min_lr_rate} if recipe.lr_scheduler_type == "cosine_with_min_lr" else {}
    return SFTConfig(
        output_dir=str(run),
        num_train_epochs=recipe.epochs,
        max_steps=recipe.max_steps,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=recipe.lr_scheduler_type,
        lr_scheduler_kwargs=minimum,
        warmup_steps=recipe.warmup_steps or recipe.warmup_ratio,  # transformers 5 takes a share below 1 here too
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_grad_norm,
        adam_beta1=recipe.adam_beta1,
        adam_beta2=recipe.adam_beta2,
        optim="adamw_torch",
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=steps,
        max_length=recipe.max_length,
        packing=recipe.packing != "none",
        packing_strategy=STRATEGY[recipe.packing] or "bfd",
        completion_only_loss=recipe.loss_on == "completion",
        bf16=recipe.dtype == "bfloat16",
        gradient_checkpointing=recipe.gradient_checkpointing,
        seed=recipe.seed,
        data_seed=recipe.seed,
        eos_token=recipe.eos_token,
        use_cpu=device == "cpu" or (device == "auto" and not torch.cuda.is_available()),
        logging_steps=1,
        save_strategy="steps",
        save_steps=save_steps,
        disable_tqdm=True,
        report_to="none",
        dataloader_num_workers=0,
    )


def build(base: Path, rows: list[dict[str, Any]], recipe: Recipe, template: str | None, args: SFTConfig) -> Trainer:
    """The trainer over prompt/completion rows. Raises InputError where its first rows would teach the wrong thing."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    if template is not None:
        tokenizer.chat_template = template
    if recipe.eos_token is not None and recipe.eos_token not in tokenizer.get_vocab():
        raise InputError(f"train.eos_token: {recipe.eos_token} is no token of {base}; name one that is")
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, attn_implementation="sdpa")
    model.config.use_cache = False
    # Prompt and completion only: TRL would take further columns for its own.
    data = Dataset.from_list([{"prompt": row["prompt"], "completion": row["completion"]} for row in rows])
    trainer = Trainer(model=model, args=args, train_dataset=data, processing_class=tokenizer)
    trainer.group_by_length = recipe.group_by_length
    return trainer


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


def finetune(trainer: Trainer, run: Path) -> list[dict[str, Any]]:
    """Train to the end, from the last checkpoint in `run` if there is one, and return the log's rows.

    Raises Stopped after SIGTERM.
    """
    stop, progress = StopOnSignal(), Progress(trainer)
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(stop)
    trainer.add_callback(progress)
    last = get_last_checkpoint(str(run))
    if last:
        print(f"resuming from {last}", flush=True)
    trainer.train(resume_from_checkpoint=last)
    if stop.asked and trainer.state.global_step < trainer.state.max_steps:
        raise Stopped
    return [
        {
            "step": row["step"],
            "epoch": round(row["epoch"], 6),
            "tokens": int(row.get("num_tokens", 0)),
            "loss": row["loss"],
            "lr": row["learning_rate"],
            "grad_norm": row.get("grad_norm"),
            "tokens_per_s": progress.tokens_per_s.get(row["step"]),
        }
        for row in trainer.state.log_history
        if "loss" in row
    ]


def save(trainer: Trainer, folder: Path) -> None:
    """Write the model, its tokenizer and a generation config that stops where the training taught it to. All processes must call this."""
    model, tokenizer = trainer.accelerator.unwrap_model(trainer.model), trainer.processing_class
    model.config.use_cache = True
    model.generation_config.eos_token_id = model.config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    trainer.save_model(str(folder))
    if trainer.args.should_save:
        tokenizer.save_pretrained(folder)
        (folder / "training_args.bin").unlink(missing_ok=True)
