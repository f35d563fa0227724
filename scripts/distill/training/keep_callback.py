"""Models that a training keeps on its way: the folder of the model as it was when an epoch was reached, for a learning curve."""

import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from distill.base.errors import InputError
from distill.training.checkpoints import TOLERANCE, epochs_reached, kept_folder

if TYPE_CHECKING:
    from distill.training.trainer import Trainer

Export = Callable[[Path, float], None]  # writes the current model, with its manifest, into a folder; all processes call it


class KeepAtEpochs(TrainerCallback):
    """Keeps the model at the first step that reaches one of `epochs`; with `until`, the training ends with the last of them.

    It does so when that step is logged, which comes before a checkpoint of the step: no resume can pass over it.
    """

    def __init__(self, trainer: "Trainer", folder: Path, epochs: list[float], export: Export, until: bool) -> None:
        self.trainer, self.folder, self.epochs, self.export, self.until = trainer, folder, epochs, export, until
        self._last_epoch = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, train_dataloader: Any = None, **_: Any) -> None:
        steps = math.ceil(len(train_dataloader) / args.gradient_accumulation_steps)
        for epoch in self.epochs:
            if epoch > state.max_steps / steps + TOLERANCE:
                raise InputError(
                    f"train.save: {epoch:g} is beyond the {state.max_steps / steps:.3g} epochs that {state.max_steps} steps make; remove it"
                )
        self._last_epoch = max((row["epoch"] for row in state.log_history if "loss" in row), default=0.0)
        # Resumed at the step at which the training is to end, as when its kept model was removed: not a step further.
        if self.until and epochs_reached(self.epochs, 0.0, self._last_epoch):
            self._keep(max(self.epochs), state)
            control.should_training_stop = True

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if epochs_reached(self.epochs, self._last_epoch, state.epoch):
            self.trainer.log_due = True

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
        if "loss" not in logs:
            return
        before, self._last_epoch = self._last_epoch, state.epoch
        for epoch in epochs_reached(self.epochs, before, state.epoch):
            self._keep(epoch, state)
            if self.until and epoch == max(self.epochs):
                control.should_training_stop = True

    def _keep(self, epoch: float, state: Any) -> None:
        kept = self.folder / kept_folder(epoch)
        part = kept.with_name(f".{kept.name}.part")
        if state.is_world_process_zero:
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
        self.export(part, epoch)
        if state.is_world_process_zero:
            shutil.rmtree(kept, ignore_errors=True)
            os.replace(part, kept)
            print(f"step {state.global_step}: kept the model of epoch {epoch:g}", flush=True)
