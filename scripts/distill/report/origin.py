"""Where the numbers come from: the command that reproduces them, versions, commit, machine, digests. No time stamps."""

from typing import Any

from distill.base.files import Row
from distill.report.markdown import block, code, table, text
from distill.report.names import Names
from distill.report.results import Results
from distill.report.training import short
from distill.report.words import gap, join


def section(names: Names, results: Results, command: str) -> str:
    found = results.provenance
    return join(
        "Made by this command, which reproduces it byte for byte on the same machine:",
        block(command, "sh"),
        facts(found) if found else gap("versions, commit and machine (provenance.json)"),
        digests(names, results, found or {}),
        "Everything else, including time stamps, is in [provenance.json](provenance.json)." if found else None,
    )


def facts(found: Row) -> str:
    git, machine = found.get("git"), found.get("hardware") or {}
    commit = (
        "not under git"
        if not git
        else code(short(git["commit"]), in_table=True) + (", with uncommitted changes" if git.get("dirty") else "")
    )
    packages = ", ".join(f"{name} {version}" for name, version in (found.get("packages") or {}).items() if version)
    gpus = ", ".join(f"{count} × {name}" if count > 1 else name for name, count in _counted(machine.get("gpus") or []))
    rows = [
        ["code", commit],
        ["Python", text(found.get("python", "?"))],
        ["machine", text(f"{machine.get('cpu', '?')}, {machine.get('cores', '?')} cores, {machine.get('memory_gib', '?')} GiB")],
        ["GPUs", text(gpus or "none")],
    ]
    return join(table(["", "here"], rows, left=2), f"Packages: {text(packages)}." if packages else None)


def _counted(gpus: list[dict[str, Any]]) -> list[tuple[str, int]]:
    named = [str(gpu.get("name", "?")) for gpu in gpus]
    return [(name, named.count(name)) for name in dict.fromkeys(named)]


def digests(names: Names, results: Results, found: Row) -> str | None:
    """sha256 of what the scores depend on: training sets, weights, prompts."""
    known = found.get("digests") or {}
    rows = [["training set", text(dataset.label), known.get("datasets", {}).get(dataset.name)] for dataset in names.datasets]
    rows += [["weights", text(model.label), (results.manifest(model.name) or {}).get("digest")] for model in names.models]
    rows += [
        ["questions", text(names.benchmark_label(benchmark.name)), known.get("prompts", {}).get(benchmark.name)]
        for benchmark in names.benchmarks
    ]
    shown = [[kind, label, code(short(digest), in_table=True)] for kind, label, digest in rows if digest]
    return table(["sha256 of", "", "begins"], shown, left=3) if shown else None
