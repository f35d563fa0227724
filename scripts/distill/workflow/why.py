"""Explain why a file is made again: which key of the configuration, which module, which input."""

import ast
import difflib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from distill.base.code_digest import SCRIPTS, code_digest, code_parts
from distill.base.errors import InputError
from distill.base.files import dumps, read_json, write_json
from distill.workflow.snakemake_api import DryRun, PlannedJob, dry_run

ABSENT = object()
LONGEST = 100  # characters of a value that are shown
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
        """Whether a stale job runs whatever other jobs make: for a reason of its own, or because of a job that is certain to run."""
        if job not in self._certain:
            surely = (self.certain(one) for one in self.above(job) if not self.by_content(job, one))
            self._certain[job] = bool(self.own[job]) or any(surely)
        return self._certain[job]

    def from_others(self, job: PlannedJob) -> Iterator[str]:
        """The reasons that other jobs are, certain ones first."""
        direct = [one for one in self.above(job) if not self.by_content(job, one)]
        if sure := [one.name for one in direct if self.certain(one)]:
            yield f"it is made from what is made again by {_listed(sure)}"
        yield from dict.fromkeys(_only_if_different(one) for one in self.above(job) if one not in direct)
        if unsure := [one.name for one in direct if not self.certain(one)]:
            yield f"only if {_listed(unsure)} {'runs' if len(unsure) == 1 else 'run'}"


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
        lines += [f"  {_listed(names)}:", *(f"    {cause}" for cause in why)]
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


def parameter_causes(job: PlannedJob, config: dict[str, Any]) -> list[str]:
    """The keys of the configuration, modules and other parameters of a job that changed: one line each."""
    before, now = ([_value(text) for text in side] for side in job.parameters)
    changed = [line for old, new in _codes(before, now) for line in _code_changed(old, new, job.began)]
    return [*_parts_changed(job, before, now, config), *changed]


def _files(outputs: tuple[str, ...]) -> str:
    return outputs[0] if len(outputs) == 1 else f"{outputs[0]} (and {len(outputs) - 1} more)"


def _listed(names: list[str]) -> str:
    """Names on one line: the first few, and how many more."""
    return ", ".join(names if len(names) <= MOST else [*names[:MOST], f"and {len(names) - MOST} more"])


def _updated(path: str, before: str | None, now: str) -> str:
    return f"{path} changed: sha256 {before[:12]} → {now[:12]}" if before else f"{path} is newer, and its earlier content is not known"


