"""What the rules ask of a checked configuration: names, and for each step the part of the configuration that decides its result.

Snakemake remembers these parts as parameters, so a part must hold all that changes the step's result and nothing that does not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from distill import sources_lock, study
from distill.config import parent_of

Part = dict[str, Any]
KINDS = ("models", "datasets", "benchmarks")
ROLES = ("baseline", "reference", "student")


@dataclass(frozen=True)
class Plan:
    """A configuration as distill.config.load returns it."""

    config: dict[str, Any]

    # Names

    def made(self, way: str) -> list[str]:
        """Models that come to be in this way: source, prepare, train, checkpoint, responses, endpoint or results."""
        return [name for name, model in self.config["models"].items() if way in model]

    def evaluated(self) -> list[str]:
        """Models with a role, baseline first."""
        models = self.config["models"]
        return sorted((name for name in models if models[name]["role"] in ROLES), key=lambda name: ROLES.index(models[name]["role"]))

    def with_weights(self) -> list[str]:
        """Evaluated models that are more than what they wrote or scored elsewhere."""
        return [name for name in self.evaluated() if not self.config["models"][name].keys() & {"responses", "endpoint", "results"}]

    def students(self) -> list[str]:
        """Evaluated models that are trained here, checkpoints of such among them."""
        return [name for name in self.evaluated() if self.config["models"][name].keys() & {"train", "checkpoint"}]

    def trained_on(self) -> list[str]:
        """Datasets that some model is trained on."""
        return sorted({self.config["models"][name]["train"]["dataset"] for name in self.made("train")})

    def runs(self) -> dict[str, tuple[str, str]]:
        """What is evaluated: {benchmark, or benchmark@protocol where it runs under several: (benchmark, protocol)}."""
        return {
            name if len(benchmark["protocols"]) == 1 else f"{name}@{protocol}": (name, protocol)
            for name, benchmark in self.config["benchmarks"].items()
            for protocol in benchmark["protocols"]
        }

    def answered(self) -> list[tuple[str, str]]:
        """(model, run) of all answers: of each evaluated model to each benchmark, of a recorded one to those that its files are of."""
        return [(name, run) for name in self.evaluated() for run in self.runs() if self._answers(self.config["models"][name], run)]

    def _answers(self, model: Part, run: str) -> bool:
        files = model.get("responses", {}).get("files")
        return "results" not in model and (files is None or any(name in files for name in self._names(run)))

    def _names(self, run: str) -> list[str]:
        """What a run is called in a configuration: as in paths, and by its benchmark alone."""
        return list(dict.fromkeys((run, self.runs()[run][0])))

    def miniature(self, kind: str) -> list[str]:
        """Names under models, datasets or benchmarks whose files the miniature makes."""
        return [name for its_kind, name, source in self._sources() if its_kind == kind and "miniature" in source]

    def fetched(self) -> list[str]:
        """`{kind}/{name}` of all whose files are fetched, not made here."""
        return [f"{kind}/{name}" for kind, name, source in self._sources() if not source.keys() & {"miniature", "teacher", "dataset"}]

    def _sources(self) -> list[tuple[str, str, Part]]:
        own = [(kind, name, entry["source"]) for kind in KINDS for name, entry in self.config[kind].items() if "source" in entry]
        golds = [("golds", name, entry["gold"]["source"]) for name, entry in self.config["datasets"].items() if "gold" in entry]
        return own + golds + [("questions", name, self.teacher_of(name)["questions"]) for name in self.taught()]

    def sources_used(self) -> list[str]:
        """`{kind}/{name}` of the benchmarks, and of the datasets that this run trains on or asks a teacher about."""
        datasets = self.trained_on()
        for name in datasets:  # grows as it goes: a teacher's questions may come from another dataset
            above = self.teacher_of(name)["questions"].get("dataset") if name in self.taught() else None
            datasets += [above] if above and above not in datasets else []
        return [*(f"benchmarks/{name}" for name in self.config["benchmarks"]), *(f"datasets/{name}" for name in datasets)]

    def source_of(self, path: str) -> Part:
        """The source: of `{kind}/{name}`."""
        return next(source for kind, name, source in self._sources() if f"{kind}/{name}" == path)

    def below_seal(self, model: str | None) -> bool:
        """Whether a model is trained, made from one that is, or recorded in files of this run, which may be such a one's."""
        if model is None:
            return False
        entry = self.config["models"][model]
        return "train" in entry or ("responses" in entry and in_results(entry["responses"]["path"])) or self.below_seal(parent_of(entry))

    def taught(self) -> list[str]:
        """Datasets that a teacher writes in this run."""
        return [name for name, entry in self.config["datasets"].items() if "teacher" in entry["source"]]

    def teacher_of(self, dataset: str) -> Part:
        return self.config["datasets"][dataset]["source"]["teacher"]

    def taught_below_seal(self, dataset: str) -> bool:
        """Whether a dataset hangs on a model that is trained here: such a one cannot be sealed before training."""
        if dataset not in self.taught():
            return False
        teacher = self.teacher_of(dataset)
        above = teacher["questions"].get("dataset")
        return ("endpoint" not in teacher and self.below_seal(teacher["model"])) or (above is not None and self.taught_below_seal(above))

    def trained_as(self, model: str) -> str:
        """The model whose training makes this one: itself, or that which it is a checkpoint of."""
        return self.config["models"][model].get("checkpoint", {}).get("of", model)

    def training(self, model: str) -> Part:
        """`train:` of a trained model, or of that which it is a checkpoint of."""
        return self.config["models"][self.trained_as(model)]["train"]

    def sealed(self) -> list[str]:
        """Datasets that some model is trained on and that are known before any training."""
        return [name for name in self.trained_on() if not self.taught_below_seal(name)]

    # Files

    def tokenizer_of(self, dataset: str) -> list[str]:
        """The files that hold the tokenizer which counts a dataset's tokens. The miniature's is there long before its base is trained."""
        model = self.config["datasets"][dataset]["tokenizer"]
        if model in self.miniature("models"):
            return [f"results/sources/models/{model}/{name}" for name in ("tokenizer.json", "tokenizer_config.json")]
        folder = "sources/models" if "source" in self.config["models"][model] else "models"
        return [f"results/{folder}/{model}/manifest.json"]

    def parent_manifest(self, model: str) -> str:
        """What a model is made from: its source, or another model."""
        parent = parent_of(self.config["models"][self.trained_as(model)])
        return f"results/models/{parent}/manifest.json" if parent else f"results/sources/models/{model}/manifest.json"

    # What decides the result of a step

    def fetch(self, path: str, lock: str = "", results: str = "results") -> Part:
        """What decides the files of `{kind}/{name}`. Where the lock file has it, its commit counts and not the branch asked for."""
        source = {**without(self.source_of(path), "path", "columns"), **self._optional(path)}
        if not source.keys() & {"hub", "modelscope"}:
            return source
        pinned = sources_lock.pinned(sources_lock.read(lock), path, source) if lock else {}
        asked = without(source, "revision") if "commit" in pinned else source
        part = {**asked, **pinned, "repo_type": "model" if path.startswith("models/") else "dataset"}
        return sources_lock.settled(part, f"{results}/sources/{path}/manifest.json")

    def _optional(self, path: str) -> Part:
        kind, name = path.split("/")
        return {"optional": True} if kind == "benchmarks" and self.config[kind][name]["optional"] else {}

    def toy(self, kind: str, name: str) -> Part:
        """What the miniature makes a source from: the seed and its sizes."""
        return {"seed": self.config["miniature"]["seed"], **without(self.config[kind][name]["source"], "miniature")}

    def toy_with_benchmarks(self, kind: str, name: str) -> Part:
        """The same for traces and base texts, which must not hold the benchmarks' items."""
        sources = [self.config["benchmarks"][benchmark]["source"] for benchmark in self.miniature("benchmarks")]
        return {**self.toy(kind, name), "benchmarks": {source["miniature"]: source["items"] for source in sources}}

    def normalise(self, dataset: str) -> Part:
        """How the columns of a raw set are read."""
        entry = self.config["datasets"][dataset]
        gold = {"gold": without(entry["gold"], "source")} if "gold" in entry else {}
        return {**_only(entry, "columns"), **gold}

    def questions_of(self, dataset: str) -> str:
        """What a teacher's questions are read from: another dataset's traces, or a fetched folder."""
        above = self.teacher_of(dataset)["questions"].get("dataset")
        return f"results/data/{above}/traces.jsonl" if above else f"results/sources/questions/{dataset}/manifest.json"

    def teacher_model(self, dataset: str) -> list[str]:
        """The manifest of a teacher on this machine; nothing where it is behind an endpoint."""
        teacher = self.teacher_of(dataset)
        return [] if "endpoint" in teacher else [f"results/models/{teacher['model']}/manifest.json"]

    def teacher(self, dataset: str) -> Part:
        """What decides a teacher's traces beside its weights, the questions and the system prompt."""
        teacher = self.teacher_of(dataset)
        engine = "openai" if "endpoint" in teacher else teacher["engine"]
        asked = {"question": "question", "gold": "gold"} if "dataset" in teacher["questions"] else teacher["questions"]["columns"]
        return {**without(teacher, "questions", "system", "engine"), "engine": engine, "columns": asked}

    def teacher_runtime(self, dataset: str) -> Part:
        """Where and how fast a teacher answers, and what it may cost."""
        endpoint = self.teacher_of(dataset).get("endpoint")
        return self.config["runtime"]["endpoints"][endpoint] if endpoint else without(self.config["runtime"], "endpoints")

    def gold_of(self, dataset: str) -> list[str]:
        return [f"results/sources/golds/{dataset}/manifest.json"] if "gold" in self.config["datasets"][dataset] else []

    def trained_with(self, dataset: str) -> Part:
        """The recipe of the first model that is trained on a dataset."""
        return next(model["train"] for model in self.config["models"].values() if model.get("train", {}).get("dataset") == dataset)

    def audit(self, dataset: str) -> Part:
        """How training will take a dataset's rows."""
        entry, recipe = self.config["datasets"][dataset], self.trained_with(dataset)
        asked = {**_only(recipe, "max_length", "packing", "loss_on", "eos_token"), "thought_style": entry["thought_style"]}
        return {**asked, "stop_above": entry["audit"]["stop_above"]}

    def filter(self, dataset: str) -> Part:
        """Which rows of a dataset are kept, and how they are written."""
        entry = self.config["datasets"][dataset]
        benchmarks = {
            name: {"columns": benchmark["columns"], "gated": benchmark["gated"]} for name, benchmark in self.config["benchmarks"].items()
        }
        return {**entry["filter"], "thought_style": entry["thought_style"], "benchmarks": benchmarks}

    def prepare(self, model: str) -> Part:
        entry = self.config["models"][model]
        trusted = {"trust_remote_code": True} if entry.get("trust_remote_code") else {}
        return {**without(entry.get("prepare", {}), "base", "chat_template"), **trusted}

    def recipe(self, model: str) -> Part:
        """What decides the weights of a trained model beside its base and its data; of a checkpoint, its epoch too."""
        entry = without(self.training(model), "base", "dataset", "chat_template", "save")
        until = {"until": self.config["models"][model]["checkpoint"]["epoch"]} if self.trained_as(model) != model else {}
        return {**(entry if entry["lr_scheduler_type"] == "cosine_with_min_lr" else without(entry, "min_lr_rate")), **until}

    def whole_training(self, model: str) -> list[str]:
        """What a checkpoint waits for: the training that keeps it."""
        return [f"results/models/{self.trained_as(model)}/manifest.json"] if self.trained_as(model) != model else []

    def prompts(self, run: str) -> Part:
        name, protocol = self.runs()[run]
        benchmark, asked = self.config["benchmarks"][name], self.config["protocols"][protocol]
        own = benchmark["for_protocol"].get(protocol, {})
        choice = {"shuffle_seed": benchmark["shuffle_seed"]} if benchmark["kind"] == "choice" else {}
        return {
            "kind": benchmark["kind"],
            "columns": {**benchmark["columns"], **_only(own, "gold")},
            "system": asked["system"],
            "user": own.get("user", asked[benchmark["kind"]]),
            **choice,
        }

    def respond(self, run: str) -> Part:
        """What decides a model's answers beside the model and the prompts."""
        name, protocol = self.runs()[run]
        asked = self.config["protocols"][protocol]
        return {"engine": asked["engine"], **asked["sampling"], **self.config["benchmarks"][name]["sampling"].get(protocol, {})}

    def ask(self, model: str, run: str) -> Part:
        """The same of a model behind an endpoint, which the names of both decide."""
        served = self.config["models"][model]["endpoint"]
        return {**self.respond(run), "engine": "openai", "endpoint": served["name"], "model": served["model"]}

    def endpoint_of(self, model: str) -> Part:
        """Where and how fast a model behind an endpoint is asked."""
        return self.config["runtime"]["endpoints"][self.config["models"][model]["endpoint"]["name"]]

    def recorded(self, model: str, run: str) -> tuple[str, str | None, list[str]]:
        """Where a recorded model's answers to a benchmark are: path, pattern below it, and names of the benchmark."""
        entry, names = self.config["models"][model]["responses"], self._names(run)
        return entry["path"], next((entry["files"][name] for name in names if name in entry.get("files", {})), None), names

    def import_responses(self, model: str, run: str) -> Part:
        """How recorded responses are read, and where the benchmark's questions stand."""
        columns = self.config["benchmarks"][self.runs()[run][0]]["columns"]
        return {**_only(self.config["models"][model]["responses"], "format", "columns"), "items": _only(columns, "id", "question")}

    def siblings(self, model: str) -> list[Part]:
        """All that a model is asked, so that one load of it, or of a grader, can do whatever is missing."""
        return [
            {
                "prompts": f"results/benchmarks/{run}/prompts.jsonl",
                "spec": self.respond(run),
                "output": f"results/responses/{model}/{run}.jsonl",
            }
            for run in self.runs()
        ]

    def grade(self, run: str) -> Part:
        name, protocol = self.runs()[run]
        benchmark, asked = self.config["benchmarks"][name], self.config["protocols"][protocol]
        form = {"answer_form": asked["answer_form"][benchmark["kind"]]} if benchmark["kind"] in asked["answer_form"] else {}
        return {
            "grader": asked["grader"],
            "max_new_tokens": self.respond(run)["max_new_tokens"],
            **form,
            **_only(benchmark["for_protocol"].get(protocol, {}), "answer_form"),
        }

    def compare(self, placed: Callable[[str], str] = str) -> Part:
        """Which models and benchmarks are compared, and what they are called where published. `placed` finds a path."""
        entries = {name: self.config["models"][name] for name in self.evaluated()}
        models = [
            {"name": name, **_only(entry, "role", "published"), **({"results": placed(entry["results"])} if "results" in entry else {})}
            for name, entry in entries.items()
        ]
        benchmarks = [
            {
                "name": run,
                "protocol": protocol,
                "n_samples": self.respond(run)["n_samples"],
                **_only(self.config["benchmarks"][name], "published"),
            }
            for run, (name, protocol) in self.runs().items()
        ]
        return {"models": models, "benchmarks": benchmarks, **self.config["statistics"]}

    def shown(self) -> Part:
        """What people read beside the numbers: names, labels and their order."""
        models, benchmarks, protocols, datasets = (self.config[key] for key in ("models", "benchmarks", "protocols", "datasets"))
        return {
            "models": [
                {
                    "name": name,
                    **_only(models[name], "role", "label"),
                    **self._curve(name),
                    **({} if name in self.with_weights() else {"weights": False}),
                }
                for name in self.evaluated()
            ],
            "benchmarks": [
                {"name": run, **_only(benchmarks[name], "label", "gated"), "protocol": protocols[protocol]["label"]}
                for run, (name, protocol) in self.runs().items()
            ],
            "datasets": [{"name": name, "label": datasets[name]["label"]} for name in self.trained_on()],
        }

    def _curve(self, model: str) -> Part:
        """A training and its checkpoints are one curve, named after the trained model."""
        of = self.trained_as(model)
        return {"curve": of} if any(self.trained_as(name) == of for name in self.made("checkpoint")) else {}

    def figures(self) -> Part:
        return {**self.shown(), "labels": self.config["figures"]}

    def drawn(self) -> dict[str, str]:
        """The figures that there is something to draw from, each with its category."""
        answers = {"answer_length": "Scores"} if self.answered() else {}
        training = {"score_vs_tokens": "Training", "loss": "Training"} if self.students() else {}
        data = {"lengths": "Data", "funnel": "Data"} if self.trained_on() else {}
        return {"scores": "Scores", **answers, **training, **data}

    def report(self) -> Part:
        return {**_only(self.config, "title", "note"), **self.shown(), **self._study()}

    def _study(self) -> Part:
        """Which students differ in their seed alone."""
        return {"study": study.groups(self.config["students"], self.config["checkpoints"])} if "students" in self.config else {}

    def card(self, model: str) -> Part:
        """What a model's card says beside the numbers: this model and the baseline, its data, and where base and data come from."""
        shown, training = self.shown(), self.training(model)
        kept = [entry for entry in shown["models"] if entry["name"] == model or entry["role"] == "baseline"]
        if model not in self.evaluated():
            kept.append({"name": model, "role": "student", "label": self.config["models"][model]["label"]})
        base, data = self._origin(training["base"]), self.config["datasets"][training["dataset"]]
        push = self.config["models"][model].get("push", {})
        return {
            "models": kept,
            "benchmarks": shown["benchmarks"],
            "datasets": [entry for entry in shown["datasets"] if entry["name"] == training["dataset"]],
            "base": {"label": base["label"], **_only(base.get("source", {}), "hub")},
            "data": {"label": data["label"], **_only(data["source"], "hub")},
            **_only(push, "repository"),
        }

    def _origin(self, model: str) -> Part:
        """The model that another was prepared from, or itself."""
        entry = self.config["models"][model]
        return self._origin(entry["prepare"]["base"]) if "prepare" in entry else entry

    def provenance(self) -> Part:
        """The configuration without what only people read and what only speed depends on."""
        kept = without(self.config, "title", "note", "figures", "runtime", "remove")
        labelled = (*KINDS, "protocols")
        return {
            "config": {
                key: {name: _decisive(entry) for name, entry in value.items()} if key in labelled else value for key, value in kept.items()
            }
        }


def in_results(path: str) -> bool:
    """Whether a path of the configuration is one that a rule of this run makes."""
    return PurePosixPath(path).parts[:1] == ("results",)


def _decisive(entry: Part) -> Part:
    """An entry of models, datasets and the like without its label, without what a training keeps on the way and where it is pushed."""
    train = {"train": without(entry["train"], "save")} if "train" in entry else {}
    return {**without(entry, "label", "push"), **train}


def without(entry: Part, *keys: str) -> Part:
    return {key: value for key, value in entry.items() if key not in keys}


def _only(entry: Part, *keys: str) -> Part:
    return {key: entry[key] for key in keys if key in entry}
