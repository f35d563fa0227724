"""Models that a training keeps at some of its epochs (`train.save`), each of which can be an entry of models (`checkpoint:`)."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from distill.base import manifest
from distill.base.errors import InputError
from distill.base.files import atomic_folder

TOLERANCE = 1e-6  # of an epoch: epochs counted in batches are not exactly what a person writes


def kept_folder(epoch: float) -> str:
    """Where in the training's work folder the model of this epoch is kept."""
    return f"kept/epoch-{epoch:g}"


def epochs_reached(epochs: list[float], before: float, now: float) -> list[float]:
    """Those of `epochs` that are reached by a step from epoch `before` to epoch `now`."""
    return [epoch for epoch in epochs if before + TOLERANCE < epoch <= now + TOLERANCE]


def save_errors(where: str, recipe: dict[str, Any]) -> Iterator[str]:
    """An error for each epoch that the training never reaches; with max_steps only the training itself knows."""
    if recipe["max_steps"] == -1:
        for epoch in recipe["save"]:
            if epoch > recipe["epochs"]:
                yield f"{where}.save: {epoch:g} is beyond the {recipe['epochs']:g} epochs of this training; remove it or raise epochs"


def checkpoint_errors(where: str, entry: dict[str, Any], models: dict[str, Any]) -> Iterator[str]:
    """Errors of a `checkpoint:` entry: its model is not trained, or keeps no model of that epoch."""
    trained = [name for name, model in models.items() if "train" in model]
    if entry["of"] not in trained:
        what = "is not trained" if entry["of"] in models else "does not exist"
        yield f"{where}.of: {entry['of']!r} {what}; write one of {', '.join(trained) or 'the models with train:, of which there are none'}"
    elif entry["epoch"] not in models[entry["of"]]["train"]["save"]:
        kept = ", ".join(f"{epoch:g}" for epoch in models[entry["of"]]["train"]["save"]) or "empty"
        yield f"{where}.epoch: {entry['epoch']:g} is not in models.{entry['of']}.train.save, which is {kept}; add it there"


def copy_kept(kept: Path, folder: Path) -> None:
    """Copy a kept model into an empty folder; by hard links where both are on one disk.

    Raises InputError where its files are no longer those of its manifest.
    """
    shutil.copytree(kept, folder, copy_function=_link, dirs_exist_ok=True)
    if manifest.describe(folder)["digest"] != manifest.read(folder)["digest"]:
        raise InputError(f"{kept}: is not what its {manifest.NAME} says; remove it and run again")


def publish(kept: Path, output: Path) -> None:
    """Replace `output` by a kept model, whole or not at all. Raises InputError as copy_kept does."""
    with atomic_folder(output) as part:
        copy_kept(kept, part)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without hard links
        shutil.copyfile(source, target)
