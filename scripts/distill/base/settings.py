"""The settings of a step, checked and filled from config/schema.yaml, where type, bounds, choices, default and meaning of each key stand.

A step names the keys that its --spec is made of and reads it with them:

    SPEC = Settings("$defs/dataset/filter/*", "$defs/dataset/thought_style", system={"type": "string"})
    spec = SPEC.read({"max_tokens": 320})  # InputError for an unknown key or a wrong value; defaults filled in

The schema is no part of a step's code digest and need not be: the rules hand out specs in which config/load.py has filled in every default
that changes a result, so a changed default is a changed spec (tests/config/test_specs.py). Defaults are filled in here for calls by hand.
"""

import difflib
import math
import re
from collections.abc import Collection, Iterator, Mapping
from copy import deepcopy
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.base.paths import SCHEMA

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

    @cached_property
    def schema(self) -> Part:
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


def errors(value: Any, schema: Part) -> list[str]:
    """A line "KEY: what is wrong; what to write" for each error in a value, in the order of the keys."""
    from jsonschema import Draft202012Validator

    if lines := list(_not_finite(value)):
        return lines
    found = Draft202012Validator(schema).iter_errors(value)
    return [line for error in sorted(found, key=lambda error: list(map(str, error.absolute_path))) for line in _lines(error)]


def _not_finite(value: Any, where: str = "") -> Iterator[str]:
    """A line for each NaN and infinity, which the schema's bounds let pass."""
    if isinstance(value, float) and not math.isfinite(value):
        yield f"{where}: {value} is not a finite number; write one"
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in entries:
        yield from _not_finite(below, f"{where}.{key}" if where else str(key))


def _lines(error: Any) -> Iterator[str]:
    """An error of jsonschema in our words."""
    where = ".".join(map(str, error.absolute_path))
    dot, at = (f"{where}.", f"{where}: ") if where else ("", "")
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        renamed = error.schema.get("x-other-names", {})
        yield from (
            f"{dot}{key}: unknown key; {renamed.get(key) or did_you_mean(key, known)}" for key in error.instance if key not in known
        )
    elif error.validator == "required":
        missing = re.findall(r"'([^']+)'", error.message)[0]
        yield f"{dot}{missing}: missing; add it"
    elif error.validator == "enum" and "x-error" not in error.schema:
        yield f"{at}{error.instance!r} is not known; write one of {', '.join(map(str, error.validator_value))}"
    elif error.validator == "type":
        yield f"{at}{error.instance!r} is not {_in_words(error.validator_value)}{_number_hint(error.instance)}"
    elif error.validator == "maxItems":
        yield f"{at}has {len(error.instance)} entries; write at most {error.validator_value}"
    elif (
        error.validator in ("pattern", "enum") and "x-error" in error.schema
    ):  # in some, the value may hold a key: only where it says {value} it is shown
        yield f"{at}{error.schema['x-error'].replace('{value}', repr(error.instance))}"
    elif "propertyNames" in error.absolute_schema_path:
        yield f"{at}{error.instance!r} is not a name; use letters, digits, '.', '_' and '-'"
    else:
        yield f"{at}{error.message}"


def did_you_mean(key: str, known: Collection[str]) -> str:
    """What to write in place of a name that does not exist."""
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"


_WORDS = {"object": "a mapping", "array": "a list", "string": "text", "integer": "a whole number", "number": "a number", "null": "null"}


def _in_words(types: str | list[str]) -> str:
    return " or ".join(_WORDS.get(name, "true or false") for name in ([types] if isinstance(types, str) else types))


def _number_hint(value: Any) -> str:
    if isinstance(value, str) and (found := re.fullmatch(r"([+-]?\d+)[eE]([+-]?)(\d+)", value)):
        return f"; YAML reads it as text: write {found[1]}.0e{found[2] or '+'}{found[3]}"
    return "; remove the quotes" if isinstance(value, str) and re.fullmatch(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", value) else ""
