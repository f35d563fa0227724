"""The files under results/ that the models and datasets of a checked configuration lie in."""

from distill.config.configured import Configured, parent_of


class ConfiguredFiles(Configured):
    """A configuration that also knows where files lie."""

    def tokenizer_of(self, dataset: str) -> list[str]:
        """The files that hold the tokenizer which counts a dataset's tokens."""
        return self.tokenizer_files(self.config["datasets"][dataset]["tokenizer"])

    def tokenizer_files(self, model: str) -> list[str]:
        """The files that hold a model's tokenizer. The miniature's is there long before its base is trained."""
        if model in self.miniature("models"):
            return [f"results/sources/models/{model}/{name}" for name in ("tokenizer.json", "tokenizer_config.json")]
        folder = "sources/models" if "source" in self.config["models"][model] else "models"
        return [f"results/{folder}/{model}/manifest.json"]

    def parent_manifest(self, model: str) -> str:
        """What a model is made from: its source, or another model."""
        parent = parent_of(self.config["models"][self.trained_as(model)])
        return f"results/models/{parent}/manifest.json" if parent else f"results/sources/models/{model}/manifest.json"

    def teacher_manifest(self, model: str) -> str:
        """The teacher of a distilled model."""
        return f"results/models/{self.distillation(model)['teacher']}/manifest.json"

    def averaged_manifests(self, model: str) -> list[str]:
        """What a mean is made from."""
        return [f"results/models/{name}/manifest.json" for name in self.config["models"][model]["average"]["of"]]

    def questions_of(self, dataset: str) -> str:
        """What a teacher's questions are read from: another dataset's traces, or a fetched folder."""
        above = self.teacher_of(dataset)["questions"].get("dataset")
        return f"results/data/{above}/traces.jsonl" if above else f"results/sources/questions/{dataset}/manifest.json"

    def teacher_model(self, dataset: str) -> list[str]:
        """The manifest of a teacher on this machine; nothing where it is behind an endpoint."""
        teacher = self.teacher_of(dataset)
        return [] if "endpoint" in teacher else [f"results/models/{teacher['model']}/manifest.json"]

    def judge_model(self, dataset: str) -> list[str]:
        """The manifest of a judge on this machine; nothing where it is behind an endpoint."""
        judge = self.judge_of(dataset)
        return [] if "endpoint" in judge else [f"results/models/{judge['model']}/manifest.json"]

    def verdicts_of(self, dataset: str) -> list[str]:
        """What the judge of a dataset wrote, if it has one."""
        return [f"results/data/{dataset}/judge/responses.jsonl"] if dataset in self.judged() else []

    def decisions_of(self, dataset: str) -> list[str]:
        """The file of decisions made by hand on a dataset's traces, if there is one."""
        return [path for path in [self.config["datasets"][dataset]["filter"].get("review")] if path]

    def pass_rates_of(self, dataset: str) -> list[str]:
        """The verdicts on the answers to a dataset's questions, where pass rates decide which are kept."""
        rater = self.rater(dataset)
        return [f"results/pass_rates/{rater}/{dataset}.jsonl"] if rater else []

    def logits_of(self, model: str) -> list[str]:
        """A teacher's probabilities that a training learns from, where it does."""
        return [f"results/data/{self.training(model)['dataset']}/logits/manifest.json"] if self.scored_by(model) else []

    def gold_of(self, dataset: str) -> list[str]:
        return [f"results/sources/golds/{dataset}/manifest.json"] if "gold" in self.config["datasets"][dataset] else []

    def whole_training(self, model: str) -> list[str]:
        """What a checkpoint waits for: the training that keeps it."""
        return [f"results/models/{self.trained_as(model)}/manifest.json"] if self.trained_as(model) != model else []

    def counted_by(self, model: str) -> list[str]:
        """The files of the tokenizer that counts a recorded model's tokens; none where none does."""
        name = self.config["models"][model]["responses"].get("tokenizer")
        return self.tokenizer_files(name) if name else []

    def recorded(self, model: str, task: str) -> tuple[str, str | None, list[str]]:
        """Where a recorded model's answers to a benchmark are: path, pattern below it, and names of the benchmark."""
        entry, names = self.config["models"][model]["responses"], self._names(task)
        return entry["path"], next((entry["files"][name] for name in names if name in entry.get("files", {})), None), names
