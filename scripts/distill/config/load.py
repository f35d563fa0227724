"""Reads a configuration as a whole: checked, with every default of config/schema.yaml filled in.

No step uses this: each gets the part that decides its result as its --spec.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import yaml

from distill.base.errors import InputError
from distill.base.settings import Part, fill, resolve, whole_schema
from distill.config import checks
from distill.config.entry_checks import Config
from distill.config.study import expand_study


def load(given: Config, exists: Callable[[str], bool] = lambda _: True) -> Config:
    """The complete configuration; `given` is left as it is. `exists` says whether a path in it exists.

    A null takes a key out of a `source`, so that an overlay, whose mappings are merged, can name another place. Raises InputError with a
    line for each error of the first pass of distill.config.checks that finds one.
    """
    given = without_null_sources(given)
    for check in (checks.names, checks.shape, checks.study):
        _refuse(check(given))
    config = fill_defaults(expand_study(given))
    _refuse(checks.references(config, exists))
    return config


def with_types(value: Any, schema: Part | None = None) -> Any:
    """A value of Snakemake's --config with numbers and the like where its key takes no text.

    Snakemake 9.27 reads all within the braces of `--config 'models={ours: {train: {epochs: 2}}}'` as text.
    """
    schema = resolve(whole_schema() if schema is None else schema)
    if isinstance(value, dict):
        keys, others = schema.get("properties", {}), schema.get("additionalProperties")
        parts = {key: keys.get(key, others if isinstance(others, dict) else {}) for key in value}
        return {key: with_types(below, parts[key]) for key, below in value.items()}
    if isinstance(value, list):
        return [with_types(entry, schema.get("items", {})) for entry in value]
    if not isinstance(value, str) or "type" not in schema or "string" in schema["type"]:
        return value
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        return value


def overlay(below: Config, above: Config) -> Config:
    """One configuration laid over another as Snakemake lays its --configfiles: mappings merge, other values replace."""
    merged = {**below, **above}
    for key in below.keys() & above.keys():
        if isinstance(below[key], dict) and isinstance(above[key], dict):
            merged[key] = overlay(below[key], above[key])
    return merged


def without_null_sources(given: Config) -> Config:
    """A copy whose sources have no keys that are null."""
    config = deepcopy(given)
    for kind in ("models", "datasets", "benchmarks"):
        for entry in (config.get(kind) or {}).values() if isinstance(config.get(kind), dict) else ():
            if isinstance(entry, dict) and isinstance(entry.get("source"), dict):
                entry["source"] = {key: value for key, value in entry["source"].items() if value is not None}
    return config


def fill_defaults(given: Config) -> Config:
    """A copy with train_defaults put into each recipe, then every default of the schema, then labels."""
    config = deepcopy(given)
    train_defaults = config.pop("train_defaults", {})
    for model in config["models"].values():
        if "train" in model:
            model["train"] = {**train_defaults, **model["train"]}
    fill(config, whole_schema())
    for section in ("models", "datasets", "benchmarks", "protocols"):
        for name, entry in config[section].items():
            entry.setdefault("label", name)
    return config


def _refuse(errors: list[str]) -> None:
    if errors:
        raise InputError("\n".join(f"config: {line}" for line in errors))
