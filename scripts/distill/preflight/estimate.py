"""What the trainings and evaluations of a configuration will take, from what is known of them, and what does not fit."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from distill.preflight import advice, distillation, host, memory, scoring, speed
from distill.preflight.arch import Arch, Lora
from distill.preflight.facts import Facts, Known, steps_of
from distill.preflight.findings import (
    audit_findings,
    context_findings,
    host_findings,
    launch_findings,
    lora_findings,
    merge_findings,
    new_finding,
    respond_findings,
    too_many_answers,
    unknown_shape,
)
from distill.preflight.launches import batch_of, distillation_batch, jobs_at_once, launch_of, on_available_devices, sequence_length
from distill.preflight.memory import gb
from distill.preflight.speed import Device

Part = dict[str, Any]
Row = dict[str, Any]


def estimate(part: Part, facts: Facts) -> Row:
    """Trainings, distillations, evaluations, attempts, logits, disk and totals; `findings` [{level: stop, warning or note, about, text}],
    stops first."""
    trainings = [_training(entry, part, facts) for entry in part["trainings"]]
    distillations = [_distillation(entry, part, facts) for entry in part["distillations"]]
    evaluations = [_evaluation(entry, part, facts) for entry in part["evaluations"]]
    attempts = [_attempt(entry, part, facts) for entry in part["attempts"]]
    logits = [_logits(entry, facts) for entry in part["logits"]]
    findings = [finding for row in (*trainings, *distillations, *evaluations, *attempts, *logits) for finding in row.pop("findings")]
    findings += list(launch_findings(part, facts, len(trainings) + len(distillations))) if trainings or distillations else []
    findings += list(respond_findings(part, facts.device, evaluations)) if evaluations else []
    order = ("stop", "warning", "note")
    return {
        "device": {**vars(facts.device), "usable_gb": gb(facts.device.usable)},
        "trainings": trainings,
        "distillations": distillations,
        "evaluations": evaluations,
        "attempts": attempts,
        "logits": logits,
        "totals": _totals([*trainings, *distillations], evaluations, [*attempts, *logits], part["runtime"], facts.device),
        "disk": _disk(part, facts, [*trainings, *distillations], [*evaluations, *attempts], logits),
        "findings": sorted(merge_findings(findings), key=lambda finding: order.index(finding["level"])),
    }


def _training(entry: Part, part: Part, facts: Facts) -> Row:
    recipe, runtime = entry["recipe"], part["runtime"]
    shape, data = facts.archs[entry["origin"]], facts.data[entry["model"]]
    row: Row = {"model": entry["model"], "base": entry["base"], "dataset": entry["dataset"], "shape": shape.how, "data": data.how}
    about = f"train {entry['model']}"
    audit = facts.audits.get(entry["model"])
    row["audit"] = {"shares": audit["shares"] if audit else None, "stop_above": entry["stop_above"]}
    audited = list(audit_findings(entry, audit, about)) if audit else []
    if shape.value is None:
        return {**row, "findings": [*audited, unknown_shape(entry["origin"], shape, about)]}
    arch: Arch = shape.value
    launch = on_available_devices(launch_of(part, facts.accelerate), part, facts)
    batch = batch_of(recipe, runtime, launch.processes, facts.device, Lora.of(recipe, arch))
    nodes = runtime["train_nodes"]
    needed, on_host = memory.training(arch, launch, batch), host.training(arch, launch, batch, nodes)
    usable = facts.device.usable
    fits = None if usable is None else needed["total"] <= usable
    rate = speed.training(arch, facts.device, batch, sequence_length(batch, data.value), facts.rates)
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
    findings = [*audited, *context_findings(entry, arch, about), *lora_findings(batch.lora, recipe, arch, about)]
    findings += host_findings(on_host, facts.device, about)
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
        findings.append(new_finding("stop", about, advice.too_large(entry["model"], needed["total"], usable, settings, after, on_host)))
    return {**row, "findings": findings}


def _distillation(entry: Part, part: Part, facts: Facts) -> Row:
    recipe, about = entry["recipe"], f"distill {entry['model']}"
    row: Row = {key: entry[key] for key in ("model", "student", "teacher", "dataset")}
    for origin in (entry["origin"], entry["teacher_origin"]):
        if facts.archs[origin].value is None:
            return {**row, "findings": [unknown_shape(origin, facts.archs[origin], about)]}
    student, teacher = facts.archs[entry["origin"]].value, facts.archs[entry["teacher_origin"]].value
    launch = on_available_devices(launch_of(part, facts.accelerate), part, facts)
    batch, rollout = distillation_batch(recipe, part["runtime"], launch, facts.device)
    by_vllm = distillation.taken_by_vllm(recipe, part["runtime"], student, facts.device)
    needed, usable = distillation.needed(student, teacher, launch, batch, rollout, by_vllm), facts.device.usable
    on_host = distillation.on_host(student, teacher, launch, batch, rollout, part["runtime"], by_vllm)
    length = distillation.length_of(recipe, facts)
    rate = distillation.rate(student, teacher, batch, rollout, length, facts, recipe["engine"])
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
        **_time(tokens, rate, launch.processes, facts.device),
    }
    findings = [new_finding("stop", about, text) for text in distillation.problems(entry, student, teacher, by_vllm)]
    findings += host_findings(on_host, facts.device, about)
    if fits is False:
        assert usable is not None
        findings.append(new_finding("stop", about, distillation.too_large(entry, needed, usable, rollout, launch)))
    return {**row, "findings": findings}


def weights_bytes(parameters: int, recipe: Mapping[str, Any]) -> int:
    """Size of a trained model's file, which is written in the precision of its recipe."""
    return parameters * (2 if recipe["dtype"] == "bfloat16" else 4)


