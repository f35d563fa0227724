"""A kept checkpoint is a model like any other, and asking for one does not train again what is trained."""

import json

import pytest

HALF = {"ours": {"train": {"save": [0.5]}}, "ours-half": {"role": "student", "checkpoint": {"of": "ours", "epoch": 0.5}}}
OTHER_RATE = {**HALF, "ours": {"train": {"save": [0.5], "learning_rate": 1.0e-3}}}


def about_models(jobs: list[str]) -> list[str]:
    """Trainings and answers, as `rule model`."""
    return sorted({" ".join(job.split()[:2]) for job in jobs if job.split()[0] in ("train", "respond")})


def test_a_checkpoint_asked_for_later_leaves_the_finished_model_alone(finished):
    assert about_models(finished.jobs("--dry-run", config={"models": {"ours": HALF["ours"]}})) == []
    assert about_models(finished.jobs("--dry-run", config={"models": HALF})) == ["respond ours-half", "train ours-half"]


def test_another_recipe_makes_a_training_and_its_checkpoints_stale(finished):
    jobs = about_models(finished.jobs("--dry-run", config={"models": OTHER_RATE}))
    assert jobs == ["respond ours", "respond ours-half", "train ours", "train ours-half"]


@pytest.mark.slow
def test_a_kept_checkpoint_is_answered_and_compared(finished, tmp_path):
    here = finished.copy(tmp_path / "here")
    assert about_models(here.jobs("--cores", "2", config={"models": OTHER_RATE}))
    assert here.jobs("--dry-run", config={"models": OTHER_RATE}) == []
    whole, half = (json.loads((here.folder / f"results/models/{name}/manifest.json").read_bytes()) for name in ("ours", "ours-half"))
    assert (half["epoch"], whole["epoch"]) == (0.5, 1.0)
    assert "ours-half" in (here.folder / "results/comparison.csv").read_text(encoding="utf-8")
    logs = {name: (here.folder / f"results/logs/train/{name}.log").read_text(encoding="utf-8") for name in ("ours", "ours-half")}
    assert "train: " in logs["ours"] and "train: " not in logs["ours-half"]
