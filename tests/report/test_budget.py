"""Score against compute: the table, the sentence on the best student for the first one's cost, and the figure."""

import pytest
import results_tree

from distill.base.files import read_json, read_jsonl, write_json, write_jsonl
from distill.report import budget, figures
from distill.report.names import names
from distill.report.page import render
from distill.report.results import Results

SPEC = {
    **results_tree.SPEC,
    "models": [
        *results_tree.SPEC["models"][:2],
        *({"name": f"s{place}", "role": "student", "label": f"Student {place}"} for place in range(3)),
    ],
}


def cost(flops: float, generation: float = 0.0) -> dict:
    return {"training_flops": flops, "inference_flops": generation, "tokens_trained": 9000, "tokens_inferred": 70 if generation else 0}


@pytest.fixture
def tree(tmp_path):
    """Three students; the second has more right answers than the first, the third all."""
    root = results_tree.build(tmp_path)
    results_tree.students(root, 3)
    scores = root / "comparison.csv"
    rows = results_tree.read_csv(results_tree.ScoreRow, scores)
    better = {"s1": 0.9, "s2": 1.0}
    results_tree.write_table(
        scores, [results_tree.replace(row, pass_at_1=better.get(row.model, row.pass_at_1), ci95_low=None, ci95_high=None) for row in rows]
    )
    for benchmark in ("mini_math", "mini_gpqa"):
        for place, right in enumerate((2, 8, 8)):
            items = read_jsonl(root / f"scores/ours/{benchmark}.jsonl")
            write_jsonl(root / f"scores/s{place}/{benchmark}.jsonl", [{**row, "correct": at < right} for at, row in enumerate(items)])
    return root


def results(tree, **costs) -> Results:
    write_json(tree / "provenance.json", {**read_json(tree / "provenance.json"), "compute": costs})
    return Results(tree)


@pytest.mark.parametrize(
    ("costs", "said"),
    [
        ({"s0": cost(2e12), "s1": cost(2.05e12), "s2": cost(9e12)}, "the best of 2 students is Student 1: mean score 90.0 against 60.7"),
        (
            {"s0": cost(2e12), "s1": cost(1e12), "s2": cost(1e12, 1e12)},
            "the best of 3 students is Student 2: mean score 100.0 against 60.7",
        ),
        ({"s0": cost(2e12), "s1": cost(3e12), "s2": cost(1e12, 2e12)}, "there is no other student"),
        ({"s0": cost(2e12)}, None),
        ({"s1": cost(2e12), "s2": cost(2e12)}, None),
    ],
)
def test_the_best_student_within_the_compute_of_the_first(tree, costs, said):
    sentence = budget.best_within(names(SPEC), results(tree, **costs))
    assert (sentence is None) == (said is None)
    if said:
        assert sentence.startswith("**Within the compute of Student 0** (2.00 TFLOP, or up to 5% more)") and said in sentence
        assert said not in render(SPEC, Results(results_tree.build(tree.parent / "without compute")))
        assert sentence in render(SPEC, results(tree, **costs))


@pytest.mark.parametrize(("right", "said"), [(2, "**better** on"), (5, "**no detectable difference** on")])
def test_it_says_where_the_difference_is_detected_by_paired_tests(tree, right, said):
    """All eight right against two, or five, of each benchmark."""
    for benchmark in ("mini_math", "mini_gpqa"):
        items = list(read_jsonl(tree / f"scores/s0/{benchmark}.jsonl"))
        write_jsonl(tree / f"scores/s0/{benchmark}.jsonl", [{**row, "correct": at < right} for at, row in enumerate(items)])
    sentence = budget.best_within(names(SPEC), results(tree, s0=cost(2e12), s1=cost(1e12), s2=cost(9e12)))
    points = f"+{100 * (8 - right) / 8:.1f}"
    assert f"{said} mini_math (MATH-500) {points} and mini_gpqa (GPQA-Diamond) {points}. The best of several" in sentence


LEARNED = {"digest": "d" * 64, "files": {}, "tokens_seen": 9000, "rows": 100}
DISTILLED = {**LEARNED, "teacher": "e" * 64, "rows": 4000, "recipe": {"steps": 12, "global_batch": 8}}  # 96 prompts
BETTER = "**better** on mini_math (MATH-500) +75.0 and mini_gpqa (GPQA-Diamond) +75.0"
SAME = "**no detectable difference** on mini_math (MATH-500) 0.0 and mini_gpqa (GPQA-Diamond) 0.0"


