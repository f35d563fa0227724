"""What preflight is told of a configuration: its trainings, evaluations, sources and runtime, each by the names that the rules use."""

from collections.abc import Callable

from distill.config import parent_of
from distill.configured import Part
from distill.plan import Plan


def of(plan: Plan, placed: Callable[[str], str] = str, model: str | None = None, train: bool = True, respond: bool = True) -> Part:
    """The whole plan, or what concerns one model's training or answers. `placed` finds a path of the configuration."""
    trained = plan.made("train")
    trainings = [_training(plan, name, placed) for name in trained if train and model in (None, name)]
    answered = [(name, run) for name, run in plan.answered() if respond and model in (None, name) and name in plan.with_weights()]
    return {
        "trainings": trainings,
        "evaluations": [
            {"model": name, "run": run, "origin": _origin(plan, name), "context": _context(plan, name)} for name, run in answered
        ],
        "runs": {run: _run(plan, run) for run in dict.fromkeys(run for _, run in answered)},
        "sources": [_source(plan, path, placed) for path in plan.fetched()] if model is None else [],
        "origins": {name: _origin_source(plan, name, placed) for name in plan.made("source")},
        "accelerate": placed(plan.config["runtime"]["accelerate"]),
        "runtime": {key: value for key, value in plan.config["runtime"].items() if key != "endpoints"},
    }


def _training(plan: Plan, name: str, placed: Callable[[str], str]) -> Part:
    entry = plan.config["models"][name]["train"]
    dataset = plan.config["datasets"][entry["dataset"]]
    template = entry.get("chat_template")
    return {
        "model": name,
        "base": entry["base"],
        "origin": _origin(plan, entry["base"]),
        "context": _context(plan, entry["base"]),
        "dataset": entry["dataset"],
        "source": dataset["source"],
        "thought_style": dataset["thought_style"],
        "chat_template": placed(template) if template else None,
        "recipe": plan.recipe(name),
    }


def _run(plan: Plan, run: str) -> Part:
    asked = plan.respond(run)
    source = plan.config["benchmarks"][plan.runs()[run][0]]["source"]
    return {"source": source, "window": asked.get("context"), **{key: asked[key] for key in ("engine", "n_samples", "max_new_tokens")}}


def _chain(plan: Plan, name: str) -> list[str]:
    """A model and those that it is made from, itself first."""
    models, chain = plan.config["models"], [name]
    while parent := _parent(models[chain[-1]]):
        chain.append(parent)
    return chain


def _parent(entry: Part) -> str | None:
    return entry["checkpoint"]["of"] if "checkpoint" in entry else parent_of(entry)


def _origin(plan: Plan, name: str) -> str:
    """The source model that a model's shape is from."""
    return _chain(plan, name)[-1]


def _context(plan: Plan, name: str) -> int | None:
    """max_position_embeddings where some prepare: on the way declares it."""
    declared = [plan.config["models"][one].get("prepare", {}).get("max_position_embeddings") for one in _chain(plan, name)]
    return next((value for value in declared if value is not None), None)


def _origin_source(plan: Plan, name: str, placed: Callable[[str], str]) -> Part:
    source = plan.config["models"][name]["source"]
    return {**source, "path": placed(source["path"])} if "path" in source else source


def _source(plan: Plan, path: str, placed: Callable[[str], str]) -> Part:
    kind, name = path.split("/", 1)
    source = plan.source_of(path)
    gated = bool(kind == "benchmarks" and plan.config["benchmarks"][name]["gated"])
    return {"name": path, "gated": gated, **source, **({"path": placed(source["path"])} if "path" in source else {})}
