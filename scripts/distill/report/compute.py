"""What each model cost: floating-point operations, tokens and device time of the steps that it is made by, each step once.

A forward pass takes 2 operations for each weight that a token is multiplied by, and 4 · layers · width of the query heads for each token
that it attends to; a training three times that (Kaplan et al. 2020, arXiv:2001.08361; Chowdhery et al. 2022, arXiv:2204.02311, appendix B).
What recomputation, padding and discarded answers cost is not counted, nor is what came from elsewhere, such as a downloaded base, nor the
training of a teacher that the model is not made from. Of a mixture of experts all weights count.
"""

import csv
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.base.files import Row, read_json, read_jsonl


@dataclass(frozen=True)
class Shape:
    """`weights`: those that each token is multiplied by. `attention`: layers times the width of all query heads."""

    weights: int
    attention: int

    def forward(self, tokens: int, attended: int) -> float:
        """Operations of a forward pass over so many tokens, which attend to so many in sum, themselves included."""
        return 2.0 * self.weights * tokens + 4.0 * self.attention * attended


@dataclass(frozen=True)
class Work:
    """What one step did. `attended` is None where it was not counted; then attention is left out."""

    tokens: int
    attended: int | None


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
    """From config.json and the headers of the safetensors files. Raises InputError where there are none."""
    config = read_json(folder / "config.json")
    config = config.get("text_config") or config
    sizes = {name: prod(shape) for path in sorted(folder.glob("*.safetensors")) for name, shape in _tensors(path) if len(shape) > 1}
    if not sizes:
        raise InputError(f"{folder}: has no weights as safetensors")
    # The input embedding is looked up; it is multiplied by only where it is the output head too, which then has no tensor of its own.
    looked_up = [name for name in sizes if name.endswith("embed_tokens.weight")] if any("lm_head" in name for name in sizes) else []
    heads = config["num_attention_heads"]
    width = heads * (config.get("head_dim") or config["hidden_size"] // heads)
    return Shape(sum(sizes.values()) - sum(sizes[name] for name in looked_up), config["num_hidden_layers"] * width)


def _tensors(path: Path) -> Iterator[tuple[str, list[int]]]:
    """(name, shape) of each tensor of a safetensors file, from its header."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    yield from ((name, entry["shape"]) for name, entry in header.items() if name != "__metadata__")


def costs(steps: Mapping[str, Sequence[Mapping[str, str]]], root: Path) -> dict[str, Cost]:
    """{model: cost} of `steps`, {model: the steps that it is made by} (config/steps.py), from a results folder."""
    known: dict[str, tuple[Shape, Work, float | None]] = {}

    def measured(step: Mapping[str, str]) -> tuple[Shape, Work, float | None]:
        key = json.dumps(step, sort_keys=True)
        if key not in known:
            known[key] = shape_of(root / "models" / step["model"]), _work(step, root), _device_s(step, root)
        return known[key]

    return {model: _cost([(step, *measured(step)) for step in own]) for model, own in steps.items()}


def _cost(steps: Sequence[tuple[Mapping[str, str], Shape, Work, float | None]]) -> Cost:
    trained: dict[str, tuple[float, int, float | None]] = {}  # of several checkpoints of one training the longest
    generated = []
    for step, shape, work, device_s in steps:
        operations = shape.forward(work.tokens, work.attended or 0)
        if step["kind"] == "train":
            trained[step["training"]] = max(trained.get(step["training"], (0.0, 0, None)), (3 * operations, work.tokens, device_s))
        else:
            generated.append((operations, work.tokens, device_s))
    took = [device_s for *_, device_s in (*trained.values(), *generated)]
    return Cost(
        training_flops=sum(operations for operations, *_ in trained.values()),
        inference_flops=sum(operations for operations, *_ in generated),
        tokens_trained=sum(tokens for _, tokens, _ in trained.values()),
        tokens_inferred=sum(tokens for _, tokens, _ in generated),
        device_s=None if None in took else round(sum(device_s or 0.0 for device_s in took), 1),
    )


def _work(step: Mapping[str, str], root: Path) -> Work:
    if step["kind"] == "train":
        log = list(read_jsonl(root / "models" / step["model"] / "log.jsonl"))
        return Work(log[-1]["tokens"], log[-1].get("attended")) if log else Work(0, 0)
    if step["kind"] == "logits":
        scored = read_json(root / "data" / step["dataset"] / "logits" / "manifest.json")
        return Work(scored["tokens"], scored["attended"])
    path = {
        "teacher": root / "sources" / "datasets" / step["dataset"] / "traces.jsonl",
        "attempt": root / "attempts" / step["model"] / f"{step['dataset']}.jsonl",
    }[step["kind"]]
    tokens = attended = 0
    for row in read_jsonl(path):
        length = (row["prompt_tokens"] or 0) + (row["completion_tokens"] or 0)
        tokens, attended = tokens + length, attended + length * (length + 1) // 2
    return Work(tokens, attended)


def _device_s(step: Mapping[str, str], root: Path) -> float | None:
    """Seconds of the step's last run, as Snakemake measured it, times its processes; of a resumed one only what followed the kill."""
    names = {"train": step["model"], "attempt": f"{step['model']}/{step.get('dataset')}"}
    name = names.get(step["kind"], step.get("dataset"))
    path = root / "timing" / step["kind"] / f"{name}.tsv"
    if not path.is_file():
        return None
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    manifest = read_json(root / "models" / step["model"] / "manifest.json") if step["kind"] == "train" else {}
    return float(rows[-1]["s"]) * (manifest.get("world_size") or 1) if rows else None


def as_json(found: Mapping[str, Cost]) -> Row:
    """For provenance.json."""
    return {model: asdict(cost) for model, cost in found.items()}


def from_json(found: Mapping[str, Any]) -> dict[str, Cost]:
    return {model: Cost(**entry) for model, entry in found.items()}
