"""provenance.json: everything that must be equal for the results to be equal, and no secret."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.base.files import read_json, sha256_file
from distill.base.machine import SECRET_VALUE, output_of

# "token" by itself would also name eos_token, max_tokens and tokenizer.
_SECRET_KEY = re.compile(
    r"(?:^|_)(?:api_?key|secret(?:_key)?|password|passwd|credentials?|(?:hf|hub|auth|access|api|bearer|wandb)_token)$|^token$",
    re.IGNORECASE,
)


def refuse_secrets(value: Any, path: str = "config") -> None:
    """Raises InputError that names the key (never the value) of anything in a config that looks like a password or an access token."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            where = f"{path}.{key}"
            if _SECRET_KEY.search(str(key)) and isinstance(inner, str) and inner:
                _refuse(where)
            if SECRET_VALUE.search(str(key)):
                _refuse(f"{path}.(a key)")
            refuse_secrets(inner, where)
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            refuse_secrets(inner, f"{path}[{place}]")
    elif isinstance(value, str) and SECRET_VALUE.search(value):
        _refuse(path)


def _refuse(where: str) -> None:
    raise InputError(
        f"{where}: looks like a secret, and the config is kept with the results: take it out and set it in the environment (HF_TOKEN, ...)"
    )


def git(folder: str | Path) -> dict[str, Any] | None:
    """The commit and whether tracked files differ from it; None outside git, before the first commit or without git."""
    commit = output_of("git", "-C", str(folder), "rev-parse", "--verify", "HEAD")
    if not commit:
        return None
    return {"commit": commit, "dirty": bool(output_of("git", "-C", str(folder), "status", "--porcelain", "--untracked-files=no"))}


def digests(root: str | Path) -> dict[str, dict[str, str]]:
    """sha256 of what the results depend on, by kind and name: sources, training sets, models, questions, responses, scores, tables.

    A folder with a manifest has the digest in it, so that no weights are read again.
    """
    root = Path(root)
    return {
        "sources": _manifests(root / "sources"),
        "datasets": _files(root / "data", "*/sft.jsonl", "/sft.jsonl"),
        "models": _manifests(root / "models"),
        "prompts": _files(root / "benchmarks", "*/prompts.jsonl", "/prompts.jsonl"),
        "responses": _files(root / "responses", "*/*.jsonl", ".jsonl"),
        "scores": _files(root / "scores", "*/*.jsonl", ".jsonl"),
        "tables": _files(root, "*.csv", ""),
    }


def _manifests(folder: Path) -> dict[str, str]:
    paths = sorted(folder.rglob("manifest.json"), key=lambda path: path.as_posix())
    return {path.parent.relative_to(folder).as_posix(): read_json(path)["digest"] for path in paths}


def _files(folder: Path, pattern: str, ending: str) -> dict[str, str]:
    paths = sorted(folder.glob(pattern), key=lambda path: path.as_posix())
    return {path.relative_to(folder).as_posix().removesuffix(ending): sha256_file(path) for path in paths}
