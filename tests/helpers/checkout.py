"""A copy of the project in which a small experiment runs: the harness of every test that calls Snakemake.

    here = checkout("small", tmp_path / "project", warm_python)
    assert here.jobs("--dry-run") == [...]

The experiments are tests/worlds/*.yaml; `EXPERIMENTS` says which files make up which. Most tests take a copy of a finished run from the
fixtures of conftest.py instead of running one.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[2]
PARTS = ("Snakefile", "rules", "scripts", "tools", "config", "envs", "profiles")
WORLDS = PROJECT / "tests" / "worlds"
# Name of an experiment: the files that are laid over each other.
EXPERIMENTS = {
    "small": (WORLDS / "small.yaml",),
    "tiny": (PROJECT / "config" / "config.yaml", WORLDS / "tiny.yaml"),
    "world": (WORLDS / "world.yaml",),
    "wider": (WORLDS / "world.yaml", WORLDS / "wider.yaml"),
}
CONFIG = "experiment.yaml"
DATES = re.compile(r"logs/|timing/|provenance\.json|(.*/)?\.")  # results that hold times, and Snakemake's own hidden files


@dataclass(frozen=True)
class Checkout:
    """A copy of the project in `folder`, the configuration of its experiment, and the Python that runs it.

    `config=` of each method is laid over the configuration for that call.
    """

    folder: Path
    config: dict[str, Any] = field(hash=False)
    python: Path | str = sys.executable

    def command(self, *words: str, config: dict[str, Any] | None = None) -> list[str]:
        """`python WORDS --configfile experiment.yaml`, for Snakemake and for those of tools/ that take its options."""
        text = yaml.safe_dump(merged(self.config, config or {}), sort_keys=False, allow_unicode=True)
        (self.folder / CONFIG).write_text(text, encoding="utf-8")
        return [str(self.python), *words, "--configfile", CONFIG]

    def run(self, *words: str, config: dict[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a program of the project here, such as tools/why.py."""
        return subprocess.run(
            self.command(*words, config=config), cwd=self.folder, capture_output=True, text=True, timeout=900, check=False
        )

    def snakemake(self, *options: str, config: dict[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "snakemake", *options, config=config)

    def start(self, *options: str, config: dict[str, Any] | None = None, **more: Any) -> subprocess.Popen[str]:
        """Snakemake in the background, in its own process group; `more` are arguments of Popen."""
        alone = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "process_group": 0}
        command = self.command("-m", "snakemake", *options, config=config)
        return subprocess.Popen(command, cwd=self.folder, text=True, **(alone | more))

    def jobs(self, *options: str, config: dict[str, Any] | None = None) -> list[str]:
        """The jobs that Snakemake plans or runs, sorted, as `rule wildcard wildcard`, each as often as it is named."""
        done = self.snakemake(*options, config=config)
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
        return jobs_in(done.stdout + done.stderr)

    def copy(self, folder: Path) -> "Checkout":
        shutil.copytree(self.folder, folder, symlinks=True)
        return replace(self, folder=folder, config=deepcopy(self.config))


def jobs_in(output: str) -> list[str]:
    """The jobs that Snakemake's output names, but for `all`."""
    found = re.findall(r"^(?:local)?(?:rule|checkpoint) (\w+):\n((?:    .*\n)*)", output, re.MULTILINE)
    named = [(rule, re.findall(r"^    wildcards: (.*)$", about, re.MULTILINE)) for rule, about in found if rule != "all"]
    return sorted(" ".join([rule, *(pair.split("=", 1)[1] for line in about for pair in line.split(", "))]) for rule, about in named)


def checkout(name: str, folder: Path, python: Path | str = sys.executable) -> Checkout:
    """A checkout in `folder` with the experiment `name`, in which nothing has run."""
    for part in PARTS:
        if (PROJECT / part).is_dir():
            shutil.copytree(PROJECT / part, folder / part)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / part, folder / part)
    return Checkout(folder, configuration(name), python)


def configuration(name: str) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for file in EXPERIMENTS[name]:
        config = merged(config, yaml.safe_load(file.read_text(encoding="utf-8")))
    return config


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """`above` laid over `below` as Snakemake lays configurations: mappings merge, everything else replaces."""
    both = dict(below)
    for key, value in above.items():
        old = below.get(key)
        both[key] = merged(old, value) if isinstance(value, dict) and isinstance(old, dict) else value
    return both


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def digests(folder: Path) -> dict[str, str]:
    """{file: sha256} of the results of a run that must be the same in every run: all but logs, timings and provenance, which hold times."""
    found = {}
    for path in sorted((folder / "results").rglob("*")):
        name = path.relative_to(folder / "results").as_posix()
        if not path.is_file() or DATES.match(name):
            continue
        content = path.read_bytes()
        if path.name == "log.jsonl":
            content = json.dumps([row | {"tokens_per_s": None} for row in read_rows(path)]).encode()
        found[name] = hashlib.sha256(content).hexdigest()
    return found
