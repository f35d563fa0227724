"""For each step, the part of a checked configuration that decides the step's result.

Snakemake remembers these parts as parameters, so a part must hold all that changes the step's result and nothing that does not.
"""

from collections.abc import Callable

from distill.base.errors import InputError
from distill.config.configured import Part, only, without
from distill.config.configured_files import ConfiguredFiles
from distill.generation import collect, import_recorded
from distill.generation.teacher import SPEC as TEACHER
from distill.models import prepare
from distill.sources import lock as sources_lock
from distill.sources.fetch import SPEC as FETCH
from distill.training.recipe import DISTILLATION, RECIPE, WATCH, with_meaning


class Plan(ConfiguredFiles):
    """The parts of a configuration, by step."""

    def fetch(self, path: str, lock: str = "", results: str = "results") -> Part:
        """What decides the files of `{kind}/{name}`. Where the lock file has it, its commit counts and not the branch."""
        source = {**FETCH.pick(self.source_of(path)), **self._optional(path)}
        if not source.keys() & {"hub", "modelscope"}:
            return source
        pinned = sources_lock.locked_version(sources_lock.read(lock), path, source) if lock else {}
        named = without(source, "revision") if "commit" in pinned else source
        part = {**named, **pinned, "repo_type": "model" if path.startswith("models/") else "dataset"}
        recorded = sources_lock.recorded_source(part, f"{results}/sources/{path}/manifest.json")
        return only(recorded, *FETCH.schema["properties"])

    def _optional(self, path: str) -> Part:
        kind, name = path.split("/")
        return {"optional": True} if kind == "benchmarks" and self.config[kind][name]["optional"] else {}

    def miniature_spec(self, kind: str, name: str) -> Part:
        """What the miniature makes a source from: the seed and its sizes."""
        return {"seed": self.config["miniature"]["seed"], **without(self.config[kind][name]["source"], "miniature")}

    def miniature_spec_with_benchmarks(self, kind: str, name: str) -> Part:
        """The same for traces and base texts, which must not hold the benchmarks' items."""
        sources = [self.config["benchmarks"][benchmark]["source"] for benchmark in self.miniature("benchmarks")]
        return {**self.miniature_spec(kind, name), "benchmarks": {source["miniature"]: source["items"] for source in sources}}

    def normalise(self, dataset: str) -> Part:
        """How the columns of a raw set are read."""
        entry = self.config["datasets"][dataset]
        gold = {"gold": without(entry["gold"], "source")} if "gold" in entry else {}
        return {**only(entry, "columns", "where"), **gold}

    def teacher(self, dataset: str) -> Part:
        """What decides a teacher's traces apart from its weights, the questions and the system prompt."""
        teacher = self.teacher_of(dataset)
        engine = "openai" if "endpoint" in teacher else teacher["engine"]
        columns = {"question": "question", "gold": "gold"} if "dataset" in teacher["questions"] else teacher["questions"]["columns"]
        return {**TEACHER.pick(teacher), "engine": engine, "columns": columns}

    def teacher_runtime(self, dataset: str) -> Part:
        """Where and how fast a teacher answers, and what it may cost."""
        return self._runtime_of(self.teacher_of(dataset).get("endpoint"))

    def _runtime_of(self, endpoint: str | None) -> Part:
        return self.config["runtime"]["endpoints"][endpoint] if endpoint else without(self.config["runtime"], "endpoints")

    def counted_with(self, dataset: str) -> Part:
        """The recipe whose chat template counts a dataset's tokens: the first that is trained on it, or on a mixture of it, if any."""
        mixtures = [name for name in self.mixtures() if dataset in self.parts(name)]
        own = next((self.training(model) for model in self._trained_on(dataset)), {})
        return own or next((recipe for name in mixtures if (recipe := self.counted_with(name))), {})

    def _trained_on(self, dataset: str) -> list[str]:
        return [model for model in self.made("train") if self.training(model)["dataset"] == dataset]

    def audited(self, model: str) -> Part:
        """How a training takes its rows, with the tokenizer of the source that it comes from: what an audit of it depends on."""
        recipe = self.training(model)
        declared = {key: value for key in ("eos_token", "chat_template") if (value := self.declared(model, key)) is not None}
        return {
            "tokenizer": self.chain(model)[-1],
            **only(recipe, "max_length", "packing", "loss_on"),
            **declared,
            "thought_style": self.thought_style(recipe["dataset"]),
        }

    def audits(self, dataset: str) -> list[Part]:
        """Each way in which a dataset's rows are tokenized and cut, in the order of the models."""
        found: list[Part] = []
        for way in map(self.audited, self._trained_on(dataset)):
            found += [] if way in found else [way]
        return found

    def audit(self, dataset: str) -> Part:
        """All ways of a dataset's rows, the first on its own. Raises InputError where there is none."""
        ways = self.audits(dataset)
        if not ways:
            raise InputError(
                f"datasets.{dataset}: no model is trained on it, so there is nothing to audit: name it as train.dataset of a model"
            )
        return {**ways[0], "others": ways[1:], **only(self.config["datasets"][dataset]["audit"], "stop_above")}

    def filter(self, dataset: str) -> Part:
        """Which rows of a dataset are kept, and how they are written."""
        entry = self.config["datasets"][dataset]
        benchmarks = {
            name: {"columns": benchmark["columns"], "gated": benchmark["gated"]} for name, benchmark in self.config["benchmarks"].items()
        }
        rule = {"judge": only(entry["filter"]["judge"], "keep_at", "unjudged")} if "judge" in entry["filter"] else {}
        kept = without(entry["filter"], "judge", "review")
        return {**kept, **rule, "thought_style": entry["thought_style"], "benchmarks": benchmarks}

    def judge_prompts(self, dataset: str) -> Part:
        """Which rows of a dataset its judge reads: all that the filter keeps but for what depends on other rows."""
        return without(self.filter(dataset), "judge", "near_duplicates", "per_question")

    def judge(self, dataset: str) -> Part:
        """What decides a judge's answers apart from its weights and what it is shown."""
        judge = self.judge_of(dataset)
        engine = "openai" if "endpoint" in judge else judge["engine"]
        return {**collect.JUDGE.pick(judge), "engine": engine}

    def judge_runtime(self, dataset: str) -> Part:
        """Where and how fast a judge answers, and what it may cost."""
        return self._runtime_of(self.judge_of(dataset).get("endpoint"))

    def review(self, dataset: str) -> Part:
        """Which traces are drawn to be judged by hand, and what the page shows of the judge."""
        entry = self.config["datasets"][dataset]
        rule = {"keep_at": self.judge_of(dataset)["keep_at"]} if dataset in self.judged() else {}
        return {**entry["review_sample"], "dataset": dataset, **rule}

    def training_questions(self, dataset: str) -> Part:
        """How the questions of a dataset are put to the model whose pass rates decide."""
        rules = self.config["datasets"][dataset]["filter"]
        return {**only(rules, "answer_kind"), "user": rules["pass_rate"]["user"]}

    def attempt(self, dataset: str) -> Part:
        """What decides that model's answers apart from the model and the questions."""
        rule = self.config["datasets"][dataset]["filter"]["pass_rate"]
        return {"n_samples": rule["samples"], **only(rule, "engine", "temperature", "top_p", "max_new_tokens", "seed")}

    def grade_attempts(self, dataset: str) -> Part:
        """How those are graded: as the filter grades traces, by the box."""
        return {"grader": "boxed", "answer": "box", **only(self.attempt(dataset), "max_new_tokens")}

    def mix(self, dataset: str) -> Part:
        """Which rows of its parts a mixture holds."""
        return only(self.config["datasets"][dataset], "mix", "seed")

    def logits(self, dataset: str) -> Part:
        """How a teacher scores a dataset: as many tokens as are kept, and the end of turn that its students are trained with."""
        way = self.audited(self.learning_from_logits(dataset)[0])
        return {**only(self.config["datasets"][dataset]["logits"], "top_k"), **only(way, "eos_token")}

    def logits_way(self, dataset: str) -> Part:
        """The tokenizer and the template of its students, all alike."""
        return only(self.audited(self.learning_from_logits(dataset)[0]), "tokenizer", "chat_template")

    def prepare(self, model: str) -> Part:
        entry = self.config["models"][model]
        trusted = {"trust_remote_code": True} if entry.get("trust_remote_code") else {}
        return {**prepare.SPEC.pick(entry.get("prepare", {})), **trusted}

    def average(self, model: str) -> Part:
        """What a mean of models depends on next to the models: their order, which decides precision and tokenizer, and their weights."""
        return only(self.config["models"][model]["average"], "of", "weights")

    def recipe(self, model: str) -> Part:
        """What decides the weights of a trained model apart from its base and its data; of a checkpoint, its epoch too."""
        until = {"until": self.config["models"][model]["checkpoint"]["epoch"]} if self.trained_as(model) != model else {}
        return {**with_meaning(RECIPE.pick(self.training(model))), **until}

    def distill(self, model: str) -> Part:
        """What decides the weights of a distilled model apart from its student, its teacher and its prompts."""
        return with_meaning(DISTILLATION.pick(self.distillation(model)))

    def watch(self, model: str) -> Part:
        """When a distillation is stopped before its end."""
        return WATCH.pick(self.distillation(model))

    def prompts(self, task: str) -> Part:
        """What decides the prompts of a benchmark under a protocol, or of a data set whose questions are prompts."""
        name, protocol = self.prompted()[task]
        benchmark, entry = self.config["benchmarks"][name], self.config["protocols"][protocol]
        if entry["kind"] == "completion":
            return {"kind": "completion", "columns": only(benchmark["columns"], "id", "question"), "share": entry["share"]}
        own = benchmark["for_protocol"].get(protocol, {})
        choice = {"shuffle_seed": benchmark["shuffle_seed"]} if benchmark["kind"] == "choice" else {}
        return {
            "kind": benchmark["kind"],
            "columns": {**benchmark["columns"], **only(own, "gold")},
            "system": entry["system"],
            "user": own["user"] if "user" in own else entry[benchmark["kind"]],
            **({"examples": examples} if (examples := entry["examples"].get(benchmark["kind"])) else {}),
            **choice,
        }

    def respond(self, task: str) -> Part:
        """What decides a model's answers apart from the model and the prompts."""
        name, protocol = self.prompted()[task]
        entry = self.config["protocols"][protocol]
        return {"engine": entry["engine"], **entry["sampling"], **self.config["benchmarks"][name]["sampling"].get(protocol, {})}

    def ask(self, model: str, task: str) -> Part:
        """The same of a model behind an endpoint, which the names of both decide."""
        served = self.config["models"][model]["endpoint"]
        return {**self.respond(task), "engine": "openai", "endpoint": served["name"], "model": served["model"]}

    def endpoint_of(self, model: str) -> Part:
        """Where a model behind an endpoint is, and how fast it is sent requests."""
        return self.config["runtime"]["endpoints"][self.config["models"][model]["endpoint"]["name"]]

    def import_responses(self, model: str, task: str) -> Part:
        """How recorded responses are read, and where the benchmark's questions stand."""
        entry, name = self.config["models"][model]["responses"], self.tasks()[task][0]
        benchmark = self.config["benchmarks"][name]
        return {
            **import_recorded.SPEC.pick(entry),
            "answered": entry["items"],
            **({"task": benchmark.get("published", name)} if entry["format"] == "evalchemy" else {}),
            "items": only(benchmark["columns"], "id", "question"),
        }

    def siblings(self, model: str) -> list[Part]:
        """All prompts of a model, so that one load of it can answer whatever is missing."""
        return [
            {
                "prompts": f"results/benchmarks/{task}/prompts.jsonl",
                "spec": self.respond(task),
                "output": f"results/responses/{model}/{task}.jsonl",
            }
            for task in (self.prompted() if model in self.with_weights() else self.tasks())
        ]

    def evaluations(self) -> list[Part]:
        """All responses that are graded, so that one import of lighteval can grade whatever is missing."""
        return [
            {
                "prompts": f"results/benchmarks/{task}/prompts.jsonl",
                "responses": f"results/responses/{model}/{task}.jsonl",
                **self._answered_items(model),
            }
            for model, task in self.answered()
        ]

    def grade(self, task: str, model: str | None = None) -> Part:
        """How answers are graded; of one model, whether they may be to some of the items only."""
        name, protocol = self.tasks()[task]
        benchmark, entry = self.config["benchmarks"][name], self.config["protocols"][protocol]
        form = {"answer_form": entry["answer_form"][benchmark["kind"]]} if benchmark["kind"] in entry["answer_form"] else {}
        return {
            "grader": entry["grader"],
            "answer": entry["answer"],
            "max_new_tokens": self.respond(task)["max_new_tokens"],
            **form,
            **only(benchmark["for_protocol"].get(protocol, {}), "answer_form"),
            **self._answered_items(model),
        }

    def grade_lighteval(self, task: str, model: str | None = None) -> Part:
        """What decides lighteval's results apart from prompts and responses: nothing, or its self-test, where it is the one who decides."""
        how = self.grade(task)
        return {**(only(how, "grader", "answer_form") if how["grader"] == "lighteval" else {}), **self._answered_items(model)}

    def _answered_items(self, model: str | None) -> Part:
        entry = self.config["models"][model].get("responses", {}) if model else {}
        return only(entry, "items") if entry.get("items") == "answered" else {}

    def compare(self, resolve_path: Callable[[str], str] = str) -> Part:
        """Which models and benchmarks are compared, and what they are called where published. `resolve_path` finds a path."""
        entries = {name: self.config["models"][name] for name in self.evaluated()}
        models = [
            {
                "name": name,
                **only(entry, "role", "published"),
                **({"results": resolve_path(entry["results"])} if "results" in entry else {}),
            }
            for name, entry in entries.items()
        ]
        benchmarks = [
            {
                "name": task,
                "protocol": protocol,
                **only(self.respond(task), "n_samples", "max_new_tokens"),
                **only(self.config["benchmarks"][name], "published", "items"),
            }
            for task, (name, protocol) in self.tasks().items()
        ]
        return {"models": models, "benchmarks": benchmarks, **self.config["statistics"]}
