"""Preflight: what the guide's own experiment takes on two machines, without a GPU; its advice is right where it is followed."""

import json
import os
import subprocess
import sys
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_chat
import yaml
from hub_server import HubServer, Repo

from distill.base.errors import InputError
from distill.base.files import read_json, write_json, write_jsonl
from distill.config import preflight_part
from distill.config.load import load
from distill.config.plan import Plan
from distill.data.audit import WARNINGS
from distill.preflight import access, advice, facts, memory, speed
from distill.preflight.arch import Arch, Lora
from distill.preflight.estimate import estimate
from distill.preflight.findings import stops
from distill.preflight.launches import launch_of
from distill.preflight.memory import GB, Batch, Launch
from distill.preflight.page import page
from distill.report import estimates
from distill.report.names import names
from distill.report.results import Results

PROJECT = Path(__file__).resolve().parents[2]
KNOWN = yaml.safe_load((PROJECT / "config" / "known.yaml").read_text(encoding="utf-8"))
TUTORIAL = yaml.safe_load((PROJECT / "config" / "tutorial.yaml").read_text(encoding="utf-8"))
MINIATURE = yaml.safe_load((PROJECT / "config" / "config.yaml").read_text(encoding="utf-8"))
ONE = {"distributed_type": "NO", "num_processes": 1}
ZERO3 = {"distributed_type": "DEEPSPEED", "num_processes": 8, "deepspeed_config": {"zero_stage": 3}}
ZERO2_OFFLOADED = {
    "distributed_type": "DEEPSPEED",
    "num_processes": 1,
    "deepspeed_config": {"zero_stage": 2, "offload_optimizer_device": "cpu"},
}

# The counts of parameters that the repositories publish with their safetensors.
PUBLISHED = {
    "Qwen/Qwen2.5-Math-1.5B": 1_543_714_304,
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B": 1_777_088_000,
    "Qwen/Qwen2.5-Math-7B": 7_615_616_512,
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-14B": 14_770_033_664,
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B": 32_763_876_352,
    "deepseek-ai/DeepSeek-R1-Distill-Llama-8B": 8_030_261_248,
    "HuggingFaceTB/SmolLM2-360M-Instruct": 361_821_120,
}


def planned(accelerate: dict, folder: Path, config: dict = TUTORIAL, **runtime) -> dict:
    """The plan of a configuration with these runtime keys, on a machine on which nothing was fetched."""
    path = folder / "accelerate.yaml"
    path.write_text(yaml.safe_dump(accelerate), encoding="utf-8")
    processes = {"train_gpus": accelerate["num_processes"]} if config is TUTORIAL else {}
    given = {**config, "runtime": {**config.get("runtime", {}), **processes, **runtime, "accelerate": str(path)}}
    return facts.joined(preflight_part.of(Plan(load(deepcopy(given)))))


def found(given: dict, folder: Path) -> dict:
    return estimate(given, facts.gather(given, folder / "results"))


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_follow_from_the_shape(name):
    assert Arch.of(KNOWN["models"][name]).parameters == PUBLISHED[name]


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


def with_lora(lora: dict | None, hub: str = "Qwen/Qwen2.5-Math-1.5B", **recipe) -> dict:
    config = deepcopy(TUTORIAL)
    config["models"]["base"]["source"]["hub"] = hub
    config["models"]["ours"]["train"] |= {**({"lora": lora} if lora else {}), **recipe}
    return config


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


