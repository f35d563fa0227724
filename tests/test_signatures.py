"""No test takes a name that belongs to a plugin."""

import ast
from pathlib import Path

# pytest-benchmark's fixture: where it is installed, a test that is parametrized over such a name ends the whole run with an INTERNALERROR.
FIXTURES_OF_PLUGINS = {"benchmark"}


def test_no_test_or_fixture_has_a_parameter_of_a_plugin():
    wrong = []
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and _called_by_pytest(node):
                names = {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)}
                wrong += [f"{path.name}: {node.name}({name})" for name in sorted(names & FIXTURES_OF_PLUGINS)]
    assert wrong == []


def _called_by_pytest(function: ast.FunctionDef) -> bool:
    return function.name.startswith("test_") or any("fixture" in ast.unparse(decorator) for decorator in function.decorator_list)
