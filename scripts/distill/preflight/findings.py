"""What a preflight says of trainings and evaluations: what stops a run, what it warns of, what it notes."""

from collections.abc import Iterator, Mapping
from typing import Any

from distill.data.audit import stops as stops_of_audit
from distill.preflight.arch import Arch, Lora
from distill.preflight.facts import Facts, Known
from distill.preflight.launches import jobs_at_once, launch_of
from distill.preflight.memory import GB, gb
from distill.preflight.speed import Device

Part = dict[str, Any]
Row = dict[str, Any]
OF_ALL_WEIGHTS = 5e-5  # learning rates up to this are of trainings of all weights: the guide's 2e-5, open-r1's 1e-5 to 5e-5


def audit_findings(entry: Part, audit: Mapping[str, Any], about: str) -> Iterator[Row]:
    """What an audit warns of; what it stops a run for, by the thresholds of today's configuration."""
    over = stops_of_audit(audit["shares"], entry["stop_above"])
    names = {line.partition(":")[0] for line in over}
    for line in over:
        yield new_finding(
            "stop", about, f"{line}: nothing good is learned from these; or raise datasets.{entry['dataset']}.audit.stop_above"
        )
    for line in audit["warnings"]:
        if line.partition(":")[0] not in names:
            yield new_finding("warning", about, line)


def context_findings(entry: Part, arch: Arch, about: str) -> Iterator[Row]:
    """A warning where rows are cut beyond the context of the base."""
    context = entry["context"] or arch.context
    if entry["recipe"]["max_length"] > context:
        text = f"max_length {entry['recipe']['max_length']} is beyond the context of {entry['base']}, {context}: extend it with prepare:"
        yield new_finding("warning", about, text)


def unknown_shape(origin: str, shape: Known, about: str) -> Row:
    """The note that stands in place of an estimate."""
    return new_finding("note", about, f"the shape of {origin} is unknown, and nothing is estimated of it: {shape.how}")


def lora_findings(lora: Lora | None, recipe: Part, arch: Arch, about: str) -> Iterator[Row]:
    """A learning rate that suits all weights, and targets that are no layers of the model."""
    if lora and recipe["learning_rate"] <= OF_ALL_WEIGHTS:
        text = f"train.learning_rate {recipe['learning_rate']:g} suits a training of all weights; LoRA takes about ten times that"
        yield new_finding("note", about, f"{text} (docs/training.md, LoRA)")
    for name in lora.unknown(arch) if lora else ():
        text = f"train.lora.target: {name!r} is no linear layer of it; write all-linear or some of {', '.join(arch.linear)}"
        yield new_finding("stop", about, text)


def host_findings(needed: int, device: Device, about: str) -> Iterator[Row]:
    """A warning where a node's own memory is too small. `needed`: bytes of one node."""
    if device.kind == "gpu" and device.host_memory_gb and needed > device.host_memory_gb * GB:
        text = f"needs about {gb(needed)} GB of a node's own memory, of which there are {device.host_memory_gb:.4g}"
        yield new_finding("warning", about, f"{text}; fewer processes on a node, or zero3.yaml, which reads the model in parts, take less")


def launch_findings(part: Part, facts: Facts, trainings: int) -> Iterator[Row]:
    """Devices that are missing or idle, and another number of processes than of GPUs."""
    launch, requested, device = launch_of(part, facts.accelerate), part["runtime"]["train_gpus"], facts.device
    nodes = part["runtime"]["train_nodes"]
    if requested and launch.processes != requested * nodes:
        text = f"runtime.train_gpus is {requested}, but runtime.train_processes starts {launch.processes // nodes} on each node"
        yield new_finding("warning", "train", f"{text}; remove train_processes, so that there is one for each GPU")
    if requested > device.count and device.kind == "gpu":
        yield new_finding("stop", "train", f"runtime.train_gpus is {requested}, but devices are {device.count}; set it to {device.count}")
    elif device.kind == "gpu" and (idle := device.count - jobs_at_once(trainings, requested, device) * max(1, requested)) > 0:
        text = f"{idle} of {device.count} devices stay idle: to use all, set runtime.train_gpus: {device.count} and zero3.yaml or ddp.yaml"
        yield new_finding("note", "train", text)


def respond_findings(part: Part, device: Device, evaluations: list[Row]) -> Iterator[Row]:
    """A job that requests more GPUs than exist would wait for them forever; those that no job takes are idle."""
    if device.kind != "gpu":
        return
    requested, models = part["runtime"]["respond_gpus"], len({row["model"] for row in evaluations})
    if requested > device.count:
        yield new_finding(
            "stop", "respond", f"runtime.respond_gpus is {requested}, but devices are {device.count}; set it to {device.count}"
        )
        return
    if all(row["engine"] != "vllm" for row in evaluations):
        working, each, fix = 1, 1, "engine: vllm generates on several"
    else:
        working, each = max(1, requested), part["runtime"]["tensor_parallel"]
        more = max(device.count // models // each, 1) * each
        fix = f"runtime.respond_gpus: {more} uses {min(more * models, device.count)}" if more > requested else "fewer devices take as long"
    idle = device.count - jobs_at_once(models, requested, device) * working
    if idle > 0:
        yield new_finding("note", "respond", f"{idle} of {device.count} devices stay idle while {models} models generate: {fix}")


def too_many_answers(arch: Arch, entry: Part, at_once: int, longest: int, usable: float, total: int, over: int | None) -> str:
    """What to change where the answers that are generated at once do not fit. `total` and `usable`: bytes of a device."""
    needs = f"needs {gb(total)} GB of a device, of which {gb(int(usable))} can be used"
    room = int((usable - 2 * arch.parameters) // (longest * arch.cached_bytes()))
    if entry["engine"] != "vllm" and room >= 1:
        return f"{needs}: {at_once} answers of up to {longest:,} tokens at once. Set runtime.batch_size: {room}, or engine: vllm"
    if entry["engine"] == "vllm" and over:
        return f"{needs}: the weights and one answer of {longest:,} tokens. Set runtime.tensor_parallel: {over} and respond_gpus: {over}"
    return f"{needs}: the weights and one answer of {longest:,} tokens. Lower max_new_tokens, or take a larger device"


def room_findings(disk: Row, free: int, folder: str) -> Iterator[Row]:
    """A warning where the disk is too small. `free`: bytes."""
    if disk["total"] * GB > free:
        text = f"results and work may grow by {disk['total']} GB, and {gb(free)} GB are free; make room, or remove work/train of old runs"
        yield new_finding("warning", folder, text)


def new_finding(level: str, about: str, text: str) -> Row:
    """A finding: its level (stop, warning or note), what it is about, its text."""
    return {"level": level, "about": about, "text": text}


def merge_findings(findings: list[Row]) -> list[Row]:
    """Findings with the same text are merged into one about all their subjects."""
    merged: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        merged.setdefault((finding["level"], finding["text"]), []).append(finding["about"])
    return [{"level": level, "about": ", ".join(dict.fromkeys(about)), "text": text} for (level, text), about in merged.items()]


def stops(found: Mapping[str, Any]) -> list[str]:
    """A line for each thing that does not fit."""
    return [f"{finding['about']}: {finding['text']}" for finding in found["findings"] if finding["level"] == "stop"]
