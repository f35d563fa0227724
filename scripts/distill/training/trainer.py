"""TRL's SFTTrainer as this project runs it: row order that a resume restores, whole checkpoints, a clean stop on SIGTERM, and no step
that waits for its log line or for a disk."""

import math
import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch.distributed.tensor import DTensor
from torch.utils.data import Sampler
from transformers import TrainerCallback
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_pt_utils import get_length_grouped_indices, nested_gather
from trl import SFTTrainer

from distill.base.errors import InputError
from distill.base.progress import Progress
from distill.training.checkpoint_writer import CheckpointWriter, move_into_place
from distill.training.speed import count_attended, flops_per_token

# How torch, safetensors and DeepSpeed say that a disk is full; only some of them raise OSError.
FULL = re.compile(r"No space left|os error 28|Disk quota exceeded|os error 122|file write failed|enforce fail at inline_container")
SAVING = "saving"  # folder of a checkpoint that is not complete
ROWS_AT_ONCE = 10  # log rows read from a device at a time: to read one waits for all work that was sent to it
ROWS_EVERY_S = 2.0  # or after so long, which slow steps reach first


@contextmanager
def report_full_disk(folder: Path, what: str) -> Iterator[None]:
    """Raises InputError, in one line, where there was no room to write `what` to `folder`."""
    try:
        yield
    except Exception as error:
        if not FULL.search(str(error)):
            raise
        shutil.rmtree(folder / SAVING, ignore_errors=True)
        raise InputError(f"{folder}: no room left on the disk for {what}. Make room and run the same command again") from None


class Stopped(Exception):
    """The training ended because of a signal; its checkpoint is saved."""


