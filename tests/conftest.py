"""One finished run of a tiny miniature for all tests that look at a run: every step for real, in a checkout of its own."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from warm import warm

PROJECT = Path(__file__).resolve().parents[1]
PARTS = ("Snakefile", "rules", "scripts", "tools", "config", "envs", "profiles", "tests/tiny.yaml")


@dataclass(frozen=True)
class Checkout:
    """A copy of the project in `folder`, with the tiny miniature as its configuration."""

    folder: Path

    def snakemake(self, *args: str, config: dict | None = None) -> subprocess.CompletedProcess[str]:
        """Run Snakemake here; `config` is laid over the tiny miniature."""
        (self.folder / "overlay.yaml").write_text(yaml.safe_dump({"title": "Tiny", **(config or {})}), encoding="utf-8")
        command = [sys.executable, "-m", "snakemake", "--configfile", "config/config.yaml", "tests/tiny.yaml", "overlay.yaml", *args]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=900, check=False)

    def jobs(self, *args: str, config: dict | None = None) -> list[str]:
        """The jobs of a run as `rule NAME`, where NAME is the model, dataset or benchmark that it is about."""
        done = self.snakemake(*args, config=config)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        found = re.findall(r"^(?:local)?(?:rule|checkpoint) (\w+):\n((?:    .*\n)*)", done.stdout + done.stderr, re.MULTILINE)
        return sorted({_named(rule, about) for rule, about in found} - {"all"})

    def copy(self, folder: Path) -> "Checkout":
        shutil.copytree(self.folder, folder, symlinks=True)
        return Checkout(folder)


def _named(rule: str, about: str) -> str:
    wildcards = dict(pair.split("=") for line in re.findall(r"wildcards: (.*)", about) for pair in line.split(", "))
    about_what = [wildcards[name] for name in ("model", "dataset", "benchmark") if name in wildcards]
    return " ".join([rule, *about_what[:1]])


def checkout(folder: Path) -> Checkout:
    for part in PARTS:
        source, target = PROJECT / part, folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)
    return Checkout(folder)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout on which the tiny miniature has run from nothing. Tests must not change it: take a copy.

    While working on the tests, DISTILL_FINISHED may name such a folder of an earlier session, and nothing is run.
    """
    if "DISTILL_FINISHED" in os.environ:
        return Checkout(Path(os.environ["DISTILL_FINISHED"]))
    made = checkout(tmp_path_factory.mktemp("finished") / "project")
    done = made.snakemake("--cores", str(os.cpu_count()))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return made


@pytest.fixture(scope="session")
def warm_python(tmp_path_factory: pytest.TempPathFactory):
    """A Python that starts in milliseconds, for tests that run Snakemake and its steps many times.

    While working on the tests, DISTILL_WARM may name the folder of one that is served already: python tests/warm.py FOLDER.
    """
    if "DISTILL_WARM" in os.environ:
        yield Path(os.environ["DISTILL_WARM"]) / "bin" / "python"
        return
    with warm(tmp_path_factory.mktemp("warm")) as python:
        yield python


# Trainings of a tiny world that several files of tests/e2e look at, each run once. In here, since a second conftest.py would take this
# one's name from those who import Checkout.
@pytest.fixture(scope="session")
def tiny_world(tmp_path_factory):
    """A folder with base/ and sft.jsonl. Tests must not change it."""
    import tiny_training as tiny

    folder = tmp_path_factory.mktemp("tiny_world")
    tiny.base(folder / "base")
    tiny.data(folder / "sft.jsonl")
    return folder


@pytest.fixture(scope="session")
def trained(tiny_world, tmp_path_factory):
    """trained(launcher, processes): the folder of a model; beside it are its work folder and, as out.txt, what it printed."""
    import tiny_training as tiny

    made = {}

    def trained(launcher="single", processes=1):
        if (launcher, processes) not in made:
            folder = tmp_path_factory.mktemp(launcher) / "model"
            out = tiny.end(tiny.start(tiny_world, folder, launcher, processes))
            (folder.parent / "out.txt").write_text(out)
            made[launcher, processes] = folder
        return made[launcher, processes]

    return trained
