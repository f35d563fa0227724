"""Which steps depend on a key of the configuration: found by changing it in the example configurations and comparing the plans.

For config/README.md only. tests/graph/staleness.yaml tests on a finished run what really reruns.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from distill.config import report_part
from distill.config.plan import Plan

Config = dict[str, Any]
Schema = Mapping[str, Any]
Place = tuple[str, ...]


def step_specs(config: Config) -> dict[str, Any]:
    """{step: its part of the configuration and the inputs that the configuration names}, in the order in which data flows."""
    plan, models, datasets = Plan(config), config["models"], config["datasets"]
    seed = config.get("miniature", {}).get("seed")
    return {
        "fetch": [plan.fetch(path, results="") for path in plan.fetched()],
        "miniature_questions": [plan.miniature_spec("benchmarks", name) for name in plan.miniature("benchmarks")],
        "miniature_tokenizer": [seed for _ in plan.miniature("models")],
        "miniature_traces": [plan.miniature_spec_with_benchmarks("datasets", name) for name in plan.miniature("datasets")],
        "miniature_base": [plan.miniature_spec_with_benchmarks("models", name) for name in plan.miniature("models")],
        "teacher": [
            (plan.teacher(name), plan.questions_of(name), plan.teacher_model(name), plan.teacher_of(name).get("system"))
            for name in plan.teacher_datasets()
        ],
        "normalise": [(plan.normalise(name), datasets[name]["format"], plan.gold_of(name)) for name in plan.filtered()],
        "judge_prompts": [
            (plan.judge_prompts(name), datasets[name].get("system"), plan.tokenizer_of(name), plan.judge_of(name)["prompt"])
            for name in plan.judged()
        ],
        "judge": [(plan.judge(name), plan.judge_model(name)) for name in plan.judged()],
        "training_questions": [(name, plan.training_questions(name), datasets[name].get("system")) for name in plan.rated()],
        "attempt": [(name, plan.rater(name), plan.attempt(name)) for name in plan.rated()],
        "filter": [
            (
                *(plan.filter(name), datasets[name].get("system"), plan.tokenizer_of(name), plan.counted_with(name).get("chat_template")),
                *(plan.decisions_of(name), plan.verdicts_of(name)),
            )
            for name in plan.filtered()
        ],
        "mix": [(name, plan.mix(name)) for name in plan.mixtures()],
        "audit": [plan.audit(name) for name in plan.trained_on()],
        "logits": [(name, plan.logits(name), config["datasets"][name]["logits"]["teacher"]) for name in plan.scored()],
        "prepare_base": [
            (name, plan.prepare(name), plan.parent_manifest(name), models[name].get("prepare", {}).get("chat_template"))
            for name in plan.made("source") + plan.made("prepare")
        ],
        "train": [
            (name, plan.recipe(name), plan.parent_manifest(name), [plan.training(name).get(key) for key in ("dataset", "chat_template")])
            for name in plan.made("train") + plan.made("checkpoint")
        ],
        "distill": [
            (name, plan.distill(name), [plan.distillation(name).get(key) for key in ("student", "teacher", "prompts", "chat_template")])
            for name in plan.made("distill")
        ],
        "average": [(name, plan.average(name), plan.averaged_manifests(name)) for name in plan.made("average")],
        "prompts": {task: (name, plan.prompts(task)) for task, (name, _) in plan.prompted().items()},
        "respond": [(task, plan.respond(task)) for _, task in plan.answered() + plan.completed()],
        "import_responses": [
            (plan.import_responses(name, task), plan.recorded(name, task), plan.counted_by(name))
            for name, task in plan.answered()
            if name in plan.made("responses")
        ],
        "grade_lighteval": [(task, plan.grade_lighteval(task, model)) for model, task in plan.answered()],
        "grade": [(task, plan.grade(task, model)) for model, task in plan.answered()],
        "compare": (plan.compare(), config["published"]),
        "figures": (report_part.figures(plan), report_part.drawable_figures(plan)),
        "report": report_part.report(plan),
    }


# Steps of keys that cannot be changed one at a time in an example.
ELSEWHERE = {
    "source": ["fetch"],
    "questions": ["fetch", "teacher"],
    "dataset": ["mix"],
    "dataset.gold": ["normalise"],
    "recipe.lora": ["train"],
    "dataset.logits": ["logits"],
    "dataset.filter.pass_rate": ["attempt", "filter"],
    "example": ["prompts"],
    "checkpoint": ["train"],
    "average": ["average"],
    "distill": ["distill"],
    "study": ["its students' steps"],
    "protocol": ["respond"],
    "teacher": ["teacher"],
    "judge": ["judge"],
    "benchmark": ["respond"],
    "served": ["respond_endpoint"],
}


def steps_by_key(configs: list[Config], schema: Schema) -> dict[int, list[str]]:
    """{id of a key's entry in the schema: the steps whose spec changes with the key, in the order in which data flows}."""
    found: dict[int, set[str]] = {}
    order: list[str] = []
    for config in configs:
        before = step_specs(config)
        order = list(before)
        for place, entry in _keys(config, schema, schema, ()):
            if found.get(id(entry)):
                continue
            for value in _others(_at(config, place), entry, config):
                after = _changed(config, place, value)
                if after is not None:
                    found.setdefault(id(entry), set()).update(step for step in before if before[step] != after[step])
    return {key: [step for step in order if step in steps] for key, steps in found.items()}


def _keys(value: Any, entry: Schema, schema: Schema, place: Place) -> Iterator[tuple[Place, Schema]]:
    """(path, entry in the schema) of each key that a configuration has or could have, without sections."""
    entry = _resolved(entry, schema)
    if "properties" in entry:
        for key, below in entry["properties"].items():
            if "properties" in _resolved(below, schema):
                if isinstance(value, dict) and isinstance(value.get(key), dict):
                    yield from _keys(value[key], below, schema, (*place, key))
            elif isinstance(value, dict):
                if "x-scope" in below and (key in value or place[-1:] != ("source",)):
                    yield (*place, key), below
                if isinstance(value.get(key), dict):
                    yield from _keys(value[key], below, schema, (*place, key))
    elif isinstance(value, dict) and isinstance(below := entry.get("additionalProperties"), dict):
        for key in value:
            if "properties" in _resolved(below, schema):
                yield from _keys(value[key], below, schema, (*place, key))


def _resolved(entry: Schema, schema: Schema) -> Schema:
    ref = entry.get("$ref") or (entry["allOf"][0].get("$ref") if "allOf" in entry else None)
    return _resolved(schema["$defs"][ref.rsplit("/", 1)[1]], schema) if ref else entry


def _at(config: Any, place: Place) -> Any:
    for key in place:
        config = config.get(key) if isinstance(config, dict) else None
    return config


def _others(value: Any, entry: Schema, config: Config) -> Iterator[Any]:
    """Other values that a key could have: of its type, and names of other models and datasets."""
    kinds = entry.get("type", "string")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if "enum" in entry:
        yield from (other for other in entry["enum"] if other != value)
    elif isinstance(value, bool) or "boolean" in kinds:
        yield not value
    elif isinstance(value, list) or kinds == ["array"]:
        yield [*(value or []), "x"]
        yield (value or [])[:-1]
    elif isinstance(value, dict) or kinds == ["object"]:
        yield {**(value or {}), "x": "x"}
    elif isinstance(value, int | float) or (value is None and {"integer", "number"} & set(kinds)):
        yield (value or 0) + 1
    else:
        yield f"{value or ''}x"
        yield from (name for kind in ("models", "datasets") for name in config[kind] if name != value)


def _changed(config: Config, place: Place, value: Any) -> dict[str, Any] | None:
    """The step specs after a change; None where the changed configuration has no valid plan."""
    made = copy.deepcopy(config)
    section = _at(made, place[:-1])
    if not isinstance(section, dict):
        return None
    section[place[-1]] = value
    try:
        return step_specs(made)
    except (KeyError, StopIteration, TypeError, AttributeError, ValueError, IndexError, RecursionError):
        return None
