"""What is wrong with a configuration, in four passes: names, shape, study and references.

Each pass is `config -> list of errors`; a later one relies on what an earlier one has found sound. An error is one line
"KEY: what is wrong; what to write".
"""

import difflib
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from distill.base import settings
from distill.base.paths import KNOWN
from distill.base.settings import Part, did_you_mean, read_yaml, resolve, whole_schema
from distill.config import study as studies
from distill.config.configured import WITH_WEIGHTS, Configured, parents_of
from distill.training.checkpoints import checkpoint_errors, save_errors
from distill.training.launch import batch_errors
from distill.training.recipe import lora_errors

Config = dict[str, Any]
BRACES = {"{", "}"}
WAYS = (*WITH_WEIGHTS, "responses", "endpoint", "results")  # in which a model comes to be
SOURCES = ("path", "hub", "modelscope", "url", "miniature", "teacher")
SAMPLING = ("n_samples", "temperature", "top_p", "max_new_tokens", "seed")  # what a protocol must say


def names(config: Config) -> list[str]:
    """Keys that YAML reads as a number, a date, true or null."""
    return list(_names(config, ""))


def _names(value: Any, where: str) -> Iterator[str]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in entries:
        place = f"{where}.{key}" if where else str(key)
        if isinstance(value, dict) and not isinstance(key, str):
            yield f"{place}: YAML reads {key!r} as no text; write the name in quotes"
        yield from _names(below, place)


def shape(config: Config) -> list[str]:
    """Keys and values against config/schema.yaml."""
    schema = whole_schema()
    missing = {f"{key}: missing; add it" for key in schema["required"]}
    whole = ", or lay this file over a whole one: --configfile config/config.yaml THIS"
    return [line + whole if line in missing else line for line in settings.errors(config, schema)]


def study(config: Config) -> list[str]:
    """The study, before its students are put under models:."""
    return list(studies.errors(config))


def references(config: Config, exists: Callable[[str], bool]) -> list[str]:
    """Keys of a complete configuration against each other, and paths against the files that are there."""
    roles, paths = _roles(config["models"]), _paths(config, whole_schema(), exists)
    found = [*_models(config), *roles, *_datasets(config), *_benchmarks(config), *_protocols(config), *paths, *_runtime(config)]
    return found or list(_pairs(config))


def _models(config: Config) -> Iterator[str]:
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
            yield from _source(where, entry, {"base"})
        elif way == "prepare":
            yield from _with_weights(where, "base", entry, models)
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
            yield from _known(where, "name", entry, config["runtime"]["endpoints"])
    yield from _cycles(models)


def _train(name: str, recipe: Config, config: Config) -> Iterator[str]:
    where = f"models.{name}.train"
    yield from _with_weights(where, "base", recipe, config["models"])
    yield from save_errors(where, recipe)
    yield from batch_errors(f"models.{name}", recipe, config["runtime"])
    yield from lora_errors(where, recipe, config["runtime"])
    yield from _known(where, "dataset", recipe, config["datasets"])
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
    elif dataset and f"models.{name}" in _upstream(f"models.{name}", config):
        yield f"{where}.loss: {dataset['logits']['teacher']}, the teacher, is made from this model; name another teacher"
    if recipe["packing"] != "none":
        yield f"{where}.packing: loss kl takes each row as a sequence of its own; write packing: none"
    if recipe["loss_on"] != "completion":
        yield f"{where}.loss_on: loss kl learns completions alone; write loss_on: completion"


def _distill(name: str, entry: Config, config: Config) -> Iterator[str]:
    where, datasets = f"models.{name}.distill", config["datasets"]
    yield from _with_weights(where, "student", entry, config["models"])
    yield from _with_weights(where, "teacher", entry, config["models"])
    if entry["teacher"] == entry["student"]:
        yield f"{where}.teacher: is the student itself; name a better model"
    yield from batch_errors(f"models.{name}", entry, config["runtime"], "distill")
    yield from _known(where, "prompts", entry, datasets)
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
    for name, benchmark in config["benchmarks"].items():
        if source and source.items() <= benchmark["source"].items():
            yield f"{where}: {dataset} has the files of benchmarks.{name}; a student must not be trained on what it is evaluated on"
    if "mix" not in entry and entry["filter"]["contamination_action"] != "drop":
        yield f"{where}: {dataset} keeps rows that hold benchmark questions; set datasets.{dataset}.filter.contamination_action: drop"


