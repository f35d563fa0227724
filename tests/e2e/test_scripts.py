"""Every script tells what it needs, runs by hand, and answers bad input with one line."""

import json
import re
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(path for folder in ("scripts", "tools") for path in (PROJECT / folder).glob("*.py"))


@pytest.fixture
def run(warm_python):
    """run(script, *args)"""

    def run(script: Path, *args: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run([warm_python, script, *map(str, args)], capture_output=True, text=True, timeout=120, check=False)

    return run


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_help_shows_what_a_script_does_and_an_example(run, script):
    done = run(script, "--help")
    assert done.returncode == 0, done.stderr
    assert f"python {script.parent.name}/{script.name}" in done.stdout or f"scripts/{script.name} --" in done.stdout
    assert not re.search(r"\S {6,}--\w", done.stdout), "the example's lines have run together"


def broken_line(folder):
    (folder / "raw.jsonl").write_text(
        '{"question": "1+1?", "gold": "2", "response": "<think>a</think>2"}\n{"question": \n', encoding="utf-8"
    )
    return (
        "normalise.py",
        ["--format", "table", "--input", folder / "raw.jsonl", "--output", folder / "traces.jsonl"],
        ["raw.jsonl", "line 2"],
    )


def missing_column(folder):
    (folder / "raw.jsonl").write_text('{"problem": "1+1?", "gold": "2"}\n', encoding="utf-8")
    return (
        "normalise.py",
        ["--format", "table", "--input", folder / "raw.jsonl", "--output", folder / "traces.jsonl"],
        ["question", "problem"],
    )


def missing_model(folder):
    (folder / "sft.jsonl").write_text('{"id": "1", "prompt": [], "completion": []}\n', encoding="utf-8")
    return (
        "train.py",
        ["--base", folder / "nowhere", "--data", folder / "sft.jsonl", "--output", folder / "model"],
        ["nowhere", "manifest.json"],
    )


def empty_dataset(folder):
    (folder / "sft.jsonl").write_text("", encoding="utf-8")
    return "train.py", ["--base", folder, "--data", folder / "sft.jsonl", "--output", folder / "model"], ["sft.jsonl", "no rows"]


def missing_source(folder):
    return "fetch.py", ["--path", folder / "nowhere", "--output", folder / "out"], ["nowhere", "does not exist"]


def empty_benchmark(folder):
    (folder / "items.jsonl").write_text("", encoding="utf-8")
    spec = json.dumps({"kind": "math", "columns": {"question": "problem", "gold": "answer"}, "user": "{question}"})
    return "prompts.py", ["--benchmark", folder / "items.jsonl", "--spec", spec, "--output", folder / "prompts.jsonl"], ["items.jsonl"]


def unknown_recipe_key(folder):
    (folder / "sft.jsonl").write_text('{"id": "1", "prompt": [], "completion": []}\n', encoding="utf-8")
    args = ["--base", folder, "--data", folder / "sft.jsonl", "--spec", '{"learning_rte": 1}', "--output", folder / "model"]
    return "train.py", args, ["learning_rte"]


def spec_that_is_no_json(folder):
    return "fetch.py", ["--spec", "{path", "--output", folder / "out"], ["--spec"]


SPECS = [
    ("prompts.py", {"kind": "maths", "sytem": "x"}, "--spec: kind: 'maths' is not known; write one of math, choice, completion"),
    ("prompts.py", {"kind": "math", "columns": {"question": "q", "gold": "a"}}, "--spec: user: missing; add it"),
    ("prompts.py", {"kind": "math", "sytem": "x"}, "--spec: sytem: unknown key; did you mean system?"),
    ("report.py", {"titel": "Ours"}, "--spec: titel: unknown key; did you mean title?"),
    ("figures.py", {"made": {}}, "--spec: made: unknown key; did you mean made_from?"),
    ("answers.py", {"model": ["ours"]}, "--spec: model: unknown key; did you mean models?"),
    ("inspect_log.py", {"model": ["ours"]}, "--spec: model: unknown key; did you mean models?"),
    ("model_card.py", {"repositry": "me/ours"}, "--spec: repositry: unknown key; did you mean repository?"),
    ("bundle.py", {"compare": {}, "report": {}, "grade": {}}, "--spec: compare.models: missing; add it"),
    ("provenance.py", {"confg": {}}, "--spec: confg: unknown key; did you mean config?"),
    ("clean_work.py", {"train": []}, "--spec: ask: missing; add it"),
    ("fetch.py", {"hubb": "owner/name"}, "--spec: hubb: unknown key; did you mean hub?"),
    ("fetch.py", {"hub": "name"}, "--spec: hub: 'name' is not a repository; write owner/name, or use path: for a folder on this machine"),
]
NEEDED = {
    "prompts.py": ["--benchmark", "items.jsonl", "--output", "prompts.jsonl"],
    "report.py": ["--output", "report.md"],
    "figures.py": ["--output-dir", "figures"],
    "answers.py": ["--output", "answers.html"],
    "inspect_log.py": ["--model", "ours", "--benchmark", "aime", "--output", "ours.eval"],
    "model_card.py": ["--model", "ours", "--output", "README.md"],
    "bundle.py": ["--published", "published.csv", "--output", "bundle.zip"],
    "provenance.py": ["--output", "provenance.json"],
    "clean_work.py": [],
    "fetch.py": ["--path", "traces.jsonl", "--output", "source"],
}


@pytest.mark.parametrize(("script", "spec", "says"), SPECS)
def test_an_error_in_a_spec_is_one_line_that_names_the_key(run, script, spec, says):
    done = run(PROJECT / "scripts" / script, "--spec", json.dumps(spec), *NEEDED[script])
    assert (done.returncode, done.stderr) == (2, f"error: {says}\n")


@pytest.mark.parametrize(
    "case",
    [broken_line, missing_column, missing_model, empty_dataset, missing_source, empty_benchmark, unknown_recipe_key, spec_that_is_no_json],
)
def test_bad_input_is_one_line_that_names_it(run, case, tmp_path):
    script, args, names = case(tmp_path)
    before = sorted(tmp_path.iterdir())
    done = run(PROJECT / "scripts" / script, *args)
    assert done.returncode == 2, done.stderr
    said = [line for line in done.stderr.splitlines() if line and "rows/s" not in line]  # a progress line may stand before
    assert len(said) == 1, done.stderr
    assert all(name in said[0] for name in names), done.stderr
    assert sorted(tmp_path.iterdir()) == before
