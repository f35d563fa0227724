"""What is wrong with a configuration, in four passes: names, shape, study and references.

Each pass is `config -> list of errors`; a later one relies on what an earlier one has found sound. An error is one line
"KEY: what is wrong; what to write".
"""

import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

from distill.base import schema_errors
from distill.base.settings import Part, resolve, whole_schema
from distill.config import study as studies
from distill.config.benchmark_checks import benchmark_errors, protocol_errors
from distill.config.dataset_checks import dataset_errors
from distill.config.entry_checks import Config
from distill.config.model_checks import model_errors, pair_errors
from distill.config.runtime_checks import runtime_errors

BRACES = {"{", "}"}


def names(config: Config) -> list[str]:
    """Keys that YAML reads as a number, a date, true or null."""
    return list(_names(config, ""))


def _names(value: Any, where: str) -> Iterator[str]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in entries:
        place = f"{where}.{key}" if where else str(key)
        if isinstance(value, dict) and not isinstance(key, str):
            yield f"{place}: YAML reads {key!r} as no text; write the name in quotes"
        yield from _names(below, place)


def shape(config: Config) -> list[str]:
    """Keys and values against config/schema.yaml."""
    schema = whole_schema()
    missing = {f"{key}: missing; add it" for key in schema["required"]}
    whole = ", or lay this file over a whole one: --configfile config/config.yaml THIS"
    return [line + whole if line in missing else line for line in schema_errors.errors(config, schema)]


def study(config: Config) -> list[str]:
    """The study, before its students are put under models:."""
    return list(studies.errors(config))


def references(config: Config, exists: Callable[[str], bool]) -> list[str]:
    """Keys of a complete configuration against each other, and paths against the files that are there."""
    roles, paths = _roles(config["models"]), _paths(config, whole_schema(), exists)
    found = [
        *model_errors(config),
        *roles,
        *dataset_errors(config),
        *benchmark_errors(config),
        *protocol_errors(config),
        *paths,
        *runtime_errors(config),
    ]
    return found or list(pair_errors(config))


def _roles(models: Config) -> Iterator[str]:
    having = [name for name, model in models.items() if model["role"] == "baseline"]
    if len(having) > 1:
        yield f"models: {' and '.join(having)} both have role baseline; give it to one and role: student, reference or none to the others"
    if not any(model["role"] != "none" for model in models.values()):
        yield "models: none has a role, so none is evaluated; give one role: student"


def _paths(config: Config, schema: Part, exists: Callable[[str], bool]) -> Iterator[str]:
    """Paths (`x-path` in the schema) that do not exist and that no step of this run makes."""
    for where, value, part in _values(config, schema, ""):
        is_path = part.get("x-path") and isinstance(value, str) and value != part.get("x-not-path")
        if is_path and BRACES & set(value):
            yield f"{where}: {value!r}: Snakemake takes braces in a path for wildcards; rename it without them"
        elif is_path and PurePosixPath(value).parts[:1] != ("results",) and not exists(value):
            may_be_hub = where.endswith("source.path") and re.fullmatch(r"[\w.-]+/[\w.-]+", value)
            yield f"{where}: {value!r} does not exist; fix the path{', or write hub: for a repository on the hub' if may_be_hub else ''}"


def _values(value: Any, schema: Part, where: str) -> Iterator[tuple[str, Any, Part]]:
    """(key, value, its part of the schema) of all that is in a configuration."""
    schema = resolve(schema)
    yield where, value, schema
    if isinstance(value, dict):
        for key, below in value.items():
            part = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
            if isinstance(part, dict):
                yield from _values(below, part, f"{where}.{key}" if where else str(key))
