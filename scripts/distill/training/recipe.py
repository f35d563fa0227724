"""A recipe: all that decides a trained model's weights beside its base and its data, in TRL's own words."""

from dataclasses import dataclass, fields
from typing import Any

from distill.errors import InputError

# Packages whose version counts as part of how a model was trained.
VERSIONS = ("torch", "transformers", "trl", "accelerate")


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
        """Raises InputError for a key that no recipe has."""
        known = {field.name for field in fields(cls)}
        for key in spec:
            if key not in known:
                raise InputError(f"--spec: {key} is no key of a recipe; known are {', '.join(sorted(known))}")
        return cls(**spec)