@pytest.mark.parametrize(
    ("lora", "learning_rate", "level", "said"),
    [
        ({"r": 8}, 2.0e-5, "note", "train.learning_rate 2e-05 suits a training of all weights; LoRA takes about ten times that"),
        ({"r": 8}, 2.0e-4, None, ""),
        (None, 2.0e-5, None, ""),
        ({"r": 8, "target": ["qkv_proj"]}, 2.0e-4, "stop", "train.lora.target: 'qkv_proj' is no linear layer of it; write all-linear or"),
    ],
)
def test_a_learning_rate_for_all_weights_and_a_layer_that_is_none_are_said(lora, learning_rate, level, said, tmp_path):
    given = planned(ONE, tmp_path, with_lora(lora, learning_rate=learning_rate), devices={"memory_gb": 80}, train_gpus=1)
    lines = [(finding["level"], finding["text"]) for finding in found(given, tmp_path)["findings"] if finding["about"] == "train ours"]
    assert len(lines) == (level is not None) and all(line[0] == level and said in line[1] for line in lines)


def test_the_adapters_of_a_real_shape_are_counted():
    """Hu et al. 2021: r · (inputs + outputs) of each matrix. 18,464,768 is what peft 0.21.2 prints of Qwen2.5-Math-1.5B with r 16."""
    arch = Arch.of(KNOWN["models"]["Qwen/Qwen2.5-Math-1.5B"])
    assert Lora.of({"lora": {"r": 16, "alpha": 32.0, "target": "all-linear"}}, arch).parameters(arch) == 18_464_768
    assert Lora.of({"lora": {"r": 2, "target": ["q_proj"]}}, arch).parameters(arch) == 28 * 2 * (1536 + 1536)
    assert Lora.of({}, arch) is None


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


@pytest.mark.parametrize(
    ("runtime", "respond", "train"),
    [
        ({"respond_gpus": 1}, "5 of 8 devices stay idle while 3 models generate: runtime.respond_gpus: 2 uses 6", None),
        ({"respond_gpus": 2}, "2 of 8 devices stay idle while 3 models generate: fewer devices take as long", None),
        ({"respond_gpus": 8}, None, None),
        ({"respond_gpus": 8, "train_gpus": 4}, None, "4 of 8 devices stay idle: to use all, set runtime.train_gpus: 8 and"),
        ({"respond_gpus": 8, "train_gpus": 1}, None, "7 of 8 devices stay idle: to use all, set runtime.train_gpus: 8 and"),
    ],
)
def test_devices_that_no_job_takes_are_said_to_be_idle(runtime, respond, train, tmp_path):
    given = found(planned(ZERO3, tmp_path, devices={"count": 8, "memory_gb": 80}, **runtime), tmp_path)
    for about, text in (("respond", respond), ("train", train)):
        lines = [finding["text"] for finding in given["findings"] if finding["about"] == about and "idle" in finding["text"]]
        assert len(lines) == (text is not None) and all(text in line for line in lines)


def test_the_transformers_engine_is_said_to_use_one_device(tmp_path):
    config = deepcopy(TUTORIAL)
    for protocol in config["protocols"].values():
        protocol["engine"] = "transformers"
    given = found(planned(ZERO3, tmp_path, config, devices={"count": 8, "memory_gb": 640}, respond_gpus=4), tmp_path)
    assert any("6 of 8 devices stay idle" in finding["text"] and "engine: vllm" in finding["text"] for finding in given["findings"])


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


def test_a_launch_file_that_starts_another_number_of_processes_is_a_finding(tmp_path):
    given = planned(ONE, tmp_path, train_gpus=8, devices={"count": 4, "memory_gb": 64})
    given["runtime"].pop("train_nodes", None)
    lines = {finding["text"] for finding in found(given, tmp_path)["findings"]}
    assert any("train_gpus is 8" in line and "starts 1" in line for line in lines)
    assert "runtime.train_gpus is 8, but devices are 4; set it to 4" in lines


def test_answers_on_more_devices_than_there_are_are_stopped(tmp_path):
    """Their jobs would wait for ever."""
    for wanted, said in ((4, ["runtime.respond_gpus is 4, but devices are 2; set it to 2"]), (2, [])):
        given = planned(ONE, tmp_path, train_gpus=1, respond_gpus=wanted, devices={"count": 2, "memory_gb": 64})
        assert [finding["text"] for finding in found(given, tmp_path)["findings"] if finding["about"] == "respond"] == said
        assert [line for line in stops(found(given, tmp_path)) if "respond_gpus" in line] == [f"respond: {line}" for line in said]


