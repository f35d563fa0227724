"""What the trainings and evaluations of a configuration will take, from what is known of them, and what does not fit."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from distill.data.audit import stops as stops_of_audit
from distill.preflight import advice, distillation, host, memory, speed
from distill.preflight.arch import Arch, Lora
from distill.preflight.facts import Facts, Known, steps_of
from distill.preflight.memory import GB, Batch, Launch, gb
from distill.preflight.speed import Device

Part = dict[str, Any]
Row = dict[str, Any]
OF_ALL_WEIGHTS = 5e-5  # learning rates up to this are of trainings of all weights: the guide's 2e-5, open-r1's 1e-5 to 5e-5


def estimate(part: Part, facts: Facts) -> Row:
    """Trainings, distillations, evaluations, disk and totals; `findings` [{level: stop, warning or note, about, text}], stops first."""
    trainings = [_training(entry, part, facts) for entry in part["trainings"]]
    distillations = [_distillation(entry, part, facts) for entry in part["distillations"]]
    evaluations = [_evaluation(entry, part, facts) for entry in part["evaluations"]]
    findings = [finding for row in (*trainings, *distillations, *evaluations) for finding in row.pop("findings")]
    findings += list(_launch_findings(part, facts, len(trainings) + len(distillations))) if trainings or distillations else []
    findings += list(_respond_findings(part, facts.device, evaluations)) if evaluations else []
    order = ("stop", "warning", "note")
    return {
        "device": {**vars(facts.device), "usable_gb": gb(facts.device.usable)},
        "trainings": trainings,
        "distillations": distillations,
        "evaluations": evaluations,
        "totals": _totals([*trainings, *distillations], evaluations, part["runtime"], facts.device),
        "disk": _disk(part, facts, [*trainings, *distillations], evaluations),
        "findings": sorted(_merged(findings), key=lambda finding: order.index(finding["level"])),
    }


def _training(entry: Part, part: Part, facts: Facts) -> Row:
    recipe, runtime = entry["recipe"], part["runtime"]
    shape, data = facts.archs[entry["origin"]], facts.data[entry["model"]]
    row: Row = {"model": entry["model"], "base": entry["base"], "dataset": entry["dataset"], "shape": shape.how, "data": data.how}
    about = f"train {entry['model']}"
    audit = facts.audits.get(entry["model"])
    row["audit"] = {"shares": audit["shares"] if audit else None, "stop_above": entry["stop_above"]}
    audited = list(_audit_findings(entry, audit, about)) if audit else []
    if shape.value is None:
        return {**row, "findings": [*audited, _unknown_shape(entry["origin"], shape, about)]}
    arch: Arch = shape.value
    launch = _on_available(launch_of(part, facts), part, facts)
    batch = batch_of(recipe, runtime, launch.processes, facts.device, Lora.of(recipe, arch))
    nodes = runtime.get("train_nodes", 1)
    needed, on_host = memory.training(arch, launch, batch), host.training(arch, launch, batch, nodes)
    usable = facts.device.usable
    fits = None if usable is None else needed["total"] <= usable
    rate = speed.training(arch, facts.device, batch, _sequence(batch, data.value), facts.rates)
    row |= {
        "parameters": arch.parameters,
        "trained": batch.trained(arch),
        "launch": launch.kind,
        "processes": launch.processes,
        "weights_bytes": weights_bytes(arch.parameters, recipe),
        "micro_batch": batch.micro_batch,
        "memory_gb": {name: gb(value) for name, value in needed.items()},
        "host_gb": gb(on_host),
        "fits": fits,
    }
    findings = [*audited, *_context_findings(entry, arch, about), *_lora_findings(batch.lora, recipe, arch, about)]
    findings += _host_findings(on_host, facts.device, about)
    if data.value:
        steps, epochs = steps_of(data.value["sequences"], recipe)
        tokens = round(data.value["tokens"] * epochs)
        on_host_s = host.optimizer_s(batch.trained(arch), launch, nodes, facts.rates.assumed)
        time = _time(tokens, rate, launch.processes, facts.device, waiting_s=steps * on_host_s)
        row |= {"tokens": tokens, "steps": steps, "optimizer_on_host_s": round(on_host_s, 4), **time}
    if fits is False:
        assert usable is not None
        settings, after, then = advice.smaller(arch, launch, batch, usable, facts.device.count)
        on_host = host.training(arch, *then, nodes) if then[0].offload_optimizer and not launch.offload_optimizer else None
        findings.append(_finding("stop", about, advice.too_large(entry["model"], needed["total"], usable, settings, after, on_host)))
    return {**row, "findings": findings}


def _distillation(entry: Part, part: Part, facts: Facts) -> Row:
    recipe, about = entry["recipe"], f"distill {entry['model']}"
    row: Row = {key: entry[key] for key in ("model", "student", "teacher", "dataset")}
    for origin in (entry["origin"], entry["teacher_origin"]):
        if facts.archs[origin].value is None:
            return {**row, "findings": [_unknown_shape(origin, facts.archs[origin], about)]}
    student, teacher = facts.archs[entry["origin"]].value, facts.archs[entry["teacher_origin"]].value
    launch = _on_available(launch_of(part, facts), part, facts)
    batch, rollout = distilled(recipe, part["runtime"], launch, facts.device)
    needed, usable = distillation.needed(student, teacher, launch, batch, rollout), facts.device.usable
    length, on_host = distillation.length_of(recipe, facts), distillation.on_host(student, teacher, launch, batch, rollout, part["runtime"])
    tokens = recipe["steps"] * recipe["global_batch"] * length
    fits = None if usable is None else needed["total"] <= usable
    row |= {
        "parameters": student.parameters,
        "trained": student.parameters,
        "teacher_parameters": teacher.parameters,
        "launch": launch.kind,
        "processes": launch.processes,
        "weights_bytes": weights_bytes(student.parameters, recipe),
        "memory_gb": {name: gb(value) for name, value in needed.items()},
        "host_gb": gb(on_host),
        "fits": fits,
        "tokens": tokens,
        "steps": recipe["steps"],
        **_time(tokens, distillation.rate(student, teacher, batch, rollout, length, facts), launch.processes, facts.device),
    }
    findings = [_finding("stop", about, text) for text in distillation.misfits(entry, student, teacher)]
    findings += _host_findings(on_host, facts.device, about)
    if fits is False:
        assert usable is not None
        findings.append(_finding("stop", about, distillation.too_large(entry, needed, usable, rollout, launch)))
    return {**row, "findings": findings}


def weights_bytes(parameters: int, recipe: Mapping[str, Any]) -> int:
    """Size of a trained model's file, which is written in the precision of its recipe."""
    return parameters * (2 if recipe["dtype"] == "bfloat16" else 4)


