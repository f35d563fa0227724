"""Memory and time of one device while a student is distilled on-policy.

Next to what a training of the student holds (memory.training), with P, T parameters of student and teacher:

| what | bytes |
|---|---|
| teacher | 2T in bfloat16, 4T in float32; a share of it under ZeRO-3 |
| its activations | one layer: nothing is kept for a backward pass |
| loss | two tiles of up to 4096 tokens x 32768 words in float32 (trl/kernels/chunked_divergence.py); the gradient of the student's head |
| rollout | the cache of all its completions at once, which is freed before the update; by vLLM its share of the device, for good |

Operations of a token of a completion: 6P (8P with recomputing) and 2T, as in memory.training; generating it reads weights and caches, as
answering does. All is by formula: no distillation has been measured on a GPU.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from distill.preflight import host, memory, speed
from distill.preflight.arch import Arch
from distill.preflight.facts import Facts
from distill.preflight.memory import GB, TILE, Batch, Launch, gb, layer_bytes
from distill.preflight.speed import Device, Rate

Row = dict[str, Any]
PROMPT = 256  # tokens of a prompt: assumed, for it is short next to a completion


def needed(student: Arch, teacher: Arch, launch: Launch, batch: Batch, rollout: int, by_vllm: int = 0) -> dict[str, int]:
    """Bytes on one device: weights, gradients, optimizer, teacher, update, rollout, total.

    `rollout`: completions that it generates at once, each of up to batch.max_length tokens with its prompt. `by_vllm`: what vLLM takes.
    """
    trained = memory.training(student, launch, batch)
    each = 2 if batch.bfloat16 else 4
    shared = launch.processes if launch.kind == "zero3" else 1
    states = {name: trained[name] for name in ("weights", "gradients", "optimizer")} | {"teacher": each * teacher.parameters // shared}
    tiles = 2 * 4 * min(batch.tokens, TILE[0]) * min(student.vocabulary, TILE[1])
    hidden = each * batch.tokens * (student.hidden + teacher.hidden)
    head = tiles + 4 * student.vocabulary * student.hidden + hidden
    update = trained["activations"] + batch.tokens * layer_bytes(teacher, batch.bfloat16) + head
    cache = by_vllm or rollout * batch.max_length * student.cached_bytes(each)
    most = update + by_vllm if by_vllm else max(update, cache)
    return {**states, "update": update, "rollout": cache, "total": sum(states.values()) + most}


def taken_by_vllm(recipe: Mapping[str, Any], runtime: Mapping[str, Any], student: Arch, device: Device) -> int:
    """Bytes of a device that vLLM takes next to the student: its share, or a copy and 1 GiB on a CPU; 0 where transformers generates."""
    if recipe["engine"] != "vllm":
        return 0
    if device.kind == "cpu" or device.memory_gb is None:
        return (4 if device.kind == "cpu" else 2) * student.parameters + 2**30
    return round(runtime["rollout_memory"] * device.memory_gb * GB)


def on_host(student: Arch, teacher: Arch, launch: Launch, batch: Batch, rollout: int, runtime: Mapping[str, Any], by_vllm: int = 0) -> int:
    """Bytes of one node's host: those of a training of the student, and the teacher, while it is read or on a CPU for good."""
    nodes = runtime["train_nodes"]
    here = max(1, launch.processes // nodes)
    if batch.cpu:
        whole = needed(student, teacher, launch, batch, rollout, by_vllm)["total"]
        return host.training_of(student.parameters, student.parameters, launch, nodes, 4, whole, cpu=True)
    return host.training(student, launch, batch, nodes) + (0 if launch.kind == "zero3" else 4 * teacher.parameters * here)


def rate(student: Arch, teacher: Arch, batch: Batch, rollout: int, length: int, facts: Facts, engine: str) -> Rate | None:
    """Completion tokens a second of one device, generated and learned from; None on a CPU."""
    device, rates = facts.device, facts.rates
    if device.kind == "cpu":
        return None
    peak, mfu = device.tflops or rates.peaks["tflops"], rates.assumed["mfu"]
    again = 1 + (rates.assumed["recompute"] - 1) * batch.recomputing(student.layers) / student.layers
    work = student.training_flops(batch.max_length) * again + teacher.training_flops(batch.max_length) / 3
    learned = peak * 1e12 * mfu / work
    generated = speed.answering(student, device, engine, rollout, length, rates)
    assert generated is not None
    both = 1 / (1 / learned + 1 / generated.tokens_per_s)
    return Rate(both, f"assumed: generating {generated.tokens_per_s:,.0f} tokens/s, learning from them {learned:,.0f}", False)


def length_of(recipe: Mapping[str, Any], facts: Facts) -> int:
    """Tokens of a completion in the mean: assumed as for answers."""
    return max(1, round(recipe["max_new_tokens"] * facts.rates.assumed["filled"]))


def problems(entry: Row, student: Arch, teacher: Arch, by_vllm: int) -> Iterator[str]:
    """What keeps a distillation from working, as far as it is known; the step compares the rest when it begins."""
    least = memory.answering(student, "vllm", 1, entry["recipe"]["max_new_tokens"])["total"]
    if 0 < by_vllm < least:
        yield f"vLLM needs {gb(least)} GB for a copy of the student and one completion, and has {gb(by_vllm)}: raise runtime.rollout_memory"
    if teacher.vocabulary < student.vocabulary:
        yield (
            f"{entry['teacher']} has {teacher.vocabulary:,} rows in its vocabulary, and {entry['student']} has {student.vocabulary:,}; "
            "name a teacher with as many or more"
        )
    longest = entry["recipe"]["max_new_tokens"]
    for role, arch in (("student", student), ("teacher", teacher)):
        context = entry[f"{role}_context"] or arch.context
        if longest >= context:
            yield f"max_new_tokens {longest} with a prompt exceed the context of {entry[role]}, {context}: lower it, or extend that"


def too_large(entry: Row, found: Mapping[str, int], usable: float, rollout: int, launch: Launch) -> str:
    """What to change where it does not fit."""
    needs = f"needs {gb(found['total'])} GB of a device, of which {gb(int(usable))} can be used"
    states = sum(found[name] for name in ("weights", "gradients", "optimizer", "teacher"))
    if states > usable:
        more = "more processes" if launch.kind == "zero3" else "runtime.accelerate: config/accelerate/zero3.yaml on several devices"
        return f"{needs}: the models alone take {gb(states)} GB. Use {more}, or a smaller teacher"
    if entry["recipe"]["engine"] == "vllm":
        return (
            f"{needs}, with {gb(found['rollout'])} GB for vLLM. Lower runtime.rollout_memory, runtime.micro_batch or distill.max_new_tokens"
        )
    if found["rollout"] > found["update"]:
        return (
            f"{needs}: a rollout of {rollout} completions of up to {entry['recipe']['max_new_tokens']:,} tokens at once. "
            "Lower distill.steps_per_rollout or max_new_tokens"
        )
    return f"{needs}: its forward passes. Lower runtime.micro_batch, or set distill.gradient_checkpointing: true"
