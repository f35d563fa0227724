"""A results folder of a run, to read and to change."""

import shutil
from pathlib import Path

import pytest
import results_tree


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    return results_tree.build(tmp_path_factory.mktemp("results"))


@pytest.fixture
def tree(built, tmp_path) -> Path:
    """A results folder to change."""
    return Path(shutil.copytree(built, tmp_path / "results"))
