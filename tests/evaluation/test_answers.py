"""What recorded answers say beyond the score equals what counting every choice of samples by hand says."""

import json
import os
from itertools import combinations
from math import comb
from pathlib import Path
from statistics import mean

import numpy as np
import pytest

from distill.base.files import write_json, write_jsonl
from distill.evaluation import stats
from distill.evaluation.answers import TaskAnswers, answers_row, curve_rows, read_answers
from distill.evaluation.compare import tables
from distill.evaluation.rows import AnswersRow, CurveRow, read_csv
from distill.grading.grader import Task, grade_all, same

DATA = os.environ.get("DISTILL_REAL_DATA", "")
VOTES = [
    ((8,), (True,), 8),
    ((5, 3), (False, True), 8),
    ((2, 2, 2, 1), (True, False, False, False), 8),  # one sample has no answer
    ((1, 1, 1, 1), (False, True, False, False), 4),
    ((3, 2, 2), (True, True, False), 7),
    ((), (), 3),
    ((4,), (False,), 6),
]


@pytest.mark.parametrize(("votes", "right", "n"), VOTES)
def test_maj_at_k_is_the_mean_over_all_choices_of_k_samples(votes, right, n):
    answers = [str(place) for place, count in enumerate(votes) for _ in range(count)]
    samples = [(answer, right[int(answer)]) for answer in answers] + [(None, False)] * (n - sum(votes))
    for k, found in enumerate(stats.majority_at_k(votes, right, n), 1):
        assert found == pytest.approx(mean(stats.majority(*zip(*some, strict=True)) for some in combinations(samples, k)), abs=1e-12)


def test_maj_at_k_of_many_samples_stays_exact():
    """At k = n it is the vote of all, at k = 1 the share of right answers; ties are shared."""
    curve = stats.majority_at_k((20, 20, 15, 5), (True, False, False, True), 64)
    assert curve[0] == pytest.approx(25 / 64, abs=1e-12)
    assert curve[-1] == pytest.approx(0.5, abs=1e-12)


def points(answers: TaskAnswers, **more) -> dict[tuple[str, int], CurveRow]:
    return {(row.curve, row.at): row for row in curve_rows(answers, **more)}


def test_one_sample_has_no_curve_over_samples():
    one = TaskAnswers("ours", "math", np.array([[1.0], [0.0]]), [["1"], ["2"]])
    assert points(one) == {}
    assert answers_row(one) == AnswersRow("ours", "math", 2, 1)


def test_an_answer_that_is_not_finished_within_the_budget_is_wrong():
    answers = TaskAnswers(
        "ours", "math", np.array([[1.0, 1.0], [0.0, 1.0]]), [["1", "1"], ["2", "3"]], np.array([[100.0, 600.0], [50.0, 1024.0]])
    )
    found = points(answers, budgets=[1024, 512, 512, 4096, 8192], max_new_tokens=4096)
    assert {at: row.share for (curve, at), row in found.items() if curve == "budget"} == {512: 0.25, 1024: 0.75, 4096: 0.75}
    assert found["budget", 4096].ci95_low == stats.ci95(answers.correct)[0]


def test_lengths_and_agreement():
    tokens = np.array([[10.0, 20.0, 30.0], [40.0, 5.0, 7.0]])
    answers = TaskAnswers("ours", "math", np.array([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]]), [["1/2", "0.5", ".5"], ["1", "2", None]], tokens)
    row = answers_row(answers)
    assert (row.right_median, row.right_p90, row.wrong_median, row.wrong_p90) == (20, 40, 5, 7)
    assert row.agreement == 0.5  # all pairs of the first item, none of the second
    assert row.agreement_right == 1.0  # the second item's vote is a tie
    assert row.answers_per_item == 1.5


