"""Preflight: what the guide's own experiment takes on two machines, without a GPU; its advice is right where it is followed."""

import re
import subprocess
import sys
from copy import deepcopy

import pytest
from checkout import PROJECT
from tutorial_plan import KNOWN, ONE, PUBLISHED, TUTORIAL, ZERO2_OFFLOADED, ZERO3, found, planned, with_lora

from distill.preflight import advice, facts, memory, speed
from distill.preflight.arch import Arch
from distill.preflight.findings import stops
from distill.preflight.launches import launch_of
from distill.preflight.memory import GB, Batch, Launch
from distill.preflight.page import page

# devices, launch, what else; GB of one device for training, whether it fits, and what to change
TABLE = [
    ({"count": 8, "memory_gb": 64}, ZERO3, {}, 9.69, True, None),
    ({"count": 8, "memory_gb": 64}, ONE, {}, 34.0, True, None),
    ({"count": 8, "memory_gb": 64}, ONE, {"micro_batch": 32}, 64.8, False, "Set runtime.micro_batch: 16: which comes to 46.9 GB"),
    ({"count": 1, "memory_gb": 24}, ONE, {}, 34.0, False, "zero3.yaml with offload_optimizer_device: cpu: which comes to 13.3 GB"),
    ({"count": 1, "memory_gb": 24}, ZERO2_OFFLOADED, {}, 12.3, True, None),
    ({"count": 8, "memory_gb": 24}, ZERO3, {}, 9.69, True, None),
    (
        {"count": 8, "memory_gb": 24},
        {**ONE, "num_processes": 8},
        {},
        40.1,
        False,
        "Set runtime.accelerate: config/accelerate/zero3.yaml and",
    ),
]


@pytest.mark.parametrize(("devices", "accelerate", "runtime", "total", "fits", "advice"), TABLE)
def test_training_of_the_tutorial(devices, accelerate, runtime, total, fits, advice, tmp_path):
    given = found(planned(accelerate, tmp_path, devices=devices, **runtime), tmp_path)
    (training,) = given["trainings"]
    assert (training["memory_gb"]["total"], training["fits"]) == (total, fits)
    said = [finding["text"] for finding in given["findings"] if finding["about"] == "train ours" and finding["level"] == "stop"]
    assert (advice in said[0]) if advice else not said


# base, launch, recipe keys, micro batch; GB of one device of 24 for training with LoRA, and whether that fits
WITH_LORA = [
    ("Qwen/Qwen2.5-Math-1.5B", ONE, {"r": 16}, 4, 6.7, True),
    ("Qwen/Qwen2.5-Math-1.5B", {**ZERO3, "num_processes": 1}, {"r": 16}, 4, 7.6, True),
    ("Qwen/Qwen2.5-Math-1.5B", ONE, {"r": 16, "target": ["q_proj", "v_proj"]}, 4, 5.91, True),
    ("Qwen/Qwen2.5-Math-7B", ONE, {"r": 16}, 1, 17.9, True),
    ("Qwen/Qwen2.5-Math-7B", ONE, {"r": 16}, 4, 23.1, False),
]


@pytest.mark.parametrize(("hub", "launch", "lora", "micro_batch", "total", "fits"), WITH_LORA)
def test_training_with_lora(hub, launch, lora, micro_batch, total, fits, tmp_path):
    config = with_lora(lora, hub, learning_rate=2.0e-4)
    given = found(planned(launch, tmp_path, config, devices={"memory_gb": 24}, train_gpus=1, micro_batch=micro_batch), tmp_path)
    (training,) = given["trainings"]
    assert (training["memory_gb"]["total"], training["fits"]) == (total, fits)
    assert training["trained"] < training["parameters"] / 50
    assert f"{training['trained'] / 1e6:.2f}M trained" in page(given)
    assert given["disk"]["checkpoints"] == pytest.approx(2 * 12 * training["trained"] / GB, rel=0.01)


