# Helper functions for the rules, and nothing else.
import json
import re
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

from distill.code import code_digest
from distill.config import load, parent_of
from distill.errors import InputError

scripts = Path(workflow.basedir) / "scripts"


def checked(given):
    """The configuration with its defaults, or one line for each mistake in it."""
    try:
        return load(given)
    except InputError as error:
        raise WorkflowError(str(error)) from None


def code(script):
    """Digest of what a script and all project modules that it imports mean: the parameter that tells Snakemake of changed code."""
    return "code " + code_digest(script)


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
    return path if Path(path).exists() or Path.cwd() == Path(workflow.basedir) else str(Path(workflow.basedir) / path)


def made(way):
    """Names of the models that come to be in this way: source, prepare or train."""
    return [name for name, model in config["models"].items() if way in model]


def evaluated():
    """Models with a role, baseline first."""
    order = ("baseline", "reference", "student")
    models = [name for name, model in config["models"].items() if model["role"] != "none"]
    return sorted(models, key=lambda name: order.index(config["models"][name]["role"]))


def trained_on():
    """Datasets that some model is trained on."""
    return sorted({config["models"][name]["train"]["dataset"] for name in made("train")})


def evaluated_and_trained():
    return [name for name in evaluated() if name in made("train")]


def all_runs(pattern):
    """One path for each evaluated model and each benchmark."""
    return expand(pattern, model=evaluated(), benchmark=runs())


def runs():
    """What is evaluated: {benchmark, or benchmark@protocol where it runs under several: (benchmark, protocol)}."""
    return {
        name if len(benchmark["protocols"]) == 1 else f"{name}@{protocol}": (name, protocol)
        for name, benchmark in config["benchmarks"].items()
        for protocol in benchmark["protocols"]
    }


def source_of(path):
    """The source: of `{kind}/{name}`."""
    kind, name = path.split("/")
    return config[kind][name]["source"]


def downloaded():
    """`{kind}/{name}` of all whose files the miniature does not make."""
    return [f"{kind}/{name}" for kind, name, source in _sources() if "miniature" not in source]


def miniature(kind):
    """Names under models, datasets or benchmarks whose files the miniature makes."""
    return [name for its_kind, name, source in _sources() if its_kind == kind and "miniature" in source]


def _sources():
    kinds = ("models", "datasets", "benchmarks")
    return [(kind, name, entry["source"]) for kind in kinds for name, entry in config[kind].items() if "source" in entry]


def files_of(source):
    """The files behind a source on this machine; none for what is downloaded."""
    path = Path(local(source["path"])) if "path" in source else None
    if path is None or not path.is_dir():
        return [str(path)] if path else []
    return sorted(str(file) for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))


def folder(files):
    """The folder that a file, or the first of several, lies in."""
    return os.path.dirname(files if isinstance(files, str) else files[0])


def without(entry, *keys):
    return {key: value for key, value in entry.items() if key not in keys}


def template_of(entry):
    """The chat template file that a model declares, if any."""
    return [local(entry["chat_template"])] if "chat_template" in entry else []


def tokenizer_of(dataset):
    """The files that hold the tokenizer which counts a dataset's tokens. The miniature's is there long before its base is trained."""
    model = config["datasets"][dataset]["tokenizer"]
    if model in miniature("models"):
        return [f"results/sources/models/{model}/{name}" for name in ("tokenizer.json", "tokenizer_config.json")]
    return [f"results/sources/models/{model}/manifest.json" if "source" in config["models"][model] else f"results/models/{model}/manifest.json"]


def parent_manifest(model):
    """What a model is made from: its source, or another model."""
    parent = parent_of(config["models"][model])
    return f"results/models/{parent}/manifest.json" if parent else f"results/sources/models/{model}/manifest.json"


def selection(dataset):
    """What decides which rows of a dataset are kept, and how they are written."""
    entry = config["datasets"][dataset]
    benchmarks = {name: {"columns": benchmark["columns"], "gated": benchmark["gated"]} for name, benchmark in config["benchmarks"].items()}
    return {**entry["filter"], "thought_style": entry["thought_style"], "benchmarks": benchmarks}


def recipe(model):
    """What decides the weights of a trained model beside its base and its data."""
    entry = without(config["models"][model]["train"], "base", "dataset", "chat_template")
    unused = [] if entry["lr_scheduler_type"] == "cosine_with_min_lr" else ["min_lr_rate"]
    return without(entry, *unused)


