# Helper functions for the rules, and nothing else.
import json
import re
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

from distill.code import code_digest
from distill.config import load
from distill.errors import InputError
from distill.plan import Plan


def checked(given):
    """The configuration with its defaults, or one line for each mistake in it."""
    try:
        return load(given)
    except InputError as error:
        raise WorkflowError(str(error)) from None


def code(*scripts):
    """What scripts and all project modules that they import mean: the parameter that tells Snakemake of changed code."""
    return " ".join(["code", *(code_digest(script) for script in scripts)])


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
    return sorted(str(file) for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))


def template_of(entry):
    """The chat template file that a model declares, if any."""
    return [local(entry["chat_template"])] if "chat_template" in entry else []


def selection(dataset):
    """What decides which rows of a dataset are kept; the system prompt counts by its text."""
    entry = config["datasets"][dataset]
    system = Path(local(entry["system"])).read_text(encoding="utf-8") if "system" in entry else None
    return {**plan.filter(dataset), "system": system}


def folder(files):
    """The folder that a file, or the first of several, lies in."""
    return os.path.dirname(files if isinstance(files, str) else files[0])


def all_runs(pattern):
    """One path for each evaluated model and each benchmark."""
    return expand(pattern, model=plan.evaluated(), benchmark=plan.runs())


def after_seal(path):
    """An input function for what lies below training: it waits until the seal tells which data really changed.

    Without it Snakemake would run a step on files that a training of the same run is about to replace. Where nothing was ever trained there
    is nothing to replace, and the plan of a first run is shown whole.
    """

    def wait(wildcards):
        if not never_trained() and ("model" not in wildcards.keys() or plan.below_seal(wildcards.model)):
            checkpoints.seal.get()
        return path(wildcards) if callable(path) else expand(path, **wildcards)

    return wait


def sealed_data(model, name):
    """A file of a model's training set. The set counts by its digest, not by its date: `ancient`."""
    checkpoints.seal.get()
    return ancient(f"results/data/{config['models'][model]['train']['dataset']}/{name}")


def sealed_digest(model):
    """The digest of a model's training set as the seal wrote it; what it will be is not known before the seal has run."""
    try:
        return json.loads(Path("results/data/digests.json").read_bytes()).get(config["models"][model]["train"]["dataset"], "not sealed")
    except (OSError, ValueError):
        return "not sealed"


@cache
def never_trained():
    results = [Path(f"results/models/{name}/manifest.json") for name in plan.made("train")]
    return not any(path.exists() for path in (*results, Path("results/data/digests.json")))
