"""Explain why a file is made again: for its own reason, or because of other steps that run first."""

import difflib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.workflow.changes import parameter_causes
from distill.workflow.snakemake_api import DryRun, PlannedJob, dry_run

MOST = 6  # names in a line


def why(words: Sequence[str], configfiles: Sequence[Path]) -> list[str]:
    """Lines that explain why a file (or a folder with a manifest), or the jobs of a rule with some wildcards, are made again.

    Raises InputError where no rule makes the file, or no job of the report's plan has these names.
    """
    if "/" in words[0]:
        return explain(*_about_file(os.path.relpath(words[0]), configfiles))
    plan = dry_run([], configfiles)
    matching = [job for job in plan.jobs if job.rule == words[0] and set(words[1:]) <= {value for _, value in job.wildcards}]
    if not matching:
        raise InputError(f"{' '.join(words)}: no such job in the plan of the report; {_hint(words, plan)}")
    return explain(plan, matching)


def _hint(words: Sequence[str], plan: DryRun) -> str:
    known = sorted({job.name for job in plan.jobs if job.rule == words[0]}) or plan.rules
    near = difflib.get_close_matches(" ".join(words) if known is not plan.rules else words[0], known, 1)
    return f"did you mean {near[0]}?" if near else f"name a file under results/, or one of {', '.join(known)}"


def _about_file(path: str, configfiles: Sequence[Path]) -> tuple[DryRun, list[PlannedJob]]:
    """The plan and the job of a file. A file that no rule makes belongs to the manifest of its folder."""
    manifest = str((Path(path) if Path(path).is_dir() else Path(path).parent) / "manifest.json")
    if Path(path).is_dir():
        path = manifest
    try:
        plan = dry_run([path], configfiles)
    except InputError:
        if path == manifest or not Path(manifest).exists():
            raise
        path, plan = manifest, dry_run([manifest], configfiles)
    return plan, [job for job in plan.jobs if path in job.outputs]


class Reasons:
    """Why the stale jobs of a plan are stale.

    A dry run lists all that may follow (rules/seal.smk). What is made before the checkpoint `seal` makes what comes after it stale only if
    its content changes, so that of some jobs no more than that is known beforehand.
    """

    def __init__(self, jobs: Sequence[PlannedJob], config: dict[str, Any]) -> None:
        self.own = {job: causes(job, config) for job in jobs if job.stale}
        self._makers = {path: job for job in jobs for path in job.outputs}
        self._certain: dict[PlannedJob, bool] = {}
        first = [job for job in self.own if job.checkpoint]  # not in the plan of a model alone, which has its rows
        rows = [one for job in self.own if job.on_gpu for one in self.above(job) if one.rule in ("filter", "mix")]
        first += filter(self._untrained, rows)
        if first:  # and what runs before the seal by its priority (rules/)
            first += [job for job in self.own if job.rule == "prompts" or (job.rule == "prepare_base" and self._untrained(job))]
        self._before_seal = {*first, *(one for job in first for one in self.all_above(job))}

    def _untrained(self, job: PlannedJob) -> bool:
        """Whether nothing that a job depends on is trained in this plan."""
        return not {"train", "distill", "average"} & {one.rule for one in self.all_above(job)}

    def above(self, job: PlannedJob) -> list[PlannedJob]:
        """The stale jobs that make inputs of a job."""
        return list(dict.fromkeys(self._makers[path] for path in job.remade if path in self._makers))

    def all_above(self, job: PlannedJob) -> list[PlannedJob]:
        """The stale jobs that a job depends on, nearest first."""
        found: list[PlannedJob] = []
        todo = [job]
        while todo:
            found += (new := [one for one in self.above(todo.pop(0)) if one not in found])
            todo += new
        return found

    def by_content(self, job: PlannedJob, maker: PlannedJob) -> bool:
        """Whether a job runs only if what `maker` makes comes out different."""
        return maker in self._before_seal and job not in self._before_seal

    def certain(self, job: PlannedJob) -> bool:
        """Whether a stale job runs whatever other jobs make: for its own reason, or because of a job that is certain to run."""
        if job not in self._certain:
            surely = (self.certain(one) for one in self.above(job) if not self.by_content(job, one))
            self._certain[job] = bool(self.own[job]) or any(surely)
        return self._certain[job]

    def from_others(self, job: PlannedJob) -> Iterator[str]:
        """The reasons that other jobs are, certain ones first."""
        direct = [one for one in self.above(job) if not self.by_content(job, one)]
        if sure := [one.name for one in direct if self.certain(one)]:
            yield f"it is made from what is made again by {list_names(sure)}"
        yield from dict.fromkeys(_only_if_different(one) for one in self.above(job) if one not in direct)
        if unsure := [one.name for one in direct if not self.certain(one)]:
            yield f"only if {list_names(unsure)} {'runs' if len(unsure) == 1 else 'run'}"


def _only_if_different(maker: PlannedJob) -> str:
    if maker.rule in ("filter", "mix"):
        return f"only if the rows of {dict(maker.wildcards)['dataset']} come out different"
    return "only if its prompts come out different" if maker.rule == "prompts" else f"only if {maker.outputs[0]} comes out different"


def explain(plan: DryRun, jobs: list[PlannedJob]) -> list[str]:
    """Lines that say of each job why it is made again, or that it is up to date."""
    reasons = Reasons(plan.jobs, plan.config)
    lines: list[str] = []
    above: list[PlannedJob] = []
    for job in jobs:
        if job.stale:
            verb = "will be made again" if reasons.certain(job) else "may be made again"
            lines.append(f"{_files(job.outputs)} {verb} by {job.name}:")
            lines += [f"  {reason}" for reason in [*reasons.own[job], *reasons.from_others(job)]]
            above += [one for one in reasons.all_above(job) if one not in above]
    starts: dict[tuple[str, ...], list[str]] = {}
    for job in above:
        if job not in jobs and reasons.own[job]:
            starts.setdefault((job.rule, *reasons.own[job]), []).append(job.name)
    if starts:
        lines += ["", "What starts it:"]
    for (_, *why), names in starts.items():
        lines += [f"  {list_names(names)}:", *(f"    {cause}" for cause in why)]
    return lines + [f"{_files(job.outputs)}: up to date ({job.name})" for job in jobs if not job.stale]


def causes(job: PlannedJob, config: dict[str, Any]) -> list[str]:
    """Reasons why a job is stale, apart from other jobs that run first: one line each."""
    found = [f"{path} is missing" for path in job.missing]
    found += [f"{path} is incomplete: the run that made it was interrupted" for path in job.incomplete]
    found += [_updated(path, before, now) for path, before, now in job.updated]
    found += parameter_causes(job, config)
    found += [f"it is no longer made from {path}" for path in job.inputs[0]]
    found += [f"it is now made from {path} too" for path in job.inputs[1]]
    if job.command_changed:
        found.append(f"the command of rule {job.rule} changed (rules/*.smk)")
    return found


def _files(outputs: tuple[str, ...]) -> str:
    return outputs[0] if len(outputs) == 1 else f"{outputs[0]} (and {len(outputs) - 1} more)"


def list_names(names: list[str]) -> str:
    """Names on one line: the first few, and how many more."""
    return ", ".join(names if len(names) <= MOST else [*names[:MOST], f"and {len(names) - MOST} more"])


def _updated(path: str, before: str | None, now: str) -> str:
    return f"{path} changed: sha256 {before[:12]} → {now[:12]}" if before else f"{path} is newer, and its earlier content is not known"
