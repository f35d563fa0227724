"""What a plan costs: its trainings and generations, those too of which Snakemake knows only once the seal has run, with reason and time.

A dry run lists no training while the seal is stale, since whether the data changed is not known yet. From the same plan, the records of the
last run and preflight's estimate this says which may follow (docs/design.md).
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from distill.config.configured import TRAINED, parents_of
from distill.config.plan import Plan
from distill.preflight.page import columns, duration
from distill.workflow.snakemake_api import PlannedJob
from distill.workflow.why import causes, from_record

# Jobs that wait for every model.
OF_ALL_MODELS = {"compare", "figures", "provenance", "report", "bundle"}
TRAININGS = ("train", "distill")  # rules
MOST = 3  # benchmarks that are named
HEAD = "Trainings and generations of this plan, and those that may follow it (times as estimated by preflight):"
NONE = "No model is trained and no response is generated."


@dataclass(frozen=True)
class Step:
    """The training of a model (`rule`: train or distill), or its responses to a benchmark or to a training set's questions (`run`).

    `sure`: whether it is made whatever the data turn out to be.
    """

    model: str
    why: str
    run: str | None = None
    sure: bool = True
    rule: str = "train"


@dataclass(frozen=True)
class Records:
    """What is known: whether a file exists, and the parameters with which a rule made it, None where they are not recorded."""

    exists: Callable[[str], bool]
    parameters: Callable[[str, str], Sequence[str] | None]


Now = Callable[[str, str, str | None], tuple[str, ...]]


def steps(plan: Plan, jobs: Sequence[PlannedJob], records: Records, now: Now) -> list[Step]:
    """The steps of a plan. `now(rule, model, run)`: the parameters that a job of the rule would have."""
    stale = {(job.rule, *(value for _, value in job.wildcards)): job for job in jobs if job.stale}
    found = [Step(job.wildcards[0][1], _reason(job, plan.config), rule=job.rule) for job in stale.values() if job.rule in TRAININGS]
    found += [
        Step(names["model"], _reason(job, plan.config), names["benchmark"])
        for job in stale.values()
        if job.rule == "respond" and (names := dict(job.wildcards))
    ]
    found += [
        Step(names["model"], f"for filter.pass_rate: {_reason(job, plan.config)}", names["dataset"])
        for job in stale.values()
        if job.rule == "attempt" and (names := dict(job.wildcards))
    ]
    if any(job.checkpoint for job in stale.values()):
        listed = {(step.model, step.run) for step in found}
        found += [step for step in _hidden(plan, stale, records, now) if (step.model, step.run) not in listed]
    return found


def _hidden(plan: Plan, stale: Mapping[tuple[str, ...], PlannedJob], records: Records, now: Now) -> Iterator[Step]:
    """Steps that wait for the seal."""
    rules = {rule for rule, *_ in stale}
    asked = {dict(job.wildcards).get("model") for job in stale.values()}
    models = [name for name in plan.config["models"] if plan.below_seal(name) and (rules & OF_ALL_MODELS or name in asked)]
    remade: dict[str, bool] = {}  # model: whether it is sure
    for model in sorted(models, key=lambda name: len(_above(plan, name))):
        if model in plan.made(*TRAINED):
            rule = "distill" if model in plan.made("distill") else "train"
            reasons = list(_of_record(rule, model, None, f"results/models/{model}/manifest.json", plan, records, now))
            below = [name for name in _above(plan, model) if name in remade or ("prepare_base", name) in stale]
            dataset = plan.dataset_of(plan.trained_as(model))
            if below:
                reasons.append((f"it is made from {below[0]}", remade.get(below[0], True)))
            if {("filter", dataset), ("mix", dataset)} & stale.keys():
                reasons.append((f"only if the rows of {dataset} come out different", False))
            if reasons:
                why, sure = max(reasons, key=lambda reason: reason[1])
                remade[model] = sure
                yield Step(model, why, sure=sure, rule=rule)
        for run in plan.prompted() if model in plan.with_weights() else ():
            reasons = list(_of_record("respond", model, run, f"results/responses/{model}/{run}.jsonl", plan, records, now))
            if model in remade:
                reasons.append((f"{'' if remade[model] else 'only if '}{model} is trained again", remade[model]))
            if ("prompts", run) in stale and not reasons:
                reasons.append(("its prompts are made again", True))
            if reasons:
                why, sure = max(reasons, key=lambda reason: reason[1])
                yield Step(model, why, run, sure)


def _above(plan: Plan, model: str) -> list[str]:
    """The models that a model is made from, directly or not, nearest first."""
    found = parents_of(plan.config["models"][model])
    for parent in found:  # grows as it goes
        found += [name for name in parents_of(plan.config["models"][parent]) if name not in found]
    return found


def _of_record(rule: str, model: str, run: str | None, path: str, plan: Plan, records: Records, now: Now) -> Iterator[tuple[str, bool]]:
    """Why a file is made again whatever the seal says: (reason, True)."""
    if not records.exists(path):
        yield "not there yet", True
    elif changed := from_record(rule, (model, *([run] if run else [])), records.parameters(rule, path), now(rule, model, run), plan.config):
        yield _first(changed), True


def _reason(job: PlannedJob, config: Mapping[str, Any]) -> str:
    if job.missing:
        return "not there yet"
    return _first(causes(job, dict(config))) or "it is made from what is made again"


def _first(lines: Sequence[str]) -> str:
    return "" if not lines else lines[0] if len(lines) == 1 else f"{lines[0]}, and {len(lines) - 1} more"


def table(found: Iterable[Step], estimated: Mapping[str, Any]) -> str:
    """The steps in words. `estimated`: what preflight says of this configuration."""
    hours = {(row["model"], None): row.get("hours") for row in (*estimated["trainings"], *estimated["distillations"])}
    hours |= {(row["model"], row["run"]): row.get("hours") for row in estimated["evaluations"]}
    groups: dict[tuple[str, bool, str], list[Step]] = {}
    for step in found:
        groups.setdefault((step.model, step.run is None, step.why), []).append(step)
    rows = []
    for (model, training, why), members in groups.items():
        runs = [step.run for step in members if step.run]
        what = members[0].rule if training else f"respond {', '.join(runs) if len(runs) <= MOST else f'{len(runs)} benchmarks'}"
        times = [hours.get((model, step.run)) for step in members]
        rows.append([model, what, why, duration(None if None in times else sum(time or 0.0 for time in times))])
    return f"{HEAD}\n{columns([['model', 'step', 'why', 'time'], *rows])}" if rows else NONE


class AtTheEnd(logging.Handler):
    """Calls `say` after the last line of a dry run: Snakemake 9.27 has no hook there (onsuccess is for real runs only)."""

    NAME = "cost of the plan"

    def __init__(self, last_line: Callable[[], str], say: Callable[[], None]):
        super().__init__(logging.INFO)
        self.name, self._last_line, self._say = self.NAME, last_line, say

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text.startswith(("This was a dry-run", "The run involves checkpoint")) and text.startswith(self._last_line()):
            self._say()
