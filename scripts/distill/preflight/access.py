"""Whether a run has access to what it needs: gated repositories and the token, package versions, a chat template with an end of turn."""

import os
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from distill.base.code_digest import pinned_versions
from distill.base.errors import InputError
from distill.base.files import read_json
from distill.base.paths import PINS
from distill.base.thoughts import completion
from distill.data.tokens import ChatTokenizer
from distill.preflight.facts import Facts, is_of

if TYPE_CHECKING:
    from distill.base.retry import RetryPolicy

Row = dict[str, Any]
NEEDED = {
    "train": ("torch", "transformers", "trl", "accelerate"),
    "lora": ("peft",),
    "transformers": ("torch", "transformers"),
    "vllm": ("vllm",),
}
THOUGHT = "First, 2+2=4."


def sources(part: Row, facts: Facts, results: Path, online: bool) -> tuple[list[Row], list[Row]]:
    """([{name, from, at_hand, access, gb}], findings). The hub is asked only for sources that are not on disk, and only where `online`."""
    rows, findings = [], []
    reachable = online and not os.environ.get("HF_HUB_OFFLINE")
    for source in part["sources"]:
        where = next((source[key] for key in ("hub", "modelscope", "url", "path") if key in source), "")
        manifest = results / "sources" / source["name"] / "manifest.json"
        available = manifest.is_file() and is_of(*source["name"].split("/"), source, results)
        row: Row = {"name": source["name"], "from": where, "at_hand": available, "access": "available" if available else "not asked"}
        gated = source["gated"] or bool(facts.known["benchmarks"].get(where, {}).get("gated"))
        if not available and "hub" in source:
            if reachable:
                row |= access_to_hub(source)
                reachable = row["access"] != "the hub cannot be reached"
            if gated and not _token():
                text = f"{where} is gated and there is no token: accept its terms on its page, then hf auth login or set HF_TOKEN"
                findings.append({"level": "warning", "about": f"fetch {source['name']}", "text": text})
            elif row["access"].startswith("refused"):
                findings.append({"level": "warning", "about": f"fetch {source['name']}", "text": row["access"]})
        if not available and "path" in source and not Path(source["path"]).exists():
            findings.append({"level": "stop", "about": f"fetch {source['name']}", "text": f"{where} does not exist; correct path:"})
        rows.append(row)
    if any(row["access"] in ("not asked", "the hub cannot be reached") and not row["at_hand"] for row in rows if "/" in row["from"]):
        hub = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
        text = f"{hub} was not asked or could not be reached, so access to these sources is unknown; HF_ENDPOINT names a mirror"
        findings.append({"level": "note", "about": "fetch", "text": text})
    return rows, findings


def access_to_hub(source: Row) -> Row:
    """Access to a repository, and the size of the files to fetch in GB, as the hub says."""
    from distill.base.retry import AttemptsExhausted
    from distill.sources.fetch import files_to_fetch

    repo_type = "model" if source["name"].startswith("models/") else "dataset"
    try:
        there = files_to_fetch({**source, "repo_type": repo_type}, _once())
    except AttemptsExhausted:
        return {"access": "the hub cannot be reached"}
    except InputError as error:
        return {"access": f"refused: {error}"}
    sizes = [content.size for content in there.files.values() if content.size]
    return {"access": f"open at commit {there.commit[:12]}", "gb": round(sum(sizes) / 1e9, 3)}


def model_config(source: Row) -> Row | None:
    """config.json of a model on the hub; None where it cannot be fetched now, for the reason that `sources` gives."""
    from distill.sources.fetch import fetch_source
    from distill.sources.hub import MAIN

    if "hub" not in source or os.environ.get("HF_HUB_OFFLINE"):
        return None
    wanted = {"hub": source["hub"], "revision": source.get("revision", MAIN), "files": ["config.json"]}
    with TemporaryDirectory() as folder, redirect_stdout(sys.stderr):
        try:
            fetch_source(wanted, Path(folder, "model"), Path(folder, "work"), policy=_once())
            return read_json(Path(folder, "model", "config.json"))
        except InputError:
            return None


def _once() -> "RetryPolicy":
    from distill.base.retry import RetryPolicy

    return RetryPolicy(max_failures=0, max_attempts=1, timeout_s=5.0)


