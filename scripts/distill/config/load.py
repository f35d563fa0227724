"""The configuration as a whole: checked against config/schema.yaml and against itself, with every default filled in.

Only the Snakefile uses this: each step is handed the part that is its own.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.base.settings import did_you_mean, errors, fill, whole_schema
from distill.config import config_jobs, config_values, study
from distill.training.checkpoints import checkpoint_mistakes, save_mistakes
from distill.training.launch import batch_mistakes

WITH_WEIGHTS = ("source", "prepare", "train", "checkpoint")
WAYS = (*WITH_WEIGHTS, "responses", "endpoint", "results")
SOURCES = ("path", "hub", "modelscope", "url", "miniature", "teacher")


def load(given: dict[str, Any], exists: Callable[[str], bool] = lambda _: True) -> dict[str, Any]:
    """The configuration with defaults filled in. Raises InputError with one line for each mistake.

    `exists` tells whether a path of the configuration is there.
    """
    schema = whole_schema()
    mistakes = list(config_values.no_names(given)) or _shape_mistakes(given, schema)
    mistakes = mistakes or list(study.mistakes(given))
    if not mistakes:
        config = _filled(study.expanded(given), schema)
        mistakes = [*_reference_mistakes(config), *config_values.mistakes(config, schema, exists), *config_jobs.mistakes(config)]
    if mistakes:
        raise InputError("\n".join(f"config: {line}" for line in mistakes))
    return config


def _shape_mistakes(given: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    missing = {f"{key}: missing; add it" for key in schema["required"]}
    whole = ", or lay this file over a whole one: --configfile config/config.yaml THIS"
    return [line + whole if line in missing else line for line in errors(given, schema)]


def _filled(given: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    config = deepcopy(given)
    for model in config["models"].values():
        if "train" in model:
            model["train"] = {**config.get("train_defaults", {}), **model["train"]}
    config.pop("train_defaults", None)
    fill(config, schema)
    for section in ("models", "datasets", "benchmarks", "protocols"):
        for name, entry in config[section].items():
            entry.setdefault("label", name)
    return config


def _reference_mistakes(config: dict[str, Any]) -> Iterator[str]:
    models, datasets, benchmarks, protocols = (config[key] for key in ("models", "datasets", "benchmarks", "protocols"))
    for name, model in models.items():
        ways = [way for way in WAYS if way in model]
        if len(ways) != 1:
            yield f"models.{name}: has {' and '.join(ways) or 'none'} of {', '.join(WAYS)}; give exactly one"
            continue
        if model["trust_remote_code"] and ways[0] != "source":
            yield f"models.{name}.trust_remote_code: has a meaning with source: only; models made from such a one inherit it"
        below = model[ways[0]]
        if ways[0] == "source":
            yield from _source_mistakes(f"models.{name}.source", below, {"base"})
            continue
        if ways[0] == "responses":
            yield from _recorded_mistakes(f"models.{name}.responses", name, below, benchmarks)
        if ways[0] == "endpoint":
            yield from _unknown(f"models.{name}.endpoint", "name", below, config["runtime"]["endpoints"])
        if ways[0] not in WITH_WEIGHTS:
            continue
        if ways[0] == "checkpoint":
            yield from checkpoint_mistakes(f"models.{name}.checkpoint", below, models)
            continue
        yield from _no_model(f"models.{name}.{ways[0]}", "base", below, models)
        if ways[0] == "train":
            yield from save_mistakes(f"models.{name}.train", below)
            yield from batch_mistakes(f"models.{name}", below, config["runtime"])
            yield from _unknown(f"models.{name}.train", "dataset", below, datasets)
            if below["warmup_steps"] and below["warmup_ratio"]:
                yield f"models.{name}.train.warmup_ratio: has no meaning beside warmup_steps; remove one of them"
            if below["group_by_length"] and below["packing"] != "none":
                yield f"models.{name}.train.group_by_length: has no meaning with packing {below['packing']}; remove it or set packing: none"
    yield from _circles(models)
    for role in ("baseline", "reference"):
        having = [name for name, model in models.items() if model["role"] == role]
        if len(having) > 1:
            yield f"models: {' and '.join(having)} both have role {role}; give it to one and role: student or none to the others"
    if not any(model["role"] != "none" for model in models.values()):
        yield "models: none has a role, so none is evaluated; give one role: student"
    for name, dataset in datasets.items():
        yield from _source_mistakes(f"datasets.{name}.source", dataset["source"], {"traces"}, SOURCES)
        if "teacher" in dataset["source"]:
            yield from _teacher_mistakes(f"datasets.{name}.source.teacher", name, config)
        yield from _no_model(f"datasets.{name}", "tokenizer", dataset, models)
        yield from _column_mistakes(f"datasets.{name}.columns", dataset)
        longest = dataset["filter"]["max_tokens"]
        if longest is not None and dataset["filter"]["min_tokens"] > longest:
            yield f"datasets.{name}.filter.min_tokens: is above max_tokens {longest}, so no row is kept; lower it"
    for name, benchmark in benchmarks.items():
        yield from _source_mistakes(f"benchmarks.{name}.source", benchmark["source"], {"aime", "math", "gpqa"})
        if benchmark["kind"] == "choice" and not benchmark["columns"].get("wrong"):
            yield f"benchmarks.{name}.columns.wrong: missing; name the columns of the wrong choices"
        for protocol in benchmark["protocols"]:
            if protocol not in protocols:
                yield f"benchmarks.{name}.protocols: {protocol!r} is not under protocols:; {did_you_mean(protocol, list(protocols))}"
        for protocol in benchmark["sampling"]:
            if protocol not in benchmark["protocols"]:
                hint = did_you_mean(protocol, benchmark["protocols"])
                yield f"benchmarks.{name}.sampling.{protocol}: not one of this benchmark's protocols; {hint}"
        for protocol, own in benchmark["for_protocol"].items():
            where = f"benchmarks.{name}.for_protocol.{protocol}"
            if protocol not in benchmark["protocols"]:
                yield f"{where}: not one of this benchmark's protocols; {did_you_mean(protocol, benchmark['protocols'])}"
            yield from _field_mistakes(f"{where}.user", own.get("user"), "choices" if benchmark["kind"] == "choice" else "question")
    for name, protocol in protocols.items():
        missing = {"n_samples", "temperature", "top_p", "max_new_tokens", "seed"} - protocol["sampling"].keys()
        if missing:
            yield f"protocols.{name}.sampling.{min(missing)}: missing; add it"


def _field_mistakes(where: str, template: str | None, field: str) -> Iterator[str]:
    if template is not None and f"{{{field}}}" not in template:
        yield f"{where}: holds no {{{field}}}; put it where the text goes"


def _unknown(where: str, key: str, entry: dict[str, Any], known: dict[str, Any]) -> Iterator[str]:
    if key not in entry:
        yield f"{where}.{key}: missing; name one of {', '.join(known)}"
    elif entry[key] not in known:
        yield f"{where}.{key}: {entry[key]!r} does not exist; {did_you_mean(entry[key], list(known))}"


def _no_model(where: str, key: str, entry: dict[str, Any], models: dict[str, Any]) -> Iterator[str]:
    yield from _unknown(where, key, entry, models)
    if entry.get(key) in models and not models[entry[key]].keys() & set(WITH_WEIGHTS):
        yield f"{where}.{key}: {entry[key]!r} has no weights; name a model with {', '.join(WITH_WEIGHTS[:-1])} or {WITH_WEIGHTS[-1]}"


def _column_mistakes(where: str, dataset: dict[str, Any]) -> Iterator[str]:
    columns = dataset.get("columns", {})
    if columns and dataset["format"] != "table":
        yield f"{where}: has no meaning with format {dataset['format']}; remove it or set format: table"


def _recorded_mistakes(where: str, name: str, recorded: dict[str, Any], benchmarks: dict[str, Any]) -> Iterator[str]:
    if Path(recorded["path"]).parts[:3] == ("results", "responses", name):
        yield f"{where}.path: is what this model's answers are to become; name another folder"
    if recorded["columns"] and recorded["format"] != "table":
        yield f"{where}.columns: has no meaning with format {recorded['format']}; remove it or set format: table"
    for key in recorded.get("files", {}):
        benchmark, _, protocol = key.partition("@")
        if benchmark not in benchmarks or (protocol and protocol not in benchmarks[benchmark]["protocols"]):
            yield f"{where}.files: {key!r} is not under benchmarks:; {did_you_mean(key, list(benchmarks))}"


def _source_mistakes(where: str, source: dict[str, Any], made: set[str], known: tuple[str, ...] = SOURCES[:-1]) -> Iterator[str]:
    kinds = [kind for kind in SOURCES if kind in source]
    if len(kinds) != 1 or kinds[0] not in known:
        yield f"{where}: has {' and '.join(kinds) or 'none'} of {', '.join(known)}; give exactly one"
    elif kinds == ["miniature"] and source["miniature"] not in made:
        yield f"{where}.miniature: {source['miniature']!r} is made elsewhere; write {' or '.join(sorted(made))}"
    elif ("url" in source) != ("sha256" in source):
        yield f"{where}: url and sha256 belong together; give both, so that the file is known by its content"


def _teacher_mistakes(where: str, dataset: str, config: dict[str, Any]) -> Iterator[str]:
    teacher = config["datasets"][dataset]["source"]["teacher"]
    if "endpoint" in teacher:
        yield from _unknown(where, "endpoint", teacher, config["runtime"]["endpoints"])
    else:
        yield from _no_model(where, "model", teacher, config["models"])
    asked = teacher["questions"]
    kinds = [kind for kind in ("dataset", "path", "hub") if kind in asked]
    if len(kinds) != 1:
        yield f"{where}.questions: has {' and '.join(kinds) or 'none'} of dataset, path, hub; give exactly one"
    elif kinds == ["dataset"]:
        yield from _unknown(f"{where}.questions", "dataset", asked, config["datasets"])
    if f"datasets.{dataset}" in _above(f"datasets.{dataset}", config):
        yield f"{where}: is made from its own dataset, by way of a model trained on it or of its questions; name another teacher"


def _above(what: str, config: dict[str, Any]) -> set[str]:
    """`models.NAME` and `datasets.NAME` that a model or dataset is made from, directly or not."""
    found: set[str] = set()
    todo = [what]
    while todo:
        kind, name = todo.pop().split(".", 1)
        entry = config[kind].get(name, {})
        teacher = entry.get("source", {}).get("teacher", {})
        made_from = {
            "models": [parent_of(entry) if kind == "models" else teacher.get("model") if "endpoint" not in teacher else None],
            "datasets": [entry.get("train", {}).get("dataset"), teacher.get("questions", {}).get("dataset")],
        }
        direct = {f"{key}.{value}" for key, values in made_from.items() for value in values if value}
        todo += direct - found
        found |= direct
    return found


def _circles(models: dict[str, Any]) -> Iterator[str]:
    for name in models:
        chain = [name]
        while (parent := parent_of(models.get(chain[-1], {}))) is not None and parent not in chain:
            chain.append(parent)
        if parent == name:
            yield f"models.{name}: is made from itself ({' from '.join([*chain, name])}); break the circle"


def parent_of(model: dict[str, Any]) -> str | None:
    """The model that a prepared or trained model is made from, or that a checkpoint is one of."""
    return (model.get("prepare") or model.get("train") or {}).get("base") or model.get("checkpoint", {}).get("of")
