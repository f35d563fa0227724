"""What changed in the parameters of a job: which keys of the configuration, which modules, which pins."""

import ast
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from distill.base.code_digest import SCRIPTS, code_digest, code_parts
from distill.base.errors import InputError
from distill.base.files import dumps, read_json, write_json
from distill.workflow.snakemake_api import PlannedJob

ABSENT = object()
LONGEST = 100  # characters of a value that are shown


def parameter_causes(job: PlannedJob, config: dict[str, Any]) -> list[str]:
    """The keys of the configuration, modules and other parameters of a job that changed: one line each."""
    before, now = ([_value(text) for text in side] for side in job.parameters)
    changed = [line for old, new in _codes(before, now) for line in _code_changed(old, new, job.began)]
    return [*_parts_changed(job, before, now, config), *changed]


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
