"""Trainings of the tiny world that several files look at, each run once."""

import pytest
import tiny_training as tiny


@pytest.fixture(scope="session")
def tiny_world(tmp_path_factory):
    """A folder with base/ and sft.jsonl. Tests must not change it."""
    folder = tmp_path_factory.mktemp("tiny_world")
    tiny.base(folder / "base")
    tiny.data(folder / "sft.jsonl")
    return folder


@pytest.fixture(scope="session")
def trained(tiny_world, tmp_path_factory):
    """trained(launcher, processes): the folder of a model; beside it are its work folder and, as out.txt, what it printed."""
    made = {}

    def trained(launcher="single", processes=1):
        if (launcher, processes) not in made:
            folder = tmp_path_factory.mktemp(launcher) / "model"
            out = tiny.end(tiny.start(tiny_world, folder, launcher, processes))
            (folder.parent / "out.txt").write_text(out)
            made[launcher, processes] = folder
        return made[launcher, processes]

    return trained
