"""TRL's SFTTrainer as this project runs it: an order of rows that a resume brings back, whole checkpoints, signals that are heard."""

import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch.utils.data import Sampler
from transformers import TrainerCallback
from transformers.trainer_pt_utils import get_length_grouped_indices
from trl import SFTTrainer

from distill.base.errors import InputError
from distill.base.progress import Progress

# How torch, safetensors and DeepSpeed say that a disk is full; only some of them raise OSError.
FULL = re.compile(r"No space left|os error 28|Disk quota exceeded|os error 122|file write failed|enforce fail at inline_container")


@contextmanager
def full_disk_told(folder: Path, what: str) -> Iterator[None]:
    """Raises InputError, in one line, where there was no room to write `what` to `folder`."""
    try:
        yield
    except Exception as error:
        if not FULL.search(str(error)):
            raise
        shutil.rmtree(folder / "saving", ignore_errors=True)
        raise InputError(f"{folder}: no room left on the disk for {what}. Make room and run the same command again") from None


class Stopped(Exception):
    """A signal asked the training to stop; its checkpoint is saved."""


class EpochSampler(Sampler[int]):
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
    lines: "ProgressLog"

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> EpochSampler:
        data = self.train_dataset if train_dataset is None else train_dataset
        lengths = [len(ids) for ids in data["input_ids"]] if self.group_by_length else None
        # The global batch, so that the order is that of any other world size.
        batch = self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        return EpochSampler(len(data), self.args.seed, lengths, batch)

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        # transformers 5.19 asks only after a step whether the training is over: resumed at its end within an epoch, it would train on.
        if self.state.global_step >= self.state.max_steps:
            self.control.should_training_stop = True
        if not self.control.should_training_stop:
            super()._run_epoch(*args, **kwargs)

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
            with full_disk_told(run, f"the checkpoint of step {self.state.global_step}; older ones are still good"):
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

    def __init__(self, trainer: Trainer) -> None:
        self.trainer, self.asked = trainer, False
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, *_: Any) -> None:
        self.asked = True

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if args.world_size > 1:  # the signal may reach one process a step before another, and to save takes all of them
            asked = torch.tensor(float(self.asked), device=args.device)
            self.asked = float(self.trainer.accelerator.reduce(asked, "sum")) > 0
        if self.asked:
            control.should_save = control.should_training_stop = True


class ProgressLog(TrainerCallback):
    """Tells how far the training is, and notes tokens per second at every tenth step, which only logs may hold.

    Every step is logged, so that a log put together from several attempts is that of an unbroken run.
    """

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.last: tuple[float, float] | None = None
        self.tokens_per_s: dict[int, float] = {}
        self.progress: Progress | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.is_world_process_zero:
            self.progress = Progress("train", state.max_steps, "steps", initial=state.global_step)
        # TRL 1.16 counts tokens from 0 again after a resume.
        self.trainer._total_train_tokens = max((row.get("num_tokens", 0) for row in state.log_history), default=0)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
        if "loss" not in logs:
            return
        now, tokens = time.monotonic(), logs.get("num_tokens", 0)
        if state.global_step % 10 == 0 or state.global_step in (1, state.max_steps):
            if self.last:
                self.tokens_per_s[state.global_step] = round((tokens - self.last[1]) / max(now - self.last[0], 1e-9), 1)
            self.last = (now, tokens)
        if self.progress:
            speed = next(reversed(self.tokens_per_s.values()), None)
            rate = f", {speed:,.0f} tokens/s" if speed else ""
            self.progress.update(state.global_step, f"loss {float(logs['loss']):.4f}, {tokens:,.0f} tokens{rate}")

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.progress:
            self.progress.close()
