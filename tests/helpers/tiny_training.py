"""A model and a training set that are small enough to train on several processes in a test, and the launcher as the rule calls it."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import tiny_chat

from distill.base import manifest

PROJECT = Path(__file__).resolve().parents[2]

RECIPE = {
    "learning_rate": 2e-3,
    "lr_scheduler_type": "constant",
    "packing": "none",
    "dtype": "float32",
    "max_length": 96,
    "max_steps": 6,
    "global_batch": 4,
    "eos_token": "<|im_end|>",
}


def base(folder: Path, layers: int = 2, tied: bool = True) -> Path:
    """A random Qwen2 with heads of 32, the smallest that vLLM on a CPU runs, and a tokenizer of bytes."""
    import torch
    from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(tiny_chat.save(folder))
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=tied,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        dtype=torch.float32,
    )
    Qwen2ForCausalLM(config).save_pretrained(folder)
    manifest.write(folder, made_by="test")
    return folder


def data(path: Path, rows: int = 48) -> Path:
    """Sums to be learned, of different lengths."""
    draw = random.Random(0)
    made = []
    for at in range(rows):
        numbers = [draw.randrange(10) for _ in range(draw.randrange(2, 9))]
        question = {"role": "user", "content": "+".join(map(str, numbers))}
        made.append({"id": str(at), "prompt": [question], "completion": [{"role": "assistant", "content": str(sum(numbers))}]})
    return tiny_chat.write_jsonl(path, made)


def start(
    world: Path,
    output: Path,
    launcher: str = "single",
    processes: int = 1,
    options: tuple = (),
    runtime: dict | None = None,
    env: dict | None = None,
    python: Path | str = sys.executable,
    save: tuple = (),
    arguments: tuple = (),
    **recipe,
) -> subprocess.Popen:
    """scripts/launch.py over scripts/train.py, on the base and data in `world`; the work folder is next to `output`.

    `options` are the launcher's, `arguments` further ones of train.py.
    """
    command = [python, PROJECT / "scripts/launch.py", "--accelerate", PROJECT / f"config/accelerate/{launcher}.yaml"]
    command += ["--processes", processes, *options, PROJECT / "scripts/train.py", "--base", world / "base", "--data", world / "sft.jsonl"]
    command += ["--work", output.parent / "work", "--output", output, "--spec", json.dumps(RECIPE | recipe)]
    command += ["--runtime", json.dumps({"device": "cpu", "micro_batch": 2, **(runtime or {})}), "--save", *save, *arguments]
    return subprocess.Popen(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
        env=os.environ | {"OMP_NUM_THREADS": "1", "DISTILL_PROGRESS_S": "0"} | (env or {}),
    )


def end(process: subprocess.Popen, timeout_s: float = 500) -> str:
    try:
        out, _ = process.communicate(timeout=timeout_s)
    finally:
        process.kill()
    assert process.returncode == 0, out[-4000:]
    return out


def digest(folder: Path) -> str:
    return manifest.read(folder)["digest"]


def log(folder: Path) -> list[dict]:
    return tiny_chat.read_jsonl(folder / "log.jsonl")


def learned_apart(folder: Path, other: Path, base: Path) -> float:
    """The norm of the difference of two models, as a part of the norm of what the first has learned from the base."""
    one, two, start = (weights(place) for place in (folder, other, base))
    assert one.keys() == two.keys() == start.keys()
    apart = sum(float((one[name] - two[name]).pow(2).sum()) for name in one)
    learned = sum(float((one[name] - start[name]).pow(2).sum()) for name in one)
    return (apart / learned) ** 0.5


def weights(folder: Path) -> dict:
    from safetensors.torch import load_file

    assert sorted(path.name for path in folder.glob("*.safetensors")) == ["model.safetensors"], "one file of weights"
    return load_file(folder / "model.safetensors")
