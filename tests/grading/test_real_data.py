"""The grader on material that nobody in this project wrote: its verdicts against those that were published with it, item by item."""

import csv
import importlib.util
import itertools
import math
import os
from pathlib import Path

import pytest

from distill.base.files import read_jsonl
from distill.evaluation import lighteval_results
from distill.evaluation.compare import score_row
from distill.evaluation.differences import difference_rows
from distill.evaluation.evaluations import ComparedBenchmark, ComparedModel, load
from distill.grading.grader import same

DATA = Path(os.environ.get("DISTILL_REAL_DATA", ""))
pytestmark = pytest.mark.skipif(not os.environ.get("DISTILL_REAL_DATA"), reason="DISTILL_REAL_DATA is not set")


def bench_of(name):
    spec = importlib.util.spec_from_file_location(f"bench_{name}", Path(__file__).parents[2] / f"bench/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def bench():
    return bench_of("grader_agreement")


@pytest.fixture(scope="module")
def agreements(bench):
    sets = [*bench.outputs(DATA / "outputs"), *bench.benchmarks(DATA / "benchmarks")]
    return {cases.name: bench.agreement(cases, workers=2) for cases in sets}


# docs/grading_evidence.md explains the disagreements.
@pytest.mark.parametrize(
    ("name", "right", "differs"),
    [
        ("math500: gold", 500, 0),
        ("math500: gold, through math-verify", 500, 0),
        ("math500: 123", 0, 0),
        ("math500: solution", 500, 0),
        ("math500: solution, cut before its first box", 0, 0),
        ("math500: problem echoed", 0, 0),
        ("gsm8k: gold", 1319, 0),
        ("math500_gpt_boxed", 481, 0),
        ("math500_qwen3_boxed", 298, 0),
        ("gsm8k_6b_finetuning", 286, 0),
        ("gsm8k_6b_verification", 515, 0),
        ("gsm8k_175b_finetuning", 458, 0),
        ("gsm8k_175b_verification", 742, 0),
        ("gsm8k_tora70b", 1112, 0),
        ("math100x8_qwenmath_cot", 737, 9),
    ],
)
def test_published_verdicts_are_replayed(agreements, name, right, differs):
    assert (agreements[name].right, len(agreements[name].differs)) == (right, differs)


# Golds of MATH-500 that differ as texts and are one answer: spelled otherwise, in another order, with a name, a unit or a base left out, or
# the same angle in degrees and in radians.
ONE_ANSWER = [
    ("-2,1", "1,-2"), ("(-2,1)", "-2,1"), (r"10,\!080", "10080"), (r"2 \sqrt{5}", r"2\sqrt{5}"), (r"\frac14", r"\frac{1}{4}"), ("5", "x=5"),
    ("15", r"15\mbox{ cm}^2"), ("36", r"\$36"), ("36", r"36^\circ"), ("30", r"30^\circ"), ("90", r"90^\circ"), ("120", r"120^\circ"),
    ("40_9", "40"), (r"180^\circ", r"\pi"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "column", "one_answer"), [("math500", "answer", ONE_ANSWER), ("aime24", "answer", [])])
def test_different_golds_of_a_benchmark_are_different_answers(file, column, one_answer):
    golds = sorted({str(row[column]) for row in read_jsonl(DATA / f"benchmarks/{file}.jsonl")})
    found = {(gold, answer) for gold, answer in itertools.permutations(golds, 2) if same(gold, answer)}
    assert found == {*one_answer, *((other, one) for one, other in one_answer if (one, other) != ("40_9", "40"))}


@pytest.mark.parametrize("kind", ["math", "choice"])
def test_answers_on_which_graders_slip_are_graded_right(bench, kind):
    (cases,) = [cases for cases in bench.cases(DATA / "suites") if cases.name.endswith(kind)]
    assert bench.agreement(cases, workers=1).differs == []


def test_math_verify_stands_to_its_own_later_tests_as_docs_say(bench):
    (cases,) = [cases for cases in bench.suites(DATA / "suites") if cases.name == "math_verify_test_all: bare math-verify"]
    found = bench.agreement(cases, workers=1)
    assert (found.rows, len(found.differs)) == (190, 11)


def test_the_standard_errors_of_82_lighteval_files_fit_their_n():
    with open(DATA / "tables/openrs_lighteval_all_results.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if (DATA / "outputs/lighteval_openrs" / row["file"]).exists()]
    assert len(rows) >= 82
    for row in rows:
        name = row["task"].split("|")[1]
        found = lighteval_results.summary(DATA / "outputs/lighteval_openrs" / row["file"], name)
        assert math.isclose(found["pass@1"], float(row["extractive_match"]))
        assert (found["n_items"], found["flags"]) == (int(row["n_docs"]), [])


def test_82_results_files_of_other_people_stand_in_the_comparison_by_their_scores(tmp_path):
    with open(DATA / "tables/openrs_lighteval_all_results.csv", newline="") as file:
        table = {(row["file"], row["task"].split("|")[1]): float(row["extractive_match"]) for row in csv.DictReader(file)}
    folder = DATA / "outputs/lighteval_openrs"
    models = [ComparedModel(path.name, "student", path.name, results=str(path)) for path in sorted(folder.glob("*.json"))]
    scores = load(tmp_path, models, [ComparedBenchmark(name, name) for name in ("aime24", "math_500", "amc23")], [])
    rows = {(row.model, row.benchmark): row for row in map(score_row, scores)}
    assert len(models) >= 82 and len(rows) >= 60
    for place, row in rows.items():
        assert math.isclose(row.pass_at_1, table[place])
        assert row.ci95_low < row.pass_at_1 < row.ci95_high and row.flags == ""
    assert difference_rows(scores, 0) == []  # nobody's items are known


# docs/grading_evidence.md has the numbers, and why.
@pytest.mark.slow
@pytest.mark.parametrize(("name", "cut", "flagged"), [("aime24", 0.0, 0), ("math_500", 0.142, 1)])
def test_lightevals_metric_has_a_self_test_where_it_decides(tmp_path, name, cut, flagged):
    program = bench_of("self_test")
    summary = program.tested(program.planned(), f"{name}@lighteval_0_13", DATA / "benchmarks" / program.FILES[name], tmp_path)
    assert summary["self_test"]["gold"] == 1.0
    assert (summary["self_test"]["cut"], len(summary["flags"])) == (cut, flagged)
