# Helper functions: the configuration, and the part of it that each rule has as its parameter.
import json
import re
from pathlib import Path

from distill.base.errors import InputError
from distill.base.files import sha256_text, write_json
from distill.config import preflight_part
from distill.config.load import load
from distill.config.plan import Plan
from distill.workflow.clean_work import planned_work
from distill.workflow.why import record_code_digest


def load_config(given):
    """The configuration with its defaults. Ends Snakemake with one line for each error in it."""
    try:
        return load(given, exists=lambda path: Path(project_path(path)).exists())
    except InputError as error:
        raise SystemExit(str(error)) from None


def one_of(names):
    """A wildcard constraint that matches these names and no others."""
    return "|".join(re.escape(name) for name in sorted(names)) or "(?!)"


def code(*scripts):
    """The parameter by which Snakemake sees changed code: a digest of the scripts and of all project modules that they import."""
    return " ".join(["code", *(record_code_digest(script) for script in scripts)])


def spec(value):
    """Key-sorted JSON: the form in which a script gets its part of the configuration, and in which Snakemake remembers it.

    Snakemake compares parameters without their names, so each rule has its whole part in one value.
    """
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def spec_file(value):
    """A file that holds a spec: Snakemake prints the whole command of a job that fails, and this one is long."""
    path = Path("work/specs") / f"{sha256_text(spec(value))[:16]}.json"
    if not path.exists():
        write_json(path, value)
    return str(path)


def filter_spec(dataset):
    """What decides which rows of a dataset are kept. A system prompt file counts by its text."""
    system = config["datasets"][dataset].get("system")
    if system not in (None, "source"):
        system = Path(project_path(system)).read_text(encoding="utf-8")
    return spec({**plan.filter(dataset), "system": system})


def preflight_spec(*model, **parts):
    """What preflight checks: everything that is planned, or the training or the answers of one model."""
    return spec_file(preflight_part.of(plan, project_path, *model, **parts))


def work_spec():
    """What this configuration can resume from work folders."""

    def template(model):
        return "".join(Path(file).read_text(encoding="utf-8") for file in chat_template(plan.training(model))) or None

    return spec(planned_work(plan, template))


def bundle_spec():
    """What the bundle's numbers are computed by."""
    return spec({"compare": plan.compare(project_path), "report": plan.report(), "grade": {run: plan.grade(run) for run in plan.runs()}})
