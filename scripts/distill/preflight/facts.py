"""What is known before a run, and from where: existing files, else the table of known repositories, else nothing."""

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any

from distill.base.errors import InputError
from distill.base.files import read_json, read_jsonl
from distill.base.machine import output_of
from distill.base.paths import KNOWN
from distill.base.settings import Settings, read_yaml
from distill.data.audit import audit_of
from distill.data.packing import CUTTING
from distill.preflight.arch import Arch
from distill.preflight.memory import GB
from distill.preflight.speed import Device, Sources

Part = dict[str, Any]
RUNTIME = Settings("runtime/*", without={"endpoints"})


@dataclass(frozen=True)
class Known:
    """A value and where it comes from; where the value is None, why it is unknown."""

    value: Any = None
    how: str = "unknown until it is fetched"

    @classmethod
    def shape(cls, config: Mapping[str, Any], where: str) -> "Known":
        """An Arch; None where its family or one of its numbers is unknown. Such a model can be trained all the same."""
        try:
            return cls(Arch.of(config, where), where)
        except InputError as error:
            return cls(None, str(error))


@dataclass(frozen=True)
class Facts:
    """archs by source model; audits and data {rows, tokens, sequences} by trained model; items by task; questions by dataset; mean_tokens
    by (scores, model, task), and (pass_rates, model, dataset)."""

    device: Device
    archs: Mapping[str, Known]
    data: Mapping[str, Known]
    items: Mapping[str, Known]
    questions: Mapping[str, Known]
    mean_tokens: Mapping[tuple[str, str, str], float]
    rates: Sources
    accelerate: Mapping[str, Any]
    known: Mapping[str, Any] = field(default_factory=dict)
    audits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def join_tasks(part: Part) -> Part:
    """A plan as the rules pass it (distill.config.preflight_part): each evaluation merged with its task; of one written by hand, the
    defaults of runtime filled in."""
    evaluations = [{**part["runs"][entry["run"]], **entry} for entry in part["evaluations"]]
    return {**part, "evaluations": evaluations, "runtime": RUNTIME.read(part["runtime"], "--plan: runtime")}


def gather(part: Part, results: Path, known_file: Path = KNOWN, ask: Callable[[Part], Part | None] = lambda _: None) -> Facts:
    """Reads small files only, uses no network and imports nothing heavy.

    `ask` may return the config.json of a source model that is neither on disk nor in the table.
    """
    known = read_yaml(known_file)
    jobs = ("trainings", "evaluations", "distillations", "attempts", "logits")
    origins = {entry["origin"] for kind in jobs for entry in part[kind]}
    origins |= {entry["teacher_origin"] for entry in part["distillations"]} | {entry["student_origin"] for entry in part["logits"]}
    archs = {name: shape(name, part["origins"].get(name, {}), results, known, ask) for name in origins}
    audits = {entry["model"]: found for entry in part["trainings"] if (found := _audit(entry, results))}
    return Facts(
        device=device(part["runtime"], known),
        archs=archs,
        data={entry["model"]: _data(entry, audits.get(entry["model"]), known) for entry in part["trainings"]},
        items={entry["run"]: _items(entry, results, known) for entry in part["evaluations"]},
        questions={entry["run"]: _questions(entry, results, known) for entry in part["attempts"]},
        mean_tokens=_mean_tokens(part, results),
        rates=Sources(part["runtime"].get("rates") or {}, _here(results), known["rates"], known["assumed"], known["devices"]["unknown"]),
        accelerate=accelerate(part["accelerate"]),
        known=known,
        audits=audits,
    )


