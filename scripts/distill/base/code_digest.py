"""Digest of a step's code: its script and every project module it imports, without comments, docstrings and layout.

Snakemake compares only the text of a shell command, so each rule has this digest as a parameter. A third-party package counts by the
version that envs/ pins.
"""

import ast
import json
import os
import re
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

from distill.base.errors import InputError
from distill.base.files import sha256_file, sha256_text
from distill.base.paths import PINS, SCRIPTS

# Packages that are used through another one and never imported.
RUNS_ON = {
    "trl": ("torch", "transformers", "accelerate"),
    "transformers": ("torch",),
    "lighteval": ("math_verify",),
    "vllm": ("torch", "transformers"),
}
# Packages that check what a step is given: they decide whether it runs, and nothing of what it makes.
CHECKERS = {"jsonschema"}


def code_digest(script: str, scripts: Path = SCRIPTS, pins: Path = PINS) -> str:
    """16 hex digits of a sha256 over the syntax trees of scripts/{script} and all project modules it imports, and over the pinned versions
    of the packages they import."""
    return sha256_text("\n".join(f"{name} {digest}" for name, digest in sorted(code_parts(script, scripts, pins).items())))[:16]


def code_parts(script: str, scripts: Path = SCRIPTS, pins: Path = PINS) -> dict[str, str]:
    """The parts of a step's code digest: {file relative to scripts/: sha256 of its syntax tree, "pin:NAME": version}."""
    parts: dict[str, str] = {}
    packages: set[str] = set()
    todo = [script]
    while todo:
        name = todo.pop()
        if name in parts:
            continue
        digest, modules = _parse(scripts / name)
        parts[name] = digest
        for module in modules:
            found = _files_of(module, scripts)
            todo += found
            if not found:
                packages.add(module.split(".")[0])
    versions = {**pinned_versions(pins), **pinned_versions(pins.with_name("requirements-cuda.txt"))}
    runs_on = {below for package in packages for below in RUNS_ON.get(package, ())}
    for package in (packages | runs_on) - CHECKERS:
        version = versions.get(_normal(package))
        if version:
            parts[f"pin:{_normal(package)}"] = version
    return parts


@cache
def _parse(path: Path) -> tuple[str, frozenset[str]]:
    """(sha256 of a file's syntax tree without docstrings, all modules that it imports, at any level)

    Both are kept in __pycache__, as Python keeps its bytecode: the Snakefile waits for them.
    """
    kept, key = path.parent / "__pycache__" / f"{path.stem}.{sys.implementation.cache_tag}.digest", [sha256_file(path), _algorithm()]
    with suppress(OSError, ValueError):
        *key_then, digest, imported = json.loads(kept.read_bytes())
        if key_then == key:
            return digest, frozenset(imported)
    digest, modules = _parse_again(path)
    if not sys.dont_write_bytecode:
        with suppress(OSError):
            kept.parent.mkdir(exist_ok=True)
            part = kept.with_suffix(f".{os.getpid()}")
            part.write_text(json.dumps([*key, digest, sorted(modules)]), encoding="utf-8")
            part.replace(kept)
    return digest, modules


@cache
def _algorithm() -> str:
    return sha256_file(__file__)


def _parse_again(path: Path) -> tuple[str, frozenset[str]]:
    try:
        tree = ast.parse(path.read_bytes())
    except SyntaxError as error:
        raise InputError(f"{path}: line {error.lineno} is not Python ({error.msg}): fix that line") from None
    words: list[str] = []
    modules: set[str] = set()
    _append_nodes(tree, words, modules)
    return sha256_text("\n".join(words)), frozenset(modules)


def _append_nodes(node: ast.AST, words: list[str], modules: set[str]) -> None:
    """Append a syntax tree's nodes as words, like ast.dump but faster, and collect its imports."""
    kind = type(node)
    words.append(kind.__name__)
    if kind is ast.Import:
        modules.update(alias.name for alias in node.names)
    elif kind is ast.ImportFrom and node.module:
        modules.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
    for field in kind._fields:
        value = getattr(node, field, None)
        if isinstance(value, ast.AST):
            _append_nodes(value, words, modules)
        elif isinstance(value, list):
            words.append("[")
            for entry in value[1:] if field == "body" and _has_docstring(node) else value:
                if isinstance(entry, ast.AST):
                    _append_nodes(entry, words, modules)
                else:
                    words.append(repr(entry))
            words.append("]")
        else:
            words.append(repr(value))


def _has_docstring(node: ast.AST) -> bool:
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or not node.body:
        return False
    first = node.body[0]
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)


@cache
def _modules(scripts: Path) -> dict[str, str]:
    """{module: file relative to scripts/} for all modules of the project."""
    files = sorted(path.relative_to(scripts).as_posix() for path in scripts.rglob("*.py"))
    return {file.removesuffix(".py").removesuffix("/__init__").replace("/", "."): file for file in files}


@cache
def _files_of(module: str, scripts: Path) -> list[str]:
    """The project files that importing a module executes: its own and those of its parent packages."""
    known = _modules(scripts)
    if module not in known:
        return []
    parts = module.split(".")
    return [known[name] for name in (".".join(parts[:count]) for count in range(1, len(parts) + 1)) if name in known]


@cache
def pinned_versions(path: Path) -> dict[str, str]:
    """{package: version} of a requirements file, names in small letters with hyphens; empty where there is no such file."""
    if not path.exists():
        return {}
    pinned = re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==([^\s;#]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {_normal(name): version for name, version in pinned}


def _normal(name: str) -> str:
    return name.lower().replace("_", "-")
