"""scripts/distill_model.py with engine vllm, for real, on a CPU: the weights of the moment generate, a kill ends in the same bytes, and two
processes learn from the completions of one."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny_distillation as tiny
import tiny_training

from distill.base.files import read_json

PROJECT = tiny_training.PROJECT
ENV = os.environ | {"OMP_NUM_THREADS": "1", "DISTILL_PROGRESS_S": "0", "TOKENIZERS_PARALLELISM": "false"}

pytestmark = [pytest.mark.slow, pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed")]

# Prints what an engine that was loaded from a folder samples, and what it samples, greedily too, once the student has other weights; last
# what transformers makes greedily of these.
COMPLETIONS = """
import json, sys
import torch
from accelerate import Accelerator
from transformers import AutoModelForCausalLM, AutoTokenizer
from distill.training.vllm_rollouts import Rollouts

folder, others = sys.argv[1:]
model, tokenizer = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32), AutoTokenizer.from_pretrained(folder)
rollouts = Rollouts(model, Accelerator(cpu=True), tokenizer, max_model_length=64, top_p=0.9, max_completion_length=8)
prompts, seeds, ends = [[5, 6, 7, 8], [9, 10], [9, 10]], [1, 2, 3], [tokenizer.eos_token_id]
found = [rollouts.complete(prompts, seeds, ends)]
model.load_state_dict(AutoModelForCausalLM.from_pretrained(others, dtype=torch.float32).state_dict())
rollouts.update()
found.append(rollouts.complete(prompts, seeds, ends))
rollouts.temperature = 0.0
found.append(rollouts.complete(prompts, seeds, ends))
greedy = {"do_sample": False, "max_new_tokens": 8, "eos_token_id": ends, "pad_token_id": 0}
found.append([model.generate(torch.tensor([ids]), **greedy)[0, len(ids) :].tolist() for ids in prompts])
print(json.dumps(found))
"""


def completions(folder: Path, others: Path) -> list[list[list[int]]]:
    env = ENV | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", COMPLETIONS, folder, others], capture_output=True, text=True, env=env, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().split("\n")[-1])


@pytest.mark.parametrize("tied", [True, False])
def test_after_an_update_an_engine_samples_what_one_that_is_loaded_from_the_new_weights_samples(tmp_path, tied):
    import torch
    from transformers import AutoModelForCausalLM

    old, new = (tiny_training.base(tmp_path / name, tied=tied) for name in ("old", "new"))
    model = AutoModelForCausalLM.from_pretrained(new)
    torch.manual_seed(1)
    for weight in model.parameters():
        weight.data += 0.5 * torch.randn_like(weight)
    model.save_pretrained(new)
    (of_old, of_updated, greedy, by_transformers), (of_new, of_same, *_) = completions(old, new), completions(new, new)
    assert of_old != of_updated == of_new == of_same
    assert greedy == by_transformers != of_new
    assert of_new[1] != of_new[2]  # the same prompt with two seeds


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> Path:
    return tiny.world(tmp_path_factory.mktemp("pair") / "world")


@pytest.fixture(scope="module")
def start(pair) -> Callable[..., subprocess.Popen]:
    """start(output, *command): scripts/distill_model.py, started by `command`."""

    def start(output: Path, *command: str | Path) -> subprocess.Popen:
        words = [sys.executable, *command, PROJECT / "scripts/distill_model.py", *tiny.arguments(pair, output, steps=9, engine="vllm")]
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENV, process_group=0)

    return start


@pytest.fixture(scope="module")
def unbroken(start, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("unbroken") / "model"
    tiny_training.end(start(folder))
    return folder


def check_equal(folder: Path, other: Path) -> None:
    assert read_json(folder / "manifest.json") == read_json(other / "manifest.json")
    assert tiny.log(folder) == tiny.log(other)


def test_a_distillation_is_the_same_twice_and_after_a_kill_within_a_rollout(start, unbroken, tmp_path):
    assert read_json(unbroken / "manifest.json")["versions"]["vllm"]
    tiny_training.end(start(tmp_path / "again/model"))
    check_equal(tmp_path / "again/model", unbroken)

    killed = start(tmp_path / "killed/model")
    for line in killed.stdout:
        if line.startswith("distill: 5 of "):
            os.killpg(killed.pid, signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert "resuming from" in tiny_training.end(start(tmp_path / "killed/model"))
    check_equal(tmp_path / "killed/model", unbroken)


@pytest.mark.parametrize("launcher", ["ddp", "zero3", "fsdp2"])
def test_two_processes_learn_from_the_completions_that_one_learns_from(start, unbroken, tmp_path, launcher):
    launch = [PROJECT / "scripts/launch.py", "--accelerate", PROJECT / f"config/accelerate/{launcher}.yaml", "--processes", "2"]
    tiny_training.end(start(tmp_path / "model", *launch))
    for row, other in zip(tiny.log(unbroken), tiny.log(tmp_path / "model"), strict=True):
        same = ("step", "tokens", "generated_tokens", "mean_length", "max_length", "cut")
        assert {key: row[key] for key in same} == {key: other[key] for key in same}
        assert other["loss"] == pytest.approx(row["loss"], rel=1e-4)
        assert other["entropy"] == pytest.approx(row["entropy"], rel=1e-5)