@pytest.mark.parametrize("k", [1, 2, 4, 8])
def test_intervals_of_pass_at_k_hold_what_they_promise(k):
    """At least 93 of 100 intervals hold the true pass@k of items whose chances are drawn from a Beta distribution."""
    generator = np.random.default_rng(k)
    held, rounds = 0, 400
    truth = float((1 - (1 - generator.beta(0.7, 1.3, 1_000_000)) ** k).mean())
    for _ in range(rounds):
        correct = (generator.random((60, 8)) < generator.beta(0.7, 1.3, (60, 1))).astype(float)
        low, high = stats.ci95_of_means(stats.pass_at_k_by_item(correct, k), 8 // k)
        held += low <= truth <= high
    assert held / rounds >= 0.93


def test_the_tables_hold_curves_and_lengths_of_what_has_them(tmp_path):
    for name, tokens in (("here", 7), ("elsewhere", None)):
        rows = [{"id": item, "sample": sample} for item in "ab" for sample in range(2)]
        write_jsonl(tmp_path / f"scores/{name}/math.jsonl", ({**row, "correct": row["id"] == "a", "answer": "1"} for row in rows))
        write_jsonl(tmp_path / f"responses/{name}/math.jsonl", ({**row, "text": "", "completion_tokens": tokens} for row in rows))
        write_json(
            tmp_path / f"scores/{name}/math.json",
            {"pass@1": 0.5, "n_items": 2, "n_samples": 2, "ci95": [0.1, 0.9], "ci95_sampling": [0.5, 0.5]},
        )
    spec = {
        "models": [{"name": "here", "role": "student"}, {"name": "elsewhere", "role": "reference"}],
        "benchmarks": [{"name": "math", "max_new_tokens": 10}],
        "token_budgets": [5],
    }
    for name, content in tables(tmp_path / "scores", spec, [], tmp_path / "responses").items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    curves = [(row.model, row.curve, row.at, row.share) for row in read_csv(CurveRow, tmp_path / "curves.csv")]
    both = [(curve, k, 0.5) for curve in ("pass@k", "maj@k") for k in (1, 2)]
    assert curves == [("here", *point) for point in [*both, ("budget", 5, 0.0), ("budget", 10, 0.5)]] + [
        ("elsewhere", *point) for point in both
    ]
    assert [(row.model, row.right_median) for row in read_csv(AnswersRow, tmp_path / "answers.csv")] == [("here", 7), ("elsewhere", None)]


@pytest.mark.skipif(not DATA, reason="DISTILL_REAL_DATA is not set")
def test_a_replay_of_real_samples_equals_the_reference_counted_by_hand(tmp_path):
    """Qwen2.5-Math's eight samples on 100 problems of MATH: every choice of k samples, counted out."""
    path = Path(DATA) / "outputs" / "math100x8_qwenmath_cot.jsonl"
    items = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    verdicts = grade_all([Task("math", item["gt"], text) for item in items for text in item["code"]], workers=2)
    rows = (
        {"id": str(place // 8), "sample": place % 8, "correct": verdict.correct, "answer": verdict.answer}
        for place, verdict in enumerate(verdicts)
    )
    write_jsonl(tmp_path / "verdicts.jsonl", rows)
    answers = read_answers("qwen", "math", tmp_path / "verdicts.jsonl", None)
    found = points(answers)
    assert answers.correct.shape == (100, 8)
    by_hand = [list(zip(answers.spelled[item], map(bool, answers.correct[item]), strict=True)) for item in range(100)]
    for k in range(1, 9):
        passed = mean(1 - comb(8 - sum(right for _, right in item), k) / comb(8, k) for item in by_hand)
        voted = mean(mean(_vote(some) for some in combinations(item, k)) for item in by_hand)
        assert found["pass@k", k].share == pytest.approx(passed, abs=1e-12)
        assert found["maj@k", k].share == pytest.approx(voted, abs=1e-12)


def _vote(samples: tuple[tuple[str | None, bool], ...]) -> float:
    """The vote as one would count it: a pile for each answer, equal answers on one pile, the highest piles share it."""
    piles: list[list[tuple[str, bool]]] = []
    for answer, right in samples:
        if answer is not None:
            pile = next((pile for pile in piles if pile[0][0] == answer or same(pile[0][0], answer)), None)
            if pile is None:
                piles.append(pile := [])
            pile.append((answer, right))
    highest = [pile for pile in piles if len(pile) == max(map(len, piles))]
    return sum(any(right for _, right in pile) for pile in highest) / len(highest) if highest else 0.0
