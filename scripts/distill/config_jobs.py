"""What an engine would refuse in its job, and what no audit would look at, told before any job runs."""

from collections.abc import Iterator
from typing import Any

Part = dict[str, Any]
AUDITED = ("max_length", "packing", "loss_on", "eos_token")  # of a recipe; its chat template is looked at too


def mistakes(config: Part) -> Iterator[str]:
    """A line for GPUs that vLLM cannot share out, each `context` that no endpoint keeps, and each recipe beyond its dataset's audit."""
    yield from _audit_mistakes(config)
    yield from _gpu_mistakes(config)
    asked = [name for name, model in config["models"].items() if "endpoint" in model and model["role"] != "none"]
    if asked:
        yield from _context_mistakes(config, asked[0])


def _audit_mistakes(config: Part) -> Iterator[str]:
    """A dataset has one audit: all models that are trained on it must take its rows in one way."""
    trained: dict[str, dict[str, Part]] = {}
    for name, model in config["models"].items():
        if "dataset" in model.get("train", {}):
            trained.setdefault(model["train"]["dataset"], {})[name] = model["train"]
    for dataset, recipes in trained.items():
        first, *others = recipes
        for key in (*AUDITED, "chat_template"):
            values = {name: recipe.get(key, "the base's own") for name, recipe in recipes.items()}
            if other := next((name for name in others if values[name] != values[first]), None):
                what = f"{values[other]}, where models.{first} has {values[first]}, and dataset {dataset!r} has one audit for both"
                cure = "train one of them on an entry of its own under datasets: with the same source"
                yield f"models.{other}.train.{key}: {what}; {cure}"


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
