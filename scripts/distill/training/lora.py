"""LoRA (Hu et al. 2021, arXiv:2106.09685): low-rank updates of linear layers are trained, the base stays as it is, and a model folder holds
their sum. So nothing downstream of training knows of adapters.

Base weights are in the precision of the recipe, adapters in float32 (under ZeRO in DeepSpeed's precision).
"""

from collections.abc import Collection, Mapping
from typing import Any

import torch
from transformers import PreTrainedModel

from distill.base.errors import InputError
from distill.training.recipe import Recipe

ALL = "all-linear"  # peft's word: every linear layer but the output head
PREFIX, BASE, A, B = "base_model.model.", ".base_layer.weight", ".lora_A.default.weight", ".lora_B.default.weight"  # names in peft 0.21


def adapter_config(recipe: Recipe, model: PreTrainedModel) -> Any:
    """peft's configuration of `train.lora`; None where all weights are trained.

    Raises InputError for a target that is no linear layer of the model, and for the output head.
    """
    if "lora" not in recipe:
        return None
    from peft import LoraConfig

    lora = recipe["lora"]
    targets = targets_of(lora["target"], linear_layers(model))
    return LoraConfig(r=lora["r"], lora_alpha=lora["alpha"], target_modules=targets, lora_dropout=0.0, bias="none", task_type="CAUSAL_LM")


def linear_layers(model: PreTrainedModel) -> list[str]:
    """The names of the linear layers within a model's decoder layers, such as q_proj, in their order."""
    head = model.get_output_embeddings()
    names = [
        name.rsplit(".", 1)[-1] for name, module in model.named_modules() if isinstance(module, torch.nn.Linear) and module is not head
    ]
    return list(dict.fromkeys(names))


def targets_of(target: str | Collection[str], known: Collection[str]) -> list[str]:
    """The names of the layers that get an adapter. Raises InputError for one that is not `known`."""
    names = list(known) if target == ALL else [target] if isinstance(target, str) else list(target)
    for name in names:
        if name not in known:
            raise InputError(f"train.lora.target: {name!r} is no linear layer of this model; write {ALL} or some of {', '.join(known)}")
    return names


def describe(model: torch.nn.Module, recipe: Recipe) -> str:
    """A line for the log: what is trained of how much."""
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    lora = recipe["lora"]
    return f"LoRA: r {lora['r']}, alpha {lora['alpha']:g}; {trained:,} weights are trained"


def is_adapted(model: torch.nn.Module) -> bool:
    """Whether a model has adapters."""
    return hasattr(model, "peft_config")


def adapters(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The weights of the adapters, by the names under which peft stores them."""
    from peft import get_peft_model_state_dict

    return get_peft_model_state_dict(model, save_embedding_layers=False)


def scale(model: torch.nn.Module) -> float:
    """alpha / r: what the product of an adapter's matrices is multiplied by."""
    config = model.peft_config["default"]
    return config.lora_alpha / config.r


def merged(state: Mapping[str, torch.Tensor], factor: float, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """A plain model's weights from those of one with adapters: W + factor · B A, added in float32 and rounded to `dtype` once."""
    made = {}
    for name, weight in state.items():
        plain = name.removeprefix(PREFIX)
        if plain.endswith((A, B)):
            continue
        stem = plain.removesuffix(BASE)
        if stem != plain:
            update = state[f"{PREFIX}{stem}{B}"].float() @ state[f"{PREFIX}{stem}{A}"].float()
            weight = (weight.float() + factor * update).to(dtype)
        made[plain.replace(".base_layer.", ".")] = weight.detach().cpu().contiguous()
    return made
