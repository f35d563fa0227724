"""audit.json as its readers see it: one audit for each way in which a dataset's rows are taken."""

from collections.abc import Mapping, Sequence
from typing import Any

from distill.files import Row

COUNTED = ("tokenizer", "chat_template", "eos_token")  # settings that a row's tokens depend on


def each(found: Row) -> list[Row]:
    """All audits of the file: the first stands in it itself, the rest under `others`."""
    return [found, *found.get("others", [])]


def of(found: Row | None, way: Mapping[str, Any]) -> Row | None:
    """The audit of these settings; None where there is none."""
    return next((audit for audit in each(found) if _said(audit["settings"]) == _said(way)), None) if found else None


def told_apart(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """For each of several ways what tells it from the others, as "packing bfd, max_length 1024"; of one way nothing."""
    keys = [key for key in dict.fromkeys(key for way in settings for key in way) if len({way.get(key) for way in settings}) > 1]
    return [", ".join(_told(key, way.get(key)) for key in keys) for way in settings]


def _told(key: str, value: Any) -> str:
    """A tokenizer has a template and an end of turn of its own, where nothing else is named."""
    return f"own {key}" if value is None else f"{key} {value:,}" if isinstance(value, int) else f"{key} {value}"


def _said(way: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in way.items() if value is not None}
