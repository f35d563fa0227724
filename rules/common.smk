# Helper functions for the rules, and nothing else.
import json
import re
import shlex
import time
from functools import cache
from pathlib import Path

from distill.workflow.why import record_code_digest
from distill.config.load import load
from distill.config.config_values import BRACES
from distill.config.configured import in_results
from distill.base.errors import InputError
from distill.generation.import_recorded import answer_files
from distill.training.launch import processes_of
from distill.workflow.clean_work import planned_work
from distill.config.plan import Plan
from distill.config import preflight_part


def checked(given):
    """The configuration with its defaults, or one line for each mistake in it."""
    try:
        return load(given, exists=lambda path: Path(local(path)).exists())
    except InputError as error:
        raise SystemExit(str(error)) from None


def code(*scripts):
    """What scripts and all project modules that they import mean: the parameter that tells Snakemake of changed code."""
    return " ".join(["code", *(record_code_digest(script) for script in scripts)])


def spec(value):
    """Key-sorted JSON: the form in which a step gets its part of the configuration, and in which Snakemake remembers it.

    Snakemake compares parameters without their names, so each rule has its whole part in one value.
    """
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def one_of(names):
    """A wildcard constraint that matches these names and no others."""
    return "|".join(re.escape(name) for name in sorted(names)) or "(?!)"


def local(path):
    """A path of the configuration: from the folder that Snakemake runs in, else from the project's own."""
    here = Path(path).exists() or Path.cwd() == Path(workflow.basedir)
    return path if here else str(Path(workflow.basedir) / path)


def files_of(source):
    """The files behind a source on this machine; none for what is downloaded."""
    path = Path(local(source["path"])) if "path" in source else None
    if path is None or not path.is_dir():
        return [str(path)] if path else []
    files = sorted(str(file) for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
    for file in files:
        if BRACES & set(file):
            raise SystemExit(f"config: {file}: Snakemake takes braces in a path for wildcards; rename it without them")
    return files


def template_of(entry):
    """The chat template file that a model declares, if any."""
    return [local(entry["chat_template"])] if "chat_template" in entry else []


def once(files):
    """The files, each where it is first named."""
    return list(dict.fromkeys(files))


def system_of(entry):
    """The system prompt file that a dataset or a teacher declares, if any."""
    return [local(entry["system"])] if "system" in entry else []


def selection(dataset):
    """What decides which rows of a dataset are kept; the system prompt counts by its text."""
    system = config["datasets"][dataset].get("system")
    if system not in (None, "source"):
        system = Path(local(system)).read_text(encoding="utf-8")
    return {**plan.filter(dataset), "system": system}


def resumable():
    """What this configuration makes in work folders."""

    def template(model):
        return "".join(Path(file).read_text(encoding="utf-8") for file in template_of(plan.training(model))) or None

    return planned_work(plan, template)


def folder(files):
    """The folder that a file, or the first of several, lies in."""
    return os.path.dirname(files if isinstance(files, str) else files[0])


def recorded(model, run):
    """The files that hold a recorded model's answers to a benchmark."""
    path, pattern, names = plan.recorded(model, run)
    if in_results(path):
        return answer_files(path, pattern, names)
    files = answer_files(local(path), pattern, names)
    if not Path(files[0]).exists():
        what = f"has no file for {run}; name it under files:" if Path(local(path)).exists() else "does not exist; mend the path"
        raise SystemExit(f"config: models.{model}.responses.path: {path!r} {what}")
    return files


def drawn():
    """The output of each figure that there will be something to draw from."""
    return {name: told(f"results/figures/{name}.png", category) for name, category in plan.drawn().items()}


def told(path, category):
    """An output with its place and caption in Snakemake's own report."""
    return report(path, category=category, caption=f"captions/{Path(path).stem}.rst", labels={"": Path(path).stem.replace("_", " ")})


def made_again():
    """The command that makes the report of this configuration, from this folder."""
    given = workflow.config_settings
    files = [os.path.relpath(path) for path in given.configfiles]
    values = [f"{key}={json.dumps(value)}" for key, value in given.config.items()]
    options = [*(["--configfile", *files] if files else []), *(["--config", *values] if values else [])]
    return shlex.join(["snakemake", "--cores", "all", "results/report.md", *options])


def all_runs(pattern):
    """One path for each model and each benchmark that it answers."""
    return [pattern.format(model=model, benchmark=run) for model, run in plan.answered()]


def after_seal(path):
    """An input function for what lies below training: it waits until the seal tells which data really changed.

    Without it Snakemake would run a step on files that a training of the same run is about to replace. Where nothing was ever trained there
    is nothing to replace, and the plan of a first run is shown whole.
    """

    def wait(wildcards):
        if not never_trained() and below_seal(wildcards):
            checkpoints.seal.get()
        return path(wildcards) if callable(path) else expand(path, **wildcards)

    return wait


def launch_options(runtime):
    """What scripts/launch.py is told of processes and machines."""
    options = ["--processes", str(processes_of(runtime)), "--nodes", str(runtime["train_nodes"])]
    for key in ("machine_rank", "main_address", "main_port"):
        if runtime[key] is not None:
            options += [f"--{key.replace('_', '-')}", str(runtime[key])]
    return options


def environment(gpus):
    """The conda file of a job that takes so many accelerators, for `--sdm conda`."""
    return f"../envs/environment{'-cuda' if gpus else ''}.yaml"


def started(gpus, nodes=1, cpus=1):
    """What a job's command is started by: in a Slurm job of several machines once on each, else on accelerators of its own, if it takes any."""
    if nodes > 1 and "SLURM_JOB_ID" in os.environ:
        step = [f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", f"--cpus-per-task={cpus}", "--kill-on-bad-exit=1"]
        return ["srun", *step, *([f"--gpus-per-node={gpus}"] if gpus else [])]
    return ["python", str(Path(workflow.basedir, "scripts", "take_gpus.py")), f"--gpus={gpus}", "--"] if gpus else []


def machines(runtime):
    """The resources of a training. On Slurm, one that spans machines starts its own step on each (`mpi`), which the plugin leaves to it."""
    gpus, nodes = runtime["train_gpus"], runtime["train_nodes"]
    if nodes == 1 or runtime["machine_rank"] is not None:
        return {"gpu": gpus}
    return {"gpu": gpus * nodes, "nodes": nodes, "tasks": nodes, "tasks_per_gpu": 0, "mpi": True}


def below_seal(wildcards):
    """Whether a job hangs on a training of this run: its model or its dataset says so; one that is about neither is about all models."""
    if "model" in wildcards.keys():
        return plan.below_seal(wildcards.model)
    return "dataset" not in wildcards.keys() or plan.taught_below_seal(wildcards.dataset)


def sealed_data(model, name):
    """A file of a model's training set. The set counts by its digest, not by its date: `ancient`.

    What a model that is trained here has written is no part of the seal, which waits for no training: it counts as any other input does.
    """
    checkpoints.seal.get()
    dataset = plan.training(model)["dataset"]
    path = f"results/data/{dataset}/{name}"
    return path if plan.taught_below_seal(dataset) else ancient(path)


def sealed_digest(model):
    """The digest of a model's training set as the seal wrote it; what it will be is not known before the seal has run."""
    try:
        return json.loads(Path("results/data/digests.json").read_bytes()).get(plan.training(model)["dataset"], "not sealed")
    except (OSError, ValueError):
        return "not sealed"


@cache
def never_trained():
    results = [Path(f"results/models/{name}/manifest.json") for name in plan.made("train")]
    return not any(path.exists() for path in (*results, Path("results/data/digests.json")))
