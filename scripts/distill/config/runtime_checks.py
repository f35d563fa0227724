"""What is wrong with `runtime:` of a configuration and would fail only inside a job."""

import difflib
import re
from collections.abc import Iterator

from distill.base.paths import KNOWN
from distill.base.settings import read_yaml
from distill.config.configured import WITH_WEIGHTS
from distill.config.entry_checks import Config


def runtime_errors(config: Config) -> Iterator[str]:
    """GPUs that vLLM cannot share out, devices that are not known, and lengths that an endpoint cannot keep to."""
    yield from _devices(config["runtime"].get("devices") or {})
    gpus, size = config["runtime"]["respond_gpus"], config["runtime"]["tensor_parallel"]
    if gpus % size and _uses_vllm(config):
        fits = " or ".join(str(number * size) for number in (gpus // size, gpus // size + 1) if number)
        divisors = ", ".join(str(number) for number in range(1, gpus + 1) if gpus % number == 0)
        fix = f"write respond_gpus: {fits}, or as tensor_parallel one of {divisors}"
        yield f"runtime.respond_gpus: {gpus} is no multiple of tensor_parallel {size}; {fix}"
    served = [name for name, model in config["models"].items() if "endpoint" in model and model["role"] != "none"]
    if served:
        yield from _contexts(config, served[0])


def _devices(devices: Config) -> Iterator[str]:
    """A device by name that config/known.yaml does not have, without its memory."""
    if "name" not in devices or "memory_gb" in devices:
        return
    known = read_yaml(KNOWN)["devices"].keys() - {"unknown"}
    if devices["name"] not in known:
        plain = {re.sub(r"[\W_]", "", name).lower(): name for name in known}
        near = difflib.get_close_matches(re.sub(r"[\W_]", "", devices["name"]).lower(), plain, 1)
        hint = f"did you mean {plain[near[0]]}? For" if near else f"known are {', '.join(sorted(known))}; for"
        yield f"runtime.devices.name: {devices['name']!r} is not in config/known.yaml; {hint} another device, give memory_gb too"


def _uses_vllm(config: Config) -> bool:
    datasets = config["datasets"].values()
    writers = [dataset["source"]["teacher"] for dataset in datasets if "teacher" in dataset.get("source", {})]
    writers += [dataset["filter"]["judge"] for dataset in datasets if "judge" in dataset["filter"]]
    if any("endpoint" not in one and one["engine"] == "vllm" for one in writers):
        return True
    evaluated = any(model["role"] != "none" and model.keys() & set(WITH_WEIGHTS) for model in config["models"].values())
    used = {name for benchmark in config["benchmarks"].values() for name in benchmark["protocols"]}
    return evaluated and any(name in used and protocol["engine"] == "vllm" for name, protocol in config["protocols"].items())


def _contexts(config: Config, model: str) -> Iterator[str]:
    """Each `context` of a sampling, which no endpoint can keep."""
    places: Config = {}
    for name, benchmark in config["benchmarks"].items():
        for protocol in benchmark["protocols"]:
            places[f"protocols.{protocol}.sampling"] = config["protocols"].get(protocol, {}).get("sampling", {})
            places[f"benchmarks.{name}.sampling.{protocol}"] = benchmark["sampling"].get(protocol, {})
    for where, sampling in places.items():
        if "context" in sampling:
            yield (
                f"{where}.context: cannot be kept by models.{model}.endpoint, which does not tell how many tokens a prompt has; "
                "leave it out, or give that model role: none"
            )
