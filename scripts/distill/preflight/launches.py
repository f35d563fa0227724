"""How trainings are launched and what one forward pass holds, from a recipe, `runtime:` and the accelerate file."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from distill.preflight import distillation
from distill.preflight.arch import Lora
from distill.preflight.facts import Facts
from distill.preflight.memory import Batch, Launch
from distill.preflight.speed import Device
from distill.training.launch import processes_of
from distill.training.recipe import APART

Part = dict[str, Any]


def launch_of(part: Part, accelerate: Mapping[str, Any]) -> Launch:
    """The launch of a training: one process for each GPU on each node, unless runtime.train_processes says otherwise.

    `accelerate`: the content of the accelerate file, of which scripts/launch.py overrides processes and nodes.
    """
    runtime = part["runtime"]
    return Launch.of(dict(accelerate), processes_of(runtime) * runtime["train_nodes"])


def on_available_devices(launch: Launch, part: Part, facts: Facts) -> Launch:
    """The launch reduced to the devices that exist, where more are requested, so that the advice fits these."""
    device, runtime = facts.device, part["runtime"]
    if device.kind != "gpu" or runtime["train_gpus"] <= device.count:
        return launch
    return replace(launch, processes=min(launch.processes, device.count * runtime["train_nodes"]))


def distillation_batch(recipe: Part, runtime: Part, launch: Launch, device: Device) -> tuple[Batch, int]:
    """What one forward pass of a distillation holds, and the completions that one process generates at once."""
    sequence = {"max_length": distillation.PROMPT + recipe["max_new_tokens"], "packing": "none"}
    batch = replace(batch_of({**recipe, **sequence}, runtime, launch.processes, device), liger=False)
    return batch, max(1, recipe["global_batch"] * recipe["steps_per_rollout"] // launch.processes)


def batch_of(recipe: Part, runtime: Part, processes: int, device: Device, lora: Lora | None = None) -> Batch:
    """What one forward pass of a training holds on one device."""
    share = max(1, recipe["global_batch"] // processes)
    on_gpu = device.kind == "gpu"
    return Batch(
        min(runtime["micro_batch"], share),
        recipe["max_length"],
        recipe["dtype"] == "bfloat16",
        recipe["gradient_checkpointing"],
        checkpoint_layers=runtime["checkpoint_layers"],
        liger=on_gpu and not runtime["compile_layers"],  # envs/requirements-cuda.txt has it
        cpu=not on_gpu,
        separate=recipe["packing"] in APART,
        lora=lora,
        whole_logits=recipe.get("loss") == "kl",
    )


def sequence_length(batch: Batch, data: Mapping[str, Any] | None) -> int:
    """Tokens that see each other: a whole sequence, or the mean document where documents are kept apart."""
    if not batch.separate or not data or not data["rows"]:
        return batch.max_length
    return min(batch.max_length, max(1, data["tokens"] // data["rows"]))


def jobs_at_once(jobs: int, gpus: int, device: Device) -> int:
    """How many of the jobs run at the same time. Without their own GPUs, one."""
    return min(jobs, device.count // gpus) if gpus else min(jobs, 1)
