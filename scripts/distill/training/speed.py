"""How much of a GPU's arithmetic a training uses: FLOPs of a token, and model FLOPs utilisation (MFU).

MFU = tokens/s * FLOPs of a token / peak FLOP/s of the devices (Chowdhery et al. 2022, arXiv:2204.02311, appendix B). What gradient
checkpointing computes a second time does not count, nor does padding.
"""

import re
from collections.abc import Mapping
from typing import Any

import torch
from transformers import PreTrainedModel, TrainingArguments

from distill.base.paths import KNOWN
from distill.base.settings import read_yaml
from distill.training.recipe import Runtime


def matrix_weights(model: PreTrainedModel, trained: bool = False) -> int:
    """Weights that each token is multiplied by: all matrices but the input embedding, which counts where it is the output head too.

    With `trained`, only those that are trained.
    """
    embedding = model.get_input_embeddings().weight
    return sum(
        weight.numel()
        for weight in model.parameters()
        if weight.dim() > 1 and (weight is not embedding or model.config.tie_word_embeddings) and (weight.requires_grad or not trained)
    )


def flops_per_token(model: PreTrainedModel, attended: float) -> float:
    """Forward and backward: 6 for each weight (4 where it is not trained), and 12 * layers * width of the query heads for each of the
    `attended` tokens in the mean."""
    config = model.config
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    of_weights = 4 * matrix_weights(model) + 2 * matrix_weights(model, trained=True)
    return of_weights + 12 * config.num_hidden_layers * config.num_attention_heads * head * attended


def count_attended(inputs: Mapping[str, Any]) -> torch.Tensor | int:
    """How many tokens the tokens of a batch attend to, themselves included, summed; on the batch's device, without waiting for it."""
    if "position_ids" in inputs:
        return (inputs["position_ids"] + 1).sum()
    if (mask := inputs.get("attention_mask")) is not None:
        return (mask.cumsum(-1) * mask).sum()
    rows, length = inputs["input_ids"].shape
    return rows * length * (length + 1) // 2


def peak_flops(name: str, devices: Mapping[str, Any] | None = None) -> float | None:
    """Dense bfloat16 FLOP/s of the device that torch calls `name`: `tflops` or `name` of runtime.devices, else by config/known.yaml.

    None where it is unknown.
    """
    devices = devices or {}
    if devices.get("tflops"):
        return devices["tflops"] * 1e12
    known = read_yaml(KNOWN)["devices"]
    if devices.get("name") in known:
        return known[devices["name"]]["tflops"] * 1e12
    words = {model: re.sub(r"-\d+GB$", "", model).replace("-", " ") for model in known}
    found = [model for model in known if re.search(rf"\b{re.escape(words[model])}\b", name)]
    # "H100 PCIe" is the slower one of two that are called H100.
    return known[max(found, key=lambda model: len(words[model]))]["tflops"] * 1e12 if found else None


def peak_of(args: TrainingArguments, runtime: Runtime) -> float | None:
    """FLOP/s of all GPUs of the training; None on a CPU and in float32, for which the table has no peaks."""
    if args.device.type != "cuda" or not args.bf16:
        return None
    each = peak_flops(torch.cuda.get_device_properties(args.device).name, runtime.get("devices"))
    return each and each * args.world_size