def _pairs(config: Config) -> Iterator[str]:
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
        yield from _with_weights(where, "of", {"of": name}, models)
    if "weights" in entry and len(entry["weights"]) != len(entry["of"]):
        yield f"{where}.weights: has {len(entry['weights'])} numbers for {len(entry['of'])} models; give one a model"


def _recorded(where: str, name: str, entry: Config, benchmarks: Config, models: Config) -> Iterator[str]:
    if Path(entry["path"]).parts[:3] == ("results", "responses", name):
        yield f"{where}.path: is where this model's answers are written to; name another folder"
    if entry["columns"] and entry["format"] != "table":
        yield f"{where}.columns: has no meaning with format {entry['format']}; remove it or set format: table"
    if "tokenizer" in entry:
        yield from _with_weights(where, "tokenizer", entry, models)
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


def _roles(models: Config) -> Iterator[str]:
    having = [name for name, model in models.items() if model["role"] == "baseline"]
    if len(having) > 1:
        yield f"models: {' and '.join(having)} both have role baseline; give it to one and role: student, reference or none to the others"
    if not any(model["role"] != "none" for model in models.values()):
        yield "models: none has a role, so none is evaluated; give one role: student"


def _datasets(config: Config) -> Iterator[str]:
    for name, dataset in config["datasets"].items():
        where = f"datasets.{name}"
        if "mix" in dataset:
            yield from _mix(where, dataset, config)
            yield from _logits(where, name, config)
            continue
        missing = [key for key in ("source", "format", "tokenizer") if key not in dataset]
        yield from (f"{where}.{key}: missing; add it" for key in missing)
        if missing:
            continue
        yield from _source(f"{where}.source", dataset["source"], {"traces"}, SOURCES)
        if "teacher" in dataset["source"]:
            yield from _teacher(f"{where}.source.teacher", name, config)
        yield from _with_weights(where, "tokenizer", dataset, config["models"])
        if dataset.get("columns") and dataset["format"] != "table":
            yield f"{where}.columns: has no meaning with format {dataset['format']}; remove it or set format: table"
        yield from _logits(where, name, config)
        if "pass_rate" in dataset["filter"]:
            yield from _pass_rate(f"{where}.filter.pass_rate", name, config)
        longest = dataset["filter"]["max_tokens"]
        if longest is not None and dataset["filter"]["min_tokens"] > longest:
            yield f"{where}.filter.min_tokens: is above max_tokens {longest}, so no row is kept; lower it"
        if "judge" in dataset["filter"]:
            yield from _judge(f"{where}.filter.judge", name, config)


def _mix(where: str, dataset: Config, config: Config) -> Iterator[str]:
    for key in ("source", "format", "tokenizer", "where", "columns", "gold", "system"):
        if key in dataset:
            yield f"{where}.{key}: has no meaning together with mix; set it for the parts"
    if dataset["filter"] != settings.defaults("$defs/dataset/filter"):
        yield f"{where}.filter: has no meaning together with mix, whose parts are filtered; set it for them"
    parts = [part["dataset"] for part in dataset["mix"]]
    for part in dataset["mix"]:
        yield from _known(f"{where}.mix", "dataset", part, config["datasets"])
        if "rows" in part and "weight" in part:
            yield f"{where}.mix: {part['dataset']} has rows and weight; give one of them, or none for all its rows"
    if len(set(parts)) < len(parts):
        yield f"{where}.mix: names a dataset twice; give each once"
    if where in _upstream(where, config):
        yield f"{where}.mix: is made from itself; break the circle"
    elif not set(parts) - set(config["datasets"]):
        styles = {part: config["datasets"][part]["thought_style"] for part in parts if "mix" not in config["datasets"][part]}
        if len(set(styles.values())) > 1:
            listed = ", ".join(f"{part} {style}" for part, style in styles.items())
            yield f"{where}.mix: its parts have different thought_style ({listed}); a student writes one, so set the same"


def _teacher(where: str, dataset: str, config: Config) -> Iterator[str]:
    teacher = config["datasets"][dataset]["source"]["teacher"]
    if "endpoint" in teacher:
        yield from _known(where, "endpoint", teacher, config["runtime"]["endpoints"])
    else:
        yield from _with_weights(where, "model", teacher, config["models"])
    questions = teacher["questions"]
    kinds = [kind for kind in ("dataset", "path", "hub") if kind in questions]
    if len(kinds) != 1:
        yield f"{where}.questions: has {' and '.join(kinds) or 'none'} of dataset, path, hub; give exactly one"
    elif kinds == ["dataset"]:
        yield from _known(f"{where}.questions", "dataset", questions, config["datasets"])
        if "mix" in config["datasets"].get(questions["dataset"], {}):
            yield f"{where}.questions.dataset: {questions['dataset']} is a mixture, which has no traces of its own; name one of its parts"
    if f"datasets.{dataset}" in _upstream(f"datasets.{dataset}", config):
        yield f"{where}: is made from its own dataset, by way of a model trained on it or of its questions; name another teacher"


