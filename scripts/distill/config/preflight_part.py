"""What preflight takes from a configuration: its trainings, evaluations, sources and runtime, each by the names that the rules use.

The key `run`, of a plan and of preflight.json, is the name of a task; of the attempts that of their dataset.
"""

from collections.abc import Callable

from distill.config.configured import Part, only
from distill.config.plan import Plan


def of(plan: Plan, resolve_path: Callable[[str], str] = str, model: str | None = None, train: bool = True, respond: bool = True) -> Part:
    """The whole plan, or what concerns one model's training or answers. `resolve_path` finds a path of the configuration."""
    trained = plan.made("train")
    trainings = [_training(plan, name, resolve_path) for name in trained if train and model in (None, name)]
    generated = plan.answered() + plan.completed()
    answered = [(name, task) for name, task in generated if respond and model in (None, name) and name in plan.with_weights()]
    return {
        "trainings": trainings,
        "distillations": [_distillation(plan, name, resolve_path) for name in plan.made("distill") if train and model in (None, name)],
        "evaluations": [
            {"model": name, "run": task, "origin": plan.chain(name)[-1], "context": plan.declared(name, "max_position_embeddings")}
            for name, task in answered
        ],
        "attempts": [_attempt(plan, name) for name in plan.rated() if model is None and f"datasets/{name}" in plan.sources_used()],
        "logits": [_logits(plan, name, resolve_path) for name in plan.scored() if model is None],
        "runs": {task: _task(plan, task) for task in dict.fromkeys(task for _, task in answered)},
        "sources": [_source(plan, path, resolve_path) for path in plan.fetched()] if model is None else [],
        "origins": {name: _origin_source(plan, name, resolve_path) for name in plan.made("source")},
        # Each source model is copied into results/models, and once more under each name that it is prepared or averaged under.
        "copies": [plan.chain(name)[-1] for way in ("source", "prepare", "average") for name in plan.made(way)],
        "accelerate": resolve_path(plan.config["runtime"]["accelerate"]),
        "runtime": {key: value for key, value in plan.config["runtime"].items() if key != "endpoints"},
    }


def _training(plan: Plan, name: str, resolve_path: Callable[[str], str]) -> Part:
    entry = plan.config["models"][name]["train"]
    template = plan.declared(name, "chat_template")
    return {
        "model": name,
        "base": entry["base"],
        "origin": plan.chain(name)[-1],
        "context": plan.declared(entry["base"], "max_position_embeddings"),
        "dataset": entry["dataset"],
        "source": plan.config["datasets"][entry["dataset"]].get("source", {}),
        "chat_template": resolve_path(template) if template else None,
        "recipe": plan.recipe(name),
        "kept": len(entry["save"]),
        "audited": plan.audited(name),
        "stop_above": plan.config["datasets"][entry["dataset"]]["audit"]["stop_above"],
    }


def _distillation(plan: Plan, name: str, resolve_path: Callable[[str], str]) -> Part:
    entry = plan.distillation(name)
    sides = {"student": name, "teacher": entry["teacher"]}
    return {
        "model": name,
        "student": entry["student"],
        "teacher": entry["teacher"],
        "dataset": entry["prompts"],
        "origin": plan.chain(name)[-1],
        **{f"{role}_context": plan.declared(entry[role], "max_position_embeddings") for role in ("student", "teacher")},
        "teacher_origin": plan.chain(entry["teacher"])[-1],
        "sides": {role: _side(plan, model, resolve_path) for role, model in sides.items()},
        "recipe": plan.distill(name),
    }


def _side(plan: Plan, model: str, resolve_path: Callable[[str], str]) -> Part:
    """How a student or a teacher renders a prompt: the tokenizer's source, and what takes the place of its template and end of turn."""
    template = plan.declared(model, "chat_template")
    return {
        "origin": plan.chain(model)[-1],
        "chat_template": resolve_path(template) if template else None,
        "eos_token": plan.declared(model, "eos_token"),
    }


def _attempt(plan: Plan, dataset: str) -> Part:
    """The answers of a model to the questions of a dataset, for filter.pass_rate."""
    rater = plan.config["datasets"][dataset]["filter"]["pass_rate"]["model"]
    return {
        "model": rater,
        "run": dataset,
        "origin": plan.chain(rater)[-1],
        "context": plan.declared(rater, "max_position_embeddings"),
        "source": plan.config["datasets"][dataset]["source"],
        **only(plan.attempt(dataset), "engine", "n_samples", "max_new_tokens"),
    }


def _logits(plan: Plan, dataset: str, resolve_path: Callable[[str], str]) -> Part:
    """A teacher that scores a dataset, and the first of the students that learn from that."""
    entry, (student, *_) = plan.config["datasets"][dataset], plan.learning_from_logits(dataset)
    teacher = entry["logits"]["teacher"]
    return {
        "dataset": dataset,
        "teacher": teacher,
        "origin": plan.chain(teacher)[-1],
        "context": plan.declared(teacher, "max_position_embeddings"),
        "student": student,
        "student_origin": plan.chain(student)[-1],
        "sides": {role: _side(plan, model, resolve_path) for role, model in (("student", student), ("teacher", teacher))},
        "longest": entry["filter"]["max_tokens"] or plan.recipe(student)["max_length"],
        "top_k": entry["logits"]["top_k"],
    }


def _task(plan: Plan, task: str) -> Part:
    how = plan.respond(task)
    benchmark, protocol = plan.prompted()[task]
    return {
        "source": plan.config["benchmarks"][benchmark]["source"],
        "window": how.get("context"),
        **{key: how[key] for key in ("engine", "n_samples", "max_new_tokens")},
        "grader": plan.config["protocols"][protocol]["grader"],
    }


def _origin_source(plan: Plan, name: str, resolve_path: Callable[[str], str]) -> Part:
    source = plan.config["models"][name]["source"]
    return {**source, "path": resolve_path(source["path"])} if "path" in source else source


def _source(plan: Plan, path: str, resolve_path: Callable[[str], str]) -> Part:
    kind, name = path.split("/", 1)
    source = plan.source_of(path)
    gated = bool(kind == "benchmarks" and plan.config["benchmarks"][name]["gated"])
    return {"name": path, "gated": gated, **source, **({"path": resolve_path(source["path"])} if "path" in source else {})}
