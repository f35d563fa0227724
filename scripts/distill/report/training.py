"""What was trained, on what data, with which recipe, and how the loss developed."""

from collections.abc import Mapping
from statistics import median
from typing import Any

from distill.base.files import Row
from distill.report.markdown import code, table, text
from distill.report.names import Names, ShownModel
from distill.report.results import Results
from distill.report.words import NOT_MEASURED, gap, join, listed

_TIME_NOTE = """\
Times are not on this page, since they differ each time and the page does not. They are in results/timing/ and as tokens_per_s in log.jsonl;
`python tools/times.py` prints them."""
_ENDS = 0.05  # the part of a log, at either end, over which a loss is averaged


def section(names: Names, results: Results) -> str:
    """The part of the page on the models that were trained or averaged here."""
    trained = [(model, manifest) for model in names.models if (manifest := results.manifest(model.name)) and manifest.get("recipe")]
    averaged = [(model, manifest) for model in names.models if (manifest := results.manifest(model.name)) and "parents" in manifest]
    missing = [model.label for model in names.models if model.weights and not results.manifest(model.name)]
    elsewhere = [model.label for model in names.models if not model.weights]
    parts = [join(_table(trained, names, results), _TIME_NOTE) if trained else "_No model of this report was trained here._"]
    parts += [_mean_of(model, manifest, _labels(names, results)) for model, manifest in averaged]
    if missing:
        parts.append(gap(f"the manifest of {listed([text(label) for label in missing])}"))
    if elsewhere:
        parts.append(
            f"Without weights here, known only by answers or scores from elsewhere: {listed([text(label) for label in elsewhere])}."
        )
    return join(*parts)


def _labels(names: Names, results: Results) -> dict[str, str]:
    """{digest: label} of the models of this report."""
    shown = (*names.models, *names.checkpoints)
    return {manifest["digest"]: model.label for model in shown if (manifest := results.manifest(model.name))}


def _mean_of(model: ShownModel, manifest: Row, known: Mapping[str, str]) -> str:
    parents = [text(known[digest]) if digest in known else _digest(digest) for digest in manifest["parents"]]
    weights = f", weighted {' : '.join(f'{weight:g}' for weight in manifest['weights'])}" if len(set(manifest["weights"])) > 1 else ""
    return f"{text(model.label)} is the mean of the weights of {listed(parents)}{weights}; nothing was trained for it."


def _table(trained: list[tuple[ShownModel, Row]], names: Names, results: Results) -> str:
    known = _labels(names, results)
    facts = [_facts(manifest, known, results.log(model.name)) for model, manifest in trained]
    keys = list(dict.fromkeys(key for found in facts for key in found))
    rows = [[text(key), *(found.get(key, NOT_MEASURED) for found in facts)] for key in keys]
    return table(["", *(text(model.label) for model, _ in trained)], rows)


def _facts(manifest: Row, known: Mapping[str, str], log: list[Row]) -> dict[str, str]:
    """A column: what the model was made from and what came out, then the recipe key by key. `known`: labels of models by digest."""
    parent, teacher = manifest.get("parent"), manifest.get("teacher")
    facts = {
        "trained from": text(known[parent]) if parent in known else _digest(parent),
        **({"teacher": text(known[teacher]) if teacher in known else _digest(teacher)} if teacher else {}),
        "rows": _count(manifest.get("rows")),
        "data (sha256)": _digest(manifest.get("data")),
        "weights (sha256)": _digest(manifest.get("digest")),
        "tokens seen": _count(manifest.get("tokens_seen")),
        **({"tokens written by the student": _count(manifest["tokens_generated"])} if "tokens_generated" in manifest else {}),
        **_headroom(manifest.get("headroom")),
        "steps": _count(manifest.get("steps")),
        "processes": _count(manifest.get("world_size")),
        "loss, first 5 % of the log": mean_loss(log, first=True),
        "loss, last 5 %": mean_loss(log, first=False),
        **speed(log),
    }
    return facts | {key: code(plain(value), in_table=True) for key, value in sorted(manifest["recipe"].items()) if value is not None}


def _headroom(found: Row | None) -> dict[str, str]:
    """What student and teacher knew before a distillation."""
    if not found:
        return {}
    shares = " and ".join(f"{who} {100 * found[who]:.1f} %" for who in ("student", "teacher"))
    return {"right before, of held-out prompts": f"{shares} of {found['questions']}"}


def _count(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else NOT_MEASURED


def _digest(value: Any) -> str:
    return NOT_MEASURED if value is None else code(short(value), in_table=True)


def speed(log: list[Row]) -> dict[str, str]:
    """Medians of tokens per second and MFU of a training on a GPU; nothing of one on a CPU, whose page is the same in every run."""
    measured = [row for row in log if row.get("mfu") is not None]
    if not measured:
        return {}
    tokens_per_s, mfu = (median(row[key] for row in measured) for key in ("tokens_per_s", "mfu"))
    return {"tokens/s (median)": f"{tokens_per_s:,.0f}", "MFU (median)": f"{mfu:.1%}"}


def mean_loss(log: list[Row], first: bool) -> str:
    count = max(1, round(len(log) * _ENDS))
    rows = log[:count] if first else log[-count:]
    return f"{sum(row['loss'] for row in rows) / len(rows):.3f}" if rows else NOT_MEASURED


def short(digest: Any) -> str:
    """A digest or a commit by its first twelve digits; anything else as it is."""
    words = str(digest)
    return words[:12] if len(words) in (40, 64) else words


def plain(value: Any) -> str:
    """The value of a recipe key as YAML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(plain, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {plain(entry)}" for key, entry in value.items()) + "}"
    return f"{value:g}" if isinstance(value, float) else str(value)
