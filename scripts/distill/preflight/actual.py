"""After a run: preflight's estimates next to the actual numbers, and the measured speeds in the form of runtime.rates."""

from pathlib import Path
from statistics import median
from typing import Any

from distill.base.files import read_json, read_jsonl
from distill.base.timing import timings
from distill.preflight.page import columns

Row = dict[str, Any]


def measured(found: Row, results: Path) -> list[Row]:
    """A row for each training, for each model's responses, and for what was generated or scored for a training set: hours and tokens
    estimated and actual, tokens a second, peak memory in GB."""
    rows = [_training(entry, results) for entry in found["trainings"]]
    by_model: dict[str, list[Row]] = {}
    for entry in found["evaluations"]:
        by_model.setdefault(entry["model"], []).append(entry)
    rows += [_answers(f"respond {model}", entries, results, "respond", "responses") for model, entries in by_model.items()]
    rows += [_answers(f"attempt {entry['model']} {entry['run']}", [entry], results, "attempt", "attempts") for entry in found["attempts"]]
    rows += [_logits(entry, results) for entry in found["logits"]]
    return [row for row in rows if row]


def _training(entry: Row, results: Path) -> Row | None:
    timing, log = results / "timing" / "train" / f"{entry['model']}.tsv", results / "models" / entry["model"] / "log.jsonl"
    if not timing.is_file() or not log.is_file():
        return None
    logged = list(read_jsonl(log))
    speeds = [row["tokens_per_s"] for row in logged if row.get("tokens_per_s")]
    processes = read_json(log.with_name("manifest.json")).get("world_size") or 1
    return {
        "what": f"train {entry['model']}",
        "tokens": entry.get("tokens"),
        "tokens_actual": logged[-1]["tokens"],
        "hours": entry.get("hours"),
        "tokens_per_s": median(speeds) / processes if speeds else None,
        "rate": "train_tokens_per_s",
        **_timing([timing]),
    }


def _logits(entry: Row, results: Path) -> Row | None:
    timing, made = (
        results / "timing" / "logits" / f"{entry['dataset']}.tsv",
        results / "data" / entry["dataset"] / "logits" / "manifest.json",
    )
    if not timing.is_file() or not made.is_file():
        return None
    tokens, took = read_json(made)["tokens"], _timing([timing])
    return {
        "what": f"logits {entry['dataset']}",
        "tokens": entry.get("tokens"),
        "tokens_actual": tokens,
        "hours": entry.get("hours"),
        "tokens_per_s": tokens / (3600 * took["hours_actual"]) if took["hours_actual"] else None,
        "rate": None,
        **took,
    }


def _answers(what: str, entries: list[Row], results: Path, rule: str, folder: str) -> Row | None:
    """One load of a model generates all its missing responses, so all tasks of a model are one row."""
    timings = [results / "timing" / rule / entry["model"] / f"{entry['run']}.tsv" for entry in entries]
    files = [results / folder / entry["model"] / f"{entry['run']}.jsonl" for entry in entries]
    if not all(path.is_file() for path in (*timings, *files)):
        return None
    tokens = sum(row.get("completion_tokens") or 0 for file in files for row in read_jsonl(file))
    hours = [entry.get("hours") for entry in entries]
    took = _timing(timings)
    return {
        "what": what,
        "tokens": sum(entry.get("tokens") or 0 for entry in entries),
        "tokens_actual": tokens,
        "hours": None if None in hours else sum(hours),
        "tokens_per_s": tokens / (3600 * took["hours_actual"]) if took["hours_actual"] else None,
        "rate": "answer_tokens_per_s",
        **took,
    }


def _timing(files: list[Path]) -> Row:
    """Hours and peak memory, from Snakemake's benchmark files."""
    runs = [run for file in files for run in timings(file)]
    peaks = [run.peak_mib for run in runs if run.peak_mib is not None]
    return {"hours_actual": sum(run.wall_s for run in runs) / 3600, "peak_gb": max(peaks) * 2**20 / 1e9 if peaks else None}


def page(rows: list[Row]) -> str:
    if not rows:
        return "Nothing has been trained or generated yet.\n"
    table = [["", "tokens", "actual", "minutes", "actual", "tokens/s a device", "host memory, GB"]]
    table += [_cells(row) for row in rows]
    lines = ["Estimated next to actual. Minutes include the start of a step, and exclude responses that an earlier attempt generated.", ""]
    lines += [columns(table), "", "To plan by these speeds:", "", "runtime:", "  rates:"]
    for rate in dict.fromkeys(row["rate"] for row in rows if row["rate"]):
        speeds = [row["tokens_per_s"] for row in rows if row["rate"] == rate and row["tokens_per_s"]]
        lines += [f"    {rate}: {median(speeds):.0f}"] if speeds else []
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> list[str]:
    counts = [_number(row["tokens"]), _number(row["tokens_actual"])]
    peak = "?" if row["peak_gb"] is None else f"{row['peak_gb']:.2f}"
    return [row["what"], *counts, _minutes(row["hours"]), _minutes(row["hours_actual"]), _number(row["tokens_per_s"]), peak]


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:,.0f}"


def _minutes(hours: float | None) -> str:
    return "?" if hours is None else f"{60 * hours:,.1f}"
