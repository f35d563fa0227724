"""The settings of a step, checked and filled from config/schema.yaml, where type, bounds, choices, default and meaning of each key stand.

A step names the keys that its --spec is made of and reads it with them:

    SPEC = Settings("$defs/dataset/filter/*", "$defs/dataset/thought_style", system={"type": "string"})
    spec = SPEC.read({"max_tokens": 320})  # InputError for an unknown key or a wrong value; defaults filled in

The schema is no part of a step's code digest and need not be: the rules hand out specs in which config/load.py has filled in every default
that changes a result, so a changed default is a changed spec (tests/config/test_specs.py). Defaults are filled in here for calls by hand.
"""

from collections.abc import Collection, Mapping
from copy import deepcopy
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.base.paths import SCHEMA
from distill.base.schema_errors import errors

Part = dict[str, Any]  # a part of the schema


class Settings:
    """The keys of a --spec."""

    def __init__(self, *paths: str, without: Collection[str] = (), required: Collection[str] = (), **own: str | Part) -> None:
        """`paths`: a key of the schema, or as "$defs/recipe/*" all keys of a mapping but those of `without`.

        `own`: keys that the configuration does not have, each with its schema; or a path, for a key that goes by another name there.
        """
        self._paths, self._without, self._required, self._own = paths, set(without), set(required), own

    def read(self, given: Mapping[str, Any], where: str = "--spec") -> dict[str, Any]:
        """`given` with defaults; null for a key without a default means that it is absent. Raises InputError for the first error."""
        optional = {key for key, part in self.schema["properties"].items() if "default" not in part} - set(self.schema["required"])
        made = {key: deepcopy(value) for key, value in given.items() if value is not None or key not in optional}
        for line in errors(made, self.schema):
            raise InputError(f"{where}: {line}")
        fill(made, self.schema)
        return made

    def pick(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """The part of an entry of the configuration that goes into the --spec as it is: the keys of `paths`, none of `own`."""
        keys = self.schema["properties"].keys() - self._own.keys()
        return {key: value for key, value in entry.items() if key in keys}

    @cached_property
    def schema(self) -> Part:
        """The JSON Schema of the --spec: a mapping of these keys and no others."""
        made: Part = {"type": "object", "additionalProperties": False, "properties": {}, "required": sorted(self._required)}
        for path in self._paths:
            if path.endswith("/*"):
                mapping = find(path.removesuffix("/*"))
                made["properties"] |= {key: part for key, part in mapping["properties"].items() if key not in self._without}
                made["required"] += sorted(set(mapping.get("required", [])) - self._without)
                made["x-other-names"] = mapping.get("x-other-names", {})
            else:
                made["properties"][path.rsplit("/", 1)[1]] = find(path)
        made["properties"] |= {key: find(part) if isinstance(part, str) else resolve(part) for key, part in self._own.items()}
        return made | {"$defs": whole_schema()["$defs"]}


def list_of(keys: dict[str, Part], required: Collection[str], least: int = 0) -> Part:
    """The schema of a list of at least so many mappings, each with these keys."""
    entry = {"type": "object", "additionalProperties": False, "properties": keys, "required": list(required)}
    return {"type": "array", "items": entry, "minItems": least}


@cache
def whole_schema() -> Part:
    """config/schema.yaml."""
    return read_yaml(SCHEMA)


def read_yaml(path: Path) -> Any:
    """The content of a YAML file."""
    import yaml  # here and below at first use: the worker processes of filter and grade import this module and read no settings

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same in C, ten times as fast
    return yaml.load(path.read_text(encoding="utf-8"), loader)


def find(path: str) -> Part:
    """The schema of a key, such as "$defs/recipe", "$defs/dataset/filter/max_tokens" or "statistics/seed"."""
    part = {"properties": whole_schema()["$defs"]} if path.startswith("$defs/") else whole_schema()
    for key in path.removeprefix("$defs/").split("/"):
        part = resolve(part)["properties"][key]
    return resolve(part)


def defaults(path: str) -> Part:
    """A mapping of the schema with all its defaults."""
    made: Part = {}
    fill(made, find(path))
    return made


def resolve(part: Part) -> Part:
    """What a part of the schema refers to, or itself."""
    part = part["allOf"][0] if "allOf" in part else part
    found = whole_schema() if "$ref" in part else part
    for key in part["$ref"].removeprefix("#/").split("/") if "$ref" in part else ():
        found = found[key]
    return found


def fill(value: Any, schema: Part) -> None:
    """Put the defaults into a mapping, at every depth, and write equal numbers alike: 1.0 for a number, 1 for a whole number."""
    schema = resolve(schema)
    for entry in value if isinstance(value, list) else ():
        fill(entry, schema.get("items", {}))
    if not isinstance(value, dict):
        return
    keys, others = {key: resolve(part) for key, part in schema.get("properties", {}).items()}, schema.get("additionalProperties")
    for key, part in keys.items():
        if "default" in part:
            value.setdefault(key, deepcopy(part["default"]))
    for key, below in value.items():
        part = keys.get(key, others)
        if isinstance(part, dict):
            value[key] = _as_number(below, part.get("type", ()))
            fill(value[key], part)


def _as_number(value: Any, types: str | list[str]) -> Any:
    kinds = {types} if isinstance(types, str) else set(types)
    if isinstance(value, bool) or not isinstance(value, int | float) or kinds - {"number", "integer", "null"}:
        return value
    return float(value) if "number" in kinds else int(value) if "integer" in kinds else value
