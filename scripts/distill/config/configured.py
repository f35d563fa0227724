"""What a checked configuration names: models, datasets, benchmarks, and what is made from what."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

Part = dict[str, Any]
KINDS = ("models", "datasets", "benchmarks")
ROLES = ("baseline", "reference", "student")
WITH_WEIGHTS = ("source", "prepare", "train", "distill", "checkpoint", "average")  # ways to a model whose weights are here
TRAINED = ("train", "distill", "checkpoint")  # ways to a model that has a recipe and a log


@dataclass(frozen=True)
class Configured:
    """A configuration as distill.config.load.load returns it."""

    config: dict[str, Any]

    def made(self, *ways: str) -> list[str]:
        """Models made in one of these ways: source, prepare, train, distill, checkpoint, average, responses, endpoint or results."""
        return [name for name, model in self.config["models"].items() if model.keys() & set(ways)]

    def evaluated(self) -> list[str]:
        """Models with a role, baseline first."""
        models = self.config["models"]
        return sorted((name for name in models if models[name]["role"] in ROLES), key=lambda name: ROLES.index(models[name]["role"]))

    def with_weights(self) -> list[str]:
        """Evaluated models that are more than what they wrote or scored elsewhere."""
        return [name for name in self.evaluated() if not self.config["models"][name].keys() & {"responses", "endpoint", "results"}]

    def local(self) -> list[str]:
        """Models whose weights are in results/models/."""
        return self.made(*WITH_WEIGHTS)

    def students(self) -> list[str]:
        """Evaluated models that are trained here, checkpoints of such among them."""
        return [name for name in self.evaluated() if self.config["models"][name].keys() & set(TRAINED)]

    def trained_on(self) -> list[str]:
        """Datasets that some model is trained on."""
        return sorted({self.config["models"][name]["train"]["dataset"] for name in self.made("train")})

    def prompt_sets(self) -> list[str]:
        """Datasets whose prompts some student answers in its distillation."""
        return sorted({self.distillation(name)["prompts"] for name in self.made("distill")})

    def learned_from(self) -> list[str]:
        """Datasets that some model is trained on, or whose prompts it learns from."""
        return sorted({*self.trained_on(), *self.prompt_sets()})

    def tasks(self) -> dict[str, tuple[str, str]]:
        """What is evaluated: {benchmark, or benchmark@protocol where it runs under several: (benchmark, protocol)}."""
        return dict(self._tasks)

    @cached_property
    def _tasks(self) -> dict[str, tuple[str, str]]:
        found = {name: self._protocols(name, completion=False) for name in self.config["benchmarks"]}
        return {
            name if len(protocols) == 1 else f"{name}@{protocol}": (name, protocol)
            for name, protocols in found.items()
            for protocol in protocols
        }

    def completions(self) -> dict[str, tuple[str, str]]:
        """What is continued and not answered: {benchmark@protocol: (benchmark, protocol)} of the protocols of kind completion."""
        return {
            f"{name}@{protocol}": (name, protocol)
            for name in self.config["benchmarks"]
            for protocol in self._protocols(name, completion=True)
        }

    def prompted(self) -> dict[str, tuple[str, str]]:
        """All that models get prompts of: tasks and completions."""
        return dict(self._prompted)

    @cached_property
    def _prompted(self) -> dict[str, tuple[str, str]]:
        return self._tasks | self.completions()

    def _protocols(self, benchmark: str, completion: bool) -> list[str]:
        protocols = self.config["protocols"]
        return [
            name for name in self.config["benchmarks"][benchmark]["protocols"] if (protocols[name]["kind"] == "completion") is completion
        ]

    def answered(self) -> list[tuple[str, str]]:
        """(model, task) of all answers: of each evaluated model to each benchmark, of a recorded one to those that its files are of."""
        return [(name, task) for name in self.evaluated() for task in self.tasks() if self._answers(self.config["models"][name], task)]

    def completed(self) -> list[tuple[str, str]]:
        """(model, benchmark@protocol) of all completions: of the evaluated models whose weights are here."""
        return [(name, task) for name in self.with_weights() for task in self.completions()]

    def _answers(self, model: Part, task: str) -> bool:
        files = model.get("responses", {}).get("files")
        return "results" not in model and (files is None or any(name in files for name in self._names(task)))

    def _names(self, task: str) -> list[str]:
        """What a task is called in a configuration: as in paths, and by its benchmark alone."""
        return list(dict.fromkeys((task, self.tasks()[task][0])))

    def miniature(self, kind: str) -> list[str]:
        """Names under models, datasets or benchmarks whose files the miniature makes."""
        return [name for its_kind, name, source in self._sources() if its_kind == kind and "miniature" in source]

    def fetched(self) -> list[str]:
        """`{kind}/{name}` of all whose files are fetched, not made here."""
        return [f"{kind}/{name}" for kind, name, source in self._sources() if not source.keys() & {"miniature", "teacher", "dataset"}]

    def _sources(self) -> list[tuple[str, str, Part]]:
        own = [(kind, name, entry["source"]) for kind in KINDS for name, entry in self.config[kind].items() if "source" in entry]
        golds = [("golds", name, entry["gold"]["source"]) for name, entry in self.config["datasets"].items() if "gold" in entry]
        return own + golds + [("questions", name, self.teacher_of(name)["questions"]) for name in self.teacher_datasets()]

    def sources_used(self) -> list[str]:
        """`{kind}/{name}` of the benchmarks, and of the datasets that this run trains on or asks a teacher about."""
        datasets = self.learned_from()
        for name in datasets:  # grows as it goes: a teacher's questions may come from another dataset
            above = [self.teacher_of(name)["questions"].get("dataset")] if name in self.teacher_datasets() else self.parts(name)
            datasets += [other for other in above if other and other not in datasets]
        with_source = [name for name in datasets if name in self.filtered()]
        return [*(f"benchmarks/{name}" for name in self.config["benchmarks"]), *(f"datasets/{name}" for name in with_source)]

    def mixtures(self) -> list[str]:
        """Datasets that are put together from others."""
        return [name for name, entry in self.config["datasets"].items() if "mix" in entry]

    def filtered(self) -> list[str]:
        """Datasets with their own source."""
        return [name for name, entry in self.config["datasets"].items() if "mix" not in entry]

    def parts(self, dataset: str) -> list[str]:
        """The datasets that a mixture is made of; none of any other dataset."""
        return [part["dataset"] for part in self.config["datasets"][dataset].get("mix", [])]

    def thought_style(self, dataset: str) -> str:
        """The tags of a dataset's completions; a mixture has those of its parts."""
        parts = self.parts(dataset)
        return self.thought_style(parts[0]) if parts else self.config["datasets"][dataset]["thought_style"]

    def source_of(self, path: str) -> Part:
        """The source: of `{kind}/{name}`."""
        return next(source for kind, name, source in self._sources() if f"{kind}/{name}" == path)

    def below_seal(self, model: str) -> bool:
        """Whether a model is trained, made from one that is, or recorded in files of this run, which may be those of such a model."""
        entry = self.config["models"][model]
        recorded_here = "responses" in entry and in_results(entry["responses"]["path"])
        return bool(entry.keys() & {"train", "distill"}) or recorded_here or any(map(self.below_seal, parents_of(entry)))

    def teacher_datasets(self) -> list[str]:
        """Datasets that a teacher writes in this run."""
        return [name for name, entry in self.config["datasets"].items() if "teacher" in entry.get("source", {})]

    def teacher_of(self, dataset: str) -> Part:
        return self.config["datasets"][dataset]["source"]["teacher"]

    def judged(self) -> list[str]:
        """Datasets whose traces a model judges."""
        return [name for name in self.filtered() if "judge" in self.config["datasets"][name]["filter"]]

    def judge_of(self, dataset: str) -> Part:
        return self.config["datasets"][dataset]["filter"]["judge"]

    def rated(self) -> list[str]:
        """Datasets whose questions a model of this run answers, for filter.pass_rate."""
        return [name for name, entry in self.config["datasets"].items() if "pass_rate" in entry["filter"]]

    def rater(self, dataset: str) -> str | None:
        """The model whose pass rates decide which questions of a dataset are kept, if any."""
        return self.config["datasets"][dataset]["filter"].get("pass_rate", {}).get("model")

    def raters(self) -> list[str]:
        return list(dict.fromkeys(rater for dataset in self.rated() if (rater := self.rater(dataset))))

    def scored_by(self, model: str) -> list[str]:
        """The teacher whose probabilities a training learns from; none with another loss than kl."""
        recipe = self.training(model)
        return [self.config["datasets"][recipe["dataset"]]["logits"]["teacher"]] if recipe["loss"] == "kl" else []

    def learning_from_logits(self, dataset: str) -> list[str]:
        """Models that are trained on a dataset with loss kl."""
        return [name for name in self.made("train") if self.training(name)["dataset"] == dataset and self.scored_by(name)]

    def scored(self) -> list[str]:
        """Datasets that a teacher scores."""
        return [name for name in self.config["datasets"] if self.learning_from_logits(name)]

    def dataset_below_seal(self, dataset: str) -> bool:
        """Whether a dataset's rows depend on a model that is trained here, as its teacher, its judge or by its pass rates: it cannot be
        sealed before training."""
        deciding = [self.rater(dataset)] if dataset in self.rated() else []
        deciding += [judge["model"] for name in self.judged() if name == dataset and "endpoint" not in (judge := self.judge_of(name))]
        return any(self.below_seal(model) for model in deciding if model) or self.traces_below_seal(dataset)

    def traces_below_seal(self, dataset: str) -> bool:
        """The same of its traces, before the filter: their teacher is trained here, or answers the questions of such a dataset."""
        if dataset not in self.teacher_datasets():
            return any(map(self.dataset_below_seal, self.parts(dataset)))
        teacher = self.teacher_of(dataset)
        above = teacher["questions"].get("dataset")
        return ("endpoint" not in teacher and self.below_seal(teacher["model"])) or (above is not None and self.traces_below_seal(above))

    def trained_as(self, model: str) -> str:
        """The model whose training makes this one: itself, or that which it is a checkpoint of."""
        return self.config["models"][model].get("checkpoint", {}).get("of", model)

    def training(self, model: str) -> Part:
        """`train:` of a trained model, or of that which it is a checkpoint of."""
        return self.config["models"][self.trained_as(model)]["train"]

    def distillation(self, model: str) -> Part:
        """`distill:` of a model."""
        return self.config["models"][model]["distill"]

    def dataset_of(self, model: str) -> str:
        """The dataset that a trained model learned from."""
        return self.distillation(model)["prompts"] if "distill" in self.config["models"][model] else self.training(model)["dataset"]

    def chain(self, model: str) -> list[str]:
        """A model and those that it is made from, itself first and its source last; of an average, the first model's."""
        parent = parent_of(self.config["models"][model])
        return [model, *(self.chain(parent) if parent else [])]

    def declared(self, model: str, key: str) -> Any:
        """What a model, or else the nearest that it is made from, is prepared or trained with, as `eos_token`; None: its source's own."""
        entries = [self.config["models"][name] for name in self.chain(model)]
        return next((entry[way][key] for entry in entries for way in ("train", "distill", "prepare") if key in entry.get(way, {})), None)

    def sealed(self) -> list[str]:
        """Datasets that some model is trained on and that are known before any training."""
        return [name for name in self.trained_on() if not self.dataset_below_seal(name)]

    def sealed_prompts(self) -> list[str]:
        """Datasets whose prompts some student answers and that are known before any training."""
        return [name for name in self.prompt_sets() if not self.dataset_below_seal(name)]


def parents_of(model: Part) -> list[str]:
    """The models that a model is made from: its base, the training that it is a checkpoint of, its student and teacher, or those that it is
    the mean of."""
    if "average" in model:
        return list(model["average"]["of"])
    if "distill" in model:
        return [model["distill"]["student"], model["distill"]["teacher"]]
    parent = (model.get("prepare") or model.get("train") or {}).get("base") or model.get("checkpoint", {}).get("of")
    return [parent] if parent else []


def parent_of(model: Part) -> str | None:
    """The model whose tokenizer and configuration a model has: the first that it is made from; None for a source."""
    return next(iter(parents_of(model)), None)


def in_results(path: str) -> bool:
    """Whether a path of the configuration is one that a rule of this run makes."""
    return PurePosixPath(path).parts[:1] == ("results",)


def without(entry: Part, *keys: str) -> Part:
    """A copy without these keys."""
    return {key: value for key, value in entry.items() if key not in keys}


def only(entry: Part, *keys: str) -> Part:
    """A copy with these keys alone, in this order, as far as they are there."""
    return {key: entry[key] for key in keys if key in entry}
