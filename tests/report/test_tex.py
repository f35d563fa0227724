"""The scores in the two forms that other programs read: LaTeX and the hub's model-index."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import results_tree

from distill.base.errors import InputError
from distill.report import tex
from distill.report.model_index import model_index
from distill.report.names import names
from distill.report.results import Results

NAMES = names(results_tree.SPEC)


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Results:
    return Results(results_tree.build(tmp_path_factory.mktemp("results")))


def test_rows_and_columns(results):
    lines = tex.table(NAMES, results).split("\n")
    assert lines[2] == r"\begin{tabular}{lrrrr}"
    assert lines[4] == r"Benchmark & Base & R1-Distill & Ours & $n$ \\"
    assert lines[6] == r"mini\_math (MATH-500) & $12.5 \pm 3.5$ & $99.0^{+1.0}_{-3.0}$ (98.5) & $71.4 \pm 3.5$ (80.0) & 500 \\"


ESCAPES = [
    ("a_b & c", r"a\_b \& c"),
    ("100 % $x^2$ #1 ~", r"100 \% \$x\textasciicircum{}2\$ \#1 \textasciitilde{}"),
    ("\\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
    ("two\nlines\u2028and\ttabs", "two lines and tabs"),
    ("é ﬁ ⊗ 答", "e f ? ?"),
    ("[5pt] and *", "{[}5pt] and {*}"),
    ("30 × 64", r"30 $\times$ 64"),
    ("a\x00b\u202ec", "a?b?c"),
]


@pytest.mark.parametrize("said, written", ESCAPES)
def test_text_is_set_as_it_is(said, written):
    assert tex.escape(said) == written


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")
def test_it_compiles(results, tmp_path):
    hostile = {**results_tree.SPEC, "models": [{"name": "ours", "role": "student", "label": results_tree.HOSTILE}]}
    hostile["benchmarks"] = [{"name": name, "label": f"[9cm] {name} *"} for name in ("mini_math", "mini_gpqa")]
    for place, spec in enumerate((results_tree.SPEC, hostile)):
        (tmp_path / f"{place}.tex").write_text(tex.table(names(spec), results), encoding="utf-8")
    page = r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{booktabs}\begin{document}\input{0.tex}\input{1.tex}\end{document}"
    (tmp_path / "paper.tex").write_text(page, encoding="utf-8")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, re.findall(r"^!.*", done.stdout, re.MULTILINE)
    assert Path(tmp_path / "paper.pdf").stat().st_size > 1000


def test_model_index_holds_each_benchmark(results):
    made = model_index("ours", NAMES, results)["model-index"][0]
    assert made["name"] == "Ours"
    assert [(entry["dataset"]["type"], entry["metrics"][0]["value"]) for entry in made["results"]] == [
        ("mini_math", 71.4),
        ("mini_gpqa", 50.0),
    ]
    assert made["results"][0]["metrics"][0]["name"] == "pass@1 (%) over 500 items, 95 % interval 68.4 to 75.4"


def test_the_hub_reads_the_model_index(results):
    cards = pytest.importorskip("huggingface_hub.repocard_data")
    name, found = cards.model_index_to_eval_results(model_index("ours", NAMES, results)["model-index"])
    assert name == "Ours"
    assert [(entry.dataset_type, entry.metric_value) for entry in found] == [("mini_math", 71.4), ("mini_gpqa", 50.0)]


def test_a_model_without_scores_is_named(results):
    with pytest.raises(InputError, match="no score of nobody"):
        model_index("nobody", NAMES, results)
