"""Checks that models, datasets and benchmarks share: of a source, of a name, of what an entry is made from."""

from collections.abc import Iterator
from typing import Any

from distill.base.schema_errors import did_you_mean
from distill.config.configured import WITH_WEIGHTS, parents_of

Config = dict[str, Any]
SOURCES = ("path", "hub", "modelscope", "url", "miniature", "teacher")  # where files may come from


def upstream(what: str, config: Config) -> set[str]:
    """`models.NAME` and `datasets.NAME` that a model or dataset is made from, directly or not."""
    found: set[str] = set()
    todo = [what]
    while todo:
        kind, name = todo.pop().split(".", 1)
        entry = config[kind].get(name, {})
        teacher = entry.get("source", {}).get("teacher", {})
        rules, recipe = entry.get("filter", {}), entry.get("train", {})
        judge, rater = rules.get("judge", {}), rules.get("pass_rate", {}).get("model")
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


def source_errors(where: str, source: Config, made: set[str], known: tuple[str, ...] = SOURCES[:-1]) -> Iterator[str]:
    """Whether a source has one origin of `known`. `made`: what the miniature makes that fits here."""
    kinds = [kind for kind in SOURCES if kind in source]
    if len(kinds) != 1 or kinds[0] not in known:
        yield f"{where}: has {' and '.join(kinds) or 'none'} of {', '.join(known)}; give exactly one"
    elif kinds == ["miniature"] and source["miniature"] not in made:
        yield f"{where}.miniature: {source['miniature']!r} is not made for this; write {' or '.join(sorted(made))}"
    elif ("url" in source) != ("sha256" in source):
        yield f"{where}: url and sha256 belong together; give both, so that the file is known by its content"


def name_errors(where: str, key: str, entry: Config, known: Config) -> Iterator[str]:
    """Whether `entry[key]` is there and is a name in `known`."""
    if key not in entry:
        yield f"{where}.{key}: missing; name one of {', '.join(known)}"
    elif entry[key] not in known:
        yield f"{where}.{key}: {entry[key]!r} does not exist; {did_you_mean(entry[key], list(known))}"


def weights_errors(where: str, key: str, entry: Config, models: Config) -> Iterator[str]:
    """Whether `entry[key]` names a model whose weights are here."""
    yield from name_errors(where, key, entry, models)
    if entry.get(key) in models and not models[entry[key]].keys() & set(WITH_WEIGHTS):
        yield f"{where}.{key}: {entry[key]!r} has no weights; name a model with {', '.join(WITH_WEIGHTS[:-1])} or {WITH_WEIGHTS[-1]}"
