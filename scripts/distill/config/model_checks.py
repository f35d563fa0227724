"""What is wrong with the models of a configuration: how each is made, from what, and with what recipe."""

from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from distill.base.schema_errors import did_you_mean
from distill.config.configured import WITH_WEIGHTS, Configured, parents_of
from distill.config.entry_checks import Config, name_errors, source_errors, upstream, weights_errors
from distill.training.checkpoints import checkpoint_errors, save_errors
from distill.training.launch import batch_errors
from distill.training.recipe import lora_errors

WAYS = (*WITH_WEIGHTS, "responses", "endpoint", "results")  # to make a model, of which each has one


def model_errors(config: Config) -> Iterator[str]:
    """How each model is made, and that none is made from itself."""
    models = config["models"]
    for name, model in models.items():
        ways = [way for way in WAYS if way in model]
        if len(ways) != 1:
            yield f"models.{name}: has {' and '.join(ways) or 'none'} of {', '.join(WAYS)}; give exactly one"
            continue
        (way,) = ways
        if model["trust_remote_code"] and way != "source":
            yield f"models.{name}.trust_remote_code: has a meaning with source: only; models made from that one inherit it"
        where, entry = f"models.{name}.{way}", model[way]
        if way == "source":
            yield from source_errors(where, entry, {"base"})
        elif way == "prepare":
            yield from weights_errors(where, "base", entry, models)
        elif way == "train":
            yield from _train(name, entry, config)
        elif way == "distill":
            yield from _distill(name, entry, config)
        elif way == "checkpoint":
            yield from checkpoint_errors(where, entry, models)
        elif way == "average":
            yield from _average(where, entry, models)
        elif way == "responses":
            yield from _recorded(where, name, entry, config["benchmarks"], models)
        elif way == "endpoint":
            yield from name_errors(where, "name", entry, config["runtime"]["endpoints"])
    yield from _cycles(models)


def _train(name: str, recipe: Config, config: Config) -> Iterator[str]:
    where = f"models.{name}.train"
    yield from weights_errors(where, "base", recipe, config["models"])
    yield from save_errors(where, recipe)
    yield from batch_errors(f"models.{name}", recipe, config["runtime"])
    yield from lora_errors(where, recipe, config["runtime"])
    yield from name_errors(where, "dataset", recipe, config["datasets"])
    if recipe["warmup_steps"] and recipe["warmup_ratio"]:
        yield f"{where}.warmup_ratio: has no meaning together with warmup_steps; remove one of them"
    if recipe["loss"] == "kl":
        yield from _learns_from_logits(where, name, recipe, config)
    if recipe["group_by_length"] and recipe["packing"] != "none":
        yield f"{where}.group_by_length: has no meaning with packing {recipe['packing']}; remove it or set packing: none"


def _learns_from_logits(where: str, name: str, recipe: Config, config: Config) -> Iterator[str]:
    dataset = config["datasets"].get(recipe.get("dataset"), {})
    if dataset and "logits" not in dataset:
        yield f"{where}.loss: kl learns from a teacher's probabilities; name the teacher in datasets.{recipe['dataset']}.logits"
    elif dataset and f"models.{name}" in upstream(f"models.{name}", config):
        yield f"{where}.loss: {dataset['logits']['teacher']}, the teacher, is made from this model; name another teacher"
    if recipe["packing"] != "none":
        yield f"{where}.packing: loss kl takes each row as its own sequence; write packing: none"
    if recipe["loss_on"] != "completion":
        yield f"{where}.loss_on: loss kl learns completions alone; write loss_on: completion"


def _distill(name: str, entry: Config, config: Config) -> Iterator[str]:
    where, datasets = f"models.{name}.distill", config["datasets"]
    yield from weights_errors(where, "student", entry, config["models"])
    yield from weights_errors(where, "teacher", entry, config["models"])
    if entry["teacher"] == entry["student"]:
        yield f"{where}.teacher: is the student itself; name a better model"
    yield from batch_errors(f"models.{name}", entry, config["runtime"], "distill")
    yield from name_errors(where, "prompts", entry, datasets)
    if entry["prompts"] in datasets:
        yield from _no_benchmark(f"{where}.prompts", entry["prompts"], config)
    if entry["warmup_steps"] and entry["warmup_ratio"]:
        yield f"{where}.warmup_ratio: has no meaning together with warmup_steps; remove one of them"