def device(runtime: Part, known: Mapping[str, Any]) -> Device:
    """The devices of a job: from runtime.devices, else from the driver, else this machine's processor and memory."""
    given = dict(runtime.get("devices") or {})
    price = {"price_per_hour": given["price_per_hour"]} if "price_per_hour" in given else {}
    if given.keys() - price.keys():
        named = known["devices"].get(given.get("name") or "", {})
        if given.get("name") and not named and "memory_gb" not in given:
            raise InputError(f"runtime.devices.name: {given['name']!r} is not in config/known.yaml; add it there, or give memory_gb too")
        return Device(**{"kind": "gpu", **named, **given})
    if runtime["device"] != "cpu" and (found := _gpu_memory()):
        return Device("gpu", len(found), memory_gb=min(found), host_memory_gb=_host_memory(), **price)
    if runtime["train_gpus"] or runtime["respond_gpus"]:
        return Device("gpu", max(runtime["train_gpus"], runtime["respond_gpus"]), **price)
    return Device("cpu", memory_gb=_host_memory(), host_memory_gb=_host_memory(), **price)


def _gpu_memory() -> list[float]:
    """Memory in GB of each device that nvidia-smi lists."""
    found = output_of("nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits", timeout_s=20)
    try:
        return [float(line) * 2**20 / GB for line in (found or "").splitlines()]
    except ValueError:
        return []


def _host_memory() -> float | None:
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines())
        return int(lines["MemTotal"].split()[0]) * 1024 / GB
    except (OSError, KeyError, ValueError):
        return None


def is_of(kind: str, name: str, source: Part, results: Path) -> bool:
    """Whether results/sources/KIND/NAME, as its manifest has it, is this source's: what is here may be of another experiment."""
    manifest = results / "sources" / kind / name / "manifest.json"
    if not manifest.is_file():
        return "miniature" in source  # whose tokenizer is there long before its base
    made = read_json(manifest)
    recorded = made.get("asked", {})
    if way := next((way for way in ("hub", "modelscope", "url") if way in source), None):
        same = ("revision",) if "revision" in source and "revision" in recorded else ()
        return all(recorded.get(key) == source[key] for key in (way, *same))
    return ("path" in source) == (made.get("made_by") == "fetch") and not recorded


def shape(name: str, source: Part, results: Path, known: Mapping[str, Any], ask: Callable[[Part], Part | None] = lambda _: None) -> Known:
    """The shape of a source model, which its prepared and trained models share."""
    here = [results / "models" / name, results / "sources" / "models" / name] if is_of("models", name, source, results) else []
    places = [*here, *([Path(source["path"])] if "path" in source else [])]
    for folder in places:
        if (folder / "config.json").is_file():
            return Known.shape(read_json(folder / "config.json"), f"{folder}/config.json")
    where = "miniature" if "miniature" in source else source.get("hub") or source.get("modelscope") or ""
    if where in known["models"]:
        return Known.shape(known["models"][where], "config/known.yaml")
    config = ask(source)
    return (
        Known.shape(config, f"config.json of {where}")
        if config
        else Known(None, "it is neither here, nor on a hub that can be reached, nor in config/known.yaml")
    )


def _audit(entry: Part, results: Path) -> Mapping[str, Any] | None:
    """The audit of the rows as a training takes them, where there is one."""
    file = results / "data" / entry["dataset"] / "audit.json"
    mixed = not entry["source"]
    found = file.is_file() and (mixed or is_of("datasets", entry["dataset"], entry["source"], results))
    return audit_of(read_json(file), entry["audited"]) if found else None


