"""What a job's resources become in the sbatch line, asked of the executor plugin itself; docs/cluster.md shows the line."""

import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

plugin = pytest.importorskip("snakemake_executor_plugin_slurm.submit_string", reason="pip install -r envs/requirements-slurm.txt")
from snakemake_executor_plugin_slurm.utils import set_gres_string  # noqa: E402

PROJECT = Path(__file__).resolve().parents[2]
PARAMS = {
    "run_uuid": "RUN",
    "slurm_logfile": "LOG",
    "comment_str": "rule_train",
    "account": "-A 'team'",
    "partition": "-p 'gpus'",
    "workdir": "",
}


class Resources(dict):
    """As Snakemake's: keys are attributes too."""

    __getattr__ = dict.__getitem__


def sbatch(threads=1, **resources) -> str:
    job = SimpleNamespace(threads=threads, resources=Resources(resources), is_group=lambda: False)
    return plugin.get_submit_command(job, PARAMS) + set_gres_string(job)


@pytest.mark.parametrize(
    ("resources", "present", "absent"),
    [
        (
            {"threads": 4, "gpu": 8, "cpus_per_task": 32, "mem_mb": 400000, "runtime": 60},
            ["-t 60", "--mem 400000", "--cpus-per-task=32", "--gpus=8"],
            ["--ntasks", "--nodes", "--gres"],
        ),
        ({"threads": 4, "mem_mb": 2000, "runtime": 240}, ["-t 240", "--mem 2000", "--ntasks=1", "--cpus-per-task=4"], ["--gpus"]),
        ({"gpu": 0, "mem_mb": 2000, "runtime": 240}, ["--ntasks=1"], ["--gpus"]),
        ({"gpu": 8, "nodes": 2, "mem_mb": 400000, "runtime": 1440}, ["--nodes=2", "--gpus=8"], ["--ntasks="]),
    ],
    ids=["training", "a step of the CPU", "a training without GPUs", "two nodes"],
)
def test_resources_become_options_of_sbatch(resources, present, absent):
    line = sbatch(**resources)
    assert all(re.search(rf"(?<!\S){re.escape(option)}(?!\S)", line) for option in present), line
    assert not any(option in line for option in absent), line


def planned_resources(python: Path, folder: Path, *configfiles: str) -> dict[str, dict[str, str]]:
    """The resources of each rule's jobs in a dry run in an empty folder, as Snakemake hands them to the plugin."""
    command = [python, "-m", "snakemake", "--dry-run", "--snakefile", str(PROJECT / "Snakefile"), "--configfile", *configfiles]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    found = re.findall(r"^rule (\w+):\n(?:    .*\n)*?    resources: (.*)$", done.stdout + done.stderr, re.MULTILINE)
    return {rule: dict(one.split("=", 1) for one in resources.split(", ")) for rule, resources in found}


def test_a_training_asks_slurm_for_the_memory_that_its_model_takes(warm_python, tmp_path):
    """3,000 MB, as every training asked once, would end that of the guide when it reads its model."""
    planned = planned_resources(warm_python, tmp_path, str(PROJECT / "config/tutorial.yaml"))
    needed = {rule: int(planned[rule]["mem_mb"]) for rule in ("train", "respond")}
    assert needed == {"train": 52_000, "respond": 10_000}
    assert "--mem 52000 " in sbatch(gpu=int(planned["train"]["gpu"]), mem_mb=needed["train"], runtime=1440) + " "


def test_the_documentation_shows_the_line_of_a_training(warm_python, tmp_path):
    profile = yaml.safe_load((PROJECT / "profiles" / "slurm" / "profile.yaml").read_text(encoding="utf-8"))
    train = profile["set-resources"]["train"]
    extra = train["slurm_extra"].strip("'")
    memory = int(planned_resources(warm_python, tmp_path, str(PROJECT / "config/tutorial.yaml"))["train"]["mem_mb"])
    line = sbatch(gpu=8, cpus_per_task=32, mem_mb=memory, runtime=train["runtime"], slurm_extra=extra)
    shown = re.search(r"^    (sbatch .*)$", (PROJECT / "docs" / "cluster.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert shown and shown[1].split() == line.split()