def launch_of(part: Part, facts: Facts) -> Launch:
    """The launch of a training: one process for each GPU on each node, unless runtime.train_processes says otherwise."""
    return launched(part, facts.accelerate)


def launched(part: Part, accelerate: Mapping[str, Any]) -> Launch:
    """The same by the content of the accelerate file."""
    runtime = part["runtime"]
    if "train_nodes" in runtime:  # scripts/launch.py overrides processes and nodes of the file
        each = runtime.get("train_processes") or max(runtime.get("train_gpus", 0), 1)
        return Launch.of(dict(accelerate), each * runtime["train_nodes"])
    return Launch.of(dict(accelerate), int(accelerate.get("num_processes", 1)))


def _on_available(launch: Launch, part: Part, facts: Facts) -> Launch:
    """The launch reduced to the devices that exist, where more are requested, so that the advice fits these."""
    device, runtime = facts.device, part["runtime"]
    if device.kind != "gpu" or runtime.get("train_gpus", 0) <= device.count:
        return launch
    return replace(launch, processes=min(launch.processes, device.count * runtime.get("train_nodes", 1)))


def distilled(recipe: Part, runtime: Part, launch: Launch, device: Device) -> tuple[Batch, int]:
    """What one forward pass of a distillation holds, and the completions that one process generates at once."""
    sequence = {"max_length": distillation.PROMPT + recipe["max_new_tokens"], "packing": "none"}
    batch = replace(batch_of({**recipe, **sequence}, runtime, launch.processes, device), liger=False)
    return batch, max(1, recipe["global_batch"] * recipe["steps_per_rollout"] // launch.processes)


def batch_of(recipe: Part, runtime: Part, processes: int, device: Device, lora: Lora | None = None) -> Batch:
    share = max(1, recipe["global_batch"] // processes)
    on_gpu = device.kind == "gpu"
    return Batch(
        min(runtime["micro_batch"], share),
        recipe["max_length"],
        recipe["dtype"] == "bfloat16",
        recipe["gradient_checkpointing"],
        checkpoint_layers=runtime.get("checkpoint_layers"),
        liger=on_gpu and not runtime.get("compile_layers"),  # envs/requirements-cuda.txt has it
        cpu=not on_gpu,
        separate=recipe["packing"] in ("bfd", "bfd_split"),
        lora=lora,
    )


def _sequence(batch: Batch, data: Mapping[str, Any] | None) -> int:
    """Tokens that see each other: a whole sequence, or the mean document where documents are kept apart."""
    if not batch.separate or not data or not data["rows"]:
        return batch.max_length
    return min(batch.max_length, max(1, data["tokens"] // data["rows"]))


def _audit_findings(entry: Part, audit: Mapping[str, Any], about: str) -> Iterator[Row]:
    """What an audit warns of; what it stops a run for, by the thresholds of today's configuration."""
    over = stops_of_audit(audit["shares"], entry["stop_above"])
    names = {line.partition(":")[0] for line in over}
    for line in over:
        yield _finding("stop", about, f"{line}: nothing good is learned from these; or raise datasets.{entry['dataset']}.audit.stop_above")
    for line in audit["warnings"]:
        if line.partition(":")[0] not in names:
            yield _finding("warning", about, line)


def _context_findings(entry: Part, arch: Arch, about: str) -> Iterator[Row]:
    context = entry["context"] or arch.context
    if entry["recipe"]["max_length"] > context:
        text = f"max_length {entry['recipe']['max_length']} is beyond the context of {entry['base']}, {context}: extend it with prepare:"
        yield _finding("warning", about, text)


def _unknown_shape(origin: str, shape: Known, about: str) -> Row:
    return _finding("note", about, f"the shape of {origin} is unknown, and nothing is estimated of it: {shape.how}")


def _lora_findings(lora: Lora | None, recipe: Part, arch: Arch, about: str) -> Iterator[Row]:
    if lora and recipe["learning_rate"] <= OF_ALL_WEIGHTS:
        text = f"train.learning_rate {recipe['learning_rate']:g} suits a training of all weights; LoRA takes about ten times that"
        yield _finding("note", about, f"{text} (docs/training.md, LoRA)")
    for name in lora.unknown(arch) if lora else ():
        text = f"train.lora.target: {name!r} is no linear layer of it; write all-linear or some of {', '.join(arch.linear)}"
        yield _finding("stop", about, text)


def _host_findings(needed: int, device: Device, about: str) -> Iterator[Row]:
    if device.kind == "gpu" and device.host_memory_gb and needed > device.host_memory_gb * GB:
        text = f"needs about {gb(needed)} GB of a node's own memory, of which there are {device.host_memory_gb:.4g}"
        yield _finding("warning", about, f"{text}; fewer processes on a node, or zero3.yaml, which reads the model in parts, take less")


def _launch_findings(part: Part, facts: Facts, trainings: int) -> Iterator[Row]:
    launch, requested, device = launch_of(part, facts), part["runtime"].get("train_gpus", 0), facts.device
    nodes = part["runtime"].get("train_nodes", 1)
    if requested and launch.processes != requested * nodes:
        text = f"runtime.train_gpus is {requested}, but {part['accelerate']} starts {launch.processes}; name a file that starts as many"
        yield _finding("warning", "train", text)
    if requested > device.count and device.kind == "gpu":
        yield _finding("stop", "train", f"runtime.train_gpus is {requested}, but devices are {device.count}; set it to {device.count}")
    elif device.kind == "gpu" and (idle := device.count - _at_once(trainings, requested, device) * max(1, requested)) > 0:
        text = f"{idle} of {device.count} devices stay idle: to use all, set runtime.train_gpus: {device.count} and zero3.yaml or ddp.yaml"
        yield _finding("note", "train", text)


def _at_once(jobs: int, gpus: int, device: Device) -> int:
    """How many of the jobs run at the same time. Without GPUs of their own, one."""
    return min(jobs, device.count // gpus) if gpus else min(jobs, 1)


def _respond_findings(part: Part, device: Device, evaluations: list[Row]) -> Iterator[Row]:
    """A job that requests more GPUs than exist would wait for them forever; those that no job takes are idle."""
    if device.kind != "gpu":
        return
    requested, models = part["runtime"].get("respond_gpus", 0), len({row["model"] for row in evaluations})
    if requested > device.count:
        yield _finding("stop", "respond", f"runtime.respond_gpus is {requested}, but devices are {device.count}; set it to {device.count}")
        return
    if all(row["engine"] != "vllm" for row in evaluations):
        working, each, fix = 1, 1, "engine: vllm generates on several"
    else:
        working, each = max(1, requested), part["runtime"].get("tensor_parallel", 1)
        more = max(device.count // models // each, 1) * each
        fix = f"runtime.respond_gpus: {more} uses {min(more * models, device.count)}" if more > requested else "fewer devices take as long"
    idle = device.count - _at_once(models, requested, device) * working
    if idle > 0:
        yield _finding("note", "respond", f"{idle} of {device.count} devices stay idle while {models} models generate: {fix}")


def _evaluation(entry: Part, part: Part, facts: Facts) -> Row:
    shape, items, device = facts.archs[entry["origin"]], facts.items[entry["run"]], facts.device
    row: Row = {"model": entry["model"], "run": entry["run"], "engine": entry["engine"], "shape": shape.how}
    about = f"respond {entry['model']} {entry['run']}"
    if shape.value is None:
        return {**row, "findings": [_unknown_shape(entry["origin"], shape, about)]}
    arch: Arch = shape.value
    longest = min(entry["max_new_tokens"], entry["context"] or arch.context, entry.get("window") or arch.context)
    mean = facts.mean_tokens.get((entry["model"], entry["run"]))
    expected = longest * facts.rates.assumed["filled"] if mean is None else mean
    at_once = part["runtime"]["batch_size"]
    if items.value:
        at_once = min(at_once, items.value * entry["n_samples"])
    spread = part["runtime"].get("tensor_parallel", 1) if entry["engine"] == "vllm" else 1
    whole = memory.answering(arch, entry["engine"], at_once, longest, device.kind == "cpu")
    needed = {name: -(-value // spread) for name, value in whole.items()}
    # Each device of a tensor-parallel group reads its share of weights and caches.
    device = replace(device, memory_gb=device.memory_gb and device.memory_gb * spread)
    usable = facts.device.usable
    fits = None if usable is None else needed["total"] <= usable
    row |= {"parameters": arch.parameters, "memory_gb": {name: gb(value) for name, value in needed.items()}, "fits": fits}
    if items.value:
        answers = items.value * entry["n_samples"]
        held = answers if entry["engine"] == "vllm" else at_once
        tokens, rate = round(answers * expected), speed.answering(arch, device, entry["engine"], held, expected, facts.rates)
        length = f"{expected:,.0f} tokens an answer" + (", as it answered before" if mean is not None else ", assumed")
        taken = max(1, part["runtime"].get("respond_gpus", 0))
        time = _time(tokens, rate, taken if entry["engine"] == "vllm" else 1, facts.device, taken)
        row |= {"answers": answers, "tokens": tokens, "tokens_at_most": answers * longest, "length": length, **time}
    findings = []
    if fits is False:
        assert usable is not None
        over = next((n for n in (2, 4, 8) if spread < n <= device.count and whole["total"] <= n * usable), None)
        findings.append(_finding("stop", about, _too_many(arch, entry, at_once, longest, usable, needed["total"], over)))
    return {**row, "findings": findings}


def _too_many(arch: Arch, entry: Part, at_once: int, longest: int, usable: float, total: int, over: int | None) -> str:
    needs = f"needs {gb(total)} GB of a device, of which {gb(int(usable))} can be used"
    room = int((usable - 2 * arch.parameters) // (longest * arch.cached_bytes()))
    if entry["engine"] != "vllm" and room >= 1:
        return f"{needs}: {at_once} answers of up to {longest:,} tokens at once. Set runtime.batch_size: {room}, or engine: vllm"
    if entry["engine"] == "vllm" and over:
        return f"{needs}: the weights and one answer of {longest:,} tokens. Set runtime.tensor_parallel: {over} and respond_gpus: {over}"
    return f"{needs}: the weights and one answer of {longest:,} tokens. Lower max_new_tokens, or take a larger device"


def _time(tokens: int, rate: speed.Rate | None, working: int, device: Device, taken: int | None = None, waiting_s: float = 0.0) -> Row:
    """Of a job whose `working` devices do the work, of those that are `taken` and paid for; all wait `waiting_s` for the host."""
    if rate is None:
        return {"tokens_per_s": None, "rate": "no model of this size was measured on a CPU", "device_hours": None, "hours": None}
    hours = tokens / rate.tokens_per_s / 3600 / working + waiting_s / 3600
    each = {"tokens_per_s": round(rate.tokens_per_s, 1), "rate": rate.how, "measured": rate.measured}
    price = {} if device.price_per_hour is None else {"price": round(hours * (taken or working) * device.price_per_hour, 2)}
    return {**each, "device_hours": round(hours * working, 4), "hours": round(hours, 4), **price}


def _totals(trainings: list[Row], evaluations: list[Row], runtime: Part, device: Device) -> Row:
    """Device hours; the time until all is done, one stage after the other, each job on its own devices; and, where a device has a price,
    what the jobs cost and what all devices cost in that time."""
    unknown = [row for row in (*trainings, *evaluations) if row.get("device_hours") is None]
    made: Row = {"jobs_without_a_time": len(unknown)}
    by_model: dict[str, float] = {}
    for row in evaluations:  # one load of a model generates all its responses
        by_model[row["model"]] = by_model.get(row["model"], 0.0) + (row.get("hours") or 0.0)
    stages = {
        "train": (trainings, [row.get("hours") or 0.0 for row in trainings], runtime.get("train_gpus", 0)),
        "respond": (evaluations, list(by_model.values()), runtime.get("respond_gpus", 0)),
    }
    for stage, (rows, hours, gpus) in stages.items():
        made[f"{stage}_device_hours"] = round(sum(row.get("device_hours") or 0.0 for row in rows), 3)
        made[f"{stage}_hours"] = round(_until_done(hours, max(1, _at_once(len(hours), gpus, device))), 3)
        if device.price_per_hour is not None:
            made[f"{stage}_price"] = round(sum(row.get("price") or 0.0 for row in rows), 2)
    made["hours"] = round(made["train_hours"] + made["respond_hours"], 3)
    if device.price_per_hour is not None:
        made["price"] = round(made["train_price"] + made["respond_price"], 2)
        made["price_of_all_devices"] = round(made["hours"] * device.count * runtime.get("train_nodes", 1) * device.price_per_hour, 2)
    return made


def _until_done(hours: list[float], at_once: int) -> float:
    """The time that jobs take, so many at once, the longest first."""
    ends = [0.0] * at_once
    for job in sorted(hours, reverse=True):
        ends[ends.index(min(ends))] += job
    return max(ends)


def _disk(part: Part, facts: Facts, trainings: list[Row], evaluations: list[Row]) -> Row:
    """GB that results/ and work/ grow by at most: sources, copies of them, checkpoints, trained models and those of kept epochs, responses.

    A training leaves two checkpoints of weights and optimizer in work/, 12 bytes a trained parameter. A token is some four bytes of text,
    and responses are stored twice.
    """
    sizes = {name: 2 * shape.value.parameters for name, shape in facts.archs.items() if shape.value}
    downloads = sum(sizes.values())
    prepared = sum(sizes.get(name, 0) for name in part["copies"])
    kept = {entry["model"]: entry["kept"] for entry in part["trainings"]}
    trained = sum(row["weights_bytes"] * (1 + kept.get(row["model"], 0)) for row in trainings if "parameters" in row)
    checkpoints = sum(2 * 12 * row["trained"] for row in trainings if "parameters" in row)
    answers = sum(2 * 4 * row.get("tokens", 0) for row in evaluations)
    parts = {"sources": downloads, "prepared": prepared, "models": trained, "checkpoints": checkpoints, "answers": answers}
    return {**{name: gb(value) for name, value in parts.items()}, "total": gb(sum(parts.values()))}


def room_findings(disk: Row, free: int, folder: str) -> Iterator[Row]:
    if disk["total"] * GB > free:
        text = f"results and work may grow by {disk['total']} GB, and {gb(free)} GB are free; make room, or remove work/train of old runs"
        yield _finding("warning", folder, text)


def _finding(level: str, about: str, text: str) -> Row:
    return {"level": level, "about": about, "text": text}


def _merged(findings: list[Row]) -> list[Row]:
    """Findings with the same text are merged into one about all their subjects."""
    merged: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        merged.setdefault((finding["level"], finding["text"]), []).append(finding["about"])
    return [{"level": level, "about": ", ".join(dict.fromkeys(about)), "text": text} for (level, text), about in merged.items()]


def stops(found: Mapping[str, Any]) -> list[str]:
    """A line for each thing that does not fit."""
    return [f"{finding['about']}: {finding['text']}" for finding in found["findings"] if finding["level"] == "stop"]
