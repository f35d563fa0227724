"""The mean of models of one architecture, tensor by tensor: model soups (arXiv 2203.05482), the mean of a training's last checkpoints."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from distill.base.errors import InputError
from distill.base.files import read_json

# Keys of config.json that say how a model is run or was saved, not what its weights mean.
NOT_ARCHITECTURE = {
    "_name_or_path",
    "bos_token_id",
    "dtype",
    "eos_token_id",
    "pad_token_id",
    "torch_dtype",
    "transformers_version",
    "use_cache",
}


def check_same_architecture(folders: Sequence[Path]) -> None:
    """Raises InputError where a model differs from the first in config.json, in the id of a token, or in a tensor's name or shape."""
    first, *others = folders
    facts = _facts(first)
    for folder in others:
        for what, value in _facts(folder).items():
            if value != facts[what]:
                difference = _first_difference(what, facts[what], value)
                raise InputError(f"average.of: {folder} is no model of the architecture of {first}: {difference}")


def _facts(folder: Path) -> dict[str, dict[str, Any]]:
    config = {key: value for key, value in read_json(folder / "config.json").items() if key not in NOT_ARCHITECTURE}
    tokenizer = read_json(folder / "tokenizer.json")
    vocabulary = tokenizer["model"].get("vocab", {})
    tokens = dict(vocabulary) if isinstance(vocabulary, dict) else {token: number for number, (token, *_) in enumerate(vocabulary)}
    tokens |= {entry["content"]: entry["id"] for entry in tokenizer.get("added_tokens", [])}
    shapes = {}
    for path in _weight_files(folder):
        with safe_open(path, framework="pt") as file:
            shapes |= {name: file.get_slice(name).get_shape() for name in sorted(file.keys())}
    return {"key": config, "token": tokens, "tensor": shapes}


def _first_difference(what: str, first: dict[str, Any], other: dict[str, Any]) -> str:
    name = min(key for key in first.keys() | other.keys() if first.get(key) != other.get(key))
    return f"{what} {name} is {other.get(name, 'missing')} and not {first.get(name, 'missing')}; average models of one base"


def average(folders: Sequence[Path], weights: Sequence[float], output: Path) -> None:
    """Write the weighted mean into `output`, in the files and the precision of the first model.

    Each model counts by the share of its weight in the sum of `weights`.

    Each tensor is summed in float32, in the order of `folders`; the memory is that of one file of weights.
    """
    shares = [weight / sum(weights) for weight in weights]
    where = [{name: path for path in _weight_files(folder) for name in _names(path)} for folder in folders]
    for path in _weight_files(folders[0]):
        made = {}
        for name in _names(path):
            tensors = (_tensor(files[name], name) for files in where)
            first = next(tensors)
            made[name] = _mean([first, *tensors], shares).to(first.dtype) if first.is_floating_point() else first
        target = output / path.name
        save_file(made, target, metadata={"format": "pt"})
        target.chmod(path.stat().st_mode)  # safetensors 0.8 lets nobody but the owner read it


def _mean(tensors: Sequence[torch.Tensor], shares: Sequence[float]) -> torch.Tensor:
    total = torch.zeros(tensors[0].shape, dtype=torch.float32)
    for tensor, share in zip(tensors, shares, strict=True):
        total += tensor.to(torch.float32) * share
    return total


def _weight_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))


def _names(path: Path) -> Iterator[str]:
    with safe_open(path, framework="pt") as file:
        yield from sorted(file.keys())


def _tensor(path: Path, name: str) -> torch.Tensor:
    with safe_open(path, framework="pt") as file:
        return file.get_tensor(name)
