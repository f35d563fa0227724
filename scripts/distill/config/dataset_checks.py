"""What is wrong with the datasets of a configuration: sources, mixtures, teachers, judges, logits and pass rates."""

from collections.abc import Iterator

from distill.base import settings
from distill.config.entry_checks import SOURCES, Config, name_errors, source_errors, upstream, weights_errors


def dataset_errors(config: Config) -> Iterator[str]:
    """Each dataset by itself and against the models that it depends on."""
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
        yield from source_errors(f"{where}.source", dataset["source"], {"traces"}, SOURCES)
        if "teacher" in dataset["source"]:
            yield from _teacher(f"{where}.source.teacher", name, config)
        yield from weights_errors(where, "tokenizer", dataset, config["models"])
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
        yield from name_errors(f"{where}.mix", "dataset", part, config["datasets"])
        if "rows" in part and "weight" in part:
            yield f"{where}.mix: {part['dataset']} has rows and weight; give one of them, or none for all its rows"
    if len(set(parts)) < len(parts):
        yield f"{where}.mix: names a dataset twice; give each once"
    if where in upstream(where, config):
        yield f"{where}.mix: is made from itself; break the circle"
    elif not set(parts) - set(config["datasets"]):
        styles = {part: config["datasets"][part]["thought_style"] for part in parts if "mix" not in config["datasets"][part]}
        if len(set(styles.values())) > 1:
            listed = ", ".join(f"{part} {style}" for part, style in styles.items())
            yield f"{where}.mix: its parts have different thought_style ({listed}); a student writes one, so set the same"


def _teacher(where: str, dataset: str, config: Config) -> Iterator[str]:
    teacher = config["datasets"][dataset]["source"]["teacher"]
    yield from _writer(where, teacher, config)
    questions = teacher["questions"]
    kinds = [kind for kind in ("dataset", "path", "hub") if kind in questions]
    if len(kinds) != 1:
        yield f"{where}.questions: has {' and '.join(kinds) or 'none'} of dataset, path, hub; give exactly one"
    elif kinds == ["dataset"]:
        yield from name_errors(f"{where}.questions", "dataset", questions, config["datasets"])
        if "mix" in config["datasets"].get(questions["dataset"], {}):
            yield f"{where}.questions.dataset: {questions['dataset']} is a mixture, which has no traces itself; name one of its parts"
    if f"datasets.{dataset}" in upstream(f"datasets.{dataset}", config):
        yield f"{where}: is made from its own dataset, by way of a model trained on it or of its questions; name another teacher"


def _writer(where: str, entry: Config, config: Config) -> Iterator[str]:
    """The endpoint or the model that writes for a teacher or a judge."""
    if "endpoint" in entry:
        yield from name_errors(where, "endpoint", entry, config["runtime"]["endpoints"])
    else:
        yield from weights_errors(where, "model", entry, config["models"])


def _judge(where: str, dataset: str, config: Config) -> Iterator[str]:
    judge = config["datasets"][dataset]["filter"]["judge"]
    yield from _writer(where, judge, config)
    if judge["samples"] > 1 and judge["temperature"] == 0:
        yield f"{where}.samples: {judge['samples']} verdicts at temperature 0 are the same; set temperature, or samples: 1"
    if f"datasets.{dataset}" in upstream(f"datasets.{dataset}", config):
        yield f"{where}: judges what it is trained on; name another model"


def _logits(where: str, dataset: str, config: Config) -> Iterator[str]:
    entry, models = config["datasets"][dataset], config["models"]
    if "logits" not in entry:
        return
    yield from weights_errors(f"{where}.logits", "teacher", entry["logits"], models)
    recipes = {name: model["train"] for name, model in models.items() if model.get("train", {}).get("dataset") == dataset}
    students = [name for name, recipe in recipes.items() if recipe["loss"] == "kl"]
    for other in students[1:]:
        for key in ("eos_token", "chat_template"):
            one, another = (recipes[name].get(key) for name in (students[0], other))
            if one != another:
                yield f"models.{other}.train.{key}: is not that of {students[0]}, which learns from the same logits; write the same"


def _pass_rate(where: str, dataset: str, config: Config) -> Iterator[str]:
    rule = config["datasets"][dataset]["filter"]["pass_rate"]
    yield from weights_errors(where, "model", rule, config["models"])
    if rule["min"] > rule["max"]:
        yield f"{where}.min: is above max {rule['max']:g}, so no row is kept; lower it"
    if f"datasets.{dataset}" in upstream(f"models.{rule['model']}", config):
        yield f"{where}.model: {rule['model']} is trained on what it would choose from this dataset; name a model that is made without it"
