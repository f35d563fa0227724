"""A training that is killed, again and again and at any moment, ends in the bytes of an unbroken one; so do the models that it keeps."""

import importlib.util
import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from checkout import PROJECT

KILLS = int(os.environ.get("DISTILL_KILLS", "10"))
RECIPE = {"learning_rate": 1e-3, "dtype": "float32", "max_length": 96, "epochs": 10, "global_batch": 4, "eos_token": "<|im_end|>"}
GROUPED = RECIPE | {"packing": "none", "group_by_length": True}
PACKED = RECIPE | {"packing": "bfd_split", "epochs": 4, "global_batch": 2}
SAVE = [0.5, 1.0, 1.25]


@pytest.fixture(scope="module")
def train(warm_python) -> Callable[..., tuple[int, str]]:
    """train(arguments) runs scripts/train.py: its exit code, or minus the signal that ended it, and what it printed.

    With `kill_after` it is killed (SIGKILL) `delay_s` after that many of its steps have been logged.
    """
    env = os.environ | {"OMP_NUM_THREADS": "1", "DISTILL_PROGRESS_S": "0", "TOKENIZERS_PARALLELISM": "false"}

    def train(arguments: list[str], kill_after: int | None = None, delay_s: float = 0.0) -> tuple[int, str]:
        command = [warm_python, PROJECT / "scripts/train.py", *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, process_group=0)
        printed, steps = [], 0
        for line in process.stdout:
            printed.append(line)
            steps += line.startswith("train: ")
            if steps == kill_after:
                time.sleep(delay_s)
                os.killpg(process.pid, signal.SIGKILL)
                break
        printed.append(process.stdout.read())  # to its end, when nothing of the process is left
        return process.wait(), "".join(printed)

    return train


@pytest.fixture(scope="module")
def unbroken(train, tiny_world, tmp_path_factory):
    """{name: (recipe, folder of the model, number of steps)} of runs that nothing disturbed."""
    made = {}
    for name, recipe in (("grouped", GROUPED), ("packed", PACKED)):
        folder = tmp_path_factory.mktemp(name)
        status, out = train(argv(tiny_world, folder, recipe))
        assert status == 0, out[-3000:]
        made[name] = (recipe, folder, len(log(folder / "model")))
    return made


def argv(world, folder: Path, recipe: dict, save: list[float] = SAVE, output: str = "model", **runtime) -> list[str]:
    return [
        *("--base", str(world / "base")),
        *("--data", str(world / "sft.jsonl")),
        *("--work", str(folder / "work"), "--output", str(folder / output), "--spec", json.dumps(recipe)),
        *("--runtime", json.dumps({"device": "cpu", "save_steps": 3, "micro_batch": 2, **runtime}), "--save", *map(str, save)),
    ]