def test_the_tutorial_on_one_small_device_is_told_all_that_it_takes(tmp_path):
    given = found(planned(ZERO3, tmp_path, devices={"count": 1, "memory_gb": 24}), tmp_path)
    (training,) = given["trainings"]
    assert (training["launch"], training["processes"], training["fits"]) == ("zero3", 1, False)
    assert training["memory_gb"]["total"] == 31.8
    lines = stops(given)
    assert any("train_gpus is 8, but devices are 1; set it to 1" in line for line in lines)
    assert any("train ours" in line and "offload_optimizer_device: cpu: which comes to 13.3 GB" in line for line in lines)


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


def test_a_given_rate_comes_before_a_measured_one_and_that_before_an_assumed_one(tmp_path):
    arch = Arch.of(KNOWN["models"]["Qwen/Qwen2.5-Math-1.5B"])
    given = planned(ONE, tmp_path, devices={"name": "H100-80GB"})
    known = facts.gather(given, tmp_path)
    batch = Batch(4, 4096, bfloat16=True, gradient_checkpointing=True)
    assumed = speed.training(arch, known.device, batch, 4096, known.rates)
    assert assumed.tokens_per_s == pytest.approx(989e12 * 0.40 / (1.33 * (6 * arch.parameters + 6 * 28 * 4096 * 1536)))
    assert not assumed.measured and assumed.how.startswith("assumed: 40% of peak of 989 TFLOPS")
    here = replace(known.rates, here=[(arch.parameters, 4000.0)])
    assert speed.training(arch, known.device, batch, 4096, here).tokens_per_s == 4000.0
    given = replace(here, given={"train_tokens_per_s": 5000.0})
    assert speed.training(arch, known.device, batch, 4096, given).how == "given: runtime.rates.train_tokens_per_s"
    # Twenty times larger is another model.
    assert not speed.training(arch, known.device, batch, 4096, replace(known.rates, here=[(10**7, 4000.0)])).measured


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


def test_times_and_tokens_are_those_of_the_audit_where_there_is_one(tmp_path):
    given = planned(ONE, tmp_path, rates={"train_tokens_per_s": 1000.0}, devices={"memory_gb": 640})
    audit = {"rows": 100, "tokens": {"total": 500_000}, "cut": {"tokens": 20_000}, "packing": {"sequences": 300}, **NOTHING_LOST}
    theirs = {**audit, "settings": {**given["trainings"][0]["audited"], "max_length": 1}, "tokens": {"total": 7}}
    mine = {**audit, "settings": given["trainings"][0]["audited"]}
    fetched(tmp_path, "datasets/stratos", given["trainings"][0]["source"]["hub"])
    write_json(tmp_path / "results/data/stratos/audit.json", theirs)
    assert found(given, tmp_path)["trainings"][0]["data"].startswith("assumed"), "none of its own yet"
    write_json(tmp_path / "results/data/stratos/audit.json", {**theirs, "others": [mine]})
    (training,) = found(given, tmp_path)["trainings"]
    assert (training["tokens"], training["steps"], training["data"]) == (480_000, 3, "counted: audit.json")
    assert training["device_hours"] == pytest.approx(480 / 3600, abs=1e-4)


NOTHING_LOST = {"shares": dict.fromkeys(WARNINGS, 0.0), "warnings": []}


