"""The mean of models is the mean of their numbers, and only of models whose numbers mean the same."""

import json
import re
import struct
import sys
from pathlib import Path

import average as average_script
import pytest
import tiny_training as tiny

from distill.base import manifest
from distill.base.errors import InputError
from distill.base.files import read_json, write_json


def model(folder: Path, seed: int, dtype: str = "float32") -> Path:
    """The tiny base with other weights."""
    import torch
    from safetensors.torch import load_file, save_file

    tiny.base(folder, layers=1)
    draw = torch.Generator().manual_seed(seed)
    weights = {name: torch.randn(old.shape, generator=draw).to(getattr(torch, dtype)) for name, old in tiny.weights(folder).items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert load_file(folder / "model.safetensors").keys() == weights.keys()
    manifest.write(folder, made_by="test")
    return folder


@pytest.fixture
def average(monkeypatch):
    """average(output, *models, **spec): run the script."""

    def run(output: Path, *models: Path, **spec: object) -> None:
        words = ["average.py", "--model", *models, "--spec", json.dumps(spec), "--output", output]
        monkeypatch.setattr(sys, "argv", list(map(str, words)))
        average_script.main()

    return run


def single(value: float) -> float:
    """A number rounded to float32."""
    return struct.unpack("f", struct.pack("f", value))[0]


@pytest.mark.parametrize(("dtype", "weights"), [("float32", [1, 3]), ("float32", None), ("bfloat16", [1, 3])])
def test_each_number_is_the_weighted_mean_of_the_models_numbers(tmp_path, average, dtype, weights):
    import torch

    one, other = model(tmp_path / "one", 1, dtype), model(tmp_path / "other", 2, dtype)
    average(tmp_path / "mean", one, other, **({"weights": weights} if weights else {}))
    a, b = [weight / sum(weights or [1, 1]) for weight in weights or [1, 1]]
    made, first, second = map(tiny.weights, (tmp_path / "mean", one, other))
    assert made.keys() == first.keys()
    for name, tensor in made.items():
        pairs = zip(first[name].flatten().tolist(), second[name].flatten().tolist(), strict=True)
        plain = torch.tensor([single(single(a * x) + single(b * y)) for x, y in pairs]).to(tensor.dtype)
        assert tensor.dtype == first[name].dtype
        assert tensor.flatten().tolist() == plain.tolist()


def test_the_manifest_names_the_models_and_the_rest_is_the_first_ones(tmp_path, average):
    one, other = model(tmp_path / "one", 1), model(tmp_path / "other", 2)
    average(tmp_path / "mean", one, other)
    average(tmp_path / "again", one, other)
    made, first = manifest.read(tmp_path / "mean"), manifest.read(one)
    assert made == manifest.read(tmp_path / "again")
    assert (made["parents"], made["weights"]) == ([tiny.digest(one), tiny.digest(other)], [1.0, 1.0])
    assert {name for name in first["files"] if made["files"][name] != first["files"][name]} == {"model.safetensors"}


def another_size(folder: Path) -> str:
    config = read_json(folder / "config.json")
    write_json(folder / "config.json", {**config, "hidden_size": 32})
    return "key hidden_size is 32 and not 64"


def another_token(folder: Path) -> str:
    tokenizer = read_json(folder / "tokenizer.json")
    last = tokenizer["added_tokens"][-1]
    last["content"] = "<|other|>"
    write_json(folder / "tokenizer.json", tokenizer)
    return f"token <|im_end|> is missing and not {last['id']}"


def another_tensor(folder: Path) -> str:
    from safetensors.torch import save_file

    weights = tiny.weights(folder)
    weights["model.norm.weight"] = weights["model.norm.weight"][:32].clone()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return "tensor model.norm.weight is [32] and not [64]"


@pytest.mark.parametrize("change", [another_size, another_token, another_tensor])
def test_models_of_another_architecture_are_refused_in_one_line(tmp_path, average, change):
    one, other = model(tmp_path / "one", 1), model(tmp_path / "other", 2)
    said = change(other)
    with pytest.raises(InputError, match=re.escape(said)) as raised:
        average(tmp_path / "mean", one, other)
    assert str(other) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "mean").exists()
