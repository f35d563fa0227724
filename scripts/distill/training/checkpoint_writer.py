"""Checkpoints are written to disk by a thread while the training goes on; what it writes is a copy in the host's memory."""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Thread
from typing import Any

import torch
from safetensors.torch import save_file

KEPT = 2  # checkpoints of a training that stay


class CheckpointWriter:
    """Writes one checkpoint at a time. An error while writing is raised by the next `wait`."""

    def __init__(self) -> None:
        self._buffers: dict[tuple, torch.Tensor] = {}
        self._thread: Thread | None = None
        self._error: BaseException | None = None

    def wait(self) -> None:
        """Return once the last checkpoint is complete on disk. Raises what went wrong with it."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def write(self, weights: Mapping[str, torch.Tensor], states: Mapping[str, Any], file: Path, publish: Callable[[], None]) -> None:
        """Copy `weights` and `states` ({file name: state}), and write them in a thread: a safetensors `file`, and by torch.save next to it.

        `publish` is called in that thread when all files are written. Call `wait` first.
        """
        copied = self._copy(dict(weights), ("weights",))
        copied_states = {name: self._copy(state, (name,)) for name, state in states.items()}
        if torch.cuda.is_available():
            torch.cuda.synchronize()  # until the copies are there, which do not wait for each other
        self._thread = Thread(target=self._run, args=(copied, copied_states, file, publish), name="checkpoint")
        self._thread.start()

    def _run(self, weights: dict[str, torch.Tensor], states: dict[str, Any], file: Path, publish: Callable[[], None]) -> None:
        try:
            save_file(weights, file, metadata={"format": "pt"})
            for name, state in states.items():
                torch.save(state, file.with_name(name))
            publish()
        except BaseException as error:
            self._error = error

    def _copy(self, value: Any, key: tuple) -> Any:
        """`value` with its tensors in host memory: in buffers that are reused for each checkpoint, pinned where they come from a GPU."""
        if isinstance(value, torch.Tensor):
            buffer = self._buffers.get(key)
            if buffer is None or (buffer.shape, buffer.dtype) != (value.shape, value.dtype):
                pinned = value.device.type == "cuda"
                buffer = self._buffers[key] = torch.empty(value.shape, dtype=value.dtype, device="cpu", pin_memory=pinned)
            return buffer.copy_(value.detach(), non_blocking=True)
        if isinstance(value, dict):
            return {name: self._copy(inner, (*key, name)) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self._copy(inner, (*key, place)) for place, inner in enumerate(value))
        return value


def move_into_place(saved: Path, checkpoint: Path) -> None:
    """Give a complete checkpoint its name, and remove all but the last few of its folder."""
    if checkpoint.exists():
        shutil.rmtree(checkpoint)
    os.replace(saved, checkpoint)
    shutil.rmtree(saved.parent)
    for older in sorted(checkpoint.parent.glob("checkpoint-*"), key=lambda path: int(path.name.rsplit("-", 1)[1]))[:-KEPT]:
        shutil.rmtree(older)
