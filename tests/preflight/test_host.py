"""The host's memory in a training, and what a job asks a cluster for; an optimizer on the host takes time."""

from pathlib import Path

import pytest
import yaml

from distill.config import preflight_part
from distill.config.load import load
from distill.config.plan import Plan
from distill.preflight import facts, host, request
from distill.preflight.arch import Arch, Lora
from distill.preflight.memory import GB, Batch, Launch

PROJECT = Path(__file__).resolve().parents[2]
KNOWN = yaml.safe_load((PROJECT / "config" / "known.yaml").read_text(encoding="utf-8"))
ARCH = Arch.of(KNOWN["models"]["Qwen/Qwen2.5-Math-1.5B"])
P = ARCH.parameters
LORA = Lora(16, tuple(ARCH.linear))
ON_GPU = Batch(4, 4096, bfloat16=True, gradient_checkpointing=True)


@pytest.mark.parametrize(
    ("launch", "nodes", "lora", "processes", "model"),
    [
        (Launch("single", 1), 1, None, 1, 6 * P + 12 * P),
        (Launch("ddp", 8), 1, None, 8, 8 * 4 * P + 12 * P),
        (Launch("ddp", 16), 2, None, 8, 8 * 4 * P + 12 * P),
        (Launch("zero2", 8), 1, None, 8, 8 * 4 * P),
        (Launch("zero3", 8), 1, None, 8, 6 * P),
        (Launch("zero3", 1, offload_optimizer=True), 1, None, 1, 6 * P + 16 * P),
        (Launch("zero3", 16, offload_optimizer=True, offload_weights=True), 2, None, 8, 6 * P + 18 * P / 2),
        (Launch("single", 1), 1, LORA, 1, 6 * P + 12 * LORA.parameters(ARCH)),
        (Launch("ddp", 8), 1, LORA, 8, 8 * 2 * P + 12 * LORA.parameters(ARCH)),
    ],
)
def test_what_a_training_takes_of_a_node(launch, nodes, lora, processes, model):
    batch = Batch(4, 4096, bfloat16=True, gradient_checkpointing=True, lora=lora)
    assert host.training(ARCH, launch, batch, nodes) == pytest.approx(processes * 5 * GB + 1.5 * model)


@pytest.mark.parametrize(("weights", "nodes"), [(False, 1), (True, 1), (True, 2)])
def test_what_is_offloaded_is_what_deepspeed_estimates_of_itself(weights, nodes):
    stage3 = pytest.importorskip("deepspeed.runtime.zero.stage3")
    theirs, _, _ = stage3.estimate_zero3_model_states_mem_needs(P, P // 28, 8, nodes, cpu_offload=True, cpu_offload_params=weights)
    apart, without = Launch("zero3", 8 * nodes, offload_optimizer=True, offload_weights=weights), Launch("zero3", 8 * nodes)
    assert host.training(ARCH, apart, ON_GPU, nodes) - host.training(ARCH, without, ON_GPU, nodes) == pytest.approx(theirs)


def test_the_miniature_stays_within_what_was_measured_and_asks_for_the_least():
    """1.22 and 1.27 GB by results/timing/train/*.tsv (max_rss)."""
    needed = host.training(
        Arch.of(KNOWN["models"]["miniature"]), Launch(), Batch(8, 320, bfloat16=False, gradient_checkpointing=False, cpu=True)
    )
    assert 1.27 * 1.048576 * GB < needed < 3 * GB
    assert host.requested_mb(needed) == host.LEAST_MB


def test_an_optimizer_on_the_host_takes_time_in_each_step():
    assumed = KNOWN["assumed"]
    assert host.optimizer_s(P, Launch("zero3", 8), 1, assumed) == 0
    one = host.optimizer_s(P, Launch("zero2", 1, offload_optimizer=True), 1, assumed)
    assert one == pytest.approx(28 * P / 100e9 + 4 * P / 20e9)
    eight = host.optimizer_s(P, Launch("zero2", 8, offload_optimizer=True), 1, assumed)
    assert eight == pytest.approx(28 * P / 100e9 + 4 * P / 8 / 20e9), "one host, eight links"
    assert host.optimizer_s(P, Launch("zero2", 16, offload_optimizer=True), 2, assumed) == pytest.approx(eight / 2)


def plan(name: str, **runtime) -> Plan:
    config = yaml.safe_load((PROJECT / "config" / f"{name}.yaml").read_text(encoding="utf-8"))
    return Plan(load({**config, "runtime": {**config.get("runtime", {}), **runtime}}))


def asked(made: Plan, model: str, results: Path) -> tuple[int, int]:
    """MB that training and generation of a model ask for."""
    parts = (preflight_part.of(made, str, model, **{stage: False}) for stage in ("respond", "train"))
    train, respond = map(facts.join_tasks, parts)
    return request.train_mb(train, results), request.respond_mb(respond, results)


@pytest.mark.parametrize(
    ("name", "runtime", "train", "respond"),
    [
        ("config", {}, 3000, 3000),
        ("tutorial", {}, 52_000, 10_000),
        ("tutorial", {"accelerate": "config/accelerate/ddp.yaml"}, 136_000, 10_000),
        ("tutorial", {"train_nodes": 2}, 52_000, 10_000),
        ("open_r1", {}, 104_000, 60_000),
    ],
)
def test_what_jobs_ask_a_cluster_for_follows_from_the_model_and_its_launch(name, runtime, train, respond, tmp_path):
    assert asked(plan(name, **runtime), "ours", tmp_path) == (train, respond)


def test_a_teacher_asks_for_its_own_size(tmp_path):
    made = plan("tutorial")
    part = preflight_part.of(made, str, "r1-distill", train=False, respond=False)
    assert request.model_mb("r1-distill", part, tmp_path) == 10_000
    part["origins"]["r1-distill"]["hub"] = "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B"
    assert request.model_mb("r1-distill", part, tmp_path) == 99_000


def test_a_model_of_unknown_shape_is_counted_by_its_files(tmp_path):
    made = plan("tutorial")
    made.config["models"]["base"]["source"] = {"hub": "somebody/unheard-of"}
    assert asked(made, "ours", tmp_path)[0] == 8 * 5 * GB // (1000 * 2**20) * 1000 + 1000, "its processes alone"
    weights = tmp_path / "sources" / "models" / "base" / "model.safetensors"
    weights.parent.mkdir(parents=True)
    with open(weights, "wb") as file:
        file.truncate(2 * P)
    assert asked(made, "ours", tmp_path) == asked(plan("tutorial"), "ours", tmp_path)
