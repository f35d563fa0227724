"""Every profile is one that Snakemake takes, and plans what is planned without it: where a job runs changes no job."""

import importlib.util
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from checkout import PROJECT, checkout

NEEDS = {"slurm": "snakemake_executor_plugin_slurm", "kubernetes": "snakemake_executor_plugin_kubernetes"}
MORE = {"kubernetes": ["--default-storage-prefix", str(PROJECT)]}  # the profile's own is a folder of the cluster's


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    return checkout("tiny", tmp_path_factory.mktemp("clone") / "project").folder


@pytest.fixture(scope="module")
def planned(clone: Path, warm_python: Path) -> Callable[..., tuple[str, ...]]:
    """planned(*options): the jobs of the guide's experiment, as rule and count."""

    def planned(*options: str) -> tuple[str, ...]:
        command = [warm_python, "-m", "snakemake", "-n", "--configfile", "config/tutorial.yaml", *options]
        done = subprocess.run(command, cwd=clone, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return tuple(sorted(set(re.findall(r"^(\w+ +\d+)$", done.stdout + done.stderr, re.MULTILINE))))

    return planned


@pytest.fixture(scope="module")
def without(planned: Callable[..., tuple[str, ...]]) -> tuple[str, ...]:
    jobs = planned()
    assert any(job.startswith("train ") for job in jobs)
    return jobs


@pytest.mark.parametrize(
    "profile", sorted(path.parent.name for path in PROJECT.glob("profiles/*/profile.yaml") if path.parent.name != "default")
)
def test_a_profile_plans_the_same_jobs(profile, planned, without):
    if profile in NEEDS and importlib.util.find_spec(NEEDS[profile]) is None:
        pytest.skip(f"{NEEDS[profile]} is not installed: pip install -r envs/requirements-{profile}.txt")
    assert planned("--profile", f"profiles/{profile}", *MORE.get(profile, [])) == without


def test_slurm_gives_time_to_what_takes_long_and_the_signal_to_what_trains():
    given = yaml.safe_load((PROJECT / "profiles/slurm/profile.yaml").read_text(encoding="utf-8"))["set-resources"]
    rules = {}
    for path in (PROJECT / "rules").glob("*.smk"):
        _, *parts = re.split(r"^(?:rule|checkpoint) (\w+):$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        rules |= dict(zip(parts[::2], parts[1::2], strict=True))
    training = {name for name, text in rules.items() if "launch.py" in text}
    assert training == {"train", "distill"}
    assert {name for name in given if "TERM@600" in given[name].get("slurm_extra", "")} == training
    scripts = ("launch.py", "respond.py", "generate_traces.py", "judge.py", "logits.py")
    long = {name for name, text in rules.items() if any(f"$SCRIPTS/{script}" in text for script in scripts)}
    assert {name for name in given if given[name]["runtime"] == 1440} == long
