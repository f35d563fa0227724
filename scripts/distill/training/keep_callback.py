"""Models kept on the way: the folder of a trained model as it was when some epoch was reached, for a learning curve."""

import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from distill.base.errors import InputError
from distill.training.checkpoints import ALMOST, folder_name, reached

Keeping = Callable[[Path, float], None]  # writes the model as it is now, with its manifest, into a folder; all processes call it


class Keep(TrainerCallback):
    """Keeps the model at the first step that reaches one of `epochs`; with `until`, the training ends with the last of them.

    It does so when the step is logged, which comes before a checkpoint of that step: no resume can pass over it.
    """

    def __init__(self, run: Path, epochs: list[float], keep: Keeping, until: bool) -> None:
        self.run, self.epochs, self.keep, self.until = run, epochs, keep, until

    def on_train_begin(self, args: Any, state: Any, control: Any, train_dataloader: Any = None, **_: Any) -> None:
        steps = math.ceil(len(train_dataloader) / args.gradient_accumulation_steps)
        for epoch in self.epochs:
            if epoch > state.max_steps / steps + ALMOST:
                raise InputError(
                    f"train.save: {epoch:g} is beyond the {state.max_steps / steps:.3g} epochs that {state.max_steps} steps make; remove it"
                )
        # A checkpoint of the very step at which the training is to end, as when its kept model was removed: not a step further.
        if self.until and reached(self.epochs, 0.0, _epochs(state)[-1]):
            self._keep(max(self.epochs), state)
            control.should_training_stop = True

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
        if "loss" not in logs:
            return
        for epoch in reached(self.epochs, *_epochs(state)[-2:]):
            self._keep(epoch, state)
            if self.until and epoch == max(self.epochs):
                control.should_training_stop = True

    def _keep(self, epoch: float, state: Any) -> None:
        place = self.run / folder_name(epoch)
        part = place.with_name(f".{place.name}.part")
        if state.is_world_process_zero:
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
        self.keep(part, epoch)
        if state.is_world_process_zero:
            shutil.rmtree(place, ignore_errors=True)
            os.replace(part, place)
            print(f"step {state.global_step}: kept the model of epoch {epoch:g}", flush=True)


def _epochs(state: Any) -> list[float]:
    """The epochs that the training begins with and that each of its steps has reached."""
    return [0.0, *(row["epoch"] for row in state.log_history if "loss" in row)]
