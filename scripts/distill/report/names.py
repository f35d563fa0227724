"""What a report and its figures show, under which names and in which order."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from distill.base.settings import Settings, find, list_of


@dataclass(frozen=True)
class ShownModel:
    name: str
    role: str
    label: str
    color: str | None = None
    curve: str | None = None  # the model whose training this one is a checkpoint of
    released: str | None = None  # a day, as 2024-09-19
    weights: bool = True  # False: known only by answers or scores from elsewhere


@dataclass(frozen=True)
class ShownBenchmark:
    """`name` is the one in paths: benchmark, or benchmark@protocol. No text of a gated benchmark is ever shown."""

    name: str
    label: str
    protocol: str | None = None
    gated: bool = False
    published_after: str | None = None  # no item is older than this day


@dataclass(frozen=True)
class ShownDataset:
    """`prompts`: only its prompts are learned from, so there is no audit of its rows."""

    name: str
    label: str
    prompts: bool = False


@dataclass(frozen=True)
class Names:
    """What is compared, in the order in which it is shown."""

    models: tuple[ShownModel, ...]  # of a training its end
    benchmarks: tuple[ShownBenchmark, ...]
    datasets: tuple[ShownDataset, ...]
    labels: Mapping[str, str]  # of axes
    checkpoints: tuple[ShownModel, ...] = ()  # from earlier in a training

    def curve(self, model: ShownModel) -> list[ShownModel]:
        """The checkpoints of a training, then its end."""
        return [*(checkpoint for checkpoint in self.checkpoints if checkpoint.curve == model.name), model]

    def of_role(self, role: str) -> list[ShownModel]:
        return [model for model in self.models if model.role == role]

    def by_protocol(self) -> dict[str | None, list[ShownBenchmark]]:
        protocols = dict.fromkeys(benchmark.protocol for benchmark in self.benchmarks)
        return {protocol: [benchmark for benchmark in self.benchmarks if benchmark.protocol == protocol] for protocol in protocols}

    def label(self, model: str) -> str:
        return next((known.label for known in (*self.models, *self.checkpoints) if known.name == model), model)

    def protocol_label(self, benchmark: str) -> str:
        """The label of the protocol of benchmark@protocol."""
        return next((known.protocol for known in self.benchmarks if known.name == benchmark and known.protocol), benchmark)

    def benchmark_label(self, benchmark: str) -> str:
        """The label, with the protocol where the benchmark is evaluated under several."""
        known = next((known for known in self.benchmarks if known.name == benchmark), None)
        if known is None:
            return benchmark
        once = sum(other.label == known.label for other in self.benchmarks) == 1
        return known.label if once else f"{known.label}, {known.protocol or known.name}"


# The --spec of report.py, figures.py, answers.py and inspect_log.py, which may all be given the same file.
TEXT, MAPPING, LIST = {"type": "string"}, {"type": "object"}, {"type": "array"}
KEYS: dict[str, Any] = {
    "title": "title",
    "note": "note",
    "models": list_of(
        {
            "name": TEXT,
            "role": {"enum": [role for role in find("$defs/model/role")["enum"] if role != "none"]},  # of these there is no row
            "label": TEXT,
            "color": TEXT,
            "curve": TEXT,
            "released": TEXT,
            "weights": {"type": "boolean"},
        },
        required=("name",),
    ),
    "benchmarks": list_of(
        {
            "name": TEXT,
            "label": TEXT,
            "protocol": TEXT,
            "gated": {"$ref": "#/$defs/benchmark/properties/gated"},
            "published_after": TEXT,
        },
        required=("name",),
    ),
    "datasets": list_of({"name": TEXT, "label": TEXT, "prompts": {"type": "boolean"}}, required=("name",)),
    "labels": {**MAPPING, "additionalProperties": TEXT},
    "audited": {**MAPPING, "additionalProperties": MAPPING},
    "study": list_of({"label": TEXT, "models": {**LIST, "items": TEXT}, "seeds": LIST}, required=("label", "models")),
    "completions": list_of(
        {"name": TEXT, "label": TEXT, "share": {"$ref": "#/$defs/protocol/properties/share"}, "published_after": TEXT},
        required=("name", "label", "share"),
    ),
    "made_from": {**MAPPING, "additionalProperties": {**LIST, "items": MAPPING}},
    "katex": TEXT,
}
SPEC = Settings(**KEYS)


def names(spec: Mapping[str, Any], settings: Settings = SPEC) -> Names:
    """The models, benchmarks, datasets and labels of a --spec; a name alone stands for an entry that has only a name, and a model without
    a role is a student. `settings`: all keys that it may have.

    Raises InputError that names the wrong key.
    """
    entries = {key: spec.get(key) or [] for key in KINDS}
    lists = {key: [_entry(key, entry) for entry in given] for key, given in entries.items() if isinstance(given, list)}
    given = settings.read({**spec, **lists})
    models, benchmarks, datasets = (
        tuple(kind(**{**entry, "label": entry.get("label") or entry["name"]}) for entry in given[key]) for key, kind in KINDS.items()
    )
    known = {model.name for model in models}
    ends = tuple(model for model in models if model.curve in (None, model.name) or model.curve not in known)
    return Names(ends, benchmarks, datasets, given.get("labels", {}), tuple(model for model in models if model not in ends))


def _entry(key: str, entry: Any) -> Any:
    entry = {"name": entry} if isinstance(entry, str) else entry
    return {"role": "student", **entry} if key == "models" and isinstance(entry, dict) else entry


KINDS = {"models": ShownModel, "benchmarks": ShownBenchmark, "datasets": ShownDataset}
