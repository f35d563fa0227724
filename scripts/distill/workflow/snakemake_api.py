"""What Snakemake 9.27 plans, and the metadata it keeps of each job: read from its own workflow object, so that its logic is not copied.

The public API gives no access to either.
"""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.base.files import sha256_file
from distill.base.paths import PROFILE, SNAKEFILE
from distill.base.settings import read_yaml
from distill.config import files

LOCKED = "another run works in this folder: wait for it; if none does, run python tools/unlock.py, then the same command again"


@dataclass(frozen=True)
class PlannedJob:
    """A job and, if it is stale, Snakemake's reasons.

    `parameters` are (before, now), each without what both have. `updated` are changed inputs: (path, sha256 before or None, sha256 now).
    `remade` are inputs that other jobs of the plan make. `began`: start of its last run in seconds since 1970, None where unknown.
    `on_gpu`: whether its rule has a number of GPUs, which may be 0.
    """

    rule: str
    wildcards: tuple[tuple[str, str], ...]
    outputs: tuple[str, ...]
    checkpoint: bool = False
    stale: bool = False
    missing: tuple[str, ...] = ()
    incomplete: tuple[str, ...] = ()
    updated: tuple[tuple[str, str | None, str], ...] = ()
    remade: tuple[str, ...] = ()
    parameters: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    inputs: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    command_changed: bool = False
    began: float | None = None
    on_gpu: bool = False

    @property
    def name(self) -> str:
        return " ".join([self.rule, *(value for _, value in self.wildcards)])


@dataclass(frozen=True)
class DryRun:
    """The jobs behind some targets, including those that are up to date; the names of all rules, and the configuration.

    `locked`: whether Snakemake's lock is set: a run works in this folder, or was killed there.
    """

    jobs: list[PlannedJob]
    rules: list[str]
    config: dict[str, Any]
    locked: bool = False


def dry_run(targets: Sequence[str], configfiles: Sequence[Path], force: bool = False) -> DryRun:
    """The plan of `snakemake -n` for these files or rules (none: the report) in this folder. With `force`, the targets count as stale.

    Raises InputError where no rule makes a target.
    """
    with _workflow(targets, configfiles, force) as (workflow, run):
        run("dryrun")
        jobs = planned(workflow)
        rules = sorted(rule.name for rule in workflow.rules)
        return DryRun(jobs, rules, workflow.globals["config"], any(workflow.persistence._read_locks()))


def planned(workflow: Any) -> list[PlannedJob]:
    """The jobs of a workflow object of Snakemake's whose plan is made."""
    return [_job(workflow, job) for job in workflow.dag.jobs if job.rule.name != "all"]


def with_parameters(workflow: Any, jobid: int) -> PlannedJob:
    """A job of a workflow object by Snakemake's number, of whose reasons only the changed parameters are looked at."""
    job = next(job for job in workflow.dag.jobs if workflow.dag.jobid(job) == jobid)
    return PlannedJob(**_plain(job), stale=True, parameters=_parameters(workflow.persistence.params_changed(job)))


def forget_interruptions(workflow: Any) -> None:
    """Remove the marks of incomplete files from what the workflow has found up to date.

    Snakemake 9.27.1 looks for these marks when it first plans, and not at jobs that it plans after a checkpoint: a run takes their files as
    they are (all of ours appear whole or not at all), and each later dry run, which plans everything at once, would list them.
    """
    remembers = workflow.persistence
    for job in workflow.dag.jobs:
        for file in workflow.async_run(remembers.incomplete(job)):
            remembers._unmark_incomplete(remembers._get_key(file))


def touch(target: str, configfiles: Sequence[Path]) -> None:
    """Mark the outputs of the target's job as just made: new modification times, and its current parameters and inputs as metadata."""
    with _workflow([target], configfiles, force=True) as (_, run):
        run("touch")


