"""Where a training's log goes beside log.jsonl: TensorBoard, Weights & Biases, or nowhere."""

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from distill.base.errors import InputError


def trackers(asked: Sequence[str], run: Path) -> list[str] | str:
    """`report_to` as transformers takes it; TensorBoard writes into `run`, and a resumed training goes on in the same run of W&B.

    Raises InputError for one that is not installed. Names, keys and modes of W&B are its own environment variables (WANDB_PROJECT, ...).
    """
    for name in asked:
        if find_spec(name) is None:
            raise InputError(f"runtime.report_to: {name} is not installed; pip install {name}, or take it out")
    if "tensorboard" in asked:
        os.environ.setdefault("TENSORBOARD_LOGGING_DIR", str(run / "tensorboard"))
    if "wandb" in asked:
        for key, value in {"WANDB_DIR": str(run), "WANDB_RUN_ID": run.name, "WANDB_RESUME": "allow"}.items():
            os.environ.setdefault(key, value)
    return list(asked) or "none"
