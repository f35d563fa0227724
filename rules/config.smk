# Helper functions: the configuration, and the part of it that each rule has as its parameter.
import json
import re
from pathlib import Path

from distill.base.errors import InputError
from distill.base.files import sha256_text, write_json
from distill.config import experiment, files, preflight_part, report_part
from distill.config.configured import TRAINED, only
from distill.config.load import load, with_types
from distill.config.plan import Plan
from distill.training.prompts import prompts_of
from distill.workflow.changes import record_code_digest
from distill.workflow.clean_work import planned_work
from snakemake.logging import logger
from snakemake.utils import update_config


def choose_experiment():
    """Names of the configuration files, as results/experiment.json has them. Ends Snakemake with one line where it holds another experiment."""
    given = [experiment.name_of(path) for path in workflow.config_settings.configfiles]
    if given and "models" not in config:
        given = [experiment.default(), *given]
    try:
        recorded = experiment.read()
        # A job's own Snakemake is started by one that has checked already.
        takeover = is_true(workflow.config_settings.config.get("takeover"))
        chosen = experiment.choose(given, recorded, takeover or not workflow.is_main_process)
    except InputError as error:
        raise SystemExit(f"config: {error}") from None
    if not given and chosen != (experiment.default(),) and workflow.is_main_process:
        logger.info(f"Configuration of the results in this folder: {' '.join(chosen)}")
    return chosen


def files_to_load(names):
    """The files of an experiment that Snakemake has not loaded already, since they were not given on its command line."""
    given = {experiment.name_of(path) for path in workflow.config_settings.configfiles}
    try:
        return list(map(str, files.check_files(experiment.path_of(name) for name in names if name not in given)))
    except InputError as error:
        raise SystemExit(f"config: {error}") from None


def record_experiment(names):
    """Before the first job of a run: remember whose results these are. Estimates and the removal of work folders make none."""
    making = {job.rule.name for job in workflow.dag.needrun_jobs()} - {"preflight", "preflight_estimate", "preflight_actual", "clean_work"}
    if workflow.is_main_process and making:
        experiment.record(experiment.Experiment(names, config["title"]))


def forget_interruptions():
    """After a run: what a killed one was making, and this one has found whole or made, is no longer marked as incomplete."""
    from distill.workflow import snakemake_api

    if workflow.is_main_process and not workflow.dryrun:
        snakemake_api.forget_interruptions(workflow)


def is_true(value):
    """Of a value on Snakemake's command line, where `true` comes as text and `True` as what it says (9.27.1)."""
    return str(value).lower() == "true"


def load_config(given):
    """The configuration with its defaults. Ends Snakemake with one line for each error in it."""
    update_config(given, with_types(workflow.config_settings.config))
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


def filter_spec(dataset, part):
    """What decides which rows of a dataset are kept, judged or put to a model as questions: `part` of the plan."""
    return spec({**part(dataset), "system": system_text(dataset)})


def system_text(dataset):
    """The text of the system prompt that is trained with, or source for that of each row."""
    system = config["datasets"][dataset].get("system")
    return system if system in (None, "source") else Path(project_path(system)).read_text(encoding="utf-8")


def preflight_spec(*model, **parts):
    """What preflight checks: everything that is planned, or the training or the answers of one model."""
    return spec_file(preflight_part.of(plan, project_path, *model, **parts))


def work_spec():
    """What this configuration can resume from work folders."""

    def template(model):
        entry = plan.distillation(model) if model in plan.made("distill") else plan.training(model)
        return "".join(Path(file).read_text(encoding="utf-8") for file in chat_template(entry)) or None

    return spec(planned_work(plan, template))


def bundle_spec():
    """What the bundle's numbers are computed by."""
    grading = {task: plan.grade(task) for task in plan.tasks()}
    return spec({"compare": plan.compare(project_path), "report": report_part.report(plan), "grade": grading})
