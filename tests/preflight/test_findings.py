"""What a preflight stops a run for, warns of and notes."""

from copy import deepcopy

import pytest
from tutorial_plan import NOTHING_LOST, ONE, TUTORIAL, ZERO3, fetched, found, planned, with_lora

from distill.base.files import write_json
from distill.data.audit import WARNINGS
from distill.preflight.findings import stops
from distill.preflight.memory import GB
from distill.preflight.page import page


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


@pytest.mark.parametrize("nodes", [1, 2])
def test_another_number_of_processes_than_of_gpus_is_a_finding(nodes, tmp_path):
    """Whatever the launch file says: scripts/launch.py overrides it."""
    given = planned(ONE, tmp_path, train_gpus=8, train_processes=1, train_nodes=nodes, devices={"count": 4, "memory_gb": 64})
    lines = {finding["text"] for finding in found(given, tmp_path)["findings"]}
    assert any("train_gpus is 8" in line and "train_processes starts 1 on each node; remove train_processes" in line for line in lines)
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


def test_a_disk_that_is_too_small_is_noticed():
    from distill.preflight.findings import room_findings

    assert not list(room_findings({"total": 5.0}, 6 * GB, "results"))
    (finding,) = room_findings({"total": 5.0}, 4 * GB, "results")
    assert "may grow by 5.0 GB, and 4.0 GB are free" in finding["text"]
