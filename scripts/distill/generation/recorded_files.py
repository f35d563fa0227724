"""The rows of files of recorded responses: of tables, and of programs that write one JSON document or a log."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.base.json_rows import OversizeRow
from distill.base.tables import read_rows

Rows = Iterator[tuple[str, Mapping[str, Any]]]


def table_rows(path: Path, task: str | None) -> Rows:
    """The rows of a table, each with its place. Raises InputError for one that is too long."""
    for number, row in enumerate(read_rows(path), 1):
        place = f"row {number}"
        if isinstance(row, OversizeRow):
            raise InputError(f"{path}: {place} is longer than a row may be: split it")
        yield place, row


def _document(path: Path, what: str) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError, OSError) as error:
        raise InputError(f"{path}: not {what} ({error}): check the file") from None
    if not isinstance(found, dict):
        raise InputError(f"{path}: not {what} (no JSON object): check the file")
    return found


def evalchemy_rows(path: Path, task: str | None) -> Rows:
    """The examples of one task of evalchemy's results. Raises InputError where there is none, or several and none of that name."""
    results = _document(path, "a results file of evalchemy").get("results")
    tasks = {
        name: one["examples"]
        for name, one in (results.items() if isinstance(results, dict) else ())
        if isinstance(one, dict) and isinstance(one.get("examples"), list)
    }
    name = _one_task(path, list(tasks), task)
    for number, row in enumerate(tasks[name], 1):
        yield f"{name} example {number}", row if isinstance(row, dict) else {}


def _one_task(path: Path, names: list[str], task: str | None) -> str:
    """The one task of a file; of several, that of the benchmark's name."""
    alike = [name for name in names if task and plain(name) == plain(task)]
    if len(found := alike or names) == 1:
        return found[0]
    if not names:
        raise InputError(
            f"{path}: holds no examples (results: {{task: {{examples: [..]}}}}): take the results_*.json that evalchemy writes"
        )
    raise InputError(f"{path}: none of its tasks {', '.join(names)} has the name {task}: set published: of the benchmark to one of them")


def plain(name: str) -> str:
    """A task's name as all programs would write it: aime24, AIME24; gpqa:diamond, GPQADiamond, gpqa_diamond."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def opencompass_rows(path: Path, task: str | None) -> Rows:
    """The predictions of OpenCompass in the order of their numbers. Raises InputError for another document."""
    found = _document(path, "predictions of OpenCompass")
    if not found or not all(key.isdecimal() and isinstance(row, dict) for key, row in found.items()):
        raise InputError(
            f"{path}: not predictions of OpenCompass ({{'0': {{origin_prompt, prediction}}, ..}}): take predictions/MODEL/DATASET.json"
        )
    for key in sorted(found, key=int):
        yield f"entry {key}", found[key]


def inspect_rows(path: Path, task: str | None) -> Rows:
    """Inspect's own reader: its zip files are compressed with zstd, which Python 3.11's zipfile does not know (inspect_ai 0.3.285)."""
    from inspect_ai.log import read_eval_log, read_eval_log_samples

    try:
        if path.suffix == ".json":
            samples: Iterator[Any] = iter(read_eval_log(str(path), resolve_attachments=True).samples or [])
        else:
            samples = read_eval_log_samples(str(path), all_samples_required=False, resolve_attachments=True)
        for sample in samples:
            yield f"sample {sample.id} epoch {sample.epoch}", sample.model_dump(include={"input", "messages", "output", "epoch"})
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"{path}: not a log of Inspect ({reason[0]}): give the .eval or .json that inspect eval writes") from None
