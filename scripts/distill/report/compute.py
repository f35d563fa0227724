"""What each model cost: floating-point operations, tokens and device time of the steps that it is made by, each step once.

A forward pass takes 2 operations for each weight that a token is multiplied by, and 4 · layers · width of the query heads for each token
that it attends to; a training three times that (Kaplan et al. 2020, arXiv:2001.08361; Chowdhery et al. 2022, arXiv:2204.02311, appendix B).
What recomputation, padding and discarded answers cost is not counted, nor is what came from elsewhere, such as a downloaded base, nor the
training of a teacher that the model is not made from. Of a mixture of experts all weights count.
"""

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.base.files import Row, read_json, read_jsonl
from distill.base.timing import timings


@dataclass(frozen=True)
class Shape:
    """`weights`: those that each token is multiplied by. `attention`: layers times the width of all query heads."""

    weights: int
    attention: int

    def forward(self, tokens: int, attended: int) -> float:
        """Operations of a forward pass over so many tokens, which attend to so many in sum, themselves included."""
        return 2.0 * self.weights * tokens + 4.0 * self.attention * attended


@dataclass(frozen=True)
class Cost:
    """Operations (FLOP) and tokens; `device_s` is None where a step's time is not known."""

    training_flops: float
    inference_flops: float
    tokens_trained: int
    tokens_inferred: int
    device_s: float | None = None

    @property
    def flops(self) -> float:
        return self.training_flops + self.inference_flops


