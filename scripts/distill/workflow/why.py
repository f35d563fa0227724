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
    waits = [job for job in plan.jobs if job.checkpoint and job.stale]
    if not matching and waits and words[0] in plan.rules:
        known_later = f"{' '.join(words)}: only when {waits[0].name} has run is it known whether it runs"
        return [known_later, "", *explain(plan, waits)]
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


def explain(plan: DryRun, jobs: list[PlannedJob]) -> list[str]:
    """Lines that say of each job why it is made again, or that it is up to date."""
    makers = {path: job for job in plan.jobs for path in job.outputs}
    found = {job: causes(job, plan.config) for job in plan.jobs if job.stale}
    lines: list[str] = []
    above: list[PlannedJob] = []
    for job in jobs:
        if job.stale:
            verb = "will be made again" if _certain(job, found, makers) else "may be made again"
            lines.append(f"{_files(job.outputs)} {verb} by {job.name}:")
            lines += [f"  {cause}" for cause in [*found[job], *_from_others(job, makers)]]
            above += [one for one in _above(job, makers) if one not in above]
    starts: dict[tuple[str, ...], list[str]] = {}
    for job in above:
        if job not in jobs and found[job]:
            starts.setdefault((job.rule, *found[job]), []).append(job.name)
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
    before, now = ([_value(text) for text in side] for side in job.parameters)
    found += _parts_changed(job, before, now, config)
    found += [line for old, new in _codes(before, now) for line in _code_changed(old, new, job.began)]
    found += [f"it is no longer made from {path}" for path in job.inputs[0]]
    found += [f"it is now made from {path} too" for path in job.inputs[1]]
    if job.command_changed:
        found.append(f"the command of rule {job.rule} changed (rules/*.smk)")
    return found


def from_record(rule: str, names: Sequence[str], before: Sequence[str] | None, now: Sequence[str], config: dict[str, Any]) -> list[str]:
    """What changed between the parameters that a file was made with and those of today, of which only specs and code digests are compared.

    Nothing where none are recorded.
    """
    old = [value for text in before or () if _is_code(value := _value(text)) or _json(value) is not ABSENT]
    job = PlannedJob(rule, tuple((name, name) for name in names), ())
    if not old:
        return []
    gone, new = [value for value in old if value not in now], [value for value in now if value not in old]
    return [
        *_parts_changed(job, gone, new, config),
        *(line for one, other in _codes(gone, new) for line in _code_changed(one, other, None)),
    ]


def _files(outputs: tuple[str, ...]) -> str:
    return outputs[0] if len(outputs) == 1 else f"{outputs[0]} (and {len(outputs) - 1} more)"


def _above(job: PlannedJob, makers: dict[str, PlannedJob]) -> list[PlannedJob]:
    """The stale jobs that a job depends on, nearest first."""
    found: list[PlannedJob] = []
    todo = [job]
    while todo:
        for path in todo.pop(0).remade:
            one = makers.get(path)
            if one is not None and one not in found:
                found.append(one)
                todo.append(one)
    return found


def _certain(job: PlannedJob, found: dict[PlannedJob, list[str]], makers: dict[str, PlannedJob]) -> bool:
    """Whether a job runs whatever a checkpoint finds: for a reason of its own, or because a job it depends on runs."""
    sure = {makers[path] for path in job.remade if path in makers and not makers[path].checkpoint}
    return bool(found[job]) or any(_certain(one, found, makers) for one in sure)


def _from_others(job: PlannedJob, makers: dict[str, PlannedJob]) -> Iterator[str]:
    above = list(dict.fromkeys(makers[path] for path in job.remade if path in makers))
    if names := [one.name for one in above if not one.checkpoint]:
        yield f"it is made from what is made again by {_listed(names)}"
    for one in above:
        if one.checkpoint:
            yield f"it waits for {one.outputs[0]} ({one.name}): only then is it known whether the data really changed"


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