def test_lora_is_named_where_nothing_that_keeps_the_result_fits(tmp_path):
    given = found(planned(ONE, tmp_path, with_lora(None, "Qwen/Qwen2.5-Math-7B"), devices={"memory_gb": 24}, train_gpus=1), tmp_path)
    (line,) = [line for line in stops(given) if "train ours" in line]
    assert line.endswith(
        "Set runtime.micro_batch: 2; then models.ours.train.lora: {r: 16}, which trains less than all weights: which comes to 19.6 GB"
    )


def test_a_price_is_that_of_the_devices_that_a_job_takes(tmp_path):
    priced = {"count": 8, "memory_gb": 64, "price_per_hour": 2.5}
    whole = found(planned(ZERO3, tmp_path, devices=priced), tmp_path)
    (training,), totals = whole["trainings"], whole["totals"]
    assert training["price"] == pytest.approx(training["hours"] * 8 * 2.5, abs=0.01)
    for row in whole["evaluations"]:
        assert row["price"] == pytest.approx(row["hours"] * 2.5, abs=0.01)
    assert totals["train_hours"] == pytest.approx(training["hours"], abs=1e-3)
    slowest = max(sum(row["hours"] for row in whole["evaluations"] if row["model"] == model) for model in ("base", "r1-distill", "ours"))
    assert totals["respond_hours"] == pytest.approx(slowest, abs=1e-2), "each model on a GPU of its own"
    assert totals["hours"] == pytest.approx(totals["train_hours"] + totals["respond_hours"], abs=2e-3)
    assert (
        totals["price_of_all_devices"] == pytest.approx(totals["hours"] * 8 * 2.5, abs=0.1)
        and totals["price_of_all_devices"] > totals["price"]
    )
    text = page(whole)
    assert f"in all; of all devices in that time {totals['price_of_all_devices']:,.2f}." in text and f"{training['price']:,.2f}" in text
    one = found(planned(ZERO3, tmp_path, devices={**priced, "count": 1}, train_gpus=1, respond_gpus=1), tmp_path)["totals"]
    assert one["respond_hours"] == pytest.approx(one["respond_device_hours"], abs=1e-2), "one after the other"
    assert "price" not in found(planned(ZERO3, tmp_path, devices={"count": 8, "memory_gb": 64}), tmp_path)["totals"]


@pytest.mark.parametrize(("host_memory_gb", "short"), [(32, True), (128, False)])
def test_a_host_that_is_too_small_is_noticed_and_its_optimizer_takes_time(host_memory_gb, short, tmp_path):
    devices = {"memory_gb": 24, "host_memory_gb": host_memory_gb}
    given = found(planned(ZERO2_OFFLOADED, tmp_path, devices=devices, train_gpus=1, train_nodes=1), tmp_path)
    (training,) = given["trainings"]
    assert any("of a node's own memory" in finding["text"] for finding in given["findings"]) is short
    usual = training["tokens"] / training["tokens_per_s"] / 3600
    assert f"the optimizer on the host adds {training['optimizer_on_host_s']:.2g} s to each step" in page(given)
    assert training["hours"] == pytest.approx(usual + training["steps"] * training["optimizer_on_host_s"] / 3600, abs=1e-3)


@pytest.mark.parametrize(("memory_gb", "fitting"), [(64, 57), (24, 19)])
def test_answers_of_the_tutorial_that_do_not_fit_are_told_the_batch_that_does(memory_gb, fitting, tmp_path):
    asked = {"devices": {"memory_gb": memory_gb}}
    config = deepcopy(TUTORIAL)
    for protocol in config["protocols"].values():
        protocol["engine"] = "transformers"
    lines = [line for line in stops(found(planned(ONE, tmp_path, config, train_gpus=1, **asked), tmp_path)) if "respond" in line]
    assert lines and all("r1-distill" in line and f"Set runtime.batch_size: {fitting}, or engine: vllm" in line for line in lines)
    after = found(planned(ONE, tmp_path, config, train_gpus=1, batch_size=fitting, **asked), tmp_path)
    assert not [line for line in stops(after) if "respond" in line]
    before = found(planned(ONE, tmp_path, config, train_gpus=1, batch_size=fitting + 1, **asked), tmp_path)
    assert [line for line in stops(before) if "respond" in line]