def _judge(where: str, dataset: str, config: Config) -> Iterator[str]:
    judge = config["datasets"][dataset]["filter"]["judge"]
    if "endpoint" in judge:
        yield from _known(where, "endpoint", judge, config["runtime"]["endpoints"])
    else:
        yield from _with_weights(where, "model", judge, config["models"])
    if judge["samples"] > 1 and judge["temperature"] == 0:
        yield f"{where}.samples: {judge['samples']} verdicts at temperature 0 are the same; set temperature, or samples: 1"
    if f"datasets.{dataset}" in _upstream(f"datasets.{dataset}", config):
        yield f"{where}: judges what it is trained on; name another model"


def _logits(where: str, dataset: str, config: Config) -> Iterator[str]:
    entry, models = config["datasets"][dataset], config["models"]
    if "logits" not in entry:
        return
    yield from _with_weights(f"{where}.logits", "teacher", entry["logits"], models)
    recipes = {name: model["train"] for name, model in models.items() if model.get("train", {}).get("dataset") == dataset}
    students = [name for name, recipe in recipes.items() if recipe["loss"] == "kl"]
    for other in students[1:]:
        for key in ("eos_token", "chat_template"):
            one, another = (recipes[name].get(key) for name in (students[0], other))
            if one != another:
                yield f"models.{other}.train.{key}: is not that of {students[0]}, which learns from the same logits; write the same"


def _pass_rate(where: str, dataset: str, config: Config) -> Iterator[str]:
    asked = config["datasets"][dataset]["filter"]["pass_rate"]
    yield from _with_weights(where, "model", asked, config["models"])
    if asked["min"] > asked["max"]:
        yield f"{where}.min: is above max {asked['max']:g}, so no row is kept; lower it"
    if f"datasets.{dataset}" in _upstream(f"models.{asked['model']}", config):
        yield f"{where}.model: {asked['model']} is trained on what it would choose from this dataset; name a model that is made without it"


def _upstream(what: str, config: Config) -> set[str]:
    """`models.NAME` and `datasets.NAME` that a model or dataset is made from, directly or not."""
    found: set[str] = set()
    todo = [what]
    while todo:
        kind, name = todo.pop().split(".", 1)
        entry = config[kind].get(name, {})
        teacher = entry.get("source", {}).get("teacher", {})
        asked, recipe = entry.get("filter", {}), entry.get("train", {})
        judge, rater = asked.get("judge", {}), asked.get("pass_rate", {}).get("model")
        teachers = [rater, *(one.get("model") for one in (teacher, judge) if "endpoint" not in one)]
        learned = config["datasets"].get(recipe.get("dataset"), {}) if recipe.get("loss") == "kl" else {}
        scorer = learned.get("logits", {}).get("teacher")
        made_from = {
            "models": [*parents_of(entry), scorer] if kind == "models" else teachers,
            "datasets": [
                entry.get("train", {}).get("dataset"),
                entry.get("distill", {}).get("prompts"),
                teacher.get("questions", {}).get("dataset"),
                *(part["dataset"] for part in entry.get("mix", [])),
            ],
        }
        direct = {f"{key}.{value}" for key, values in made_from.items() for value in values if value}
        todo += direct - found
        found |= direct
    return found


def _benchmarks(config: Config) -> Iterator[str]:
    protocols = config["protocols"]
    for name, benchmark in config["benchmarks"].items():
        where, own = f"benchmarks.{name}", benchmark["protocols"]
        yield from _source(f"{where}.source", benchmark["source"], {"aime", "math", "gpqa"})
        if benchmark["kind"] == "choice" and not benchmark["columns"].get("wrong"):
            yield f"{where}.columns.wrong: missing; name the columns of the wrong choices"
        for protocol in own:
            if protocol not in protocols:
                yield f"{where}.protocols: {protocol!r} is not under protocols:; {did_you_mean(protocol, list(protocols))}"
        for key in ("sampling", "for_protocol"):
            for protocol in benchmark[key]:
                if protocol not in own:
                    yield f"{where}.{key}.{protocol}: not one of this benchmark's protocols; {did_you_mean(protocol, own)}"
        field = "choices" if benchmark["kind"] == "choice" else "question"
        for protocol, entry in benchmark["for_protocol"].items():
            if f"{{{field}}}" not in entry.get("user", f"{{{field}}}"):
                yield f"{where}.for_protocol.{protocol}.user: holds no {{{field}}}; put it where the text goes"


