"""What a report and its figures show, under which names and in which order."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from distill.base.errors import InputError


@dataclass(frozen=True)
class ShownModel:
    name: str
    role: str
    label: str
    color: str | None = None
    curve: str | None = None  # the model whose training this one is a checkpoint of
    weights: bool = True  # False: known only by answers or scores from elsewhere


@dataclass(frozen=True)
class ShownBenchmark:
    """`name` is the one in paths: benchmark, or benchmark@protocol. No text of a gated benchmark is ever shown."""

    name: str
    label: str
    protocol: str | None = None
    gated: bool = False


@dataclass(frozen=True)
class ShownDataset:
    name: str
    label: str


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

    def benchmark_label(self, benchmark: str) -> str:
        """The label, with the protocol where the benchmark is evaluated under several."""
        known = next((known for known in self.benchmarks if known.name == benchmark), None)
        if known is None:
            return benchmark
        once = sum(other.label == known.label for other in self.benchmarks) == 1
        return known.label if once else f"{known.label}, {known.protocol or known.name}"


def names(spec: Mapping[str, Any]) -> Names:
    """The models, benchmarks, datasets and labels of a --spec. Raises InputError that names the key that is missing or unknown."""
    models, benchmarks, datasets = (
        tuple(_entry(kind, entry, key) for entry in spec.get(key) or ())
        for key, kind in (("models", ShownModel), ("benchmarks", ShownBenchmark), ("datasets", ShownDataset))
    )
    known = {model.name for model in models}
    ends = tuple(model for model in models if model.curve in (None, model.name) or model.curve not in known)
    return Names(ends, benchmarks, datasets, spec.get("labels") or {}, tuple(model for model in models if model not in ends))


def _entry(kind: type, entry: Any, key: str) -> Any:
    entry = {"name": entry} if isinstance(entry, str) else dict(entry)
    fields = kind.__dataclass_fields__
    if "name" not in entry:
        raise InputError(f"--spec: an entry of {key} has no name: give each a name and a label")
    if unknown := sorted(set(entry) - set(fields)):
        raise InputError(f"--spec: {key}: {entry['name']}: unknown key {unknown[0]!r}: known are {', '.join(fields)}")
    if "role" in fields:
        entry.setdefault("role", "student")
    entry["label"] = entry.get("label") or entry["name"]
    return kind(**entry)
