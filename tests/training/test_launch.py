"""A launch starts the requested processes, or is an error."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from distill.base.errors import InputError
from distill.training.launch import PROCESSES_VARIABLE, Nodes, command, environment, first_host, is_plain, world

ACCELERATE = Path(__file__).resolve().parents[2] / "config" / "accelerate"
SLURM = {"SLURM_JOB_ID": "70042", "SLURM_JOB_NUM_NODES": "2", "SLURM_NODEID": "1", "SLURM_JOB_NODELIST": "gpu[07-08]"}


@pytest.mark.parametrize(
    ("nodelist", "first"),
    [
        ("gpu1", "gpu1"),
        ("gpu1,gpu2", "gpu1"),
        ("gpu[007-010,12],cpu1", "gpu007"),
        ("rack[2,5]-n[01-16]", "rack2-n01"),
        ("127.0.0.2,127.0.0.1", "127.0.0.2"),
    ],
)
def test_the_first_machine_of_slurms_list(nodelist, first):
    assert first_host(nodelist) == first


@pytest.mark.parametrize(
    ("given", "env", "expected"),
    [
        ((1,), {}, Nodes()),
        ((1,), SLURM, Nodes()),
        ((2,), SLURM, Nodes(2, 1, "gpu07", 29542)),
        ((2,), SLURM | {"SLURM_STEP_NUM_NODES": "2", "SLURM_STEP_NODELIST": "gpu08,gpu09"}, Nodes(2, 1, "gpu08", 29542)),
        ((2, 0, "10.0.0.1", 4000), {}, Nodes(2, 0, "10.0.0.1", 4000)),
        ((2, 1, "10.0.0.1"), {}, Nodes(2, 1, "10.0.0.1", 29500)),
        ((2, 0, "10.0.0.1", 4000), SLURM, Nodes(2, 0, "10.0.0.1", 4000)),
    ],
)
def test_nodes_come_from_the_command_line_or_else_from_slurm(given, env, expected):
    assert Nodes.from_environment(*given, env=env) == expected


@pytest.mark.parametrize(
    ("given", "env", "answer"),
    [
        ((2,), {}, "give each its own --machine-rank, 0 to 1"),
        ((2, 0), {}, "give --main-address"),
        ((2, 2, "a"), {}, "--machine-rank: 2 is not a rank of 2 nodes"),
        ((4,), SLURM, "4 nodes are requested, and Slurm gives this step 2: start it with srun --nodes=4"),
    ],
)
def test_nodes_that_cannot_be_known_are_errors(given, env, answer):
    with pytest.raises(InputError, match=answer):
        Nodes.from_environment(*given, env=env)


@pytest.mark.parametrize("settings", [yaml.safe_load((ACCELERATE / "single.yaml").read_text()), {"distributed_type": "MULTI_CPU"}])
def test_a_file_that_would_start_one_process_for_many_is_refused(settings):
    with pytest.raises(InputError, match=r"a.yaml: starts one process, and 8 are requested: name ddp.yaml"):
        command(Path("a.yaml"), settings, 8, Nodes())
    with pytest.raises(InputError, match="and 2 are requested"):
        command(Path("a.yaml"), settings, 1, Nodes(2, 0, "a", 1))
    assert command(Path("a.yaml"), settings, 1, Nodes())


@pytest.mark.parametrize("name", sorted(path.name for path in ACCELERATE.glob("*.yaml")))
def test_each_accelerate_file_is_one_that_accelerate_reads_and_leaves_number_and_precision_to_others(name):
    from accelerate.commands.config.config_args import load_config_from_file

    settings = yaml.safe_load((ACCELERATE / name).read_text())
    assert load_config_from_file(str(ACCELERATE / name)).num_processes == settings["num_processes"] == settings["num_machines"] == 1
    assert settings["mixed_precision"] == "no"
    if name != "single.yaml":
        options = command(ACCELERATE / name, settings, 8, Nodes(2, 1, "gpu07", 29542))
        pairs = dict(zip(options[::2], options[1::2], strict=False))
        assert pairs["--num_processes"] == "16"
        assert pairs["--machine_rank"] == "1"


@pytest.mark.parametrize(
    ("changes", "processes", "plain"),
    [({}, 1, True), ({}, 2, False), ({"mixed_precision": "bf16"}, 1, False), ({"dynamo_config": {"dynamo_backend": "INDUCTOR"}}, 1, False)],
)
def test_one_process_without_any_feature_of_accelerate_needs_no_launcher(changes, processes, plain):
    settings = yaml.safe_load((ACCELERATE / "single.yaml").read_text()) | changes
    assert is_plain(settings, processes, Nodes()) is plain
    assert not is_plain(settings, 1, Nodes(2, 0, "a", 1))


def test_accelerate_would_set_nothing_for_it_but_its_defaults_and_the_threads(monkeypatch):
    from accelerate.commands import launch

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before, seen = dict(os.environ), {}
    monkeypatch.setattr(launch.subprocess, "Popen", lambda command, env: seen.update(env) or SimpleNamespace(wait=lambda: 0, returncode=0))
    single = ACCELERATE / "single.yaml"
    options = command(single, yaml.safe_load(single.read_text()), 1, Nodes())
    launch.launch_command(launch.launch_command_parser().parse_args([*options, "train.py"]))
    made = {key: value for key, value in seen.items() if before.get(key) != value}
    assert made.pop("OMP_NUM_THREADS") == "1"
    assert {key.removeprefix("ACCELERATE_"): value for key, value in made.items()} == {
        "USE_CPU": "False",
        "MIXED_PRECISION": "no",
        "DYNAMO_BACKEND": "NO",
        "DYNAMO_MODE": "default",
        "DYNAMO_USE_FULLGRAPH": "False",
        "DYNAMO_USE_DYNAMIC": "False",
        "DYNAMO_USE_REGIONAL_COMPILATION": "False",
    }


CONFIGS = sorted(path for path in ACCELERATE.parent.glob("*.yaml") if "models" in (yaml.safe_load(path.read_text()) or {}))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_each_configuration_of_this_project_can_be_launched(path):
    given = {key: value for key, value in yaml.safe_load(path.read_text()).items() if key != "properties"}
    runtime = given.get("runtime", {})
    accelerate = ACCELERATE.parents[1] / runtime.get("accelerate", "config/accelerate/single.yaml")
    assert command(accelerate, yaml.safe_load(accelerate.read_text()), max(runtime.get("train_gpus", 0), 1), Nodes())


def test_a_run_of_another_world_size_than_was_asked_for_is_refused():
    env = environment(2, Nodes(), {})
    with pytest.raises(InputError, match="2 processes were requested and 1 run"):
        world(env)
    assert world(env | {"WORLD_SIZE": "2", "RANK": "1"}) == (2, 1, "ddp")
    assert world({}) == (1, 0, "single"), "started by hand, without the launcher"


@pytest.mark.parametrize(
    ("env", "sharing"),
    [
        ({"ACCELERATE_USE_DEEPSPEED": "true", "ACCELERATE_DEEPSPEED_ZERO_STAGE": "3"}, "zero3"),
        ({"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2"}, "fsdp2"),
    ],
)
def test_how_the_model_is_shared_out_is_known(env, sharing):
    assert world({"WORLD_SIZE": "2", PROCESSES_VARIABLE: "2", **env})[2] == sharing


def test_programs_beside_the_interpreter_are_found_without_an_activated_environment():
    assert environment(2, Nodes(), {"PATH": "/bin"})["PATH"] == f"{Path(sys.executable).parent}{os.pathsep}/bin"


def test_one_process_sees_one_device_unless_somebody_chose():
    assert environment(1, Nodes(), {})["CUDA_VISIBLE_DEVICES"] == "0"
    assert environment(1, Nodes(), {"CUDA_VISIBLE_DEVICES": "5"})["CUDA_VISIBLE_DEVICES"] == "5"
    assert "CUDA_VISIBLE_DEVICES" not in environment(8, Nodes(), {})