@pytest.mark.parametrize(
    ("lost", "stop_above", "level"),
    [
        ({}, {}, None),
        ({"lose_eos": 1.0, "lose_boxed_answer": 1.0}, {}, "stop"),
        ({"altered_by_template": 0.001}, {}, "stop"),
        ({"lose_eos": 1.0, "lose_boxed_answer": 1.0}, {"lose_eos": 1, "lose_boxed_answer": 1}, "warning"),
        ({"lose_closing_tag": 0.5}, {}, "warning"),
    ],
)
def test_what_the_audit_found_is_said_before_anything_is_trained(lost, stop_above, level, tmp_path):
    config = deepcopy(TUTORIAL)
    config["datasets"]["stratos"].setdefault("audit", {})["stop_above"] = stop_above
    given = planned(ONE, tmp_path, config, devices={"memory_gb": 640})
    warned = [f"{name}: {share:.1%} of {WARNINGS[name]}" for name, share in lost.items()]
    audit = {"rows": 100, "tokens": {"total": 500_000}, "cut": {"tokens": 0}, "packing": {"sequences": 300}, "warnings": warned}
    audit |= {"shares": {**NOTHING_LOST["shares"], **lost}, "settings": given["trainings"][0]["audited"]}
    fetched(tmp_path, "datasets/stratos", given["trainings"][0]["source"]["hub"])
    write_json(tmp_path / "results/data/stratos/audit.json", audit)
    whole = found(given, tmp_path)
    said = {finding["text"].partition(":")[0]: finding["level"] for finding in whole["findings"] if finding["about"] == "train ours"}
    assert said == dict.fromkeys(lost, level)
    assert all(f"{name} {share:.1%} (" in page(whole) for name, share in lost.items() if stop_above.get(name, 0) < 1 and level == "stop")


def fetched(folder: Path, source: str, hub: str) -> None:
    """The manifest that scripts/fetch.py leaves with the files of a source."""
    write_json(folder / f"results/sources/{source}/manifest.json", {"made_by": "fetch", "asked": {"hub": hub}, "files": {}})


@pytest.mark.parametrize(("hub", "is_its_own"), [("Qwen/Qwen2.5-Math-1.5B", True), ("Qwen/Qwen2.5-0.5B", False), (None, False)])
def test_files_of_another_source_are_not_taken_for_those_of_the_configuration(hub, is_its_own, tmp_path):
    """The results of another experiment have the same names: its base, its data and its benchmarks."""
    given = planned(ONE, tmp_path, devices={"memory_gb": 640})
    shape = {**KNOWN["models"]["Qwen/Qwen2.5-Math-1.5B"], "num_hidden_layers": 1}
    write_json(tmp_path / "results/models/base/config.json", shape)
    if hub:
        fetched(tmp_path, "models/base", hub)
    else:  # the miniature's
        write_json(tmp_path / "results/sources/models/base/manifest.json", {"corpus": {}, "files": {}})
    (training,) = found(given, tmp_path)["trainings"]
    assert (training["parameters"] == PUBLISHED["Qwen/Qwen2.5-Math-1.5B"]) is not is_its_own
    rows, _ = access.sources(given, facts.gather(given, tmp_path / "results"), tmp_path / "results", online=False)
    assert {row["name"]: row["at_hand"] for row in rows}["models/base"] is is_its_own


def test_an_unknown_shape_or_device_is_said_to_be_unknown(tmp_path):
    config = deepcopy(TUTORIAL)
    config["models"]["base"]["source"]["hub"] = "somebody/unheard-of"
    text = page({**found(planned(ONE, tmp_path, config), tmp_path)})
    assert "the shape of base is unknown, and nothing is estimated of it: it is neither here, nor on a hub that can be reached" in text
    given = found(planned(ONE, tmp_path), tmp_path)
    assert given["device"]["memory_gb"] is None and given["trainings"][0]["fits"] is None and not stops(given)
    with pytest.raises(InputError, match="H1000"):
        found(planned(ONE, tmp_path, devices={"name": "H1000"}), tmp_path)


