"""Which settings to change where a training does not fit its device."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from distill.preflight import memory
from distill.preflight.arch import Arch, Lora
from distill.preflight.memory import Batch, Launch, gb

Row = dict[str, Any]
Setting = tuple[str, Callable[[Launch, Batch], tuple[Launch, Batch]]]


def _settings(arch: Arch, launch: Launch, batch: Batch, devices: int) -> Iterator[Setting]:
    """What makes a training smaller, in the order in which to try it: first what changes no result."""
    size = batch.micro_batch // 2
    while size >= 1:
        yield f"runtime.micro_batch: {size}", partial(_with, of_batch={"micro_batch": size})
        size //= 2
    for count in dict.fromkeys(-(-arch.layers * quarters // 4) for quarters in (1, 2, 3, 4)):
        if count > batch.recomputing(arch.layers):
            yield f"runtime.checkpoint_layers: {count}", partial(_with, of_batch={"checkpoint_layers": count})
    spread = max(launch.processes, devices)
    zero3: Row = {"kind": "zero3", "processes": spread}
    if spread > 1 and launch.kind != "zero3":
        yield f"runtime.accelerate: config/accelerate/zero3.yaml and runtime.train_gpus: {spread}", partial(_with, of_launch=zero3)
    if not launch.offload_optimizer:
        text = "runtime.accelerate: a copy of config/accelerate/zero3.yaml with offload_optimizer_device: cpu"
        yield text, partial(_with, of_launch={**zero3, "offload_optimizer": True})
    if not launch.offload_weights:
        yield (
            "runtime.accelerate: a copy of config/accelerate/zero3.yaml with offload_param_device: cpu",
            partial(_with, of_launch={**zero3, "offload_weights": True}),
        )
    if batch.lora is None:
        lora = Lora(16, tuple(arch.linear))
        yield "train.lora: {r: 16}, which trains less than all weights", partial(_with, of_batch={"lora": lora})
    length = batch.max_length // 2
    while length >= 1024:
        yield f"train.max_length: {length}, which changes what is learned", partial(_with, of_batch={"max_length": length})
        length //= 2


def _with(launch: Launch, batch: Batch, of_launch: Row | None = None, of_batch: Row | None = None) -> tuple[Launch, Batch]:
    return replace(launch, **(of_launch or {})), replace(batch, **(of_batch or {}))


def smaller(arch: Arch, launch: Launch, batch: Batch, usable: float, devices: int) -> tuple[list[str], int, tuple[Launch, Batch]]:
    """(what to change, bytes then, launch and batch then).

    These are the first settings that together make it fit, without those that are not needed; else all of them.
    """

    def changed(settings: Sequence[Setting]) -> tuple[Launch, Batch]:
        made = (launch, batch)
        for _, change in settings:
            made = change(*made)
        return made

    def needed(settings: Sequence[Setting]) -> int:
        return memory.training(arch, *changed(settings))["total"]

    changes: list[Setting] = []
    for setting in _settings(arch, launch, batch, devices):
        changes.append(setting)
        if needed(changes) <= usable:
            break
    for setting in changes[::-1]:
        rest = [other for other in changes if other is not setting]
        if needed(rest) <= max(usable, needed(changes)):
            changes = rest
    return [text for text, _ in changes], needed(changes), changed(changes)


def too_large(model: str, total: int, usable: float, tried: list[str], after: int, on_host: int | None = None) -> str:
    """What is said of it. `on_host`: bytes of a node's own memory that the settings take, where they put something there."""
    needs = f"needs {gb(total)} GB of a device, of which {gb(int(usable))} can be used"
    if not tried:
        return f"{needs}; nothing in the configuration makes it smaller: take larger devices"
    steps = "; then ".join(f"models.{model}.{setting}" if setting.startswith("train.") else setting for setting in tried)
    verdict = f"which comes to {gb(after)} GB" if after <= usable else f"even so {gb(after)} GB: take more or larger devices"
    return f"{needs}. Set {steps}: {verdict}" + ("" if on_host is None else f", and about {gb(on_host)} GB of the node's own memory")
