"""preflight.json as text: what does not fit first, then trainings, evaluations, disk, access and versions."""

from collections.abc import Iterable, Sequence
from typing import Any

Row = dict[str, Any]
SIGNS = {"stop": "STOP   ", "warning": "warning", "note": "note   "}


def page(found: Row) -> str:
    device = found["device"]
    name = device["name"] or ("CPU" if device["kind"] == "cpu" else "device")
    memory = (
        "of unknown memory"
        if device["memory_gb"] is None
        else f"of {device['memory_gb']:.4g} GB, {device['usable_gb']:.4g} GB of it usable"
    )
    totals, disk = found["totals"], found["disk"]
    parts = [
        f"Preflight for {device['count']} x {name} {memory}",
        "\n".join(f"{SIGNS[finding['level']]}  {finding['about']}: {finding['text']}" for finding in found["findings"]) or "No findings.",
        _section("Trainings (GB of one device)", _trainings(found["trainings"])),
        _section("Distillations (GB of one device)", _distillations(found.get("distillations", ()))),
        _section("Evaluations (GB of one device)", _evaluations(found["evaluations"])),
        _section("Answers for pass rates (GB of one device)", _evaluations(found.get("attempts", ()), "dataset")),
        _section("Teachers' logits (GB of one device)", _logits(found.get("logits", ()))),
        "\n".join(_totals(totals)),
        _section("Where the speeds come from", _rates(found)),
        "Disk, GB: "
        + ", ".join(f"{name} {disk[name]}" for name in disk if name not in ("total", "free"))
        + f"; in all {disk['total']}"
        + (f", {disk['free']} free" if "free" in disk else ""),
        _section("Rows that would be trained in vain (and the share that stops a run)", _audits(found["trainings"])),
        _section("Sources", [[row["name"], row["from"], row["access"]] for row in found.get("sources", ())]),
        _section("Tokenizers", [_tokenizer(row) for row in found.get("tokenizers", ())]),
        "Versions: " + ", ".join(f"{name} {value}" for name, value in found["versions"].items()) if found.get("versions") else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _totals(totals: Row) -> list[str]:
    unknown, rest = totals["jobs_without_a_time"], ", and the jobs whose time is unknown" if totals["jobs_without_a_time"] else ""
    train, respond, both = (duration(totals[name]) for name in ("train_hours", "respond_hours", "hours"))
    lines = [
        f"Device hours: {totals['train_device_hours']:,.2f} of training, {totals['respond_device_hours']:,.2f} of generating"
        + (f", and {unknown} jobs whose time is unknown" if unknown else "")
        + ".",
        f"Time: {train} of training, {respond} of generating, {both} in all{rest}.",
    ]
    if "price" in totals:
        train, respond, both, rented = (
            f"{totals[name]:,.2f}" for name in ("train_price", "respond_price", "price", "price_of_all_devices")
        )
        lines.append(f"Price: {train} of training, {respond} of generating, {both} in all; of all devices in that time {rented}.")
    return lines


def _section(head: str, rows: Sequence[Sequence[str]]) -> str:
    return f"{head}\n{columns(rows)}" if rows else ""


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows with aligned columns."""
    widths = [max(len(row[at]) for row in rows if at < len(row)) for at in range(max(map(len, rows)))]
    return "\n".join("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in rows)


def _trainings(rows: Iterable[Row]) -> list[list[str]]:
    head = [
        "model",
        "parameters",
        "launch",
        "weights",
        "gradients",
        "optimizer",
        "activations",
        "head",
        "total",
        "fits",
        "tokens",
        "steps",
    ]
    rows = list(rows)
    priced = any("price" in row for row in rows)
    made = [[*head, "tokens/s", "device time", "time", "host GB", *(["price"] if priced else [])]]
    for row in rows:
        if "parameters" not in row:
            made.append([row["model"], "unknown"])
            continue
        memory = [f"{row['memory_gb'][name]:g}" for name in head[3:9]]
        launch = f"{row['launch']} x {row['processes']}"
        hours = [_rate(row), duration(row.get("device_hours")), duration(row.get("hours"))]
        counts = [_count(row.get("tokens")), _count(row.get("steps"))]
        rest = [f"{row['host_gb']:g}", *([_price(row)] if priced else [])]
        made.append([row["model"], _size(row), launch, *memory, _fits(row["fits"]), *counts, *hours, *rest])
    return made if len(made) > 1 else []


def _distillations(rows: Iterable[Row]) -> list[list[str]]:
    memory = ["weights", "gradients", "optimizer", "teacher", "update", "rollout", "total"]
    made = [["model", "parameters", "teacher's", "launch", *memory, "fits", "tokens", "steps", "tokens/s", "device time", "time"]]
    for row in rows:
        if "parameters" not in row:
            made.append([row["model"], "unknown"])
            continue
        made.append(
            [
                row["model"],
                *(_parameters(row[name]) for name in ("parameters", "teacher_parameters")),
                f"{row['launch']} x {row['processes']}",
                *(f"{row['memory_gb'][name]:g}" for name in memory),
                _fits(row["fits"]),
                *(_count(row[name]) for name in ("tokens", "steps")),
                *(_rate(row), duration(row.get("device_hours")), duration(row.get("hours"))),
            ]
        )
    return made if len(made) > 1 else []


def _audits(rows: Iterable[Row]) -> list[list[str]]:
    made = []
    for row in rows:
        shares, limits = row["audit"]["shares"], row["audit"]["stop_above"]
        share = {name: "?" if shares is None else f"{shares[name]:.1%}" for name in limits}
        made.append([row["model"], *(f"{name} {share[name]} ({limits[name]:.1%})" for name in limits if limits[name] < 1)])
    return made


def _logits(rows: Iterable[Row]) -> list[list[str]]:
    memory = ["weights", "forward", "total"]
    made = [["dataset", "teacher", "parameters", *memory, "fits", "tokens", "on disk, GB", "tokens/s", "device time"]]
    for row in rows:
        if "parameters" not in row:
            made.append([row["dataset"], row["teacher"], "unknown"])
            continue
        needed = [f"{row['memory_gb'][name]:g}" for name in memory]
        size = "?" if row.get("disk_gb") is None else f"{row['disk_gb']:g}"
        counts = [_fits(row["fits"]), _count(row.get("tokens")), size, _rate(row), duration(row.get("device_hours"))]
        made.append([row["dataset"], row["teacher"], _parameters(row["parameters"]), *needed, *counts])
    return made if len(made) > 1 else []


def _evaluations(rows: Iterable[Row], what: str = "benchmark") -> list[list[str]]:
    rows = list(rows)
    priced = any("price" in row for row in rows)
    head = ["model", what, "engine", "weights", "cache", "total", "fits", "answers", "tokens", "at most", "tokens/s", "device time"]
    made = [[*head, *(["price"] if priced else [])]]
    for row in rows:
        if "parameters" not in row:
            made.append([row["model"], row["run"], row["engine"], "unknown"])
            continue
        memory = [f"{row['memory_gb'][name]:g}" for name in ("weights", "cache", "total")]
        counts = [_count(row.get(name)) for name in ("answers", "tokens", "tokens_at_most")]
        speed = [_rate(row), duration(row.get("device_hours")), *([_price(row)] if priced else [])]
        made.append([row["model"], row["run"], row["engine"], *memory, _fits(row["fits"]), *counts, *speed])
    return made if len(made) > 1 else []


def _rates(found: Row) -> list[list[str]]:
    """Where the speeds come from, each once."""
    kinds = ("trainings", "distillations", "evaluations", "attempts", "logits")
    said = [({"attempts": "pass rates"}.get(kind, kind), row["rate"]) for kind in kinds for row in found.get(kind, ()) if row.get("rate")]
    on_host = [row for row in found["trainings"] if row.get("optimizer_on_host_s")]
    said += [("trainings", f"assumed: the optimizer on the host adds {row['optimizer_on_host_s']:.2g} s to each step") for row in on_host]
    return [[what, how] for what, how in dict.fromkeys(said)]


def _tokenizer(row: Row) -> list[str]:
    if row["from"] is None:
        return [row["model"], "unknown until its base is fetched"]
    if "ends_with_eos" not in row:
        return [row["model"], row["from"], "see above"]
    said = [f"ends its turns with {row['eos']}" if row["ends_with_eos"] else f"does not end its turns with {row['eos']}"]
    said += ["keeps the thought" if row["template_keeps_thought"] else "removes the thought"]
    said += ["adds a system prompt"] if row["adds_system"] else []
    return [row["model"], row["from"], ", ".join(said)]


def _parameters(count: int) -> str:
    return f"{count / 1e9:.2f}B" if count >= 10**8 else f"{count / 1e6:.2f}M"


def _size(row: Row) -> str:
    """Parameters; with LoRA those of its adapters too."""
    size = _parameters(row["parameters"])
    return size if row["trained"] == row["parameters"] else f"{size}, {_parameters(row['trained'])} trained"


def _price(row: Row) -> str:
    return "?" if row.get("price") is None else f"{row['price']:,.2f}"


def _fits(fits: bool | None) -> str:
    return "?" if fits is None else "yes" if fits else "NO"


def _count(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"


def duration(value: float | None) -> str:
    """Hours, in hours, minutes or seconds; ? where nobody knows."""
    if value is None:
        return "?"
    return f"{value:,.1f} h" if value >= 1 else f"{60 * value:.0f} min" if value >= 1 / 60 else f"{3600 * value:.0f} s"


def _rate(row: Row) -> str:
    """Tokens a second of one device."""
    return "?" if row.get("tokens_per_s") is None else f"{row['tokens_per_s']:,.0f}"
