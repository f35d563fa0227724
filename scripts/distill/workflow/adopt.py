"""Adopt a checkpoint or responses made elsewhere as results of this project."""

import json
import os
from pathlib import Path
from typing import Any

from distill.base import manifest
from distill.base.errors import InputError
from distill.base.files import Row, atomic_folder, check_row, copy_files, read_json, read_jsonl, sha256_file, write_json, write_jsonl
from distill.base.work import locked
from distill.config.plan import Plan
from distill.generation.responses import ResponseSet, mark_complete, prompt_key, response_set
from distill.workflow.snakemake_api import LOCKED, PlannedJob, dry_run, touch

WEIGHTS = "model.safetensors"
WORK = Path("work/responses")
DIGESTS = "results/data/digests.json"
INDEX = "model.safetensors.index.json"
# Suffixes that from_pretrained and vLLM read. Other files, such as pickled weights and trainer state, are not copied.
COPIED = (".json", ".jinja", ".model", ".safetensors", ".txt")
NOT_COPIED = {manifest.NAME, "trainer_state.json"}
TOKENIZERS = ({"tokenizer.json"}, {"tokenizer.model"}, {"vocab.json", "merges.txt"})
ANSWER = {"id": str, "sample": int, "text": str, "finish_reason": str, "prompt_tokens": int, "completion_tokens": int}


def adopt(target: Path, source: Path, configfiles: list[Path], replace: bool = False) -> list[str]:
    """Copy `source` to `target` and mark it up to date for Snakemake. Returns lines that say what was done.

    Raises InputError where the source is not valid, where the target exists, and where the target depends on stale results.
    """
    place = Path(os.path.relpath(target))
    if len(place.parts) == 3 and place.parts[:2] == ("results", "models"):
        return adopt_model(place, source, configfiles, replace)
    if len(place.parts) == 4 and place.parts[:2] == ("results", "responses") and place.suffix == ".jsonl":
        return adopt_responses(place, source, configfiles, replace)
    raise InputError(f"{target}: cannot be adopted; name results/models/MODEL or results/responses/MODEL/BENCHMARK.jsonl")


def adopt_model(place: Path, source: Path, configfiles: list[Path], replace: bool) -> list[str]:
    """As adopt, for the folder of a model."""
    manifest_file = str(place / manifest.NAME)
    _refuse_existing(Path(manifest_file), replace)
    names, facts = check_model(source), known_facts(source)
    job, _ = _only_job(manifest_file, configfiles)
    made = put_model(source, names, facts, place, log=job.rule in ("train", "distill"))
    _mark_up_to_date(manifest_file, configfiles)
    left = sorted(path.name for path in source.iterdir() if path.name not in {*names, manifest.NAME, "log.jsonl"})
    return [f"{place}: adopted, digest {made['digest'][:12]}", *([f"not copied: {', '.join(left)}"] if left else [])]


def adopt_responses(place: Path, source: Path, configfiles: list[Path], replace: bool) -> list[str]:
    """As adopt, for the responses of a model to a benchmark."""
    _refuse_existing(place, replace)
    job, config = _only_job(str(place), configfiles)
    if job.rule != "respond":
        raise InputError(f"{place}: rule {job.rule} makes it from files that the configuration names; name yours there")
    about = dict(job.wildcards)
    model = manifest.read(Path("results/models") / about["model"])["digest"]
    prompts = Path("results/benchmarks") / about["benchmark"] / "prompts.jsonl"
    requests = response_set(WORK, model, prompts, Plan(config).respond(about["benchmark"]), place)
    rows = check_responses(source, requests)
    note = put_responses(rows, requests, model)
    _mark_up_to_date(str(place), configfiles)
    return [f"{place}: adopted, {len(rows)} answers; {note} says so"]


def _only_job(path: str, configfiles: list[Path]) -> tuple[PlannedJob, dict[str, Any]]:
    """The job that would make a file, and the configuration. Raises InputError where anything that the job depends on is stale."""
    plan = dry_run([path], configfiles, force=True)
    job = next((one for one in plan.jobs if path in one.outputs), None)
    if job is None:
        raise InputError(f"{path}: no rule makes it; check the name against the configuration")
    if plan.locked:
        raise InputError(LOCKED)
    needed = list(job.remade) if any(one.stale and one is not job for one in plan.jobs) else []
    if job.rule == "train" and Plan(plan.config).sealed() and any(one.stale for one in dry_run([DIGESTS], configfiles).jobs):
        needed = [DIGESTS, *(path for path in needed if not path.startswith("results/data/"))]  # a training knows its data by its digest
    if needed:
        raise InputError(f"{path}: what it depends on is missing or stale; first run: snakemake --cores all {' '.join(needed)}")
    return job, plan.config


def _refuse_existing(path: Path, replace: bool) -> None:
    if path.exists() and not replace:
        raise InputError(f"{path}: exists already; use --replace to replace it")


def _mark_up_to_date(path: str, configfiles: list[Path]) -> None:
    touch(path, configfiles)
    if any(job.stale for job in dry_run([path], configfiles).jobs):
        raise InputError(f"{path}: is in place, but Snakemake would make it again; tools/why.py {path} says why")


