"""What preflight estimates next to what came out: parameters, tokens, steps, size.

Times are not on this page, since they differ each time; scripts/preflight_actual.py prints them.
"""

from collections.abc import Mapping
from math import prod
from pathlib import Path

from distill.base.files import Row, read_json
from distill.data.audit import audit_of
from distill.preflight.arch import FAMILIES, Arch
from distill.preflight.estimate import weights_bytes
from distill.preflight.facts import epoch_tokens, steps_of
from distill.report.compute import tensor_shapes
from distill.report.markdown import table, text
from distill.report.names import Names, ShownModel
from distill.report.results import Results
from distill.report.words import join

_NOTE = """\
What preflight estimates from architecture, audit and recipe, next to what the training recorded: where they differ, the estimates of memory
and time for this model are off by as much. For times, `snakemake --cores 1 preflight_actual`."""

WEIGHTS = "weights.json"


def section(names: Names, results: Results, audited: Mapping[str, Row]) -> str | None:
    """A row per model that was trained here and whose architecture preflight knows; None where there is none.

    `audited`: by model, the settings of the audit of its training set, as under `settings` in audit.json.
    """
    rows = [row for model in names.models if (row := _row(model, results, audited.get(model.name, {})))]
    head = ["model", "parameters", "counted", "tokens", "seen", "steps", "done", "weights, MB", "on disk"]
    return join(table(head, rows), _NOTE) if rows else None


def _row(model: ShownModel, results: Results, settings: Row) -> list[str] | None:
    folder, manifest = results.root / "models" / model.name, results.manifest(model.name)
    weights = weights_of(folder)
    if (
        not manifest
        or not manifest.get("recipe")
        or "teacher" in manifest  # its steps are given, and its tokens are those that it writes
        or not (folder / "config.json").is_file()
        or weights is None
        or not results.has("data/digests.json")
    ):
        return None
    config, sealed = read_json(folder / "config.json"), read_json(results.root / "data" / "digests.json")
    equal = [name for name, digest in sealed.items() if digest == manifest["data"]]
    audit = next((found for name in equal if (found := audit_of(results.audit(name), settings))), None)
    if config.get("model_type") not in FAMILIES or audit is None:
        return None
    arch, data = Arch.of(config), epoch_tokens(audit)
    steps, epochs = steps_of(data["sequences"], manifest["recipe"])
    return [
        text(model.label),
        *(f"{count:,}" for count in (arch.parameters, weights["parameters"])),
        *(f"{count:,}" for count in (round(data["tokens"] * epochs), manifest["tokens_seen"])),
        *(f"{count:,}" for count in (steps, manifest["steps"])),
        *(f"{size / 1e6:,.2f}" for size in (weights_bytes(arch.parameters, manifest["recipe"]), weights["bytes"])),
    ]


def weights_of(folder: Path) -> dict[str, int] | None:
    """Number of parameters and bytes of a model's weights; in a bundle and a copy without weights, as recorded there."""
    file, recorded = folder / "model.safetensors", folder / WEIGHTS
    if file.is_file():
        return {"parameters": sum(prod(shape) for _, shape in tensor_shapes(file)), "bytes": file.stat().st_size}
    found = read_json(recorded) if recorded.is_file() else {}
    return {key: found[key] for key in ("parameters", "bytes")} if "bytes" in found else None