def _protocols(config: Config) -> Iterator[str]:
    for name, protocol in config["protocols"].items():
        sampling = protocol["sampling"]
        if protocol["kind"] == "completion":
            if sampling.get("n_samples") != 1 or sampling.get("temperature") != 0:
                yield f"protocols.{name}.sampling: kind completion is one greedy answer; set n_samples: 1 and temperature: 0.0"
            continue
        for benchmark, entry in config["benchmarks"].items():
            kind, own = entry["kind"], entry["for_protocol"].get(name, {})
            if name in entry["protocols"] and kind not in protocol and "user" not in own:
                yield f"protocols.{name}.{kind}: missing; add it, for benchmarks.{benchmark} is of kind {kind}"
        for key in SAMPLING:
            if key not in sampling:
                yield f"protocols.{name}.sampling.{key}: missing; add it"


def _runtime(config: Config) -> Iterator[str]:
    """What would fail inside a job."""
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
    asked = [dataset["source"]["teacher"] for dataset in datasets if "teacher" in dataset.get("source", {})]
    asked += [dataset["filter"]["judge"] for dataset in datasets if "judge" in dataset["filter"]]
    if any("endpoint" not in one and one["engine"] == "vllm" for one in asked):
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


def _source(where: str, source: Config, made: set[str], known: tuple[str, ...] = SOURCES[:-1]) -> Iterator[str]:
    """`made`: what the miniature makes that fits here."""
    kinds = [kind for kind in SOURCES if kind in source]
    if len(kinds) != 1 or kinds[0] not in known:
        yield f"{where}: has {' and '.join(kinds) or 'none'} of {', '.join(known)}; give exactly one"
    elif kinds == ["miniature"] and source["miniature"] not in made:
        yield f"{where}.miniature: {source['miniature']!r} is not made for this; write {' or '.join(sorted(made))}"
    elif ("url" in source) != ("sha256" in source):
        yield f"{where}: url and sha256 belong together; give both, so that the file is known by its content"


def _known(where: str, key: str, entry: Config, known: Config) -> Iterator[str]:
    if key not in entry:
        yield f"{where}.{key}: missing; name one of {', '.join(known)}"
    elif entry[key] not in known:
        yield f"{where}.{key}: {entry[key]!r} does not exist; {did_you_mean(entry[key], list(known))}"


def _with_weights(where: str, key: str, entry: Config, models: Config) -> Iterator[str]:
    yield from _known(where, key, entry, models)
    if entry.get(key) in models and not models[entry[key]].keys() & set(WITH_WEIGHTS):
        yield f"{where}.{key}: {entry[key]!r} has no weights; name a model with {', '.join(WITH_WEIGHTS[:-1])} or {WITH_WEIGHTS[-1]}"


def _paths(config: Config, schema: Part, exists: Callable[[str], bool]) -> Iterator[str]:
    """Paths (`x-path` in the schema) that do not exist and that no step of this run makes."""
    for where, value, part in _values(config, schema, ""):
        is_path = part.get("x-path") and isinstance(value, str) and value != part.get("x-not-path")
        if is_path and BRACES & set(value):
            yield f"{where}: {value!r}: Snakemake takes braces in a path for wildcards; rename it without them"
        elif is_path and PurePosixPath(value).parts[:1] != ("results",) and not exists(value):
            may_be_hub = where.endswith("source.path") and re.fullmatch(r"[\w.-]+/[\w.-]+", value)
            yield f"{where}: {value!r} does not exist; fix the path{', or write hub: for a repository on the hub' if may_be_hub else ''}"


def _values(value: Any, schema: Part, where: str) -> Iterator[tuple[str, Any, Part]]:
    """(key, value, its part of the schema) of all that is in a configuration."""
    schema = resolve(schema)
    yield where, value, schema
    if isinstance(value, dict):
        for key, below in value.items():
            part = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
            if isinstance(part, dict):
                yield from _values(below, part, f"{where}.{key}" if where else str(key))