def _evaluation(entry: Part, part: Part, facts: Facts) -> Row:
    mean = facts.mean_tokens.get(("scores", entry["model"], entry["run"]))
    return _answers(entry, part, facts, facts.items[entry["run"]], mean, f"respond {entry['model']} {entry['run']}")


def _attempt(entry: Part, part: Part, facts: Facts) -> Row:
    """The answers to the questions of a dataset, for its pass rates."""
    mean, questions = facts.mean_tokens.get(("pass_rates", entry["model"], entry["run"])), facts.questions[entry["run"]]
    row = _answers(entry, part, facts, questions, mean, f"attempt {entry['model']} {entry['run']}")
    return {**row, "questions": questions.how}


def _logits(entry: Part, facts: Facts) -> Row:
    """A teacher that scores the rows of a dataset."""
    shape, data, about = facts.archs[entry["origin"]], facts.data.get(entry["student"], Known()), f"logits {entry['dataset']}"
    row: Row = {**{key: entry[key] for key in ("dataset", "teacher", "top_k", "longest")}, "data": data.how}
    if shape.value is None:
        return {**row, "findings": [unknown_shape(entry["origin"], shape, about)]}
    teacher: Arch = shape.value
    needed, usable = scoring.needed(teacher, entry["longest"], facts.device.kind == "cpu"), facts.device.usable
    fits = None if usable is None else needed["total"] <= usable
    row |= {"parameters": teacher.parameters, "memory_gb": {name: gb(value) for name, value in needed.items()}, "fits": fits}
    if data.value:
        tokens = data.value["tokens"]
        row |= {"tokens": tokens, "disk_gb": gb(scoring.disk(tokens, entry["top_k"]))}
        row |= _time(tokens, scoring.rate(teacher, entry["longest"], facts), 1, facts.device)
    student = facts.archs[entry["student_origin"]].value
    findings = [new_finding(level, about, text) for level, text in scoring.problems(entry, student, teacher)]
    if fits is False:
        assert usable is not None
        findings.append(new_finding("stop", about, scoring.too_large(entry, needed, usable)))
    return {**row, "findings": findings}


def _answers(entry: Part, part: Part, facts: Facts, items: Known, mean: float | None, about: str) -> Row:
    """`mean`: tokens of an answer as the model gave them before, if it has."""
    shape, device = facts.archs[entry["origin"]], facts.device
    row: Row = {"model": entry["model"], "run": entry["run"], "engine": entry["engine"], "shape": shape.how}
    if shape.value is None:
        return {**row, "findings": [unknown_shape(entry["origin"], shape, about)]}
    arch: Arch = shape.value
    longest = min(entry["max_new_tokens"], entry["context"] or arch.context, entry.get("window") or arch.context)
    expected = longest * facts.rates.assumed["filled"] if mean is None else mean
    at_once = part["runtime"]["batch_size"]
    if items.value:
        at_once = min(at_once, items.value * entry["n_samples"])
    spread = part["runtime"]["tensor_parallel"] if entry["engine"] == "vllm" else 1
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
        allocated = max(1, part["runtime"]["respond_gpus"])
        time = _time(tokens, rate, allocated if entry["engine"] == "vllm" else 1, facts.device, allocated)
        row |= {"answers": answers, "tokens": tokens, "tokens_at_most": answers * longest, "length": length, **time}
    findings = []
    if fits is False:
        assert usable is not None
        over = next((n for n in (2, 4, 8) if spread < n <= device.count and whole["total"] <= n * usable), None)
        findings.append(new_finding("stop", about, too_many_answers(arch, entry, at_once, longest, usable, needed["total"], over)))
    return {**row, "findings": findings}


