"""A recipe: all that decides a trained model's weights beside its base and its data, in TRL's own words."""

from dataclasses import dataclass, fields
from typing import Any

from distill.base.errors import InputError

# Packages whose version counts as part of how a model was trained.
VERSIONS = ("torch", "transformers", "trl", "accelerate")
CHOICES = {
    "lr_scheduler_type": ("cosine", "cosine_with_min_lr", "linear", "constant", "constant_with_warmup"),
    "packing": ("none", "bfd", "bfd_split", "wrapped"),
    "loss_on": ("completion", "all"),
    "dtype": ("float32", "bfloat16"),
}


@dataclass(frozen=True)
class Recipe:
    """Keys and defaults are those of `models.NAME.train` in config/README.md."""

    epochs: float = 1
    max_steps: int = -1
    learning_rate: float = 2e-5
    lr_scheduler_type: str = "cosine"
    min_lr_rate: float = 0.1
    warmup_steps: int = 0
    warmup_ratio: float = 0.0
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    max_length: int = 4096
    packing: str = "bfd_split"
    group_by_length: bool = False
    loss_on: str = "completion"
    global_batch: int = 8
    dtype: str = "bfloat16"
    gradient_checkpointing: bool = False
    seed: int = 42
    eos_token: str | None = None

    @classmethod
    def of(cls, spec: dict[str, Any]) -> "Recipe":
        """Raises InputError for a key that no recipe has, and for a value of another kind than the key's."""
        known = {field.name: field.type for field in fields(cls)}
        for key, value in spec.items():
            if key not in known:
                raise InputError(f"--spec: {key} is no key of a recipe; known are {', '.join(sorted(known))}")
            if key in CHOICES and value not in CHOICES[key]:
                raise InputError(f"--spec: {key}: {value!r} is unknown: use one of {', '.join(CHOICES[key])}")
            if not _fits(value, known[key]):
                raise InputError(f"--spec: {key}: {value!r}: give {_WORDS.get(known[key], 'a text')}")
        return cls(**spec)


_WORDS = {int: "a whole number", float: "a number", bool: "true or false"}


def _fits(value: Any, kind: Any) -> bool:
    """As the configuration's schema has it: 8.0 is a whole number, and true is none."""
    if isinstance(value, bool):
        return kind is bool
    if isinstance(value, int | float):
        return kind is float or (kind is int and float(value).is_integer())
    return isinstance(value, kind)
