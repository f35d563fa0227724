"""Trackers that show a training's log in addition to log.jsonl: TensorBoard and Weights & Biases."""

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from distill.base.errors import InputError


def configure_trackers(names: Sequence[str], folder: Path) -> list[str] | str:
    """`report_to` for transformers; TensorBoard writes into `folder`, and a resumed training continues the same run of W&B.

    Raises InputError for a tracker that is not installed. W&B's project, key and mode are its environment variables (WANDB_PROJECT, ...).
    """
    for name in names:
        if find_spec(name) is None:
            raise InputError(f"runtime.report_to: {name} is not installed; pip install {name}, or remove it")
    if "tensorboard" in names:
        os.environ.setdefault("TENSORBOARD_LOGGING_DIR", str(folder / "tensorboard"))
    if "wandb" in names:
        for key, value in {"WANDB_DIR": str(folder), "WANDB_RUN_ID": folder.name, "WANDB_RESUME": "allow"}.items():
            os.environ.setdefault(key, value)
    return list(names) or "none"
