"""What a plan costs: its trainings and generations in one table, with reason and time, and Snakemake's reasons in words."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.base.timing import timings
from distill.preflight.page import columns, duration
from distill.workflow.snakemake_api import PlannedJob
from distill.workflow.why import MOST, Reasons

# Rules that are listed besides those that may ask for GPUs: they train or generate without, or put together what is trained on.
ALSO_LISTED = ("mix", "average", "miniature_base", "respond_endpoint")
SHOWN = 3  # benchmarks that are named
HEAD = "Trainings and generations of this plan (times by preflight, or else what it took here last):"
NONE = "No model is trained and no response is generated."


@dataclass(frozen=True)
class Step:
    """A job that is listed. `certain`: whether it runs whatever the data turn out to be; `hours`: None where nobody knows."""

    name: str
    rule: str
    why: str
    certain: bool
    hours: float | None
    benchmark: str = ""


def steps(jobs: Sequence[PlannedJob], config: dict[str, Any], estimated: Mapping[str, Any], timing: Path) -> list[Step]:
    """The listed steps of a plan: data first, then model by model as the configuration has them.

    `estimated`: what preflight says of this configuration; `timing`: the folder of Snakemake's benchmark files.
    """
    hours = {("train", row["model"]): row.get("hours") for row in estimated["trainings"]}
    hours |= {("distill", row["model"]): row.get("hours") for row in estimated["distillations"]}
    hours |= {("respond", row["model"], row["run"]): row.get("hours") for row in estimated["evaluations"]}
    hours |= {("attempt", row["model"], row["run"]): row.get("hours") for row in estimated["attempts"]}
    hours |= {("logits", row["dataset"]): row.get("hours") for row in estimated["logits"]}
    reasons = Reasons(jobs, config)
    found = []
    for job in jobs:
        if job.stale and (job.on_gpu or job.rule in ALSO_LISTED):
            name, *others = [value for _, value in job.wildcards] or [""]
            known = hours.get((job.rule, name, *others))
            took = known if known is not None else last_hours(timing, job)
            found.append(Step(name, job.rule, _reason(reasons, job), reasons.certain(job), took, " ".join(others)))
    models = list(config["models"])
    return sorted(found, key=lambda step: (models.index(step.name) if step.name in models else -1, bool(step.benchmark)))


def last_hours(timing: Path, job: PlannedJob) -> float | None:
    """How long a job took when it last ran here; None where that is not known."""
    path = "/".join([job.rule, *(value for _, value in job.wildcards)]) + ".tsv"
    runs = timings(timing / path)
    return runs[-1].wall_s / 3600 if runs else None


def _reason(reasons: Reasons, job: PlannedJob) -> str:
    if job.missing:
        return "not there yet"
    return shortened([*reasons.own[job], *reasons.from_others(job)], 1)


def shortened(lines: Sequence[str], most: int = MOST) -> str:
    """The first lines as one."""
    return "; ".join(lines[:most]) + (f", and {len(lines) - most} more" if len(lines) > most else "")


def table(found: Sequence[Step]) -> str:
    """The steps in words; evaluations of a model for the same reason are one row."""
    groups: dict[tuple[str, str, str], list[Step]] = {}
    for step in found:
        groups.setdefault((step.name, step.rule, step.why), []).append(step)
    rows = []
    for (name, rule, why), members in groups.items():
        benchmarks = [step.benchmark for step in members if step.benchmark]
        about = ", ".join(benchmarks) if len(benchmarks) <= SHOWN else f"{len(benchmarks)} benchmarks"
        unknown = any(step.hours is None for step in members)
        rows.append([name, f"{rule} {about}".rstrip(), why, "?" if unknown else _time(members)])
    return "\n".join([HEAD, columns([["model", "step", "why", "time"], *rows]), _total(found)]) if rows else NONE


def _total(found: Sequence[Step]) -> str:
    certain = [step for step in found if step.certain]
    if len(certain) == len(found):
        return f"One after another: {_time(found)}."
    surely = f"{_time(certain)} for what is certain" if certain else "none of it certain"
    return f"One after another: {_time(found)} if all of it runs, {surely}."


def _time(found: Sequence[Step]) -> str:
    known = [step.hours for step in found if step.hours is not None]
    return ("at least " if len(known) < len(found) else "") + duration(sum(known))


class InWords(logging.Filter):
    """Snakemake's records with changed parameters in words, which it prints as kilobytes of JSON, and without what is not so here.

    `causes(jobid)`: the lines that say what changed.
    """

    PARAMETERS = "Params have changed since last execution: "
    # The advice to ignore what changed, and that jobs will be added to a plan, which is whole (rules/seal.smk).
    DROPPED = (
        "Some jobs were triggered by provenance information",
        "Rules with provenance triggered jobs",
        "The run involves checkpoint jobs",
    )

    def __init__(self, causes: Callable[[int], Sequence[str]]) -> None:
        super().__init__()
        self._causes = causes

    def filter(self, record: logging.LogRecord) -> bool:
        reason = getattr(record, "reason", None)
        if isinstance(reason, str) and self.PARAMETERS in reason:
            before = reason.partition(self.PARAMETERS)[0]
            record.reason = f"{before}{self.PARAMETERS}{shortened(self._causes(record.jobid))}"
        return not record.getMessage().startswith(self.DROPPED)


class AtTheEnd(logging.Handler):
    """Calls `say` after the last line of a dry run: Snakemake 9.27 has no hook there (onsuccess is for real runs only)."""

    NAME = "cost of the plan"

    def __init__(self, say: Callable[[], None]):
        super().__init__(logging.INFO)
        self.name, self._say = self.NAME, say

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith("This was a dry-run"):
            self._say()