def _no_benchmark(where: str, dataset: str, config: Config) -> Iterator[str]:
    """Prompts that are, or may be, a benchmark's; of a mixture those of its parts."""
    entry = config["datasets"][dataset]
    for part in entry.get("mix", []):
        if "mix" not in config["datasets"].get(part["dataset"], {"mix": []}):
            yield from _no_benchmark(where, part["dataset"], config)
    source = {key: value for key, value in entry.get("source", {}).items() if key in ("path", "hub", "modelscope", "url")}
    files = entry.get("source", {}).get("files") or ["*"]
    for name, benchmark in config["benchmarks"].items():
        theirs = benchmark["source"].get("files") or ["*"]
        shared = any(fnmatch(one, other) or fnmatch(other, one) for one in files for other in theirs)  # not train-* and test-*
        if source and shared and source.items() <= benchmark["source"].items():
            yield f"{where}: {dataset} has the files of benchmarks.{name}; a student must not be trained on what it is evaluated on"
    if "mix" not in entry and entry["filter"]["contamination_action"] != "drop":
        yield f"{where}: {dataset} keeps rows that hold benchmark questions; set datasets.{dataset}.filter.contamination_action: drop"


def pair_errors(config: Config) -> Iterator[str]:
    """What a configuration itself says of a student and its teacher, and does not fit; scripts/distill_model.py compares the rest."""
    known = Configured(config)
    for name in known.made("distill"):
        where, entry = f"models.{name}.distill", known.distillation(name)
        for role in ("student", "teacher"):
            context = known.declared(entry[role], "max_position_embeddings")
            if context is not None and entry["max_new_tokens"] >= context:
                yield f"{where}.max_new_tokens: {entry['max_new_tokens']} with a prompt exceed the {role}'s context of {context}; lower it"
        ends = known.declared(name, "eos_token"), known.declared(entry["teacher"], "eos_token")
        if None not in ends and len(set(ends)) > 1:
            yield f"{where}.teacher: ends its turns with {ends[1]}, and the student with {ends[0]}; give both the same eos_token"


def _average(where: str, entry: Config, models: Config) -> Iterator[str]:
    for name in entry["of"]:
        yield from weights_errors(where, "of", {"of": name}, models)
    if "weights" in entry and len(entry["weights"]) != len(entry["of"]):
        yield f"{where}.weights: has {len(entry['weights'])} numbers for {len(entry['of'])} models; give one a model"


def _recorded(where: str, name: str, entry: Config, benchmarks: Config, models: Config) -> Iterator[str]:
    if Path(entry["path"]).parts[:3] == ("results", "responses", name):
        yield f"{where}.path: is where this model's answers are written to; name another folder"
    if entry["columns"] and entry["format"] != "table":
        yield f"{where}.columns: has no meaning with format {entry['format']}; remove it or set format: table"
    if "tokenizer" in entry:
        yield from weights_errors(where, "tokenizer", entry, models)
    for key in entry.get("files", {}):
        benchmark, _, protocol = key.partition("@")
        if benchmark not in benchmarks or (protocol and protocol not in benchmarks[benchmark]["protocols"]):
            yield f"{where}.files: {key!r} is not under benchmarks:; {did_you_mean(key, list(benchmarks))}"


def _cycles(models: Config) -> Iterator[str]:
    for name in models:
        if chain := _back_to(name, [name], models):
            yield f"models.{name}: is made from itself ({' from '.join(chain)}); break the circle"


def _back_to(name: str, chain: list[str], models: Config) -> list[str]:
    """`chain` continued from each model to one that it is made from, until `name` comes again; empty where it never does."""
    for parent in parents_of(models.get(chain[-1], {})):
        if parent == name:
            return [*chain, name]
        if parent not in chain and (found := _back_to(name, [*chain, parent], models)):
            return found
    return []
