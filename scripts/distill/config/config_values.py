"""Values that the schema cannot judge: paths that must be there, and names that YAML reads as no text."""

import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

Part = dict[str, Any]
BRACES = {"{", "}"}


def mistakes(config: Part, schema: Part, exists: Callable[[str], bool]) -> Iterator[str]:
    """A line for each path (`x-path` in the schema) that is not there and that no step of this run makes."""
    for where, value, below in _values(config, schema, schema["$defs"]):
        is_path = below.get("x-path") and isinstance(value, str) and value != below.get("x-not-path")
        if is_path and BRACES & set(value):
            yield f"{where}: {value!r}: Snakemake takes braces in a path for wildcards; rename it without them"
        elif is_path and PurePosixPath(value).parts[:1] != ("results",) and not exists(value):
            yield f"{where}: {value!r} does not exist; {_cure(where, value)}"


def no_names(value: Any, where: str = "") -> Iterator[str]:
    """A line for each key that YAML reads as a number, a date, true or null."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in entries:
        place = f"{where}.{key}" if where else str(key)
        if isinstance(value, dict) and not isinstance(key, str):
            yield f"{place}: YAML reads {key!r} as no text; write the name in quotes"
        yield from no_names(below, place)


def _cure(where: str, value: str) -> str:
    may_be_hub = where.endswith("source.path") and re.fullmatch(r"[\w.-]+/[\w.-]+", value)
    return "mend the path, or write hub: for a repository on the hub" if may_be_hub else "mend the path"


def _values(value: Any, schema: Part, defs: Part, where: str = "") -> Iterator[tuple[str, Any, Part]]:
    """(place, value, its part of the schema) of all that stands in a configuration."""
    if "allOf" in schema:
        schema = schema["allOf"][0]
    if "$ref" in schema:
        schema = defs[schema["$ref"].rsplit("/", 1)[1]]
    yield where, value, schema
    if isinstance(value, dict):
        rest = schema.get("additionalProperties")
        for key, below in value.items():
            part = schema.get("properties", {}).get(key, rest)
            if isinstance(part, dict):
                yield from _values(below, part, defs, f"{where}.{key}" if where else str(key))
