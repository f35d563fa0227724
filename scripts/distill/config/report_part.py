"""The parts of a checked configuration that people read: names, labels, figures, the report, model cards and provenance."""

from distill.config import steps, study
from distill.config.configured import KINDS, Part, only, parents_of, without
from distill.config.plan import Plan
from distill.training.recipe import WATCHED


def labels(plan: Plan) -> Part:
    """What people read next to the numbers: names, labels and their order."""
    models, benchmarks, protocols, datasets = (plan.config[key] for key in ("models", "benchmarks", "protocols", "datasets"))
    return {
        "models": [
            {
                "name": name,
                **only(models[name], "role", "label", "released"),
                **_curve(plan, name),
                **({} if name in plan.with_weights() else {"weights": False}),
            }
            for name in plan.evaluated()
        ],
        "benchmarks": [
            {"name": task, **only(benchmarks[name], "label", "gated", "published_after"), "protocol": protocols[protocol]["label"]}
            for task, (name, protocol) in plan.tasks().items()
        ],
        "datasets": [
            {"name": name, "label": datasets[name]["label"], **({} if name in plan.trained_on() else {"prompts": True})}
            for name in plan.learned_from()
        ],
    }


def _curve(plan: Plan, model: str) -> Part:
    """A training and its checkpoints are one curve, named after the trained model."""
    of = plan.trained_as(model)
    return {"curve": of} if any(plan.trained_as(name) == of for name in plan.made("checkpoint")) else {}


def figures(plan: Plan) -> Part:
    """What the figures say next to the numbers; where compute is drawn, the steps that each model is made by too."""
    made_from = {"made_from": steps.of_models(plan)} if "score_vs_compute" in drawable_figures(plan) else {}
    return {**labels(plan), "labels": plan.config["figures"], **made_from}


def drawable_figures(plan: Plan) -> dict[str, str]:
    """The figures that there is something to draw from, each with its category."""
    answers = {"answer_length": "Scores"} if plan.answered() else {}
    training = {"score_vs_tokens": "Training", "loss": "Training"} if plan.students() else {}
    training |= {"on_policy": "Training"} if set(plan.students()) & set(plan.made("distill")) else {}
    costed = [model for model, own in steps.of_models(plan).items() if own and plan.config["models"][model]["role"] == "student"]
    training |= {"score_vs_compute": "Training"} if len(costed) > 1 else {}
    data = {**({"lengths": "Data"} if plan.trained_on() else {}), **({"funnel": "Data"} if plan.learned_from() else {})}
    # Of responses recorded elsewhere the tokens may not be known.
    models = [plan.config["models"][model] for model, _ in plan.answered()]
    here = any("responses" not in model or "tokenizer" in model["responses"] for model in models)
    budget = {"token_budget": "Scores"} if here else {}
    several = any(plan.respond(task)["n_samples"] > 1 for task in plan.tasks())
    samples = {"pass_at_k": "Scores"} if here and several else {}
    return {"scores": "Scores", **answers, **budget, **samples, **training, **data}


def report(plan: Plan) -> Part:
    """What the report says next to the numbers, and the way in which each training was audited."""
    audited = {model: plan.audited(model) for model in plan.students() if model not in plan.made("distill")}
    return {**only(plan.config, "title", "note"), **labels(plan), "audited": audited, **_study(plan), **_completions(plan)}


def _completions(plan: Plan) -> Part:
    """The benchmarks whose questions are continued, and how much of each question is shown."""
    benchmarks, protocols = plan.config["benchmarks"], plan.config["protocols"]
    found = [
        {"name": task, "share": protocols[protocol]["share"], **only(benchmarks[name], "label", "published_after")}
        for task, (name, protocol) in plan.completions().items()
    ]
    return {"completions": found} if found else {}


def _study(plan: Plan) -> Part:
    """Which students differ in their seed alone."""
    return {"study": study.groups(plan.config["students"], plan.config["checkpoints"])} if "students" in plan.config else {}


def card(plan: Plan, model: str) -> Part:
    """What a model's card says next to the numbers: this model and the baseline, its data, and where base and data come from."""
    texts, dataset = labels(plan), plan.dataset_of(model)
    base, *teacher = (_origin(plan, parent) for parent in parents_of(plan.config["models"][plan.trained_as(model)]))
    kept = [entry for entry in texts["models"] if entry["name"] == model or entry["role"] == "baseline"]
    if model not in plan.evaluated():
        kept.append({"name": model, "role": "student", "label": plan.config["models"][model]["label"]})
    data = plan.config["datasets"][dataset]
    push = plan.config["models"][model].get("push", {})
    return {
        "models": kept,
        "benchmarks": texts["benchmarks"],
        "datasets": [entry for entry in texts["datasets"] if entry["name"] == dataset],
        "base": _linked(base),
        "data": _linked(data),
        **({"teacher": _linked(teacher[0])} if teacher else {}),
        **only(push, "repository"),
    }


def _origin(plan: Plan, model: str) -> Part:
    """The model that another was prepared from, or itself."""
    entry = plan.config["models"][model]
    return _origin(plan, entry["prepare"]["base"]) if "prepare" in entry else entry


def provenance(plan: Plan) -> Part:
    """The configuration without what only people read and what only speed depends on."""
    kept = without(plan.config, "title", "note", "figures", "runtime", "remove", "takeover")
    labelled = (*KINDS, "protocols")
    return {
        "made_from": steps.of_models(plan),
        "config": {
            key: {name: _decisive(entry) for name, entry in value.items()} if key in labelled else value for key, value in kept.items()
        },
    }


def _linked(entry: Part) -> Part:
    """The label of a model or dataset, and its repository on the hub if it has one."""
    return {"label": entry["label"], **only(entry.get("source", {}), "hub")}


def _decisive(entry: Part) -> Part:
    """An entry of models, datasets and the like without label, dates, licence, and what a training keeps, pushes or a page shows."""
    kept = {"train": ("save",), "distill": WATCHED}
    ways = {way: without(entry[way], *keys) for way, keys in kept.items() if way in entry}
    return {**without(entry, "label", "push", "released", "published_after", "licence", "review_sample"), **ways}
