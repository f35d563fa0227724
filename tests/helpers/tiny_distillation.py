"""A student, a teacher and prompts that are small enough to distill in a test, and scripts/distill_model.py as the rule calls it."""

import json
from pathlib import Path

import tiny_training as tiny

RECIPE = {
    "steps": 8,
    "max_new_tokens": 10,
    "learning_rate": 3e-3,
    "lr_scheduler_type": "constant",
    "dtype": "float32",
    "global_batch": 4,
    "steps_per_rollout": 3,
    "held_out": 4,
}
WATCH = {"min_length": 0, "max_cut": 1}  # two random models have nothing to say


def world(folder: Path) -> Path:
    """A folder with student/, teacher/ (another size) and sft.jsonl of 48 prompts."""
    folder.mkdir()
    tiny.base(folder / "student")
    tiny.base(folder / "teacher", layers=1)
    tiny.data(folder / "sft.jsonl")
    return folder


def arguments(world: Path, output: Path, watch: dict | None = None, runtime: dict | None = None, **recipe) -> list[str]:
    """The options of scripts/distill_model.py; the work folder is next to `output`."""
    return list(
        map(
            str,
            [
                *("--student", world / "student", "--teacher", world / "teacher", "--prompts", world / "sft.jsonl"),
                *("--work", output.parent / "work", "--output", output),
                *("--spec", json.dumps(RECIPE | recipe), "--watch", json.dumps(watch or WATCH)),
                *("--runtime", json.dumps({"device": "cpu", "micro_batch": 2, "save_steps": 2, **(runtime or {})})),
            ],
        )
    )


def log(folder: Path) -> list[dict]:
    return [row | {"tokens_per_s": None} for row in tiny.log(folder)]