def _data(entry: Part, audit: Mapping[str, Any] | None, known: Mapping[str, Any]) -> Known:
    """Rows, tokens and sequences of one epoch."""
    if audit:
        return Known(epoch_tokens(audit), "counted: audit.json")
    source, recipe = entry["source"], entry["recipe"]
    table = known["datasets"].get(source.get("hub") or source.get("modelscope") or "", {})
    rows, each = rows_of(source, known), table.get("tokens_a_row", recipe["max_length"] // 4)
    if rows is None:
        return Known()
    tokens = rows * min(each, recipe["max_length"]) if recipe["packing"] in CUTTING else rows * each
    sequences = rows if recipe["packing"] == "none" else -(-tokens // recipe["max_length"])
    return Known({"rows": rows, "tokens": tokens, "sequences": sequences}, f"assumed: {rows:,} rows of {each:,} tokens")


def rows_of(source: Mapping[str, Any], known: Mapping[str, Any]) -> int | None:
    """Rows of a raw dataset: those of the table, of which some of its files (such as train-00000-of-00010) hold their share, or those that
    the miniature's configuration names."""
    table = known["datasets"].get(source.get("hub") or source.get("modelscope") or "")
    if not table:
        return source.get("rows")
    parts = [re.search(r"-(\d+)-of-(\d+)\.", name) for name in source.get("files") or []]
    share = sum(1 / int(part[2]) for part in parts if part) if parts and all(parts) else 1.0
    return round(table["rows"] * min(1.0, share))


def epoch_tokens(audit: Mapping[str, Any]) -> dict[str, int]:
    """Rows, tokens and sequences of one epoch, counted by the audit."""
    tokens = audit["tokens"]["total"] - audit["cut"]["tokens"]
    return {"rows": audit["rows"], "tokens": tokens, "sequences": audit["packing"]["sequences"]}


def steps_of(sequences: int, recipe: Mapping[str, Any]) -> tuple[int, float]:
    """(optimizer steps, epochs) of a training."""
    an_epoch = -(-sequences // recipe["global_batch"])
    if recipe["max_steps"] > 0:
        return recipe["max_steps"], recipe["max_steps"] / an_epoch
    return max(1, ceil(an_epoch * recipe["epochs"])), recipe["epochs"]


def _items(entry: Part, results: Path, known: Mapping[str, Any]) -> Known:
    task, source = entry["run"], entry["source"]
    prompts = results / "benchmarks" / task / "prompts.jsonl"
    if prompts.is_file() and is_of("benchmarks", task.partition("@")[0], source, results):
        return Known(sum(1 for _ in read_jsonl(prompts)), "counted: prompts.jsonl")
    if "items" in source:
        return Known(source["items"], "configuration")
    table = known["benchmarks"].get(source.get("hub") or "")
    return Known(table["items"], "config/known.yaml") if table else Known()


def _questions(entry: Part, results: Path, known: Mapping[str, Any]) -> Known:
    """Different questions with a gold of a dataset: at most one a row."""
    dataset = entry["run"]
    questions = results / "data" / dataset / "questions.jsonl"
    if questions.is_file() and is_of("datasets", dataset, entry["source"], results):
        return Known(sum(1 for _ in read_jsonl(questions)), "counted: questions.jsonl")
    rows = rows_of(entry["source"], known)
    return Known(rows, "assumed: a question a row") if rows else Known()


def _mean_tokens(part: Part, results: Path) -> dict[tuple[str, str, str], float]:
    """Mean tokens of a response, of models that have generated responses before."""
    found = {}
    for kind, entry in [("scores", entry) for entry in part["evaluations"]] + [("pass_rates", entry) for entry in part["attempts"]]:
        summary = results / kind / entry["model"] / f"{entry['run']}.json"
        its = is_of("models", entry["origin"], part["origins"].get(entry["origin"], {}), results)
        if its and summary.is_file() and (mean := read_json(summary).get("mean_completion_tokens")):
            found[kind, entry["model"], entry["run"]] = mean
    return found


def _here(results: Path) -> list[tuple[int, float]]:
    """(parameters, median tokens a second of one process) of each training in this folder."""
    found = []
    for log in sorted((results / "models").glob("*/log.jsonl")):
        rates = [row["tokens_per_s"] for row in read_jsonl(log) if row.get("tokens_per_s")]
        try:
            arch, made = Arch.of(read_json(log.with_name("config.json"))), read_json(log.with_name("manifest.json"))
        except InputError:
            continue
        if rates and "teacher" not in made:  # whose speed is that of generating too
            found.append((arch.parameters, median(rates) / (made.get("world_size") or 1)))
    return found


def accelerate(path: str) -> dict[str, Any]:
    """The content of an accelerate file."""
    try:
        return read_yaml(Path(path)) or {}
    except OSError as error:
        raise InputError(f"runtime.accelerate: {path}: {error.strerror}; name a file of config/accelerate") from None


def free_bytes(folder: Path) -> int:
    """Free bytes on the disk of a folder, which need not exist yet."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
