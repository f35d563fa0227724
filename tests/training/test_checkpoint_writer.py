"""A checkpoint holds the numbers of its own step although training goes on while it is written; an error is raised at the next wait."""

import threading

import pytest

torch = pytest.importorskip("torch")
from safetensors.torch import load_file  # noqa: E402

from distill.training.checkpoint_writer import KEPT, CheckpointWriter, move_into_place  # noqa: E402


def test_what_changes_after_write_does_not_reach_the_file(tmp_path):
    writer, weight, moment = CheckpointWriter(), torch.ones(1000), torch.ones(10)
    for step in (1, 2):
        folder = tmp_path / str(step)
        folder.mkdir()
        weight.fill_(step)
        moment.fill_(10 * step)
        writer.wait()
        writer.write(
            {"w": weight},
            {"optimizer.pt": {"state": {0: {"exp_avg": moment, "step": step}}, "groups": [{"lr": 0.1}]}},
            folder / "model.safetensors",
            id_,
        )
        weight.fill_(-1)
        moment.fill_(-1)
    writer.wait()
    for step in (1, 2):
        assert load_file(tmp_path / str(step) / "model.safetensors")["w"].unique().tolist() == [step]
        found = torch.load(tmp_path / str(step) / "optimizer.pt")
        assert found["state"][0]["exp_avg"].unique().tolist() == [10 * step] and found["groups"] == [{"lr": 0.1}]


def id_() -> None:
    """Publishes nothing."""


def test_write_returns_while_the_files_are_being_published(tmp_path):
    writer, begin = CheckpointWriter(), threading.Event()
    writer.write({"w": torch.ones(2)}, {}, tmp_path / "model.safetensors", lambda: begin.wait(30) and (tmp_path / "complete").touch())
    assert not (tmp_path / "complete").exists()
    begin.set()
    writer.wait()
    assert (tmp_path / "complete").exists()


def test_an_error_of_the_thread_is_raised_once_by_the_next_wait(tmp_path):
    writer = CheckpointWriter()
    writer.write({"w": torch.ones(2)}, {}, tmp_path / "missing" / "model.safetensors", id_)
    with pytest.raises(Exception, match=r"No such file|os error 2"):
        writer.wait()
    writer.wait()


def test_only_the_last_checkpoints_stay(tmp_path):
    for step in (2, 10, 9, 30):
        saved = tmp_path / "saving" / f"checkpoint-{step}"
        saved.mkdir(parents=True)
        (saved / "file").touch()
        move_into_place(saved, tmp_path / saved.name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-10", "checkpoint-30"]
    assert KEPT == 2
