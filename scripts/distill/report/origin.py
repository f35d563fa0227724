"""Where the numbers come from: the command that reproduces them, versions, commit, machine, digests. No time stamps."""

from distill.base.files import Row
from distill.report.markdown import block, code, table, text
from distill.report.names import Names
from distill.report.results import Results
from distill.report.training import short
from distill.report.words import gap, join


def section(names: Names, results: Results, command: str) -> str:
    """The part of the page on what made the results: command, versions, commit, machine and digests."""
    found = results.provenance
    return join(
        "Made by this command, which reproduces it byte for byte on the same machine:",
        block(command, "sh"),
        facts(found) if found else gap("versions, commit and machine (provenance.json)"),
        made_elsewhere(found) if found else None,
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
    rows = [
        ["code", commit],
        ["Python", text(found.get("python", "?"))],
        ["machine", text(_processor(machine))],
        ["GPUs", text(_gpus(machine))],
    ]
    packages = _packages(found)
    return join(table(["", "here"], rows, left=2), f"Packages: {text(packages)}." if packages else None)


def made_elsewhere(found: Row) -> str | None:
    """Trainings and answers that are from another machine, or made with other packages, than the page."""
    rows = []
    for one in found.get("made_on") or []:
        machine = one["machine"]
        if any(machine.get(key) != found.get(key) for key in ("hardware", "packages", "vllm_variables")):
            hardware, variables = machine.get("hardware") or {}, machine.get("vllm_variables") or {}
            packages = ", ".join([_packages(machine), *(f"{name}={value}" for name, value in variables.items())])
            rows.append([text(cell) for cell in (", ".join(one["steps"]), _gpus(hardware), _processor(hardware), packages)])
    if not rows:
        return None
    return join("Made on another machine or with other packages:", table(["step", "GPUs", "machine", "packages"], rows, left=4))


def _processor(hardware: Row) -> str:
    return f"{hardware.get('cpu', '?')}, {hardware.get('cores', '?')} cores, {hardware.get('memory_gib', '?')} GiB"


def _gpus(hardware: Row) -> str:
    named = [str(gpu.get("name", "?")) for gpu in hardware.get("gpus") or []]
    return ", ".join(f"{named.count(name)} × {name}" if named.count(name) > 1 else name for name in dict.fromkeys(named)) or "none"


def _packages(machine: Row) -> str:
    return ", ".join(f"{name} {version}" for name, version in (machine.get("packages") or {}).items() if version)


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
