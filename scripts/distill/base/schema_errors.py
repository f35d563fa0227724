"""What is wrong with a value that does not fit a JSON Schema, in words that name the key and what to write."""

import difflib
import math
import re
from collections.abc import Collection, Iterator
from typing import Any


def errors(value: Any, schema: dict[str, Any]) -> list[str]:
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
    elif error.validator == "enum":
        yield f"{at}{error.instance!r} is not known; write one of {', '.join(map(str, error.validator_value))}"
    elif error.validator == "type":
        yield f"{at}{error.instance!r} is not {_in_words(error.validator_value)}{_number_hint(error.instance)}"
    elif error.validator == "maxItems":
        yield f"{at}has {len(error.instance)} entries; write at most {error.validator_value}"
    elif error.validator == "pattern" and "x-error" in error.schema:
        # The value may be a secret: it is shown only where the text has {value}.
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
