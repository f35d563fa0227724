"""The arguments of transformers' trainers that every training here sets alike."""

from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments

from distill.training.launch import accumulation, world
from distill.training.recipe import Recipe, Runtime, has_meaning
from distill.training.trackers import configure_trackers


def shared_arguments(
    kind: type[TrainingArguments], recipe: Recipe, folder: Path, runtime: Runtime, world_size: int, name: str | None, key: str
) -> dict[str, Any]:
    """Arguments of `kind` that follow from a recipe and `runtime:`.

    `folder` is the work folder, `name` what trackers call the training, `key` the recipe's place in a configuration: train or distill.
    """
    micro, accumulated = accumulation(recipe["global_batch"], world_size, runtime["micro_batch"], key)
    use_cpu = runtime["device"] == "cpu" or (runtime["device"] == "auto" and not torch.cuda.is_available())
    zero = world()[2].startswith("zero")
    if use_cpu and zero:
        leave_all_reduce_to_torch()
    return {
        # Keys that TRL and transformers know by the same name, and then those that they have another name or form for.
        **{key: value for key, value in recipe.items() if key in kind.__dataclass_fields__},
        "lr_scheduler_kwargs": {"min_lr_rate": recipe["min_lr_rate"]} if has_meaning("min_lr_rate", recipe) else {},
        "warmup_steps": recipe["warmup_steps"] or recipe["warmup_ratio"],  # transformers 5 takes a share below 1 here too
        "bf16": recipe["dtype"] == "bfloat16",
        "data_seed": recipe["seed"],
        "output_dir": str(folder),
        # One kernel for all weights on a GPU. It rounds differently, so a CPU keeps the plain one; DeepSpeed flattens the weights itself.
        "optim": "adamw_torch" if use_cpu or zero else "adamw_torch_fused",
        "per_device_train_batch_size": micro,
        "gradient_accumulation_steps": accumulated,
        "use_cpu": use_cpu,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # it waits for each micro batch; Trainer.write_log raises an error
        "save_strategy": "steps",
        "save_steps": runtime["save_steps"],
        "disable_tqdm": True,
        "report_to": configure_trackers(runtime["report_to"], folder),
        "run_name": name,
        "dataloader_num_workers": 0,
        "ddp_find_unused_parameters": False,
    }


def leave_all_reduce_to_torch() -> None:
    """Without this, DeepSpeed 0.19.8 compiles its own for CPUs at the first start, which takes a C++ compiler and half a minute."""
    import deepspeed.ops

    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
