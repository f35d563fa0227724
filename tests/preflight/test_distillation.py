"""What a distillation takes, and what is known not to fit before any job, by hand-made arithmetic on published shapes."""

from copy import deepcopy
from pathlib import Path

import pytest
import readme
import yaml

from distill.base.settings import read_yaml
from distill.config import preflight_part
from distill.config.load import load
from distill.config.plan import Plan
from distill.preflight import facts
from distill.preflight.arch import Arch
from distill.preflight.estimate import estimate
from distill.preflight.findings import stops
from distill.preflight.page import page

KNOWN, TUTORIAL = read_yaml(Path(readme.PROJECT) / "config/known.yaml"), readme.example("tutorial.yaml")
ONE = {"distributed_type": "NO", "num_processes": 1}
ZERO3 = {"distributed_type": "DEEPSPEED", "num_processes": 8, "deepspeed_config": {"zero_stage": 3}}
SMALL, LARGE = "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B"
DISTILL = {
    "student": "r1-distill",
    "teacher": "large",
    "prompts": "stratos",
    "steps": 300,
    "global_batch": 64,
    "steps_per_rollout": 1,
    "max_new_tokens": 4096,
    "gradient_checkpointing": True,
}


@pytest.fixture
def estimated(tmp_path):
    def estimated(accelerate=ONE, devices=None, distill=None, large=LARGE, **runtime):
        config = deepcopy(TUTORIAL)
        config["datasets"]["stratos"]["filter"]["contamination_action"] = "drop"
        config["models"]["large"] = {"source": {"hub": large}}
        config["models"]["taught"] = {"role": "student", "distill": DISTILL | (distill or {})}
        path = tmp_path / "accelerate.yaml"
        path.write_text(yaml.safe_dump(accelerate), encoding="utf-8")
        own = {"devices": devices or {"count": 8, "memory_gb": 80}, "micro_batch": 4, "train_gpus": accelerate["num_processes"]}
        config["runtime"] = {**config.get("runtime", {}), **own, **runtime, "accelerate": str(path)}
        part = facts.join_tasks(preflight_part.of(Plan(load(config))))
        return estimate(part, facts.gather(part, tmp_path / "results"))

    return estimated


def test_the_memory_is_that_of_the_formula(estimated):
    (row,) = estimated()["distillations"]
    student, teacher = (Arch.of(KNOWN["models"][name]) for name in (SMALL, LARGE))
    memory = row["memory_gb"]
    assert (row["parameters"], row["teacher_parameters"]) == (student.parameters, teacher.parameters)
    assert memory["optimizer"] == pytest.approx(8 * student.parameters / 1e9, rel=0.01)
    assert memory["teacher"] == pytest.approx(2 * teacher.parameters / 1e9, rel=0.01)
    assert memory["rollout"] == pytest.approx(64 * (4096 + 256) * 28_672 / 1e9, rel=0.01)  # 28,672 bytes a token in the cache of a 1.5B
    states = sum(memory[name] for name in ("weights", "gradients", "optimizer", "teacher"))
    assert memory["total"] == pytest.approx(states + max(memory["update"], memory["rollout"]), rel=0.01)


def test_vllm_takes_its_share_of_a_device_next_to_the_update(estimated):
    changes = {"distill": {"engine": "vllm", "gradient_checkpointing": True}, "rollout_memory": 0.25}
    given = estimated(**changes)
    (row,) = given["distillations"]
    memory = row["memory_gb"]
    assert memory["rollout"] == 20.0  # of 80 GB
    states = sum(memory[name] for name in ("weights", "gradients", "optimizer", "teacher"))
    assert memory["total"] == pytest.approx(states + memory["update"] + 20.0, rel=0.01)
    assert row["tokens_per_s"] > estimated()["distillations"][0]["tokens_per_s"]
    (line,) = [line for line in stops(estimated(**{**changes, "rollout_memory": 0.03})) if line.startswith("distill taught")]
    assert line.endswith("GB for a copy of the student and one completion, and has 2.4: raise runtime.rollout_memory")


def test_zero3_divides_the_teacher_too(estimated):
    whole, shared = (estimated(accelerate)["distillations"][0]["memory_gb"] for accelerate in (ONE, ZERO3))
    assert shared["teacher"] == pytest.approx(whole["teacher"] / 8, rel=0.01)
    assert shared["rollout"] == pytest.approx(whole["rollout"] / 8, rel=0.01)
    assert shared["total"] < whole["total"] / 2


def test_it_counts_as_hours_and_is_on_the_page(estimated):
    given = estimated()
    (row,) = given["distillations"]
    assert row["tokens"] == 300 * 64 * round(4096 * KNOWN["assumed"]["filled"])
    assert row["device_hours"] == pytest.approx(row["tokens"] / row["tokens_per_s"] / 3600, rel=0.01)
    assert given["totals"]["train_device_hours"] == pytest.approx(sum(one["device_hours"] for one in (*given["trainings"], row)), abs=0.01)
    assert "Distillations (GB of one device)" in page(given)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"devices": {"count": 1, "memory_gb": 40}}, "the models alone take"),
        (
            {"distill": {"steps_per_rollout": 8}},
            "a rollout of 512 completions of up to 4,096 tokens at once. Lower distill.steps",
        ),
        ({"distill": {"gradient_checkpointing": False}, "micro_batch": 16}, "its forward passes. Lower runtime.micro_batch, or set"),
        (
            {"distill": {"max_new_tokens": 131072, "global_batch": 1}},
            "max_new_tokens 131072 with a prompt exceed the context of r1",
        ),
        (
            {"distill": {"student": "large", "teacher": "r1-distill"}},
            "r1-distill has 151,936 rows in its vocabulary, and large has 152,064; name a teacher with as many or more",
        ),
    ],
)
def test_what_does_not_fit_stops_before_it_begins_and_names_the_key(estimated, changes, said):
    lines = [line for line in stops(estimated(**changes)) if line.startswith("distill taught: ")]
    assert any(said in line for line in lines), lines


def test_a_model_of_unknown_shape_is_a_note(estimated):
    given = estimated(large="someone/unknown")
    assert "memory_gb" not in given["distillations"][0]
    assert [finding["level"] for finding in given["findings"] if "the shape of large is unknown" in finding["text"]] == ["note"]
