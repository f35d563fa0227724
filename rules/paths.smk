# Helper functions: where files lie, and the command-line options that name them.
import os
from importlib import metadata
from pathlib import Path

from distill.config.checks import BRACES
from distill.config.configured import in_results
from distill.generation.import_recorded import answer_files


def project_path(path):
    """A path of the configuration: relative to the working directory, or else to the project's own folder."""
    here = Path(path).exists() or Path.cwd() == Path(workflow.basedir)
    return path if here else str(Path(workflow.basedir) / path)


def folder_of(files):
    """The folder of a file, or of the first of several."""
    return os.path.dirname(files if isinstance(files, str) else files[0])


def unique(files):
    """The files without duplicates, in their order."""
    return list(dict.fromkeys(files))


def options(name, values):
    """One `--name=value` for each value."""
    return [f"--{name}={value}" for value in values]


def source_files(source):
    """The local files of a source; none where it is downloaded."""
    path = Path(project_path(source["path"])) if "path" in source else None
    if path is None or not path.is_dir():
        return [str(path)] if path else []
    files = sorted(str(file) for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
    for file in files:
        if BRACES & set(file):
            raise SystemExit(f"config: {file}: Snakemake takes braces in a path for wildcards; rename it without them")
    return files


def source_path(source):
    """The option that names a source's local path, if it has one."""
    return options("path", [project_path(path) for path in [source.get("path")] if path])


def chat_template(entry):
    """The chat template file that a model declares, if any."""
    return [project_path(entry["chat_template"])] if "chat_template" in entry else []


def system_prompt(entry):
    """The system prompt file that a dataset or a teacher declares, if any."""
    return [project_path(entry["system"])] if "system" in entry else []


def decisions(dataset):
    """The file of decisions made by hand on a dataset's traces, if any."""
    return list(map(project_path, plan.decisions_of(dataset)))


def benchmark_options(manifests):
    """One `--benchmark=NAME=FOLDER` for each benchmark of the configuration, in its order."""
    return options("benchmark", [f"{name}={folder_of(path)}" for name, path in zip(config["benchmarks"], manifests)])


def audit_tokenizers(dataset):
    """The tokenizer files of each way in which a dataset's rows are tokenized."""
    return [plan.tokenizer_files(way["tokenizer"]) for way in plan.audits(dataset)]


def audit_templates(dataset):
    """The chat template file of each way in which a dataset's rows are tokenized; an empty list for a tokenizer's own."""
    return [chat_template(way) for way in plan.audits(dataset)]


def recorded_files(model, task):
    """The files that hold a recorded model's answers to a benchmark."""
    path, pattern, names = plan.recorded(model, task)
    if in_results(path):
        return answer_files(path, pattern, names)
    files = answer_files(project_path(path), pattern, names)
    if not Path(files[0]).exists():
        found = Path(project_path(path)).exists()
        what = f"has no file for {task}; name it under files:" if found else "does not exist; fix the path"
        raise SystemExit(f"config: models.{model}.responses.path: {path!r} {what}")
    return files


def version_of(package):
    """The version of an installed package; None where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def all_evaluations(pattern):
    """One path for each model and each benchmark that it answers."""
    return [pattern.format(model=model, benchmark=task) for model, task in plan.answered()]


def imported_scores():
    """The result files of models that are given by their scores alone."""
    return [file for name in plan.made("results") for file in source_files({"path": config["models"][name]["results"]})]


def lock_files():
    """The pinned requirements and source commits that a bundle carries, those that exist."""
    return [path for path in map(project_path, ["envs/requirements.txt", "config/sources.lock"]) if Path(path).exists()]


def in_report(path, category):
    """An output with its category and caption in Snakemake's own report."""
    return report(path, category=category, caption=f"captions/{Path(path).stem}.rst", labels={"": Path(path).stem.replace("_", " ")})


def figure_outputs():
    """{figure: output} of the figures that there is data for."""
    return {name: in_report(f"results/figures/{name}.png", category) for name, category in report_part.drawable_figures(plan).items()}
