"""train.lora for real: the model is the base plus alpha / r B A, checkpoints hold adapters alone, and a resume ends in the same bytes."""

import json
import os
import signal

import pytest
import tiny_training as tiny

LORA = {"lora": {"r": 4, "alpha": 8}, "learning_rate": 2e-2}
ALL = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
LAUNCHERS = ["ddp", "zero3", pytest.param("zero2", marks=pytest.mark.slow), pytest.param("fsdp2", marks=pytest.mark.slow)]
# As in test_launch.py: the same numbers added in another order.
LOSS, LEARNED = 1e-5, 1e-3


def adapters(checkpoint) -> dict:
    from safetensors.torch import load_file

    return load_file(checkpoint / "adapter_model.safetensors")


def last_checkpoint(model):
    return max(model.parent.glob("work/*/checkpoint-*"), key=lambda path: int(path.name.rsplit("-", 1)[1]))


@pytest.mark.parametrize("recipe", [{}, {"dtype": "bfloat16"}, {"lora": {"r": 2, "target": ["q_proj", "down_proj"]}}], ids=str)
def test_the_model_is_the_base_plus_the_scaled_product_of_its_adapters(tiny_world, tmp_path, warm_python, recipe):
    import torch

    process = tiny.start(tiny_world, tmp_path / "model", python=warm_python, runtime={"save_steps": 3}, **LORA | recipe)
    out = tiny.end(process)
    lora = {"alpha": 32, "target": ALL, **(LORA | recipe)["lora"]}
    dtype = getattr(torch, recipe.get("dtype", "float32"))
    base, made = tiny.weights(tiny_world / "base"), tiny.weights(tmp_path / "model")
    found = adapters(last_checkpoint(tmp_path / "model"))
    assert last_checkpoint(tmp_path / "model").name == f"checkpoint-{tiny.RECIPE['max_steps']}"
    assert made.keys() == base.keys() and len(found) == 2 * 2 * len(lora["target"]), "A and B in each layer, and nothing else"
    for name, weight in base.items():
        expected = weight.to(dtype)
        layer, kind = name.split(".")[-2:]
        if layer in lora["target"] and kind == "weight":
            a, b = (found[f"base_model.model.{name.removesuffix('weight')}lora_{which}.weight"] for which in "AB")
            expected = (expected.float() + lora["alpha"] / lora["r"] * (b @ a)).to(dtype)
            assert not torch.equal(expected, weight.to(dtype)), f"{name} has learned"
        assert torch.equal(made[name], expected), name
    trained = sum(weight.numel() for weight in found.values())
    assert f"LoRA: r {lora['r']}, alpha {lora['alpha']}; {trained:,} weights are trained" in out
    manifest = json.loads((tmp_path / "model" / "manifest.json").read_bytes())
    assert manifest["recipe"]["lora"]["r"] == lora["r"] and "peft" in manifest["versions"]
    config = json.loads((tmp_path / "model" / "config.json").read_bytes())
    assert config["architectures"] == ["Qwen2ForCausalLM"] and not list((tmp_path / "model").glob("adapter*"))


def test_a_killed_training_and_one_that_keeps_a_model_end_in_the_bytes_of_an_undisturbed_one(trained, tiny_world, tmp_path, warm_python):
    whole = trained(**LORA)
    killed = {"python": warm_python, "runtime": {"save_steps": 2}, "save": (0.25,)}
    process = tiny.start(tiny_world, tmp_path / "model", **killed, **LORA)
    for line in process.stdout:
        if line.startswith("train: 4 of "):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=60)
    assert not (tmp_path / "model").exists()
    assert "resuming from" in tiny.end(tiny.start(tiny_world, tmp_path / "model", **killed, **LORA))
    assert tiny.digest(tmp_path / "model") == tiny.digest(whole)
    (kept,) = tmp_path.glob("work/*/kept/epoch-0.25")
    assert tiny.weights(kept).keys() == tiny.weights(whole).keys() and tiny.digest(kept) != tiny.digest(whole)


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_two_processes_end_where_one_does(trained, tiny_world, launcher):
    single, two = trained(**LORA), trained(launcher, 2, **LORA)
    for row, other in zip(tiny.log(single), tiny.log(two), strict=True):
        assert other["loss"] == pytest.approx(row["loss"], rel=LOSS)
    apart = tiny.learned_apart(single, two, tiny_world / "base")
    print(f"{launcher}: {apart:.1e} of what was learned")
    assert apart < LEARNED


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["ddp", "zero3", "zero2", "fsdp2"])
def test_a_stopped_training_of_two_processes_resumes_to_the_byte(trained, tiny_world, tmp_path, launcher):
    stopped = tiny.start(tiny_world, tmp_path / "model", launcher, 2, **LORA)
    for line in stopped.stdout:
        if line.startswith("train: 3 of "):
            os.kill(stopped.pid, signal.SIGTERM)
    assert stopped.wait(timeout=300) == 75
    assert "resuming from" in tiny.end(tiny.start(tiny_world, tmp_path / "model", launcher, 2, **LORA))
    assert tiny.digest(tmp_path / "model") == tiny.digest(trained(launcher, 2, **LORA))


def test_a_target_that_is_no_layer_is_one_line(tiny_world, tmp_path, warm_python):
    process = tiny.start(tiny_world, tmp_path / "model", python=warm_python, lora={"r": 2, "target": ["qkv_proj"]})
    out, _ = process.communicate(timeout=200)
    assert process.returncode == 2 and "Traceback" not in out
    assert out.splitlines()[-1] == (
        f"error: train.lora.target: 'qkv_proj' is no linear layer of this model; write all-linear or some of {', '.join(ALL)}"
    )