def _time(tokens: int, rate: speed.Rate | None, working: int, device: Device, allocated: int | None = None, waiting_s: float = 0.0) -> Row:
    """Of a job whose `working` devices do the work, of those that are `allocated` and paid for; all wait `waiting_s` for the host."""
    if rate is None:
        return {"tokens_per_s": None, "rate": "no model of this size was measured on a CPU", "device_hours": None, "hours": None}
    hours = tokens / rate.tokens_per_s / 3600 / working + waiting_s / 3600
    each = {"tokens_per_s": round(rate.tokens_per_s, 1), "rate": rate.how, "measured": rate.measured}
    price = {} if device.price_per_hour is None else {"price": round(hours * (allocated or working) * device.price_per_hour, 2)}
    return {**each, "device_hours": round(hours * working, 4), "hours": round(hours, 4), **price}


def _totals(trainings: list[Row], evaluations: list[Row], for_data: list[Row], runtime: Part, device: Device) -> Row:
    """Device hours; the time until all is done, one stage after the other, each job on its own devices; and, where a device has a price,
    what the jobs cost and what all devices cost in that time. What is made `for_data`, answers for pass rates and a teacher's
    probabilities, counts as generating."""
    unknown = [row for row in (*trainings, *evaluations, *for_data) if row.get("device_hours") is None]
    made: Row = {"jobs_without_a_time": len(unknown)}
    by_model: dict[str, float] = {}
    for row in evaluations:  # one load of a model generates all its responses
        by_model[row["model"]] = by_model.get(row["model"], 0.0) + (row.get("hours") or 0.0)
    stages = {
        "train": (trainings, [row.get("hours") or 0.0 for row in trainings], runtime["train_gpus"]),
        "respond": (
            [*evaluations, *for_data],
            [*by_model.values(), *(row.get("hours") or 0.0 for row in for_data)],
            runtime["respond_gpus"],
        ),
    }
    for stage, (rows, hours, gpus) in stages.items():
        made[f"{stage}_device_hours"] = round(sum(row.get("device_hours") or 0.0 for row in rows), 3)
        made[f"{stage}_hours"] = round(_until_done(hours, max(1, jobs_at_once(len(hours), gpus, device))), 3)
        if device.price_per_hour is not None:
            made[f"{stage}_price"] = round(sum(row.get("price") or 0.0 for row in rows), 2)
    made["hours"] = round(made["train_hours"] + made["respond_hours"], 3)
    if device.price_per_hour is not None:
        made["price"] = round(made["train_price"] + made["respond_price"], 2)
        made["price_of_all_devices"] = round(made["hours"] * device.count * runtime["train_nodes"] * device.price_per_hour, 2)
    return made


def _until_done(hours: list[float], at_once: int) -> float:
    """The time that jobs take, so many at once, the longest first."""
    ends = [0.0] * at_once
    for job in sorted(hours, reverse=True):
        ends[ends.index(min(ends))] += job
    return max(ends)


def _disk(part: Part, facts: Facts, trainings: list[Row], answered: list[Row], scored: list[Row]) -> Row:
    """GB that results/ and work/ grow by at most: sources, copies of them, checkpoints, trained models and those of kept epochs, answers,
    and a teacher's probabilities.

    A training leaves two checkpoints of weights and optimizer in work/, 12 bytes a trained parameter. A token is some four bytes of text,
    and answers are stored twice.
    """
    sizes = {name: 2 * shape.value.parameters for name, shape in facts.archs.items() if shape.value}
    downloads = sum(sizes.values())
    prepared = sum(sizes.get(name, 0) for name in part["copies"])
    kept = {entry["model"]: entry["kept"] for entry in part["trainings"]}
    trained = sum(row["weights_bytes"] * (1 + kept.get(row["model"], 0)) for row in trainings if "parameters" in row)
    checkpoints = sum(2 * 12 * row["trained"] for row in trainings if "parameters" in row)
    answers = sum(2 * 4 * row.get("tokens", 0) for row in answered)
    logits = sum(scoring.disk(row.get("tokens", 0), row["top_k"]) for row in scored)
    parts = {"sources": downloads, "prepared": prepared, "models": trained, "checkpoints": checkpoints, "answers": answers}
    parts |= {"logits": logits} if scored else {}
    return {**{name: gb(value) for name, value in parts.items()}, "total": gb(sum(parts.values()))}