class EpochSampler(Sampler[int]):
    """The order of rows in an epoch, from the seed and the epoch alone, so that a resumed run continues exactly.

    transformers 5.19 draws the order of group_by_length from the global random state, which a resume in a later epoch cannot restore.
    With `lengths` (tokens of each row) rows of similar length share a batch.
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


@dataclass(frozen=True)
class PendingRow:
    """A log row whose numbers are still on the device; `counts` and `entropy` as in Trainer._reset_sums."""

    step: int
    epoch: float
    learning_rate: float
    loss: torch.Tensor
    grad_norm: torch.Tensor | float
    counts: torch.Tensor
    entropy: torch.Tensor


class Trainer(SFTTrainer):
    """SFTTrainer whose data order follows from seed and epoch, whose checkpoints get their name only once they are complete, and whose log
    is read from the device some rows at a time.

    A kill while saving costs that checkpoint and no other.
    """

    group_by_length = False
    progress_log: "ProgressLog"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.checkpoint_writer = CheckpointWriter()
        self.rows_at_once = 1 if self.args.device.type == "cpu" or self.aux_loss_enabled else ROWS_AT_ONCE
        self.log_due = False  # a callback sets it: write the log after this step
        self.tokens_seen = self.attended_seen = 0
        self._pending: list[PendingRow] = []
        self._written_at = time.monotonic()
        self._reset_sums()

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> EpochSampler:
        data = self.train_dataset if train_dataset is None else train_dataset
        lengths = [len(ids) for ids in data["input_ids"]] if self.group_by_length else None
        # The global batch, so that the order is that of any other world size.
        batch = self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        return EpochSampler(len(data), self.args.seed, lengths, batch)

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        # transformers 5.19 checks only after a step whether the training is over: resumed at its end within an epoch, it would train on.
        if self.state.global_step >= self.state.max_steps:
            self.control.should_training_stop = True
        if not self.control.should_training_stop:
            super()._run_epoch(*args, **kwargs)

    # ---- loss and log

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: torch.Tensor | int | None = None
    ) -> Any:
        """TRL 1.16's loss, by its fused head. TRL's own method reads five numbers from the device for each micro batch, and each read waits
        for all work that was sent there; here they are summed on the device until the log is written."""
        mask = inputs.get("attention_mask")
        self._counts[0] += inputs["input_ids"].numel() if mask is None else mask.sum()
        self._counts[1] += count_attended(inputs)
        if return_outputs or self.aux_loss_enabled:  # mixtures of experts have a second loss
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        outputs = model(**inputs, use_cache=False, fused_lm_head=True)
        count = outputs.label_mask.sum() if num_items_in_batch is None else num_items_in_batch
        losses = -outputs.log_probs
        if self.args.loss_type == "dft":
            losses = losses * outputs.log_probs.exp().detach()
        loss = losses.sum() / torch.as_tensor(count).clamp(min=1)
        if self.args.average_tokens_across_devices and num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes  # it counts the tokens of all processes, and DDP takes the mean of the gradients
        with torch.no_grad():
            self._counts[2] += outputs.label_mask.sum()
            self._counts[3] += outputs.is_top1.sum()
            self._entropy += outputs.entropy.sum()
        return loss

    def _reset_sums(self) -> None:
        """Counts of the micro batches since the last log row: tokens, tokens that they attend to, tokens with loss, those of them that are
        the model's first choice; and the entropy of its choices, summed over tokens with loss."""
        self._counts = torch.zeros(4, dtype=torch.int64, device=self.args.device)
        self._entropy = torch.zeros((), device=self.args.device)

    def _maybe_log_save_evaluate(
        self, tr_loss: torch.Tensor, grad_norm: Any, model: Any, trial: Any, *args: Any, learning_rate: float | None = None, **kwargs: Any
    ) -> None:
        if self.control.should_log and self.state.global_step > self._globalstep_last_logged:
            if learning_rate is None:
                learning_rate = self._get_learning_rate()
            if isinstance(grad_norm, DTensor):
                grad_norm = grad_norm.full_tensor()
            norm = grad_norm.detach().clone() if isinstance(grad_norm, torch.Tensor) else grad_norm
            mode = self.args.parallel_mode
            loss = nested_gather(tr_loss.detach().clone(), mode).mean()
            counts, entropy = nested_gather(self._counts[None], mode).sum(0), nested_gather(self._entropy, mode).sum()
            self._pending.append(PendingRow(self.state.global_step, self.state.epoch, learning_rate, loss, norm, counts, entropy))
            tr_loss.zero_()
            self._reset_sums()
            self._globalstep_last_logged = self.state.global_step
        if self._pending and self._log_is_due():
            self.write_log()
        super()._maybe_log_save_evaluate(tr_loss, grad_norm, model, trial, *args, learning_rate=learning_rate, **kwargs)

    def _log_is_due(self) -> bool:
        ends = self.control.should_save or self.control.should_training_stop or self.state.global_step >= self.state.max_steps
        late = time.monotonic() - self._written_at >= ROWS_EVERY_S
        return ends or late or self.log_due or self.state.global_step == 1 or len(self._pending) >= self.rows_at_once

    def write_log(self) -> None:
        """Put the pending rows into the log, one `on_log` of the callbacks for each, as if each had been written at its own step.

        Raises InputError where a loss is not a finite number: nothing is learned after that.
        """
        rows, self._pending, self.log_due = self._pending, [], False
        losses, entropies = (torch.stack(numbers).tolist() for numbers in ([row.loss for row in rows], [row.entropy for row in rows]))
        norms = [row.grad_norm for row in rows]
        if isinstance(norms[0], torch.Tensor):
            norms = torch.stack(norms).tolist()
        counts = torch.stack([row.counts for row in rows]).tolist()
        now = self.state.global_step, self.state.epoch
        for row, loss, norm, entropy, (tokens, attended, learned, right) in zip(rows, losses, norms, entropies, counts, strict=True):
            if not math.isfinite(loss):
                raise InputError(f"train: the loss of step {row.step} is {loss}: lower train.learning_rate, or check the training set")
            self._total_loss_scalar += loss
            self.tokens_seen += tokens
            self.attended_seen += attended
            self.state.global_step, self.state.epoch = row.step, row.epoch
            if row is rows[-1]:
                self.progress_log.measure(row.step, self.tokens_seen, self.attended_seen)
            shares = {"entropy": entropy / max(learned, 1), "mean_token_accuracy": right / max(learned, 1)}
            self.log(
                {
                    "loss": loss,
                    "grad_norm": norm,
                    "learning_rate": row.learning_rate,
                    "num_tokens": float(self.tokens_seen),
                    **({} if self.aux_loss_enabled else shares),
                }
            )
        self.state.global_step, self.state.epoch = now
        self._written_at = time.monotonic()

    # ---- checkpoints

    def _get_output_dir(self, trial: Any = None) -> str:
        return os.path.join(self.args.output_dir, SAVING) if getattr(self, "_saving", False) else self.args.output_dir

    def _save_checkpoint(self, model: Any, trial: Any = None) -> None:
        self.wait_for_checkpoint()
        run = Path(self.args.output_dir)
        saved = run / SAVING / f"checkpoint-{self.state.global_step}"
        if self.args.should_save:
            shutil.rmtree(run / SAVING, ignore_errors=True)
            saved.mkdir(parents=True)
        self.accelerator.wait_for_everyone()
        self._saved_step = self.state.global_step
        if self.is_deepspeed_enabled or self.is_fsdp_enabled:
            self._save_shards(model, trial)
            if self.args.should_save:
                move_into_place(saved, run / saved.name)
        else:
            self._save_in_background(saved)
        self.accelerator.wait_for_everyone()

    def _save_shards(self, model: Any, trial: Any) -> None:
        """All processes write their part, and wait for each other."""
        self._saving = True
        try:
            with self._report_full_disk():
                super()._save_checkpoint(model, trial)
        finally:
            self._saving = False
        self.accelerator.wait_for_everyone()

    def _save_in_background(self, saved: Path) -> None:
        """What transformers 5.19 resumes from; the large files are written while the training goes on."""
        self.store_flos()
        with self._report_full_disk():
            self._save_rng_state(str(saved))
            self.accelerator.wait_for_everyone()
            if self.args.should_save:
                self.state.save_to_json(str(saved / TRAINER_STATE_NAME))
        if self.args.should_save:
            network = self.accelerator.unwrap_model(self.model)
            weights = {name: weight for name, weight in network.state_dict().items() if name not in network.all_tied_weights_keys}
            states = {"optimizer.pt": self.optimizer.state_dict(), "scheduler.pt": self.lr_scheduler.state_dict()}
            target = Path(self.args.output_dir) / saved.name
            self.checkpoint_writer.write(weights, states, saved, lambda: move_into_place(saved, target))

    def wait_for_checkpoint(self) -> None:
        """Return once the last checkpoint is complete. Raises InputError where the disk had no room for it."""
        with self._report_full_disk():
            self.checkpoint_writer.wait()

    def _report_full_disk(self) -> Any:
        step = getattr(self, "_saved_step", 0)
        return report_full_disk(Path(self.args.output_dir), f"the checkpoint of step {step}; older ones are still good")


