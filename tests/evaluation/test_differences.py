"""What is compared with what, and what is kept out."""

from dataclasses import replace

import pytest
from scored_models import BASE, BENCHMARK, REFERENCE, STUDENT, score

from distill.base.errors import InputError
from distill.evaluation.differences import best_prompt_rows, difference_rows
from distill.evaluation.evaluations import ComparedBenchmark, flags_of


def test_the_student_is_compared_with_both_and_the_reference_with_the_baseline(tmp_path):
    scores = [score(tmp_path, model, right) for model, right in ((BASE, 20), (REFERENCE, 80), (STUDENT, 78))]
    rows = [(row.a, row.b, row.verdict) for row in difference_rows(scores, seed=0)]
    assert rows == [("ours", "base", "better"), ("ours", "r1", "no detectable difference"), ("r1", "base", "better")]


def test_of_several_references_each_is_compared_with_the_student_and_the_baseline(tmp_path):
    other = replace(REFERENCE, name="r2")
    scores = [score(tmp_path, model, right) for model, right in ((BASE, 20), (REFERENCE, 80), (other, 40), (STUDENT, 78))]
    rows = [(row.a, row.b, row.verdict) for row in difference_rows(scores, seed=0)]
    assert rows == [
        ("ours", "base", "better"),
        ("ours", "r1", "no detectable difference"),
        ("ours", "r2", "better"),
        ("r1", "base", "better"),
        ("r2", "base", "better"),
    ]


def test_a_worse_student_is_called_worse(tmp_path):
    (row,) = difference_rows([score(tmp_path, BASE, 60), score(tmp_path, STUDENT, 20)], seed=0)
    assert row.verdict == "worse"
    assert row.difference == pytest.approx(-0.4)
    assert row.ci95_low < -0.4 < row.ci95_high < 0


def test_p_values_are_corrected_for_all_that_is_compared(tmp_path):
    """A p value between .025 and .05 stands alone but not among two."""
    pair = [score(tmp_path, BASE, 20), score(tmp_path, STUDENT, 26)]
    (alone,) = difference_rows(pair, seed=0)
    assert 0.01 < alone.p == alone.p_holm < 0.05
    other = ComparedBenchmark("aime24", "AIME", "deepseek")
    more = [score(tmp_path, BASE, 20, benchmark=other), score(tmp_path, STUDENT, 26, benchmark=other)]
    assert [row.p_holm for row in difference_rows(pair + more, seed=0)] == [2 * alone.p] * 2


def test_a_score_that_cannot_be_right_gets_no_verdict_and_weighs_on_none(tmp_path):
    flagged = score(tmp_path, REFERENCE, 90, flags=("all golds are A",))
    rows = {row.b: row for row in difference_rows([score(tmp_path, BASE, 20), flagged, score(tmp_path, STUDENT, 26)], seed=0)}
    assert rows["r1"].verdict == "not compared"
    assert rows["r1"].p is None
    assert rows["base"].p_holm == rows["base"].p


def test_models_that_answered_different_items_are_not_compared(tmp_path):
    with pytest.raises(InputError, match="hold different items"):
        difference_rows([score(tmp_path, BASE, 20, n=50), score(tmp_path, STUDENT, 26, n=40)], seed=0)


@pytest.mark.parametrize("partly", ["ours", "base"])
def test_a_model_that_answered_some_items_only_is_compared_on_those_that_both_answered(tmp_path, partly):
    """40 of 100 items, of which the model that answered them all has the first 20 right."""
    whole, part = (BASE, STUDENT) if partly == "ours" else (STUDENT, BASE)
    some = score(tmp_path, part, 30, n=40)
    some.summary["n_items_in_benchmark"] = 100
    (row,) = difference_rows([score(tmp_path, whole, 20), some], seed=0)
    assert (row.n, row.difference) == (40, pytest.approx(0.25 if partly == "ours" else -0.25))
    assert not flags_of(some.summary, replace(BENCHMARK, items=100), [])
    some.summary["n_items_in_benchmark"] = 40
    assert flags_of(some.summary, replace(BENCHMARK, items=100), []) == ["40 items where its configuration says 100: look at its source"]


def test_the_baseline_is_also_taken_under_the_protocol_that_suits_it_best(tmp_path):
    """Students under each other protocol are held against it; flagged scores are not the best, and nothing else changes."""
    raw, boxed, few = (ComparedBenchmark(f"math@{name}", "MATH", name) for name in ("raw", "boxed", "few"))
    scores = [score(tmp_path, BASE, right, benchmark=one) for one, right in ((raw, 20), (boxed, 45))]
    scores.append(score(tmp_path, BASE, 90, benchmark=few, flags=("its grader fails",)))
    scores += [score(tmp_path, STUDENT, right, benchmark=one) for one, right in ((raw, 60), (boxed, 70))]
    (row,) = best_prompt_rows(scores, seed=0)
    assert (row.a, row.b, row.benchmark, row.b_benchmark, row.verdict) == ("ours", "base", "math@raw", "math@boxed", "better")
    assert row.difference == pytest.approx(0.15)
    assert row.p == row.p_holm
    assert {one.b_benchmark for one in difference_rows(scores, seed=0)} == {""}
    only = [one for one in scores if one.benchmark == raw]
    assert best_prompt_rows(only, seed=0) == []