@pytest.mark.parametrize(("devices", "accelerate"), [({"count": 8, "memory_gb": 64}, ZERO3), ({"memory_gb": 24}, ZERO2_OFFLOADED)])
def test_the_tutorial_as_it_stands_fits_where_it_is_launched_rightly(devices, accelerate, tmp_path):
    assert stops(found(planned(accelerate, tmp_path, devices=devices), tmp_path)) == []


def test_the_advised_micro_batch_fits_and_twice_of_it_does_not(tmp_path):
    devices = {"count": 8, "memory_gb": 64}
    for size, fits in ((16, True), (32, False)):
        assert found(planned(ONE, tmp_path, devices=devices, micro_batch=size), tmp_path)["trainings"][0]["fits"] is fits


def test_only_the_knobs_that_are_needed_are_named():
    arch = Arch.of(KNOWN["models"]["Qwen/Qwen2.5-Math-1.5B"])
    batch = Batch(4, 4096, True, False)
    for usable in (12 * GB, 16 * GB, 30 * GB, 40 * GB):
        knobs, after, _ = advice.smaller(arch, Launch("single", 1), batch, usable, 1)
        assert after <= usable and len(knobs) == len(set(knobs))
    knobs, after, _ = advice.smaller(arch, Launch("single", 1), batch, 1 * GB, 1)
    assert after > 1 * GB and "take more or larger devices" in advice.too_large("ours", 40 * GB, 1 * GB, knobs, after)


@pytest.mark.parametrize(
    ("kind", "processes", "bytes_each"),
    [("single", 1, 18), ("ddp", 8, 22), ("zero1", 8, 2 + 2 + 12 / 8), ("zero2", 8, 2 + 2 / 8 + 12 / 8)],
)
def test_states_of_a_parameter(kind, processes, bytes_each):
    arch = Arch.of(KNOWN["models"]["Qwen/Qwen2.5-Math-1.5B"])
    needed = memory.training(arch, Launch(kind, processes), Batch(1, 1024, True, True))
    states = sum(needed[name] for name in ("weights", "gradients", "optimizer"))
    assert states == pytest.approx(bytes_each * arch.parameters, rel=1e-6)


def test_zero3_and_fsdp_share_out_all_but_what_is_gathered():
    arch = Arch.of(KNOWN["models"]["Qwen/Qwen2.5-Math-7B"])
    for kind in ("zero3", "fsdp"):
        one, many = (memory.training(arch, Launch(kind, count), Batch(1, 1024, True, True)) for count in (1, 64))
        assert many["optimizer"] == pytest.approx(one["optimizer"] / 64, rel=1e-6)
        assert many["weights"] < one["weights"] / 5


def test_vllm_answers_no_more_at_once_than_there_are(tmp_path):
    rows = found(planned(ZERO3, tmp_path, devices={"count": 8, "memory_gb": 64}), tmp_path)["evaluations"]
    rates = {row["run"]: row for row in rows if row["model"] == "base"}
    arch = Arch.of(KNOWN["models"]["Qwen/Qwen2.5-Math-1.5B"])
    expected = 30 * 600e9 * 0.4 / (2 * arch.parameters + 30 * 1024 / 2 * arch.cached_bytes())
    assert rates["aime24@tutorial"]["tokens_per_s"] == pytest.approx(expected, rel=1e-4)
    assert "30 answers at once" in rates["aime24@tutorial"]["rate"] and "256 answers at once" in rates["math_500@tutorial"]["rate"]


def test_a_model_that_vllm_spreads_over_devices_needs_a_share_of_each(tmp_path):
    config = deepcopy(TUTORIAL)
    config["models"]["r1-distill"]["source"]["hub"] = "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B"
    devices = {"count": 8, "memory_gb": 24}
    lines = [line for line in stops(found(planned(ZERO3, tmp_path, config, devices=devices), tmp_path)) if "respond" in line]
    assert lines and all("Set runtime.tensor_parallel: 4 and respond_gpus: 4" in line for line in lines)
    after = found(planned(ZERO3, tmp_path, config, devices=devices, tensor_parallel=4, respond_gpus=4), tmp_path)
    assert not stops(after)
    (weights,) = {row["memory_gb"]["weights"] for row in after["evaluations"] if row["model"] == "r1-distill"}
    assert weights == pytest.approx(2 * PUBLISHED["deepseek-ai/DeepSeek-R1-Distill-Qwen-32B"] / 4 / GB, rel=0.01)