class StopOnSignal(TrainerCallback):
    """SIGTERM, as a cluster sends it ahead of preemption, ends the training after the current step, with a checkpoint."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer, self.received, self.stopping = trainer, False, False
        self._previous: torch.Tensor | None = None
        signal.signal(signal.SIGTERM, self._receive)

    def _receive(self, *_: Any) -> None:
        self.received = True

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.stopping or (self._received_anywhere(args) if args.world_size > 1 else self.received):
            self.stopping = control.should_save = control.should_training_stop = True

    def _received_anywhere(self, args: Any) -> bool:
        """Whether any process had the signal before the previous step ended: it may reach one process a step before another, and to save
        takes all of them. Read a step late, so that no process waits for the step that it has just sent to its device."""
        previous, received = self._previous, torch.tensor(float(self.received), device=args.device)
        self._previous = self.trainer.accelerator.reduce(received, "sum")
        return previous is not None and float(previous) > 0


class ProgressLog(TrainerCallback):
    """Prints how far the training is, and measures tokens per second and MFU every ten steps. These are in log.jsonl only, which is no
    part of a model's digest.

    Every step is logged, so that a log of several attempts is that of an unbroken run.
    """

    def __init__(self, trainer: Trainer, peak_flops: float | None = None) -> None:
        """`peak_flops` of all devices of the training together; None where it is unknown."""
        self.trainer, self.peak_flops = trainer, peak_flops
        self.tokens_per_s: dict[int, float] = {}
        self.mfu: dict[int, float] = {}
        self._last: tuple[int, float, int, int] | None = None
        self._progress: Progress | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.is_world_process_zero:
            self._progress = Progress("train", state.max_steps, "steps", initial=state.global_step)
        seen = max((row.get("num_tokens", 0) for row in state.log_history), default=0)
        self.trainer.tokens_seen = self.trainer._total_train_tokens = int(seen)  # TRL 1.16 counts from 0 again after a resume

    def measure(self, step: int, tokens: int, attended: int) -> None:
        """Note the speed of the steps up to `step`, whose work has ended, given the tokens seen and attended to so far."""
        if self._last and step // 10 == self._last[0] // 10 and step != self.trainer.state.max_steps:
            return
        now = time.monotonic()
        if self._last:
            _, before, tokens_before, attended_before = self._last
            seconds, more = max(now - before, 1e-9), tokens - tokens_before
            self.tokens_per_s[step] = round(more / seconds, 1)
            if self.peak_flops and more:
                network = self.trainer.accelerator.unwrap_model(self.trainer.model)
                work = flops_per_token(network, (attended - attended_before) / more)
                self.mfu[step] = round(more / seconds * work / self.peak_flops, 4)
        self._last = (step, now, tokens, attended)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
        if "loss" in logs and self._progress:
            speed, used = (next(reversed(found.values()), None) for found in (self.tokens_per_s, self.mfu))
            rate = (f", {speed:,.0f} tokens/s" if speed else "") + (f", MFU {used:.1%}" if used else "")
            self._progress.update(state.global_step, f"loss {float(logs['loss']):.4f}, {logs['num_tokens']:,.0f} tokens{rate}")

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self._progress:
            self._progress.close()