def _value(text: str) -> Any:
    """A parameter from Snakemake's metadata, which holds its repr."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _json(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) and value.startswith(("{", "[")) else ABSENT
    except ValueError:
        return ABSENT


def _is_code(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("code ")


def _parts_changed(job: PlannedJob, before: list[Any], now: list[Any], config: dict[str, Any]) -> Iterator[str]:
    """Changes of a parameter that is a part of the configuration, key by key; any other as a whole."""
    old_parts, new_parts = ([part for value in side if (part := _json(value)) is not ABSENT] for side in (before, now))
    if len(old_parts) == len(new_parts) == 1:
        for path, old, new in differences(old_parts[0], new_parts[0]):
            yield f"{full_key(path, new, config, [value for _, value in job.wildcards])}: {format_value(old)} → {format_value(new)}"
    else:
        yield from (f"a parameter was {format_value(part)}" for part in old_parts)
        yield from (f"a parameter is now {format_value(part)}" for part in new_parts)
    old_rest, new_rest = ([value for value in side if _json(value) is ABSENT and not _is_code(value)] for side in (before, now))
    if len(old_rest) == len(new_rest) == 1:
        what = {"train": "the training data (sha256)", "distill": "the prompts (sha256)"}.get(job.rule, "a parameter")
        yield f"{what}: {format_value(old_rest[0])} → {format_value(new_rest[0])}"
    else:
        yield from (f"a parameter was {format_value(value)}" for value in old_rest)
        yield from (f"a parameter is now {format_value(value)}" for value in new_rest)


def differences(old: Any, new: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """(path, old, new) of each place where two JSON values differ; ABSENT where a key is on one side only.

    A list of objects that have a name is compared by name; any other list as a whole.
    """
    old, new = _by_name(old), _by_name(new)
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from differences(old.get(key, ABSENT), new.get(key, ABSENT), (*path, key))
    elif old is ABSENT or new is ABSENT or old != new or type(old) is not type(new):
        yield path, old, new


def _by_name(value: Any) -> Any:
    named = isinstance(value, list) and value and all(isinstance(entry, dict) and "name" in entry for entry in value)
    return {str(entry["name"]): entry for entry in value} if named else value


def full_key(path: tuple[str, ...], value: Any, config: dict[str, Any], about: Sequence[str]) -> str:
    """The full path of a key if exactly one place in the configuration matches, else its path in the step's spec.

    `about`: wildcards of the job; places that have them in their path are preferred.
    """
    for start in range(len(path)):
        tail = path[start:]
        fits = [found for found, here in _leaves(config) if found[-len(tail) :] == tail and (value is ABSENT or here == value)]
        best = [found for found in fits if any(name in found for name in about)] or fits
        if best:
            return ".".join(best[0] if len(best) == 1 else path)
    return ".".join(path)


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if path:
        yield path, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, str(key)))


def format_value(value: Any) -> str:
    """A value on one line; digests by their first twelve digits."""
    if value is ABSENT:
        return "(not there)"
    if isinstance(value, str) and len(value) == 64 and all(digit in "0123456789abcdef" for digit in value):
        return value[:12]
    text = value if isinstance(value, str) and value and "\n" not in value else dumps(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _codes(before: list[Any], now: list[Any]) -> list[tuple[str, str]]:
    """Pairs of code digests, before and now, that differ."""
    sides = [next((value.split()[1:] for value in side if _is_code(value)), []) for side in (before, now)]
    return [(old, new) for old, new in zip(*sides, strict=False) if old != new]


def _code_changed(old: str, new: str, began: float | None) -> list[str]:
    parts_before, parts_now = recorded_parts(old), recorded_parts(new)
    if parts_before is not None and parts_now is not None:
        return code_differences(parts_before, parts_now)
    edited = [f"scripts/{name}" for name in sorted(parts_now or {}) if began and _edited(name, began)]
    since = f"; edited since then: {', '.join(edited)}" if edited else ""
    return [f"the code changed, and {CODE_NOTES}/{old}.json, which would say where, is missing{since}"]


def _edited(name: str, began: float) -> bool:
    path = SCRIPTS / name
    return path.is_file() and path.stat().st_mtime > began


def code_differences(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """What differs between the parts of two code digests (distill.base.code_digest.code_parts)."""
    lines = []
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name), now.get(name)
        if old == new:
            continue
        if name.startswith("pin:"):
            lines.append(f"{name.removeprefix('pin:')}: {old or '(not pinned)'} → {new or '(not pinned)'} (envs/requirements.txt)")
        elif old and new:
            lines.append(f"scripts/{name} changed")
        else:
            lines.append(f"scripts/{name} is {'used now' if new else 'no longer used'}")
    return lines


CODE_NOTES = Path("work/code")


def record_code_digest(script: str, notes: Path = CODE_NOTES) -> str:
    """The code digest of a script (distill.base.code_digest); its parts are written to work/code/."""
    digest = code_digest(script)
    note = notes / f"{digest}.json"
    if not note.exists():
        with suppress(OSError):
            write_json(note, code_parts(script))
    return digest


def recorded_parts(digest: str, notes: Path = CODE_NOTES) -> dict[str, str] | None:
    """The parts of a code digest: {file relative to scripts/: digest, "pin:NAME": version}; None where they were not recorded."""
    try:
        return read_json(notes / f"{digest}.json")
    except InputError:
        return None