def shape_of(folder: Path) -> Shape:
    """From config.json and the shapes of the weights. Raises InputError where these are not known."""
    config = read_json(folder / "config.json")
    config = config.get("text_config") or config
    sizes = {name: prod(shape) for name, shape in shapes_of(folder).items() if len(shape) > 1}
    if not sizes:
        raise InputError(f"{folder}: has no weights as safetensors")
    # The input embedding is looked up; it is multiplied by only where it is the output head too, which then has no separate tensor.
    looked_up = [name for name in sizes if name.endswith("embed_tokens.weight")] if any("lm_head" in name for name in sizes) else []
    heads = config["num_attention_heads"]
    width = heads * (config.get("head_dim") or config["hidden_size"] // heads)
    return Shape(sum(sizes.values()) - sum(sizes[name] for name in looked_up), config["num_hidden_layers"] * width)


def shapes_of(folder: Path) -> dict[str, list[int]]:
    """{tensor: shape} by the headers of the safetensors files; where a model was copied without them, by `shapes` in weights.json, if it
    has that (bench/on_a_gpu.py)."""
    found = {name: shape for path in sorted(folder.glob("*.safetensors")) for name, shape in tensor_shapes(path)}
    recorded = folder / "weights.json"
    return found or (read_json(recorded).get("shapes", {}) if recorded.is_file() else {})


def tensor_shapes(path: Path) -> Iterator[tuple[str, list[int]]]:
    """(name, shape) of each tensor of a safetensors file, by its header: eight bytes of length, then JSON."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    yield from ((name, entry["shape"]) for name, entry in header.items() if name != "__metadata__")


@dataclass(frozen=True)
class Measured:
    """A step: what is known by its name, tokens, operations of a forward pass over them, and device time. `training` is of trainings."""

    training: str | None
    tokens: int
    forward_flops: float
    device_s: float | None
    passes: int = 1  # of a forward pass's operations: 3 in a training, 2 in one of adapters, whose base has no gradients


def costs(steps: Mapping[str, Sequence[Mapping[str, str]]], root: Path) -> dict[str, Cost]:
    """{model: cost} of `steps`, {model: the steps that it is made by} (config/steps.py), from a results folder.

    Without a model of which a file is gone that its cost is counted from, such as the traces of a teacher.
    """
    known: dict[str, Measured | None] = {}

    def measured(step: Mapping[str, str]) -> Measured | None:
        key = json.dumps(step, sort_keys=True)
        if key not in known:
            known[key] = _measure(step, root)
        return known[key]

    found = {model: [measured(step) for step in own] for model, own in steps.items()}
    return {model: _cost([one for one in own if one]) for model, own in found.items() if None not in own}


def _measure(step: Mapping[str, str], root: Path) -> Measured | None:
    model = root / "models" / step["model"]
    path = {
        **dict.fromkeys(("train", "distill", "rollout"), model / "log.jsonl"),
        "distill_teacher": root / "models" / step.get("student", "") / "log.jsonl",
        "teacher": root / "sources" / "datasets" / step.get("dataset", "") / "traces.jsonl",
        "attempt": root / "attempts" / step["model"] / f"{step.get('dataset')}.jsonl",
        "judge": root / "data" / step.get("dataset", "") / "judge" / "responses.jsonl",
        "logits": root / "data" / step.get("dataset", "") / "logits" / "manifest.json",
    }[step["kind"]]
    if not (path.is_file() and (model / "config.json").is_file() and shapes_of(model)):
        return None
    tokens, attended = _work(step["kind"], path)
    passes = {"train": 2 if "lora" in _manifest(model).get("recipe", {}) else 3, "distill": 3}.get(step["kind"], 1)
    return Measured(step.get("training"), tokens, shape_of(model).forward(tokens, attended), _device_s(step, root), passes)


def _work(kind: str, path: Path) -> tuple[int, int]:
    """Tokens, and how many they attended to in sum: 0 in the log of an earlier version, which did not count them."""
    if kind in ("train", "distill", "rollout", "distill_teacher"):
        *_, last = [{"tokens": 0}, *read_jsonl(path)]
        return last["tokens"], last.get("attended", 0)
    if kind == "logits":
        scored = read_json(path)
        return scored["tokens"], scored["attended"]
    tokens = attended = 0
    for row in read_jsonl(path):
        length = (row["prompt_tokens"] or 0) + (row["completion_tokens"] or 0)
        tokens, attended = tokens + length, attended + length * (length + 1) // 2
    return tokens, attended


def _cost(steps: Sequence[Measured]) -> Cost:
    trained: dict[str, Measured] = {}  # of several checkpoints of one training the longest
    for step in steps:
        if step.training and (step.training not in trained or step.tokens > trained[step.training].tokens):
            trained[step.training] = step
    inferred = [step for step in steps if not step.training]
    took = [step.device_s for step in (*trained.values(), *inferred)]
    return Cost(
        training_flops=sum(step.passes * step.forward_flops for step in trained.values()),
        inference_flops=sum(step.forward_flops for step in inferred),
        tokens_trained=sum(step.tokens for step in trained.values()),
        tokens_inferred=sum(step.tokens for step in inferred),
        device_s=None if None in took else round(sum(device_s or 0.0 for device_s in took), 1),
    )


def _device_s(step: Mapping[str, str], root: Path) -> float | None:
    """Seconds of the step's last run, as Snakemake measured it, times its processes; of a resumed one only what followed the kill."""
    if step["kind"] in ("rollout", "distill_teacher"):
        return 0.0  # parts of the step distill
    names = {"train": step["model"], "distill": step["model"], "attempt": f"{step['model']}/{step.get('dataset')}"}
    name = names.get(step["kind"], step.get("dataset"))
    runs = timings(root / "timing" / step["kind"] / f"{name}.tsv")
    if not runs:
        return None
    processes = _manifest(root / "models" / step["model"]).get("world_size", 1) if step["kind"] in ("train", "distill") else 1
    return runs[-1].wall_s * processes


def _manifest(model: Path) -> Row:
    return read_json(model / "manifest.json")


def as_json(found: Mapping[str, Cost]) -> Row:
    """For provenance.json."""
    return {model: asdict(cost) for model, cost in found.items()}


def from_json(found: Mapping[str, Any]) -> dict[str, Cost]:
    """The costs in provenance.json, by model."""
    return {model: Cost(**entry) for model, entry in found.items()}