def log(folder: Path) -> list[dict]:
    return [json.loads(line) | {"tokens_per_s": None} for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def manifest(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_bytes())


def kept(folder: Path) -> dict[str, dict]:
    """{epoch-N: manifest} of what a run has kept."""
    return {path.parent.name: manifest(path.parent) for path in folder.glob("work/*/kept/*/manifest.json")}


def killed(train, arguments: list[str], steps: int, kills: int, seed: int) -> list[int]:
    """Run a training and kill it `kills` times at random; the steps after which each attempt was killed.

    An attempt gets so few steps that no number of attempts could reach the end.
    """
    draw = random.Random(seed)
    done = [draw.randint(1, max(1, (steps - 1) // kills)) for _ in range(kills)]
    for count in done:
        status, out = train(arguments, kill_after=count, delay_s=draw.random() / 50)
        assert status == -signal.SIGKILL, out[-3000:]
    return done


@pytest.mark.parametrize(("name", "kills"), [("grouped", KILLS), ("packed", 3)])
def test_kills_at_random_steps_end_in_the_bytes_of_an_unbroken_run(train, tiny_world, unbroken, tmp_path, name, kills):
    recipe, whole, steps = unbroken[name]
    arguments = argv(tiny_world, tmp_path, recipe)
    killed(train, arguments, steps, kills, seed=kills)
    assert not (tmp_path / "model").exists()
    status, out = train(arguments)
    assert status == 0, out[-3000:]
    assert "resuming from" in out
    assert manifest(tmp_path / "model") == manifest(whole / "model")
    assert log(tmp_path / "model") == log(whole / "model")
    assert set(kept(tmp_path)) == {"epoch-0.5", "epoch-1", "epoch-1.25"}
    assert kept(tmp_path) == kept(whole)


def test_a_kept_model_is_the_training_so_far_and_is_put_in_place_without_training(train, tiny_world, unbroken):
    recipe, folder, _ = unbroken["grouped"]
    status, out = train(argv(tiny_world, folder, {**recipe, "until": 0.5}, [], output="half"))
    assert status == 0 and "train:" not in out
    half, whole = manifest(folder / "half"), manifest(folder / "model")
    assert half == kept(folder)["epoch-0.5"]
    same = ("parent", "data", "recipe", "recipe_digest", "world_size", "versions")
    assert {key: half[key] for key in same} == {key: whole[key] for key in same}
    assert log(folder / "half") == log(folder / "model")[: half["steps"]]
    assert (half["epoch"], half["tokens_seen"]) == (0.5, log(folder / "half")[-1]["tokens"])
    assert half["digest"] != whole["digest"]


def test_an_epoch_that_was_not_kept_is_trained_up_to_there(train, tiny_world, unbroken, tmp_path):
    recipe, folder, _ = unbroken["grouped"]
    status, out = train(argv(tiny_world, tmp_path, {**recipe, "until": 0.5}, [], output="half"), kill_after=4)
    assert status == -signal.SIGKILL, out
    status, out = train(argv(tiny_world, tmp_path, {**recipe, "until": 0.5}, [], output="half"))
    assert status == 0 and "resuming from" in out, out[-3000:]
    assert manifest(tmp_path / "half") == kept(folder)["epoch-0.5"]


def test_a_finished_training_whose_output_was_lost_is_exported_again_and_trains_no_further(train, tiny_world, tmp_path):
    arguments = argv(tiny_world, tmp_path, GROUPED | {"epochs": 0.5, "lr_scheduler_type": "constant"}, [])
    status, out = train(arguments)
    assert status == 0, out[-3000:]
    (tmp_path / "model").rename(tmp_path / "first")
    status, out = train(arguments)
    assert status == 0 and "resuming from" in out, out[-3000:]
    assert manifest(tmp_path / "model") == manifest(tmp_path / "first")
    assert log(tmp_path / "model") == log(tmp_path / "first")


@pytest.mark.parametrize("lost", ["output", "output and kept model"])
def test_a_training_up_to_an_epoch_that_ended_at_a_checkpoint_goes_no_further(train, tiny_world, unbroken, tmp_path, lost):
    recipe, folder, _ = unbroken["grouped"]
    steps = kept(folder)["epoch-0.5"]["steps"]
    arguments = argv(tiny_world, tmp_path, {**recipe, "until": 0.5}, [], output="half", save_steps=steps)
    status, out = train(arguments)
    assert status == 0 and list(tmp_path.glob(f"work/*/checkpoint-{steps}")), out[-3000:]
    shutil.rmtree(tmp_path / "half")
    if lost != "output":
        shutil.rmtree(next(tmp_path.glob("work/*/kept")))
    status, out = train(arguments)
    assert status == 0, out[-3000:]
    assert manifest(tmp_path / "half") == kept(folder)["epoch-0.5"]
    assert not [path.name for path in tmp_path.glob("work/*/checkpoint-*") if path.name != f"checkpoint-{steps}"]


def test_a_kept_model_that_was_changed_is_refused(train, tiny_world, unbroken, tmp_path):
    recipe, folder, _ = unbroken["packed"]
    shutil.copytree(folder / "work", tmp_path / "work")
    weights = next(tmp_path.glob("work/*/kept/epoch-1/model.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    status, out = train(argv(tiny_world, tmp_path, {**recipe, "until": 1.0}, []))
    assert (status, out.count("\n")) == (2, 1)
    assert "kept/epoch-1: is not what its manifest.json says; remove it and run again" in out
    assert not (tmp_path / "model").exists()


def test_an_epoch_beyond_max_steps_is_refused_before_the_first_step(train, tiny_world, tmp_path):
    status, out = train(argv(tiny_world, tmp_path, GROUPED | {"max_steps": 5}, [1.0]))
    assert status == 2
    assert out.rstrip().endswith("epochs that 5 steps make; remove it") and "train.save: 1 is beyond the" in out


def test_tensorboard_shows_the_log_and_changes_nothing(train, tiny_world, tmp_path):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    recipe = GROUPED | {"max_steps": 4}
    for runtime in ({}, {"report_to": ["tensorboard"]}):
        status, out = train(argv(tiny_world, tmp_path / str(len(runtime)), recipe, [], **runtime))
        assert status == 0, out[-3000:]
    plain, watched = tmp_path / "0", tmp_path / "1"
    assert manifest(plain / "model") == manifest(watched / "model")
    assert [path.name for path in plain.glob("work/*")] == [path.name for path in watched.glob("work/*")]
    seen = events.EventAccumulator(str(next(watched.glob("work/*/tensorboard"))))
    seen.Reload()
    shown = [(event.step, event.value) for event in seen.Scalars("train/loss")]
    assert shown == [(row["step"], pytest.approx(row["loss"])) for row in log(watched / "model")]
    assert not list(plain.glob("work/*/tensorboard"))


@pytest.mark.skipif(importlib.util.find_spec("wandb") is not None, reason="wandb is installed")
def test_a_tracker_that_is_not_installed_is_named(train, tiny_world, tmp_path):
    status, out = train(argv(tiny_world, tmp_path, GROUPED, [], report_to=["wandb"]))
    assert status == 2
    assert out.rstrip().endswith("runtime.report_to: wandb is not installed; pip install wandb, or remove it")


def test_a_tracker_that_is_not_known_is_refused(train, tiny_world, tmp_path):
    status, out = train(argv(tiny_world, tmp_path, GROUPED, [], report_to=["no_such_tracker"]))
    assert status == 2
    assert out.rstrip().endswith("report_to.0: 'no_such_tracker' is not known; write one of tensorboard, wandb")