def asking(run):
    """What decides the prompts of a benchmark under a protocol."""
    name, protocol = runs()[run]
    benchmark, asked = config["benchmarks"][name], config["protocols"][protocol]
    choice = {"shuffle_seed": benchmark["shuffle_seed"]} if benchmark["kind"] == "choice" else {}
    return {"kind": benchmark["kind"], "columns": benchmark["columns"], "system": asked["system"], "user": asked[benchmark["kind"]], **choice}


def answering(run):
    """What decides a model's answers beside the model and the prompts."""
    name, protocol = runs()[run]
    asked = config["protocols"][protocol]
    return {"engine": asked["engine"], **asked["sampling"], **config["benchmarks"][name]["sampling"].get(protocol, {})}


def grading(run):
    """What decides the verdicts beside the answers."""
    return {"grader": config["protocols"][runs()[run][1]]["grader"]}


def below_seal(model):
    """Whether a model is trained, or made from one that is."""
    return model is not None and ("train" in config["models"][model] or below_seal(parent_of(config["models"][model])))


def after_seal(path):
    """An input function for what lies below training: it waits until the seal tells which data really changed.

    Without it Snakemake would run a step on files that a training of the same run is about to replace. Where nothing was ever trained there is
    nothing to replace, and the plan of a first run is shown whole.
    """

    def wait(wildcards):
        if not never_trained() and ("model" not in wildcards.keys() or below_seal(wildcards.model)):
            checkpoints.seal.get()
        return path(wildcards) if callable(path) else expand(path, **wildcards)

    return wait


def sealed_data(model):
    """A model's training set. It counts by its digest, not by its date: `ancient`."""
    checkpoints.seal.get()
    return ancient(f"results/data/{config['models'][model]['train']['dataset']}/sft.jsonl")


def sealed_digest(dataset):
    """The digest of a training set that the seal wrote; what it will be is not known before the seal has run."""
    try:
        return json.loads(Path("results/data/digests.json").read_bytes()).get(dataset, "not sealed")
    except (OSError, ValueError):
        return "not sealed"


@cache
def never_trained():
    results = [Path(f"results/models/{name}/manifest.json") for name in made("train")]
    return not any(path.exists() for path in (*results, Path("results/data/digests.json")))


def toy(kind, name):
    """What the miniature makes a source from: its sizes and the seed."""
    return {"seed": config["miniature"]["seed"], **without(config[kind][name]["source"], "miniature")}


def toy_benchmarks():
    """How many items each of the miniature's benchmarks has: traces and base texts must not hold them."""
    sources = [config["benchmarks"][name]["source"] for name in miniature("benchmarks")]
    return {"benchmarks": {source["miniature"]: source["items"] for source in sources}}


def compared():
    """What decides the numbers of the comparison beside the scores: which models and benchmarks, and what they are called where published."""
    models = [{"name": name, **{key: config["models"][name][key] for key in ("role", "published") if key in config["models"][name]}} for name in evaluated()]
    benchmarks = []
    for run, (name, protocol) in runs().items():
        published = {"published": config["benchmarks"][name]["published"]} if "published" in config["benchmarks"][name] else {}
        benchmarks.append({"name": run, "protocol": protocol, **published})
    return {"models": models, "benchmarks": benchmarks, **config["statistics"]}


def shown():
    """What people read beside the numbers: titles, labels and order."""
    entries = config["models"], config["benchmarks"], config["protocols"], config["datasets"]
    models, benchmarks, protocols, datasets = entries
    return {
        "models": [{"name": name, "role": models[name]["role"], "label": models[name]["label"]} for name in evaluated()],
        "benchmarks": [
            {"name": run, "label": benchmarks[name]["label"], "protocol": protocols[protocol]["label"], "gated": benchmarks[name]["gated"]}
            for run, (name, protocol) in runs().items()
        ],
        "datasets": [{"name": name, "label": datasets[name]["label"]} for name in trained_on()],
    }


def results_config():
    """The configuration without what only people read and what only speed depends on."""
    labels = {"models": "label", "datasets": "label", "benchmarks": "label", "protocols": "label"}
    kept = without(config, "title", "note", "figures", "runtime")
    return {key: {name: without(entry, labels[key]) for name, entry in value.items()} if key in labels else value for key, value in kept.items()}