@pytest.mark.parametrize(
    ("costs", "learned", "compute", "less", "tokens"),
    [
        (
            {"s0": cost(2.4e12), "s1": cost(2e12), "s2": cost(9e12)},
            {"s0": LEARNED, "s2": {**LEARNED, "tokens_seen": 7500, "rows": 110}},
            f"against Student 0 (1.20 × its compute) {BETTER}",
            f"against Student 2 (4.50 × its compute) {SAME}",
            f"against Student 0 (1.00 × and 1.04 × its tokens and prompts) {BETTER}; "
            f"against Student 2 (0.83 × and 1.15 × its tokens and prompts) {SAME}",
        ),
        (
            {"s0": cost(9e12), "s1": cost(1e12, 1e12), "s2": cost(1.7e12)},
            {"s0": {**LEARNED, "rows": 400}, "s2": {**LEARNED, "tokens_seen": 90_000}},
            f"against Student 2 (0.85 × its compute) {SAME}",
            f"against Student 0 (4.50 × its compute) {BETTER}",
            "there is no other student",
        ),
        ({"s0": cost(1e12), "s1": cost(2e12)}, {}, "there is no other student", None, "there is no other student"),
    ],
)
def test_a_distilled_student_is_next_to_those_of_equal_compute_and_of_equal_tokens_and_prompts(tree, costs, learned, compute, less, tokens):
    """Student 1 is distilled: eight right of eight, as Student 2; Student 0 has two."""
    for place in range(3):
        write_json(tree / f"models/s{place}/manifest.json", {"digest": str(place) * 64, "files": {}, **learned.get(f"s{place}", {})})
    write_json(tree / "models/s1/manifest.json", DISTILLED)
    (sentence,) = budget.next_to_equals(names(SPEC), results(tree, **costs))
    assert sentence == (
        f"**Student 1 at about equal compute** (2.00 TFLOP, within a factor of 1.25): {compute}."
        f"{f' **For less compute:** {less}.' if less else ''} "
        f"**At about equal tokens and prompts** (9,000 and 96 in its last training): {tokens}."
    )
    assert sentence in render(SPEC, results(tree, **costs))


def test_of_students_that_were_not_distilled_nothing_of_that_kind_is_said(tree):
    assert budget.next_to_equals(names(SPEC), results(tree, s0=cost(2e12), s1=cost(2e12))) == []


def test_no_other_student_is_better(tree):
    found = results(tree, s0=cost(2e12), s1=cost(9e12), s2=cost(9e12))
    swapped = {**SPEC, "models": [*SPEC["models"][:2], SPEC["models"][4], SPEC["models"][2]]}
    sentence = budget.best_within(names(swapped), found)
    assert sentence.endswith("none of the 2 students has a higher mean score (100.0).")


def test_the_table_has_each_model_that_cost_anything(tree):
    found = results(tree, r1=cost(9e12), s0=cost(2e12), s1=cost(1e12, 2e12))
    table = budget.section(names(SPEC), found, None).split("\n\n")[0].split("\n")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    assert cells[0] == [
        "model",
        "compute (TFLOP)",
        "training",
        "inference",
        "tokens trained on",
        "tokens generated or scored",
        "of Student 0",
    ]
    assert cells[2:] == [
        ["R1-Distill", "9.00", "9.00", "–", "9,000", "–", "4.50 ×"],
        ["Student 0", "2.00", "2.00", "–", "9,000", "–", "1.00 ×"],
        ["Student 1", "3.00", "1.00", "2.00", "9,000", "70", "1.50 ×"],
    ]
    scores = next(line for line in render(SPEC, found).split("\n") if line.startswith("| compute"))
    assert [cell.strip() for cell in scores.strip("|").split("|")] == ["compute (TFLOP)", "–", "9.00", "2.00", "3.00", "–", "–"]


def test_without_inference_there_is_no_column_for_it(tree):
    head = budget.section(names(SPEC), results(tree, s0=cost(2e12)), None).split("\n")[0]
    assert [cell.strip() for cell in head.strip("|").split("|")] == ["model", "compute (TFLOP)", "tokens trained on"]


@pytest.mark.parametrize(("flops", "name"), [(1e9, "TFLOP"), (3e12, "TFLOP"), (5e17, "PFLOP"), (3e21, "EFLOP")])
def test_operations_are_given_in_a_unit_that_can_be_read(flops, name):
    assert budget.unit(flops)[1] == name


@pytest.mark.parametrize(("most", "scale"), [(4e12, "linear"), (9e13, "log")])
def test_the_figure_has_a_point_a_model(tree, most, scale):
    found = results(tree, r1=cost(most), s0=cost(2e12), s1=cost(1e12, 2e12))
    axes = figures.draw("score_vs_compute", names(SPEC), found).axes[0]
    points = {line.get_label(): (part.lines[0].get_xdata()[0], part.lines[0].get_ydata()[0]) for part in axes.containers for line in [part]}
    assert points == {
        "R1-Distill": pytest.approx((most / 1e12, 99.0)),
        "Student 0": pytest.approx((2.0, 71.4)),
        "Student 1": pytest.approx((3.0, 90.0)),
    }
    assert axes.get_xscale() == scale
    assert figures.draw("score_vs_compute", names(SPEC), results(tree)) is None
