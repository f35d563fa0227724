"""Checks of what would fail inside a job: devices that are not known, GPUs that vLLM cannot divide, `context` for an endpoint."""

import difflib
import re
from collections.abc import Iterator
from typing import Any

import yaml

from distill.base.paths import KNOWN

Part = dict[str, Any]


def mistakes(config: Part) -> Iterator[str]:
    """A line for each of them."""
    yield from device_mistakes(config["runtime"].get("devices") or {})
    yield from _gpu_mistakes(config)
    asked = [name for name, model in config["models"].items() if "endpoint" in model and model["role"] != "none"]
    if asked:
        yield from _context_mistakes(config, asked[0])


def device_mistakes(devices: Part) -> Iterator[str]:
    """A line where runtime.devices names a device that config/known.yaml does not have, without its memory."""
    known = yaml.safe_load(KNOWN.read_text(encoding="utf-8"))["devices"].keys() - {"unknown"} if devices.get("name") else set()
    if "name" in devices and devices["name"] not in known and "memory_gb" not in devices:
        plain = {re.sub(r"[\W_]", "", name).lower(): name for name in known}
        near = difflib.get_close_matches(re.sub(r"[\W_]", "", devices["name"]).lower(), plain, 1)
        hint = f"did you mean {plain[near[0]]}? For" if near else f"known are {', '.join(sorted(known))}; for"
        yield f"runtime.devices.name: {devices['name']!r} is not in config/known.yaml; {hint} another device, give memory_gb too"


def _gpu_mistakes(config: Part) -> Iterator[str]:
    gpus, size = config["runtime"]["respond_gpus"], config["runtime"]["tensor_parallel"]
    if gpus % size and _uses_vllm(config):
        copies = gpus // size
        fits = " or ".join(str(number * size) for number in (copies, copies + 1) if number)
        divisors = ", ".join(str(number) for number in range(1, gpus + 1) if gpus % number == 0)
        cure = f"write respond_gpus: {fits}, or as tensor_parallel one of {divisors}"
        yield f"runtime.respond_gpus: {gpus} is no multiple of tensor_parallel {size}; {cure}"


def _uses_vllm(config: Part) -> bool:
    teachers = [dataset["source"]["teacher"] for dataset in config["datasets"].values() if "teacher" in dataset["source"]]
    if any("endpoint" not in teacher and teacher["engine"] == "vllm" for teacher in teachers):
        return True
    elsewhere = {"endpoint", "responses", "results"}
    answers = any(model["role"] != "none" and not model.keys() & elsewhere for model in config["models"].values())
    used = {name for benchmark in config["benchmarks"].values() for name in benchmark["protocols"]}
    return answers and any(name in used and protocol["engine"] == "vllm" for name, protocol in config["protocols"].items())


def _context_mistakes(config: Part, model: str) -> Iterator[str]:
    places: Part = {}
    for name, benchmark in config["benchmarks"].items():
        for protocol in benchmark["protocols"]:
            places[f"protocols.{protocol}.sampling"] = config["protocols"].get(protocol, {}).get("sampling", {})
            places[f"benchmarks.{name}.sampling.{protocol}"] = benchmark["sampling"].get(protocol, {})
    for where, sampling in places.items():
        if "context" in sampling:
            yield (
                f"{where}.context: cannot be kept by models.{model}.endpoint, which tells no prompt's tokens beforehand; "
                "leave it out, or give that model role: none"
            )