def _token() -> bool:
    """Whether there is a token. It is not read."""
    if os.environ.get("HF_TOKEN") or os.environ.get("HF_TOKEN_PATH"):
        return True
    home = Path(os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface"))
    return (home / "token").is_file()


def versions(part: Row) -> tuple[dict[str, str], list[Row]]:
    """Versions of the packages that this plan needs, and findings on those that are missing or not the pinned ones."""
    kinds = {"train"} if part["trainings"] or part["distillations"] else set()
    kinds |= {entry["engine"] for entry in (*part["evaluations"], *part["attempts"])}
    kinds |= {entry["recipe"]["engine"] for entry in part["distillations"]}
    kinds |= {"lora" for entry in part["trainings"] if "lora" in entry["recipe"]}
    names = sorted({name for kind in kinds for name in NEEDED.get(kind, ())})
    pins = pinned_versions(PINS)
    found, findings = {}, []
    for name in names:
        found[name] = _version(name)
        if found[name] == "not installed":
            text = f"{name} is not installed in this environment; see envs/"
            findings.append({"level": "warning", "about": "environment", "text": text})
        elif name in pins and found[name].split("+")[0] != pins[name]:
            text = f"{name} is {found[name]}, and {pins[name]} is pinned: results may differ"
            findings.append({"level": "note", "about": "environment", "text": text})
    return found, findings


def _version(name: str) -> str:
    for package in (name, f"{name}-cpu"):
        try:
            return version(package)
        except PackageNotFoundError:
            continue
    return "not installed"


def tokenizers(part: Row, results: Path) -> tuple[list[Row], list[Row]]:
    """What the real tokenizer and template do to a trace, for each training; unknown where their files are not on disk yet."""
    rows, findings = [], []
    for entry in part["trainings"]:
        about = f"train {entry['model']}"
        folders = [results / "models" / entry["base"], results / "sources" / "models" / entry["origin"]]
        folders = folders if is_of("models", entry["origin"], part["origins"].get(entry["origin"], {}), results) else []
        folder = next((folder for folder in folders if (folder / "tokenizer.json").is_file()), None)
        if folder is None:
            rows.append({"model": entry["model"], "from": None})
            base = entry["base"]
            text = f"template and end of turn are unknown until {base} is there: snakemake --cores all results/models/{base}/manifest.json"
            findings.append({"level": "note", "about": about, "text": text})
            continue
        try:
            row, found = _try_template(entry, folder)
        except InputError as error:
            row, found = {}, [("stop", str(error))]
        rows.append({"model": entry["model"], "from": str(folder), **row})
        findings += [{"level": level, "about": about, "text": text} for level, text in found]
    return rows, findings


def _try_template(entry: Row, folder: Path) -> tuple[Row, list[tuple[str, str]]]:
    """One trace through the template: {eos, template_keeps_thought, ends_with_eos, adds_system}."""
    given = entry["chat_template"]
    tokenizer = ChatTokenizer(folder, Path(given).read_text(encoding="utf-8") if given else None)
    eos = entry["audited"].get("eos_token") or tokenizer.eos_token
    if not eos or tokenizer.id_of(eos) is None:
        return {"eos": eos}, [("stop", f"eos_token {eos} is no token of {folder}; name one that is")]
    style = entry["audited"]["thought_style"]
    answer = completion(THOUGHT, "\\boxed{4}", style)
    question = {"role": "user", "content": "What is 2+2?"}
    text = tokenizer.text([question, {"role": "assistant", "content": answer}])
    rest = text.rpartition(answer)[2] if answer in text else ""
    row = {"eos": eos, "template_keeps_thought": answer in text, "ends_with_eos": rest.strip().startswith(eos)}
    row["adds_system"] = "You are" in tokenizer.text([question])
    return row, list(_template_findings(row))


def _template_findings(row: Row) -> Iterator[tuple[str, str]]:
    if not row["template_keeps_thought"]:
        yield "stop", "the chat template removes the thought: train with another, such as config/templates/chatml.jinja"
    elif not row["ends_with_eos"]:
        yield "stop", f"the chat template does not end a turn with {row['eos']}, so the student never learns to stop: set train.eos_token"
    if row["adds_system"]:
        yield "note", "the chat template adds its own system prompt where there is none"
