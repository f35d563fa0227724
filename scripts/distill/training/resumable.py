"""What every training here has that TRL's trainers lack: row order that a resume restores, checkpoints that are whole or not there, a clean
stop on SIGTERM, and the progress of the training in its log."""

import os
import re
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers
from torch.utils.data import Sampler
from transformers import PrinterCallback, TrainerCallback
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_pt_utils import get_length_grouped_indices
from transformers.trainer_utils import get_last_checkpoint

from distill.base.errors import InputError
from distill.base.progress import Progress
from distill.training import lora
from distill.training.checkpoint_writer import CheckpointWriter, move_into_place
from distill.training.speed import flops_per_token

# How torch, safetensors and DeepSpeed say that a disk is full; only some of them raise OSError.
FULL = re.compile(r"No space left|os error 28|Disk quota exceeded|os error 122|file write failed|enforce fail at inline_container")
SAVING = "saving"  # folder of a checkpoint that is not complete


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


class Resumable(transformers.Trainer):
    """Base of the trainers: checkpoints get their name only once they are complete, and are written while the training goes on.

    A kill while saving costs that checkpoint and no other.
    """

    progress_log: "ProgressLog"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.checkpoint_writer = CheckpointWriter()
        self.tokens_seen = 0

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        # transformers 5.19 checks only after a step whether the training is over: resumed at its end within an epoch, it would train on.
        if self.state.global_step >= self.state.max_steps:
            self.control.should_training_stop = True
        if not self.control.should_training_stop:
            super()._run_epoch(*args, **kwargs)

    def _get_output_dir(self, trial: Any = None) -> str:
        return os.path.join(self.args.output_dir, SAVING) if getattr(self, "_saving", False) else self.args.output_dir

    def _save_checkpoint(self, model: Any, trial: Any = None) -> None:
        self.wait_for_checkpoint()
        folder = Path(self.args.output_dir)
        saved = folder / SAVING / f"checkpoint-{self.state.global_step}"
        if self.args.should_save:
            shutil.rmtree(folder / SAVING, ignore_errors=True)
            saved.mkdir(parents=True)
        self.accelerator.wait_for_everyone()
        self._saved_step = self.state.global_step
        if self.is_deepspeed_enabled or self.is_fsdp_enabled:
            self._save_shards(model, trial)
            if self.args.should_save:
                move_into_place(saved, folder / saved.name)
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
            network, file = self.accelerator.unwrap_model(self.model), "model.safetensors"
            if lora.is_adapted(network):
                weights, file = lora.adapters(network), "adapter_model.safetensors"
                network.peft_config["default"].save_pretrained(saved)
            else:
                weights = {name: weight for name, weight in network.state_dict().items() if name not in network.all_tied_weights_keys}
            states = {"optimizer.pt": self.optimizer.state_dict(), "scheduler.pt": self.lr_scheduler.state_dict()}
            target = Path(self.args.output_dir) / saved.name
            self.checkpoint_writer.write(weights, states, saved / file, lambda: move_into_place(saved, target))

    def wait_for_checkpoint(self) -> None:
        """Return once the last checkpoint is complete. Raises InputError where the disk had no room for it."""
        with self._report_full_disk():
            self.checkpoint_writer.wait()

    def _report_full_disk(self) -> Any:
        step = getattr(self, "_saved_step", 0)
        return report_full_disk(Path(self.args.output_dir), f"the checkpoint of step {step}; older ones are still good")


def train_to_end(trainer: Resumable, folder: Path, further: Sequence[TrainerCallback] = ()) -> None:
    """Train to the end, from the last checkpoint in `folder` if there is one, with `further` callbacks.

    Raises Stopped after SIGTERM.
    """
    stop = StopOnSignal(trainer)
    trainer.remove_callback(PrinterCallback)
    for callback in (stop, trainer.progress_log, *further):
        trainer.add_callback(callback)
    last = get_last_checkpoint(str(folder))
    if last:
        print(f"resuming from {last}", flush=True)
    trainer.train(resume_from_checkpoint=last)
    trainer.wait_for_checkpoint()
    if stop.stopping and trainer.state.global_step < trainer.state.max_steps:
        raise Stopped


class StopOnSignal(TrainerCallback):
    """SIGTERM, as a cluster sends it ahead of preemption, ends the training after the current step, with a checkpoint."""

    def __init__(self, trainer: Resumable) -> None:
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

    def __init__(self, trainer: Resumable, peak_flops: float | None = None, what: str = "train") -> None:
        """`peak_flops` of all devices of the training together; None where it is unknown. `what` is the first word of the lines."""
        self.trainer, self.peak_flops, self.what = trainer, peak_flops, what
        self.tokens_per_s: dict[int, float] = {}
        self.mfu: dict[int, float] = {}
        self._last: tuple[int, float, int, int] | None = None
        self._progress: Progress | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.is_world_process_zero:
            self._progress = Progress(self.what, state.max_steps, "steps", initial=state.global_step)
        seen, attended = (max((row.get(key, 0) for row in state.log_history), default=0) for key in ("num_tokens", "num_attended"))
        self.trainer.tokens_seen = self.trainer._total_train_tokens = int(seen)  # TRL 1.16 counts from 0 again after a resume
        self.trainer.attended_seen = int(attended)

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