def check_model(folder: Path) -> list[str]:
    """Names of the files in a folder that from_pretrained loads. Raises InputError where one is missing or broken."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; name the folder of the checkpoint")
    config = read_json(folder / "config.json")
    if not (isinstance(config, dict) and isinstance(config.get("model_type"), str)):
        raise InputError(f"{folder / 'config.json'}: has no model_type, so it is not the configuration of a model")
    names = {path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")}
    if not any(needed <= names for needed in TOKENIZERS) or "tokenizer_config.json" not in names:
        raise InputError(f"{folder}: no tokenizer; tokenizer.json and tokenizer_config.json must be next to the weights")
    shards = {WEIGHTS}
    if WEIGHTS not in names and INDEX in names:
        shards = _shards(folder / INDEX)
    if missing := sorted(shards - names):
        raise InputError(f"{folder / missing[0]}: missing; weights must be safetensors (save_pretrained writes them)")
    for shard in sorted(shards):
        _check_weights(folder / shard)
    names = [name for name in names if name.endswith(COPIED) and not (name.endswith(".safetensors") and name not in shards)]
    return sorted(set(names) - NOT_COPIED)


def _shards(index: Path) -> set[str]:
    found = read_json(index)
    places = found.get("weight_map") if isinstance(found, dict) else None
    if not (isinstance(places, dict) and places and all(isinstance(name, str) for name in places.values())):
        raise InputError(f"{index}: has no weight_map of tensors to files; copy it again")
    return set(places.values())


def _check_weights(path: Path) -> None:
    """Check that a safetensors file is complete: 8 bytes of header length, a JSON header with the offsets of each tensor, the tensors.

    Source: https://github.com/huggingface/safetensors#format
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        try:
            header = json.loads(file.read(length)) if 8 + length <= size else None
        except ValueError:
            header = None
    try:
        end = max((int(entry["data_offsets"][1]) for name, entry in header.items() if name != "__metadata__"), default=0)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        raise InputError(f"{path}: is not a safetensors file; copy it again") from None
    if size != 8 + length + end:
        raise InputError(f"{path}: has {size} bytes where its header says {8 + length + end}; the copy is incomplete, copy it again")


def known_facts(folder: Path) -> dict[str, Any]:
    """The facts in the folder's manifest, if this pipeline made it. Raises InputError where a file does not match the manifest."""
    if not (folder / manifest.NAME).exists():
        return {"made_by": "adopt"}
    made = manifest.read(folder)
    for name, digest in made["files"].items():
        if sha256_file(folder / name) != digest:
            raise InputError(f"{folder / name}: does not match {manifest.NAME} next to it; copy it again, or remove that manifest")
    return {name: value for name, value in made.items() if name not in ("adopted", "digest", "files")}


def put_model(source: Path, names: list[str], facts: dict[str, Any], target: Path, log: bool) -> dict[str, Any]:
    """Replace `target` by copies of a checked folder's files, with a manifest that says that they were adopted."""
    with atomic_folder(target) as part:
        copy_files(source, [*names, *(["log.jsonl"] if (source / "log.jsonl").is_file() else [])], part)
        if log and not (part / "log.jsonl").exists():  # rules train and distill declare one
            write_jsonl(part / "log.jsonl", [])
        return manifest.write(part, adopted=True, **facts)


def check_responses(source: Path, requests: ResponseSet) -> list[Row]:
    """The rows of a responses file in the order in which respond writes them.

    Raises InputError for a row that is not expected, duplicate or not a response, and for a missing one.
    """
    pairs = {(prompt["id"], sample): prompt for prompt, sample in requests.pairs}
    prompts = {prompt["id"] for prompt, _ in requests.pairs}
    found: dict[tuple[str, int], Row] = {}
    for number, row in enumerate(read_jsonl(source), 1):
        where = f"{source}: row {number}"
        _check_row(row, where)
        pair = row["id"], row["sample"]
        if row["id"] not in prompts:
            raise InputError(f"{where}: id {row['id']!r} is not a prompt of this benchmark; answer the prompts in results/benchmarks/")
        if pair not in pairs:
            raise InputError(f"{where}: sample {row['sample']} of {row['id']!r}; the protocol wants {requests.spec['n_samples']} (from 0)")
        if pair in found:
            raise InputError(f"{where}: sample {row['sample']} of {row['id']!r} is duplicate; keep one")
        found[pair] = {name: row[name] for name in ANSWER}
    missing = [pair for pair in pairs if pair not in found]
    if missing:
        first = f"sample {missing[0][1]} of {missing[0][0]!r}"
        raise InputError(f"{source}: {len(missing)} of {len(pairs)} answers are missing, first {first}; adopt a whole set")
    return [found[pair] for pair in pairs]


def _check_row(row: Row, where: str) -> None:
    check_row(row, ANSWER, where)
    if row["finish_reason"] not in ("stop", "length"):
        raise InputError(f"{where}: finish_reason {row['finish_reason']!r}; write stop or length")


def put_responses(rows: list[Row], requests: ResponseSet, model: str) -> Path:
    """Write the responses and the answer store of respond, and a note next to them that they were adopted.

    `model`: digest of the model that they are attributed to. Returns the path of the note.
    """
    prompts = {prompt["id"]: prompt for prompt, _ in requests.pairs}
    with locked(requests.folder):
        answers = [{"key": prompt_key(prompts[row["id"]]), **{name: row[name] for name in ANSWER if name != "id"}} for row in rows]
        requests.store.append([answer for answer in answers if requests.store.answers.get((answer["key"], answer["sample"])) != answer])
        write_jsonl(requests.output, rows)
        mark_complete(requests)
    note = requests.output.with_suffix(".adopted.json")
    write_json(note, {"adopted": True, "digest": sha256_file(requests.output), "model": model, "answers": len(rows)})
    return note
