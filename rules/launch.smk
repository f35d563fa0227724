# Helper functions: the environment of a job, the command prefix that starts it, and the GPUs and nodes that it asks for.
import json
import os
import shlex
import socket
import sys
import tempfile
from pathlib import Path

from distill.base.processes import STARTED_BY
from distill.preflight import facts, host, request
from distill.training.launch import processes_of
from distill.training.recipe import rollout_modules

# Jobs find the scripts, and run under the interpreter that runs Snakemake, whatever stands first on PATH. Temporary files, those of
# Snakemake's scheduler too, go where Python finds room.
os.environ.update(
    SCRIPTS=os.path.join(workflow.basedir, "scripts"),
    PATH=os.path.dirname(sys.executable) + os.pathsep + os.environ.get("PATH", ""),
    TMPDIR=tempfile.gettempdir(),
)
# By this a training is known whose Snakemake was killed (distill.base.processes).
os.environ.setdefault(STARTED_BY, f"{socket.gethostname()}:{os.getpid()}")


def conda_file(gpus):
    """The conda environment of a job on this many GPUs, for `--sdm conda`."""
    return f"../envs/environment{'-cuda' if gpus else ''}.yaml"


def command_prefix(gpus, nodes=1, cpus=1):
    """What stands before a job's command: srun in a Slurm job of several nodes, take_gpus.py for a job on GPUs, else nothing."""
    if nodes > 1 and "SLURM_JOB_ID" in os.environ:
        step = [f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", f"--cpus-per-task={cpus}", "--kill-on-bad-exit=1"]
        return ["srun", *step, *([f"--gpus-per-node={gpus}"] if gpus else [])]
    return ["python", str(Path(workflow.basedir, "scripts", "take_gpus.py")), f"--gpus={gpus}", "--"] if gpus else []


def train_prefix(resources, threads):
    """The command prefix of a training."""
    runtime = config["runtime"]
    return command_prefix(runtime["train_gpus"], runtime["train_nodes"], resources.get("cpus_per_task", threads))


def train_resources(runtime):
    """The GPUs and nodes of a training. One over several Slurm nodes is marked `mpi`: it starts its own processes by srun."""
    gpus, nodes = runtime["train_gpus"], runtime["train_nodes"]
    if nodes == 1 or runtime["machine_rank"] is not None:
        return {"gpu": gpus}
    return {"gpu": gpus * nodes, "nodes": nodes, "tasks": nodes, "tasks_per_gpu": 0, "mpi": True}


def train_memory(model):
    """MiB of a node's own memory that the training of a model asks a cluster for."""
    part = preflight_part.of(plan, project_path, plan.trained_as(model), respond=False)
    return request.train_mb(part, Path("results"))


def distill_memory(model):
    """The same of a distillation."""
    return request.distill_mb(preflight_part.of(plan, project_path, model, respond=False), Path("results"))


def respond_memory(model):
    """The same of the responses of a model."""
    return request.respond_mb(facts.join_tasks(preflight_part.of(plan, project_path, model, train=False)), Path("results"))


def model_memory(manifests):
    """The same of another step that loads the model of a manifest; the least where there is none, as of one behind an endpoint."""
    paths = [manifests] if isinstance(manifests, str) else list(manifests)
    if not paths:
        return host.LEAST_MB
    origin = plan.chain(Path(paths[0]).parent.name)[-1]
    return request.model_mb(origin, preflight_part.of(plan, project_path, origin, train=False, respond=False), Path("results"))


def launch_options(runtime):
    """The options of scripts/launch.py: processes on each node, nodes, which of them this is, and what to do after a failure or a kill."""
    options = ["--processes", str(processes_of(runtime)), "--nodes", str(runtime["train_nodes"]), "--orphans", runtime["orphans"]]
    options += ["--retries", str(runtime["train_retries"])] if runtime["train_nodes"] == 1 else []
    for key in ("machine_rank", "main_address", "main_port"):
        if runtime[key] is not None:
            options += [f"--{key.replace('_', '-')}", str(runtime[key])]
    return options


def report_command():
    """The command line that makes this configuration's report, from the working directory."""
    given, snakefile = workflow.config_settings, os.path.relpath(workflow.main_snakefile)
    files = [] if experiment_files == (experiment.default(),) else [os.path.relpath(experiment.path_of(name)) for name in experiment_files]
    values = [f"{key}={json.dumps(value)}" for key, value in given.config.items() if key not in ("takeover", "remove")]
    options = [] if snakefile == "Snakefile" else ["--snakefile", snakefile]
    options += [*(["--configfile", *files] if files else []), *(["--config", *values] if values else [])]
    return shlex.join(["snakemake", "--cores", "all", "results/report.md", *options])
