"""What was trained, on what, by which recipe, and how the loss went. Seconds and speeds are not told: they differ from run to run."""

from collections.abc import Mapping
from typing import Any

from distill.files import Row
from distill.markdown import code, table, text
from distill.names import Model, Names
from distill.report.words import NOT_MEASURED, gap, join
from distill.results import Results

_ENDS = 0.05  # the part of a log, at either end, over which a loss is averaged


def section(names: Names, results: Results) -> str:
    trained = [(model, manifest) for model in names.models if (manifest := results.manifest(model.name)) and manifest.get("recipe")]
    missing = [model.label for model in names.models if not results.manifest(model.name)]
    parts = [_table(trained, results) if trained else gap("a training recipe (no model of this table was trained here)")]
    if missing:
        parts.append(gap(f"a manifest of {', '.join(text(label) for label in missing)}"))
    return join(*parts)


def _table(trained: list[tuple[Model, Row]], results: Results) -> str:
    facts = [_facts(manifest, results.log(model.name)) for model, manifest in trained]
    keys = list(dict.fromkeys(key for found in facts for key in found))
    rows = [[text(key), *(found.get(key, NOT_MEASURED) for found in facts)] for key in keys]
    return table(["", *(text(model.label) for model, _ in trained)], rows)


def _facts(manifest: Row, log: list[Row]) -> dict[str, str]:
    """What a column says: result first, then the recipe key by key."""
    parent = manifest.get("parent")
    facts = {
        "parent": code(parent.get("name", short(parent.get("digest"))) if isinstance(parent, Mapping) else short(parent), in_table=True),
        "data (sha256)": code(short(manifest.get("data_digest") or manifest.get("data")), in_table=True),
        "weights (sha256)": code(short(manifest.get("digest")), in_table=True),
        "tokens seen": f"{manifest['tokens_seen']:,}" if isinstance(manifest.get("tokens_seen"), int) else NOT_MEASURED,
        "processes": str(manifest.get("world_size", NOT_MEASURED)),
        "steps": f"{max(row['step'] for row in log):,}" if log else NOT_MEASURED,
        "loss, first 5 %": mean_loss(log, first=True),
        "loss, last 5 %": mean_loss(log, first=False),
    }
    return facts | {key: code(plain(value), in_table=True) for key, value in sorted(manifest["recipe"].items()) if value is not None}


def mean_loss(log: list[Row], first: bool) -> str:
    count = max(1, round(len(log) * _ENDS))
    rows = log[:count] if first else log[-count:]
    return f"{sum(row['loss'] for row in rows) / len(rows):.3f}" if rows else NOT_MEASURED


def short(digest: Any) -> str:
    """A digest or a commit by its first twelve digits; anything else as it is."""
    words = str(digest) if digest is not None else NOT_MEASURED
    return words[:12] if len(words) in (40, 64) else words


def plain(value: Any) -> str:
    return (
        {True: "true", False: "false"}.get(value, str(value))
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )
