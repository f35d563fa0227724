"""Errors that cost one line, and commands that are printed for people and work."""

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from checkout import PROJECT, checkout

MINIATURE = ["--configfile", str(PROJECT / "config/config.yaml")]


@pytest.fixture
def snakemake(warm_python: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def snakemake(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
        command = [warm_python, "-m", "snakemake", *args]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)

    return snakemake


def test_an_error_in_the_configuration_is_the_last_line_and_the_only_one_of_its_own(snakemake, tmp_path):
    (tmp_path / "overlay.yaml").write_text("runtime: {devices: {name: RTX 4090}}\n", encoding="utf-8")
    done = snakemake(tmp_path, "--cores", "1", "--snakefile", str(PROJECT / "Snakefile"), "preflight", *MINIATURE, "overlay.yaml")
    assert done.returncode != 0 and done.stdout == ""
    *before, last = done.stderr.rstrip("\n").split("\n")
    assert last.startswith("config: runtime.devices.name: 'RTX 4090' is not in config/known.yaml; did you mean RTX-4090?")
    assert all(line.startswith("Using workflow specific profile") for line in before)


@pytest.mark.parametrize("how", ["given", "remembered"])
def test_a_configuration_file_that_cannot_be_read_is_one_line_too(how, snakemake, tmp_path):
    (tmp_path / "mine.yaml").write_text("models:\n  ours: {train: {epochs: 2}\n  base: {}\n", encoding="utf-8")
    (tmp_path / "results").mkdir()
    remembered = {"title": "Mine", "configfiles": ["mine.yaml"]}
    (tmp_path / "results/experiment.json").write_text(json.dumps(remembered), encoding="utf-8")
    given = {"given": [*MINIATURE, "mine.yaml"], "remembered": []}[how]
    done = snakemake(tmp_path, "-n", "--snakefile", str(PROJECT / "Snakefile"), *given)
    assert done.returncode == 1 and len(done.stdout.splitlines()) == (how == "remembered")  # which configuration this is
    profile, line = done.stderr.rstrip("\n").split("\n")
    assert profile.startswith("Using workflow specific profile")
    assert re.fullmatch(
        r"config: (/.*/)?mine.yaml: line 3, column 3: expected ',' or '}', but got .* from line 2, column 9; fix it there", line
    )


def test_a_nested_value_on_the_command_line_counts(snakemake, tmp_path):
    value = "models={ours: {train: {learning_rate: 0.002, epochs: %s}}}"
    command = ["-n", "--snakefile", str(PROJECT / "Snakefile"), *MINIATURE, "--printshellcmds", "results/models/ours/manifest.json"]
    done = snakemake(tmp_path, *command, "--config", value % "0.5")
    assert done.returncode == 0, done.stderr[-2000:]
    assert '"learning_rate": 0.002' in done.stdout + done.stderr and '"epochs": 0.5' in done.stdout + done.stderr
    done = snakemake(tmp_path, *command, "--config", value % "few")
    assert done.stderr.rstrip("\n").split("\n")[-1] == "config: models.ours.train.epochs: 'few' is not a number"


def test_preflight_fails_where_it_says_stop_and_keeps_its_page(snakemake, tmp_path):
    (tmp_path / "overlay.yaml").write_text("runtime: {devices: {name: tiny, memory_gb: 0.00001}}\n", encoding="utf-8")
    done = snakemake(tmp_path, "--cores", "1", "--snakefile", str(PROJECT / "Snakefile"), "preflight", *MINIATURE, "overlay.yaml")
    said = done.stdout + done.stderr
    assert done.returncode == 1 and "of the findings above say STOP: this would not run" in said
    assert "STOP" in (tmp_path / "results/preflight.txt").read_text(encoding="utf-8")
    assert max(map(len, said.split("\n"))) < 4000  # no plan of 20 kB in the command of the job that failed


@pytest.mark.parametrize("option", ["--snakefile", "--directory"])
def test_the_command_in_the_provenance_works_from_the_folder_of_the_results(snakemake, tmp_path, option):
    project, here = checkout("tiny", tmp_path / "project").folder, tmp_path / "here"
    here.mkdir()
    start, options = (
        (here, ["--snakefile", str(project / "Snakefile")]) if option == "--snakefile" else (project, ["--directory", str(here)])
    )
    plan = snakemake(start, "--dry-run", "--printshellcmds", *options, "results/provenance.json")
    assert plan.returncode == 0, plan.stderr[-2000:]
    (printed,) = re.findall(r"provenance\.py.*?--command (.*?) --results", plan.stdout + plan.stderr, re.DOTALL)
    (command,) = shlex.split(printed.strip())
    program, *rest = shlex.split(command)
    assert program == "snakemake"
    again = snakemake(here, *rest, "--dry-run", "--quiet")
    assert again.returncode == 0, f"{command}: {again.stderr[-2000:]}"
