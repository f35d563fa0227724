"""Which files of a source are fetched, by their names; names from the network are not trusted."""

import fnmatch
import re
from collections.abc import Iterable
from typing import Any

from distill.base import manifest
from distill.base.errors import InputError

Source = dict[str, Any]

# Files of a model: weights as safetensors, which cannot run code when loaded, and those that hold its configuration and tokenizer.
MODEL_FILES = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja", "*.tiktoken")


def select_files(names: Iterable[str], source: Source) -> list[str]:
    """The names to fetch, sorted: not hidden and matching one of `files`; for a model without `files`, MODEL_FILES at the top level."""
    visible = [
        name for name in names if name != manifest.NAME and not any(part.startswith(".") for part in name.split("/") if part != "..")
    ]
    patterns = source.get("files")
    if patterns is None and source.get("repo_type") != "model":
        refuse_mixed_splits(visible)
    if patterns is None and source.get("repo_type") == "model":
        # Mistral's repositories hold the weights a second time as consolidated.safetensors.
        patterns = MODEL_FILES
        visible = [name for name in visible if "/" not in name and not name.startswith("consolidated")]
    return sorted(name for name in visible if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns or ["*"]))


_SPLIT = re.compile(r"(?<![a-z])(train|training|test|testing|validation|valid|val|dev|eval)(?![a-z])")
_ROWS = re.compile(r"\.(jsonl|ndjson|json|csv|tsv|parquet)(\.gz|\.zst)?$")


def refuse_mixed_splits(names: Iterable[str]) -> None:
    """Raises InputError where data files of a training split and of another one lie side by side and `files` chooses none of them."""
    splits = {split[1][:2]: name for name in sorted(names) if _ROWS.search(name) and (split := _SPLIT.search(name.lower()))}
    if "tr" in splits and len(splits) > 1:
        other = next(name for split, name in splits.items() if split != "tr")
        example = f"files: ['{splits['tr']}']"
        raise InputError(f"{splits['tr']} and {other} are of different splits: name those to take, such as {example}")


def safe_name(name: str) -> str:
    """Return a file name from the network. Raises InputError for one that would leave the folder it is written to."""
    if any(part in ("", ".", "..") for part in name.split("/")) or "\\" in name or not name.isprintable():
        raise InputError(f"{name[:80]!r}: a file name that leads out of its folder: leave it out by source.files, and distrust this source")
    return name
