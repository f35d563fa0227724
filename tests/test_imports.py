"""Which folder of scripts/distill may import which, and where torch may be imported: the rules of docs/design.md."""

import ast
from pathlib import Path

LIBRARY = Path(__file__).resolve().parents[1] / "scripts" / "distill"

TOOLS = {"sources", "benchmarks", "grading", "models", "miniature"}  # import base alone
STAGES = {"data", "training", "generation", "evaluation"}  # never each other: stages meet in files
ALLOWED = {
    "base": set(),
    **{folder: {"base"} for folder in TOOLS},
    **{folder: {"base"} | TOOLS for folder in STAGES},
    "preflight": {"base"} | TOOLS | STAGES,
    "config": {"base"} | TOOLS | STAGES,
    "report": {"base", "preflight"} | TOOLS | STAGES,
    "workflow": {"base", "preflight", "config"} | TOOLS | STAGES,
}
TORCH = {"torch", "transformers", "trl", "accelerate", "deepspeed", "vllm", "lighteval"}
MAY_IMPORT_TORCH = (
    *("training/", "generation/engines/", "models/gumbel.py", "models/growing_cache.py"),
    *("miniature/pretrain.py", "evaluation/lighteval_grader.py"),
)


def imports(path: Path) -> set[str]:
    """Every module that a file imports, at its top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "distill":
            found |= {f"distill.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def modules():
    for path in sorted(LIBRARY.rglob("*.py")):
        name = path.relative_to(LIBRARY).as_posix()
        if name != "__init__.py":
            yield name, imports(path)


def test_every_module_lies_in_a_folder_of_the_design():
    assert {name.split("/")[0] for name, _ in modules()} == set(ALLOWED)


def test_folders_import_only_what_is_below_them():
    wrong = [
        f"{name} imports {module}"
        for name, found in modules()
        for module in sorted(found)
        if module.startswith("distill.") and module.split(".")[1] not in ALLOWED[name.split("/")[0]] | {name.split("/")[0]}
    ]
    assert wrong == []


def test_torch_is_imported_only_where_models_run():
    wrong = [
        f"{name} imports {module}"
        for name, found in modules()
        for module in sorted(found)
        if module.split(".")[0] in TORCH and not name.startswith(MAY_IMPORT_TORCH)
    ]
    assert wrong == []