@pytest.mark.parametrize("config", [{"model_type": "gemma2"}, {"model_type": "qwen2", "hidden_size": 64}])
def test_a_model_whose_shape_is_none_of_preflights_is_trained_all_the_same(config, tmp_path):
    given = planned(ONE, tmp_path, MINIATURE)
    write_json(tmp_path / "results/models/base/config.json", config)
    whole = found(given, tmp_path)
    assert not stops(whole)
    said = [finding for finding in whole["findings"] if "the shape of base is unknown" in finding["text"]]
    assert said and all(finding["level"] == "note" and "config.json: " in finding["text"] for finding in said)
    done = script(tmp_path, given, "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_shape_of_another_model_is_looked_up_on_the_hub(tmp_path):
    config = deepcopy(TUTORIAL)
    config["models"]["base"]["source"]["hub"] = "owner/theirs"
    shape = KNOWN["models"]["Qwen/Qwen2.5-Math-1.5B"]
    server = HubServer(repos={"models/owner/theirs": Repo()})
    server.repos["models/owner/theirs"].commit({"config.json": json.dumps(shape).encode(), "model.safetensors": b"far too large" * 100})
    given = planned(ONE, tmp_path, config)
    with server.running():
        offline = script(tmp_path, given, "--json", tmp_path / "none.json", "--offline", HF_ENDPOINT=server.url)
        assert offline.returncode == 0 and not server.seen
        done = script(tmp_path, given, "--json", tmp_path / "there.json", HF_ENDPOINT=server.url)
        assert done.returncode == 0, done.stderr
    (known,), (unknown,) = (read_json(tmp_path / f"{name}.json")["trainings"] for name in ("there", "none"))
    assert (known["parameters"], known["shape"]) == (1_543_714_304, "config.json of owner/theirs")
    assert "parameters" not in unknown
    assert not server.requests_for("model.safetensors")


def script(folder: Path, given: dict, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    asked = {**given, "evaluations": given["evaluations"]}
    command = [sys.executable, PROJECT / "scripts/preflight.py", "--plan", json.dumps(asked), "--results", folder / "results", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ | env, check=False)


@pytest.mark.parametrize(("mode", "code"), [("stop", 2), ("warn", 0), ("ignore", 0)])
def test_a_job_that_does_not_fit_stops_in_words_unless_told_otherwise(mode, code, tmp_path):
    done = script(tmp_path, planned(ONE, tmp_path, devices={"memory_gb": 24}, preflight=mode), "--check")
    assert done.returncode == code, done.stderr
    assert ("preflight: train ours: needs 34.0 GB" in done.stderr) is (mode != "ignore")
    assert "Traceback" not in done.stderr
    assert ("or set runtime.preflight: warn to go on all the same" in done.stderr) is (mode == "stop")


def test_the_page_says_what_is_missing_and_never_a_token(tmp_path):
    given = planned(ONE, tmp_path, devices={"count": 8, "memory_gb": 64})
    written = tmp_path / "preflight.json"
    hidden = {"HF_HOME": str(tmp_path / "none"), "HF_TOKEN": ""}
    without = script(tmp_path, given, "--offline", "--json", str(written), **hidden)
    assert without.returncode == 0, without.stderr
    assert "Idavidrein/gpqa is gated and there is no token" in without.stdout
    assert "template and end of turn are unknown until base-chat is there" in without.stdout
    made = json.loads(written.read_bytes())
    assert made["disk"]["free"] > 0 and made["versions"]["trl"] and made["totals"]["train_device_hours"] > 0
    with_token = script(tmp_path, given, "--offline", **hidden | {"HF_TOKEN": "hf_secretsecret"})
    assert "gated" not in with_token.stdout and "secretsecret" not in with_token.stdout + with_token.stderr


def test_the_report_holds_a_training_against_the_audit_of_its_own_way(tmp_path):
    audit = {"rows": 100, "tokens": {"total": 50_000}, "cut": {"tokens": 2_000}, "packing": {"sequences": 100}}
    ways = {"ours": {"tokenizer": "base", "max_length": 512}, "long": {"tokenizer": "base", "max_length": 1024}}
    mine = {**audit, "settings": {**ways["long"], "eos_token": None}, "cut": {"tokens": 0}}
    write_json(tmp_path / "data/traces/audit.json", {**audit, "settings": ways["ours"], "others": [mine]})
    write_json(tmp_path / "data/digests.json", {"equal": "d", "traces": "d"})
    write_json(tmp_path / "data/equal/audit.json", {**audit, "settings": {"tokenizer": "another"}})
    recipe = {"global_batch": 10, "max_steps": -1, "epochs": 2, "dtype": "float32"}
    for name, tokens in (("ours", 96_000), ("long", 100_000)):
        write_json(tmp_path / f"models/{name}/config.json", KNOWN["models"]["Qwen/Qwen2.5-Math-1.5B"])
        write_json(tmp_path / f"models/{name}/manifest.json", {"recipe": recipe, "data": "d", "tokens_seen": tokens, "steps": 20})
        write_json(tmp_path / f"models/{name}/weights.json", {"parameters": 1_543_714_304, "bytes": 6_174_857_216})
    labels = names({"models": list(ways)})
    page = estimates.section(labels, Results(tmp_path), ways)
    for name, tokens in (("ours", "96,000"), ("long", "100,000")):
        row = next(line for line in page.split("\n") if line.startswith(f"| {name} "))
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells == [name, "1,543,714,304", "1,543,714,304", tokens, tokens, "20", "20", "6,174.86", "6,174.86"]
    assert estimates.section(labels, Results(tmp_path), {}) is None, "an audit of another way is none of theirs"


SWALLOWS = "{% for m in messages %}<|im_start|>{{ m['content'].split('<|end_of_thought|>')[-1] }}<|im_end|>{% endfor %}"
NEVER_ENDS = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"
SPEAKS_FIRST = "You are a helpful assistant.<|im_end|>" + tiny_chat.CHATML


@pytest.mark.parametrize(
    ("template", "eos", "level", "answer"),
    [
        (tiny_chat.CHATML, "<|im_end|>", None, ""),
        (SWALLOWS, "<|im_end|>", "stop", "removes the thought"),
        (NEVER_ENDS, "<|im_end|>", "stop", "does not end a turn with <|im_end|>"),
        (tiny_chat.CHATML, "<|eot|>", "stop", "eos_token <|eot|> is no token of"),
        (SPEAKS_FIRST, "<|im_end|>", "note", "adds its own system prompt"),
    ],
)
def test_the_real_tokenizer_and_template_are_tried_on_a_trace(template, eos, level, answer, tmp_path):
    given = planned(ONE, tmp_path, MINIATURE)
    given["trainings"] = given["trainings"][:1]
    given["trainings"][0]["audited"]["eos_token"] = eos
    tiny_chat.save(tmp_path / "results/models/base", template=template)
    rows, findings = access.tokenizers(given, tmp_path / "results")
    assert len(rows) == 1
    assert [finding["level"] for finding in findings] == ([level] if level else [])
    assert all(answer in finding["text"] for finding in findings)


def test_answers_that_were_given_before_tell_their_length(tmp_path):
    given = planned(ONE, tmp_path, MINIATURE)
    write_json(tmp_path / "results/scores/base/mini_math.json", {"mean_completion_tokens": 33.0})
    write_jsonl(tmp_path / "results/benchmarks/mini_math/prompts.jsonl", [{"id": str(at)} for at in range(7)])
    rows = {(row["model"], row["run"]): row for row in found(given, tmp_path)["evaluations"]}
    assert rows["base", "mini_math"]["tokens"] == 7 * 33
    assert rows["ours", "mini_math"]["length"].endswith("assumed")


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


def test_a_disk_that_is_too_small_is_noticed():
    from distill.preflight.findings import room_findings

    assert not list(room_findings({"total": 5.0}, 6 * GB, "results"))
    (finding,) = room_findings({"total": 5.0}, 4 * GB, "results")
    assert "may grow by 5.0 GB, and 4.0 GB are free" in finding["text"]