def test_processes_follow_from_the_runtime_where_the_launcher_takes_them_from_there(tmp_path):
    given = planned(ZERO3, tmp_path)
    given["runtime"] |= {"train_nodes": 2, "train_gpus": 4, "train_processes": None}
    assert launch_of(given, facts.gather(given, tmp_path).accelerate).processes == 8


def test_layers_that_recompute_cost_memory_and_time_in_proportion():
    arch = Arch.of(KNOWN["models"]["Qwen/Qwen2.5-Math-1.5B"])
    device = speed.Device("gpu", **KNOWN["devices"]["H100-80GB"])
    rates = speed.Sources({}, [], [], KNOWN["assumed"], {})
    needed, tokens_per_s = [], []
    for count in (0, 14, 28):
        batch = Batch(8, 4096, True, gradient_checkpointing=count == 28, checkpoint_layers=count, liger=True, separate=True)
        needed.append(memory.training(arch, Launch(), batch)["total"])
        tokens_per_s.append(speed.training(arch, device, batch, 4096, rates).tokens_per_s)
    assert needed == sorted(needed, reverse=True) and tokens_per_s == sorted(tokens_per_s, reverse=True)
    assert tokens_per_s[0] / tokens_per_s[2] == pytest.approx(1.33)
    for count, batch in ((0, Batch(1, 8, True, False)), (28, Batch(1, 8, True, True)), (3, Batch(1, 8, True, True, checkpoint_layers=3))):
        assert batch.recomputing(28) == count


def test_eight_sequences_fit_80_gb_where_some_layers_recompute(tmp_path):
    """8 x 4096 tokens without checkpointing took 109 GB on an H200."""
    arch = Arch.of(KNOWN["models"]["Qwen/Qwen2.5-Math-1.5B"])
    batch = Batch(1, 32768, bfloat16=True, gradient_checkpointing=False, liger=True, separate=True)
    settings, after, _ = advice.smaller(arch, Launch(), batch, 0.9 * 80 * GB, 1)
    assert settings == ["runtime.checkpoint_layers: 21"] and after <= 0.9 * 80 * GB


def test_each_copy_of_a_model_takes_room(tmp_path):
    disk = found(planned(ZERO3, tmp_path), tmp_path)["disk"]
    base, distilled = (2 * PUBLISHED[name] / GB for name in ("Qwen/Qwen2.5-Math-1.5B", "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"))
    assert disk["sources"] == pytest.approx(base + distilled, rel=0.01)
    assert disk["prepared"] == pytest.approx(2 * base + distilled, rel=0.01), "base, base-chat and r1-distill"
    assert disk["models"] == pytest.approx(base, rel=0.01)
    grid = deepcopy(TUTORIAL) | {
        "study": {"name": "s", "bases": "base-chat", "datasets": "stratos", "seeds": [0, 1], "checkpoints": [0.5, 1]}
    }
    assert found(planned(ZERO3, tmp_path, grid), tmp_path)["disk"]["models"] == pytest.approx((1 + 2 * 3) * base, rel=0.01)


def test_the_estimate_for_r1s_own_traces_is_that_of_the_documentation():
    done = subprocess.run([sys.executable, PROJECT / "bench/scale.py", "--paper"], capture_output=True, text=True, check=True)
    form = r"Qwen/(\S+) on 8 x (\S+): (\S+ GB), (\S+) tokens/s a device .*, (\S+ device hours, \S+ days)"
    rows = [f"| {name}, 8 x {device} | {gb} | {speed} | {hours} |" for name, device, gb, speed, hours in re.findall(form, done.stdout)]
    assert len(rows) == 4
    page = (PROJECT / "docs/scale.md").read_text(encoding="utf-8")
    assert [row for row in rows if row not in page] == []
