"""Reads a configuration as a whole: checked, with every default of config/schema.yaml filled in.

Only the Snakefile uses this: each step gets the part that decides its result as its --spec.
"""

from collections.abc import Callable
from copy import deepcopy

from distill.base.errors import InputError
from distill.base.settings import fill, whole_schema
from distill.config import checks
from distill.config.checks import Config
from distill.config.study import expand_study


def load(given: Config, exists: Callable[[str], bool] = lambda _: True) -> Config:
    """The complete configuration; `given` is left as it is. `exists` says whether a path in it exists.

    Raises InputError with a line for each error of the first pass of distill.config.checks that finds one.
    """
    for check in (checks.names, checks.shape, checks.study):
        _refuse(check(given))
    config = fill_defaults(expand_study(given))
    _refuse(checks.references(config, exists))
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