@contextlib.contextmanager
def _workflow(targets: Sequence[str], configfiles: Sequence[Path], force: bool) -> Iterator[tuple[Any, Any]]:
    from snakemake.api import SnakemakeApi
    from snakemake.exceptions import LockException, MissingRuleException, WorkflowError
    from snakemake.settings.types import ConfigSettings, DAGSettings, DeploymentSettings, OutputSettings, ResourceSettings, StorageSettings

    files.check_files(configfiles)
    profile = read_yaml(PROFILE)
    quiet = OutputSettings(dryrun=True, log_level_override=logging.CRITICAL, enable_file_logging=False)
    try:
        with SnakemakeApi(quiet) as api:
            made = api.workflow(
                resource_settings=ResourceSettings(cores=1),
                config_settings=ConfigSettings(configfiles=[Path(path) for path in configfiles]),
                storage_settings=StorageSettings(),
                deployment_settings=DeploymentSettings(),
                snakefile=SNAKEFILE,
            )
            dag = made.dag(
                DAGSettings(
                    targets=frozenset(targets),
                    forcetargets=force,
                    force_incomplete=True,
                    max_checksum_file_size=profile["max-checksum-file-size"],
                )
            )
            yield made._workflow, lambda executor: dag.execute_workflow(executor=executor)
    except LockException:
        raise InputError(LOCKED) from None
    except MissingRuleException:
        raise InputError(f"{' '.join(targets)}: no rule makes it; check the name against the configuration") from None
    except WorkflowError as error:
        raise InputError((str(error).strip().splitlines() or [type(error).__name__])[0]) from None


def _job(workflow: Any, job: Any) -> PlannedJob:
    stale = workflow.dag.needrun(job)
    if not stale:
        return PlannedJob(**_plain(job))
    reason, remembers = workflow.dag.reason(job), workflow.persistence
    records = [record for file in job.output if (record := remembers.metadata(file)) is not None]
    waits = any(file.flags.get("checkpoint_target") for file in job.input)  # inputs and parameters are unknown until the checkpoint has run
    now = tuple(map(str, remembers._input(job)))
    before = tuple(records[0].input) if records and records[0].input is not None and not waits else now
    return PlannedJob(
        **_plain(job),
        stale=True,
        missing=tuple(sorted(map(str, reason.missing_output))),
        incomplete=tuple(sorted(map(str, workflow.async_run(remembers.incomplete(job))))),
        updated=tuple(_updated(job, reason, records)),
        remade=tuple(sorted(map(str, reason.updated_input_run))),
        parameters=_parameters(None if waits else remembers.params_changed(job)),
        inputs=(tuple(sorted(set(before) - set(now))), tuple(sorted(set(now) - set(before)))),
        command_changed=not waits and any(remembers.code_changed(job)),
        began=max((record.starttime for record in records if record.starttime), default=None),
    )


def _plain(job: Any) -> dict[str, Any]:
    wildcards = tuple((name, str(value)) for name, value in (job.wildcards_dict or {}).items())
    kind = {"checkpoint": bool(job.is_checkpoint), "on_gpu": "gpu" in job.rule.resources}
    return {"rule": job.rule.name, "wildcards": wildcards, "outputs": tuple(map(str, job.output)), **kind}


def _parameters(changes: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return (tuple(sorted(changes.only_old)), tuple(sorted(changes.only_new))) if changes else ((), ())


def _updated(job: Any, reason: Any, records: list[Any]) -> Iterator[tuple[str, str | None, str]]:
    """(input, sha256 before or None, sha256 now). Snakemake skips the existing inputs of a job below a stale one."""
    known = {path: checksum.removeprefix("sha256:") for record in records for path, checksum in (record.input_checksums or {}).items()}
    remade = set(map(str, reason.updated_input_run))
    for file in sorted(set(job.input), key=str):
        path = str(file)
        if path in remade or file.is_ancient or not Path(path).is_file():
            continue
        if file in reason.updated_input or (path in known and _later(path, records)):
            now = sha256_file(path)
            if known.get(path) != now:
                yield path, known.get(path), now


def _later(path: str, records: list[Any]) -> bool:
    return any(record.endtime and Path(path).stat().st_mtime > record.endtime for record in records)
