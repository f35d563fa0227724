"""Find work folders that a configuration cannot resume: their run.json has a recipe, data, model or code that it no longer uses."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.base.code_digest import code_digest
from distill.base.errors import InputError
from distill.base.files import read_json, sha256_file
from distill.base.settings import Settings
from distill.config.configured import without
from distill.config.plan import Plan
from distill.generation.responses import answer_identity
from distill.training.recipe import DISTILLATION, read_recipe, rollout_modules, versions_of

Pattern = dict[str, Any]  # facts that the run.json of a useful folder has

# The --spec of scripts/clean_work.py: what planned_work returns.
STEPS = ("train", "distill", "models", "respond", "ask", "attempt", "logits", "teacher", "judge", "fetch")
SPEC = Settings(**{key: {"type": "array"} for key in STEPS}, required=STEPS)


@dataclass(frozen=True)
class UnusedFolder:
    folder: Path
    size: int
    what: str


def planned_work(plan: Plan, template: Callable[[str], str | None]) -> Pattern:
    """The steps of a configuration that use work folders. `template` returns the text of a model's chat template, or None."""
    trained = [
        {
            "recipe": without(plan.recipe(model), "until"),
            "until": plan.recipe(model).get("until"),
            "template": template(model),
            "base": plan.parent_manifest(model),
            "data": f"results/data/{plan.training(model)['dataset']}/sft.jsonl",
        }
        for model in plan.made("train") + plan.made("checkpoint")
    ]
    distilled = [
        {
            "recipe": plan.distill(model),
            "template": template(model),
            "student": plan.parent_manifest(model),
            "teacher": plan.teacher_manifest(model),
        }
        for model in plan.made("distill")
    ]
    sources = [plan.source_of(path) for path in plan.fetched()]
    return {
        "train": trained,
        "distill": distilled,
        "models": [f"results/models/{model}/manifest.json" for model in plan.with_weights()],
        "respond": [{"benchmark": task, "spec": plan.respond(task)} for task in plan.prompted()],
        "ask": [{"benchmark": task, "spec": plan.ask(model, task)} for model in plan.made("endpoint") for task in plan.tasks()],
        "attempt": [
            {"model": f"results/models/{plan.rater(dataset)}/manifest.json", "dataset": dataset, "spec": plan.attempt(dataset)}
            for dataset in plan.rated()
        ],
        "logits": [
            {
                "teacher": f"results/models/{plan.config['datasets'][dataset]['logits']['teacher']}/manifest.json",
                "data": f"results/data/{dataset}/sft.jsonl",
                **plan.logits(dataset),
            }
            for dataset in plan.scored()
        ],
        "teacher": plan.teacher_datasets(),
        "judge": plan.judged(),
        "fetch": [{way: source[way]} for source in sources for way in ("hub", "modelscope", "url") if way in source],
    }


def patterns(planned: Mapping[str, Any]) -> dict[str, list[Pattern]]:
    """{folder below work/: patterns}. A work folder is in use where its run.json matches one of the patterns.

    Digests of inputs that are not made yet are left open, and so are values that depend on the hardware only: it could change back.
    """
    trained = [
        {"code": code_digest("train.py"), "versions": versions_of(entry["recipe"])}
        | {"recipe": read_recipe(entry["recipe"]), "chat_template": entry["template"], "until": entry["until"]}
        | _if_exists("parent", entry["base"], lambda path: read_json(path)["digest"])
        | _if_exists("data", entry["data"], sha256_file)
        for entry in planned["train"]
    ]
    distilled = [
        {"code": code_digest("distill_model.py"), "versions": versions_of(entry["recipe"])}
        | {name: code_digest(name) for name in rollout_modules(entry["recipe"])}
        | {"recipe": DISTILLATION.read(entry["recipe"]), "chat_template": entry["template"]}
        | _if_exists("parent", entry["student"], lambda path: read_json(path)["digest"])
        | _if_exists("teacher", entry["teacher"], lambda path: read_json(path)["digest"])
        for entry in planned["distill"]
    ]
    answered = [
        {"benchmark": entry["benchmark"], **answer_identity(entry["spec"])}
        | _if_exists("model", model, lambda path: read_json(path)["digest"])
        for model in planned["models"]
        for entry in planned["respond"]
    ]
    answered += [{"benchmark": entry["benchmark"], **answer_identity(entry["spec"])} for entry in planned["ask"]]
    answered += [
        {"benchmark": entry["dataset"], **answer_identity(entry["spec"])}
        | _if_exists("model", entry["model"], lambda path: read_json(path)["digest"])
        for entry in planned["attempt"]
    ]
    scored = [
        {**without(entry, "teacher", "data"), "code": code_digest("logits.py")}
        | _if_exists("teacher", entry["teacher"], lambda path: read_json(path)["digest"])
        | _if_exists("data", entry["data"], sha256_file)
        for entry in planned["logits"]
    ]
    of_datasets = {step: [{"dataset": dataset} for dataset in planned[step]] for step in ("teacher", "judge")}
    own = {"train": trained, "distill": distilled, "responses": answered, "logits": scored}
    return {**own, **of_datasets, "fetch": planned["fetch"]}


def unused_rows(work: Path, planned: Mapping[str, Any]) -> Iterator[UnusedFolder]:
    """Folders of work/rows/, which hold tokenizer-ready copies of training sets, whose training set does not exist (any more)."""
    known = {sha256_file(entry["data"])[:16] for entry in planned["train"] if Path(entry["data"]).is_file()}
    for folder in sorted(path for path in work.glob("rows/*") if path.is_dir() and path.name not in known):
        yield UnusedFolder(folder, freed_bytes(folder), f"rows of data {folder.name[:12]}, made again when needed")


def _if_exists(key: str, path: str, digest: Any) -> Pattern:
    return {key: digest(path)} if Path(path).is_file() else {}


def unused_folders(work: Path, known_runs: Mapping[str, list[Pattern]]) -> Iterator[UnusedFolder]:
    """Folders below work/{store}/ that match none of the store's patterns, sorted by name. Folders without run.json are skipped."""
    for store, known in known_runs.items():
        for file in sorted(work.glob(f"{store}/*/run.json")):
            run = read_json(file)
            if not isinstance(run, dict):
                raise InputError(f"{file}: is not a JSON object, so no step wrote it; look at the folder, and remove it yourself")
            if not any(all(run.get(key) == value for key, value in pattern.items()) for pattern in known):
                yield UnusedFolder(file.parent, freed_bytes(file.parent), _describe(store, run))


def freed_bytes(folder: Path) -> int:
    """Bytes that removing a folder frees: files hard-linked to a model in results/ do not count."""
    found = (path.lstat() for path in folder.rglob("*") if path.is_file())
    return sum(stat.st_size for stat in found if stat.st_nlink == 1)


def _describe(store: str, run: Mapping[str, Any]) -> str:
    """One line that says what a work folder was for."""
    if store in ("train", "distill") and "recipe" in run:
        recipe, what = run["recipe"], {"train": "training", "distill": "distillation"}[store]
        until = f" up to epoch {run['until']:g}" if run.get("until") else ""
        return f"{what}{until} on data {run['data'][:12]}, learning rate {recipe['learning_rate']:g}, seed {recipe['seed']}"
    facts = {key: str(run[key])[:12] for key in ("benchmark", "model", "dataset", "endpoint", "hub", "modelscope", "url") if run.get(key)}
    return ", ".join(f"{key} {value}" for key, value in facts.items()) or "unknown"
