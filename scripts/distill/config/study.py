"""A study: bases, datasets, recipes and seeds that together name a grid of students, each an entry of models: like any other.

A name is `{name}-{base}-{dataset}-{recipe}-s{seed}`. What is given as a single value is no part of the names; what is given as a list is,
even as a list of one, so that a list that grows renames nothing and trains nothing again. `{student}-at0.5` is a student's checkpoint.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

Config = dict[str, Any]


def expand_study(given: Config) -> Config:
    """The configuration with the students of study: under models:, and what each of them stands for under `students`."""
    study = given.get("study")
    if study is None:
        return given
    students = dict(_students(study))
    epochs = study.get("checkpoints") or []
    models = {name: _model(student, epochs) for name, student in students.items()}
    for epoch in epochs:
        models |= {_checkpoint_name(name, epoch): _checkpoint(name, student, epoch) for name, student in students.items()}
    kept = {key: value for key, value in given.items() if key != "study"}
    return {**kept, "models": {**given["models"], **models}, "students": students, "checkpoints": epochs}


def errors(given: Config) -> Iterator[str]:
    """What is wrong with study: as it stands, before anything is made of it."""
    study = given.get("study")
    if study is None:
        return
    for key, known in (("bases", given["models"]), ("datasets", given["datasets"])):
        for name in _as_list(study[key]):
            if name not in known:
                yield f"study.{key}: {name!r} is not under {'models' if key == 'bases' else key}:; known are {', '.join(known)}"
    students = [name for name, _ in _students(study)]
    names = [*students, *(_checkpoint_name(name, epoch) for name in students for epoch in study.get("checkpoints") or [])]
    for name in sorted(set(names) & given["models"].keys()):
        yield f"study: makes a model {name!r}, which is under models: too; rename one"
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"study: two of its models would be called {name!r}; rename a recipe, or write other checkpoints"
    for name, recipe in study.get("recipes", {"train_defaults": {}}).items():
        full = {"max_steps": -1, **given.get("train_defaults", {}), **recipe}
        for epoch in study.get("checkpoints", []):
            if full["max_steps"] == -1 and epoch > full.get("epochs", epoch):
                yield f"study.checkpoints: {epoch:g} is beyond the {full['epochs']:g} epochs of {name}; remove it or raise epochs there"
        for key in recipe.keys() & {"base", "dataset", "seed"}:
            yield f"study.recipes.{name}.{key}: is the study's own; remove it and write it under study.{key}s"


def groups(students: Mapping[str, Mapping[str, Any]], checkpoints: Sequence[float] = ()) -> list[dict[str, Any]]:
    """Students that differ in their seed alone: [{label, models, seeds}], in the order of the study, each after its checkpoints."""
    together: dict[str, list[str]] = {}
    for name, student in students.items():
        together.setdefault(student["group"], []).append(name)
    found = []
    for label, names in together.items():
        seeds = [students[name]["seed"] for name in names]
        for epoch in sorted(checkpoints):
            found.append(
                {"label": f"{label}, epoch {epoch:g}", "models": [_checkpoint_name(name, epoch) for name in names], "seeds": seeds}
            )
        found.append({"label": label, "models": names, "seeds": seeds})
    return found


def _students(study: Config) -> Iterator[tuple[str, dict[str, Any]]]:
    name, label = study.get("name", "ours"), study.get("label") or study.get("name", "ours")
    recipes, seeds = study.get("recipes") or {"": {}}, study.get("seeds")
    for base, dataset, recipe, seed in product(_as_list(study["bases"]), _as_list(study["datasets"]), recipes, _as_list(seeds)):
        axes = [(study["bases"], base), (study["datasets"], dataset), ([recipe] if recipe else "", recipe)]
        parts = [str(value) for given, value in axes if isinstance(given, list)]
        seeded = [f"s{seed}"] if isinstance(seeds, list) else []
        student = {"base": base, "dataset": dataset, "recipe": recipes[recipe], "seed": seed, "group": " ".join([label, *parts])}
        yield "-".join([name, *parts, *seeded]), student


def _as_list(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given]


def _checkpoint_name(name: str, epoch: float) -> str:
    return f"{name}-at{epoch:g}"


def _checkpoint(name: str, student: Mapping[str, Any], epoch: float) -> Config:
    label = student["group"] if student["seed"] is None else f"{student['group']}, seed {student['seed']}"
    return {"role": "student", "label": f"{label}, epoch {epoch:g}", "checkpoint": {"of": name, "epoch": float(epoch)}}


def _model(student: Mapping[str, Any], epochs: Sequence[float]) -> Config:
    seed = {} if student["seed"] is None else {"seed": student["seed"]}
    label = student["group"] if student["seed"] is None else f"{student['group']}, seed {student['seed']}"
    save = {"save": sorted({*map(float, epochs), *student["recipe"].get("save", [])})} if epochs else {}
    train = {"base": student["base"], "dataset": student["dataset"], **student["recipe"], **seed, **save}
    return {"role": "student", "label": label, "train": train}
