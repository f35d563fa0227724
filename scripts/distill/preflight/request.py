"""What a job asks a cluster for: the memory of a node's host, in MiB."""

from functools import cache
from pathlib import Path
from typing import Any

from distill.base.paths import KNOWN
from distill.base.settings import read_yaml
from distill.preflight import distillation, facts, host, memory
from distill.preflight.arch import Arch, Lora
from distill.preflight.launches import batch_of, distillation_batch, launch_of
from distill.preflight.speed import Device

Part = dict[str, Any]


def train_mb(part: Part, results: Path) -> int:
    """Of the one training of `part` (config/preflight_part.py); of a model of unknown shape by the size of its files, else the least."""
    (entry,), runtime = part["trainings"], part["runtime"]
    device, nodes = _device(runtime["train_gpus"]), runtime["train_nodes"]
    launch, recipe = launch_of(part, facts.accelerate(part["accelerate"])), entry["recipe"]
    arch = _arch(entry, part, results)
    if arch:
        batch = batch_of(recipe, runtime, launch.processes, device, Lora.of(recipe, arch))
        return host.requested_mb(host.training(arch, launch, batch, nodes))
    parameters, cpu = _parameters(entry, results), device.kind == "cpu"
    trained = 0 if "lora" in recipe else parameters
    return host.requested_mb(host.training_of(parameters, trained, launch, nodes, 4, (6 * parameters + 12 * trained) * cpu, cpu))


def distill_mb(part: Part, results: Path) -> int:
    """Of the one distillation of `part`; of models of unknown shape the least."""
    (entry,), runtime = part["distillations"], part["runtime"]
    device, launch = _device(runtime["train_gpus"]), launch_of(part, facts.accelerate(part["accelerate"]))
    student, teacher = (_arch({"origin": entry[key]}, part, results) for key in ("origin", "teacher_origin"))
    if not (student and teacher):
        return host.LEAST_MB
    batch, rollout = distillation_batch(entry["recipe"], runtime, launch, device)
    by_vllm = distillation.taken_by_vllm(entry["recipe"], runtime, student, device)
    return host.requested_mb(distillation.on_host(student, teacher, launch, batch, rollout, runtime, by_vllm))


def respond_mb(part: Part, results: Path) -> int:
    """Of the responses of one model, whichever benchmark needs most."""
    runtime, needed = part["runtime"], 0
    gpus = runtime["respond_gpus"]
    for entry in part["evaluations"]:
        arch = _arch(entry, part, results)
        parameters = arch.parameters if arch else _parameters(entry, results)
        longest = min(entry["max_new_tokens"], entry["context"] or arch.context, entry.get("window") or arch.context) if arch else 0
        whole = memory.answering(arch, entry["engine"], runtime["batch_size"], longest, cpu=True)["total"] if arch else 4 * parameters
        needed = max(needed, host.answering(parameters, max(1, gpus), None if gpus else whole))
    return host.requested_mb(needed)


def model_mb(origin: str, part: Part, results: Path) -> int:
    """Of another step that loads a model which comes from the source model `origin`, such as a teacher."""
    entry, gpus = {"origin": origin}, part["runtime"]["respond_gpus"]
    arch = _arch(entry, part, results)
    parameters = arch.parameters if arch else _parameters(entry, results)
    return host.requested_mb(host.answering(parameters, max(1, gpus), None if gpus else 4 * parameters))


def _device(gpus: int) -> Device:
    """The kind of device alone, on which a node's own memory depends: the job runs on another node, whose driver is not here."""
    return Device("gpu" if gpus else "cpu")


def _arch(entry: Part, part: Part, results: Path) -> Arch | None:
    return facts.shape(entry["origin"], part["origins"].get(entry["origin"], {}), results, _known()).value


@cache
def _known() -> Part:
    return read_yaml(KNOWN)


def _parameters(entry: Part, results: Path) -> int:
    """By the weights of the source model, in two bytes each; 0 where they are not here yet."""
    return sum(path.stat().st_size for path in (results / "sources" / "models" / entry["origin"]).glob("*.safetensors")) // 2
