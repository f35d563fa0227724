"""One grader for filter and evaluation: right answers are right, and no answer can hang it, harm it or reach its neighbours."""

import itertools
import time

import hostile
import pytest

from distill.base.errors import InputError
from distill.grading import grader, pool, worker
from distill.grading.grader import Grader, Task, Verdict, grade_all


def boxed(gold: str, answer: str) -> Task:
    return Task("math", gold, f"So it is \\boxed{{{answer}}}.")


def summed(last: int) -> Task:
    """A task for math-verify, since nothing else here adds up sums."""
    return boxed(rf"\sum_{{k=1}}^{{{last}}} k", str(last * (last + 1) // 2))


def reasons(tasks, **how):
    return [verdict.reason for verdict in grade_all(tasks, **how)]


MATH = [
    ("12", "12", True),
    ("023", "23", True),
    ("23", "024", False),
    ("-0", "0", True),
    (r"\frac{1}{2}", "0.5", True),
    (r"\frac{1}{2}", r"\dfrac{2}{4}", True),
    (r"\frac{1}{2}", "0.51", False),
    ("x+1", "1+x", True),
    (r"As $a = 1$, we have $x = \boxed{\frac{3}{4}}$.", "0.75", True),
    ("x+1", "1-x", False),
    (r"\text{Evelyn}", "Evelyn", True),
    ("(1,2)", "(2,1)", False),
    (r"\sqrt{8}", r"2\sqrt{2}", True),
    (r"50\%", r"\frac{1}{2}", True),
    ("90", r"90^\circ", True),
    (r"25\%", "25", True),
    ("25", r"25\%", True),
    (r"25\%", "0.25", True),
    (r"25\%", "26", False),
    (r"25\%", "25 percent", True),
    (r"25\%", r"26\text{ percent}", False),
    (r"\tan^2(y)+1", r"\sec^2(y)", True),
    (r"-2 \le x \le 7", r"x \in [-2,7]", True),
    ("D = (0,1)", "D = (0,1.5)", False),
    ("D = (0,1)", "D = (0,1)", True),
    ("D = (0,1)", "(0,1)", True),
    (r"x \in \{1,2\}", r"x \in \{1,3\}", False),
    (r"x = \frac{1}{2}", "x=0.5", True),
    (r"\text{Evelyn}", r"\textbf{evelyn}", True),
    ("east", "seat", False),
    ("east", r"\text{East}", True),
    ("no solution", r"\text{No solution.}", True),
    ("yes", "no", False),
    ("abc", "cab", True),
    ("mgh", "ghm", True),
    (r"\text{CO}", r"\text{Co}", False),
    (r"\infty", "infinity", True),
    ("-5", "-5.", True),
    (r"\frac{13}{4}", "$13/4.$", True),
    (r"\frac{13}{4}", r"\left( \frac{13}{4} \right.", True),
]


def test_math_answers_are_judged_gold_first():
    found = list(grade_all([boxed(gold, answer) for gold, answer, _ in MATH]))
    assert [(verdict.answer, verdict.correct) for verdict in found] == [(answer, right) for _, answer, right in MATH]


@pytest.mark.parametrize(
    ("task", "verdict"),
    [
        (Task("math", "7", "<think>7</think> It is \\boxed{7}"), Verdict(True, "7", "correct")),
        (Task("math", "7", "It is 7."), Verdict(False, None, "no_answer")),
        (Task("math", "7", "<think> \\boxed{7}"), Verdict(False, None, "unclosed_thought", unclosed=True)),
        (Task("math", "7", "\\boxed{7}", prefilled=True), Verdict(False, None, "unclosed_thought", unclosed=True)),
        (Task("math", "7", "<think>\\boxed{7}</think> It is \\boxed{8}"), Verdict(False, "8", "wrong")),
        (Task("math", "7", "\\boxed{}"), Verdict(False, None, "no_answer")),
        (Task("choice", "B", "\\boxed{B}"), Verdict(True, "B", "correct")),
        (Task("choice", "B", "The answer is (C)"), Verdict(False, "C", "wrong")),
        (Task("choice", "B", "\\boxed{3 m}", ("2 m", "3 m")), Verdict(True, "B", "correct")),
        (Task("choice", "B", "no idea"), Verdict(False, None, "no_answer")),
        (Task("exact", "new  york", "\\boxed{new york}"), Verdict(True, "new york", "correct")),
        (Task("exact", "yes", " yes\n"), Verdict(True, "yes", "correct")),
        (Task("exact", "yes", "Yes"), Verdict(False, "Yes", "wrong")),
    ],
)
def test_what_needs_no_math_verify_starts_no_process(task, verdict, monkeypatch):
    monkeypatch.setattr(pool, "_fork_server_of_this_process", None)
    assert list(grade_all([task])) == [verdict]


def test_an_unknown_kind_is_an_error_that_names_it():
    with pytest.raises(InputError, match="'essay'"):
        list(grade_all([Task("essay", "a", "a")]))


def test_whole_numbers_are_equal_where_math_verify_finds_them_equal():
    worker.without_signals()
    spellings = ["0", "-0", "7", "007", "-7", "-07", "70", "12345678901234567890", r"\frac{3}{4}", "x"]
    for gold, answer in itertools.product(spellings, repeat=2):
        assert grader.same(gold, answer) == (worker.compare(gold, answer) == "correct"), (gold, answer)


def test_verdicts_do_not_depend_on_the_number_of_workers_and_keep_their_order():
    tasks = [boxed(gold, answer + " " * (turn % 3)) for turn, (gold, answer, _) in enumerate(MATH[:12] * 2)]
    assert list(grade_all(tasks, workers=1)) == list(grade_all(tasks, workers=2))


def test_it_reads_no_further_ahead_than_it_must():
    read = itertools.count()
    endless = (summed(1 + number) for number in iter(lambda: next(read), None))
    verdicts = grade_all(endless)
    assert [next(verdicts).correct for _ in range(6)] == [True] * 6
    verdicts.close()
    assert next(read) <= grader._LOOK_AHEAD + 10


def test_a_killed_worker_loses_only_the_answer_that_killed_it():
    right = [summed(number) for number in range(1, 31)]
    tasks = [*right[:10], boxed("3", "\\sum_{k=1}^{10^9} k^k"), *right[10:20], boxed("4", "\\prod_{k=1}^{10^9} k"), *right[20:]]
    found = reasons(tasks, workers=1, timeout_s=5.0)
    assert [place for place, reason in enumerate(found) if reason != "correct"] == [10, 21]
    assert found[10] == found[21] == "grader_timeout"


def test_one_grader_serves_batch_after_batch_with_the_same_workers():
    with Grader() as one:
        for _ in range(3):
            assert [verdict.correct for verdict in one.grade([summed(4), boxed("1", "2")])] == [True, False]
        assert len(one._pool.workers) == 1
    assert one._pool.workers == []


def test_text_that_no_file_can_hold_is_graded_too():
    assert reasons([boxed("1/2", "\ud800"), boxed("1/2", "\x00\u2028"), boxed("1/2", "1/2")]) == ["wrong", "wrong", "correct"]


def grade_hostile(answers, tmp_path, timeout_s):
    """The verdicts on hostile answers, each between two that are right; and that nothing was planted."""
    planted = tmp_path / "planted"
    answers = [answer.replace(hostile.PLANT, str(planted)) for answer in answers]
    halves = [summed(1 + number % 40) for number in range(len(answers) + 1)]
    tasks = [task for half, answer in zip(halves, answers, strict=False) for task in (half, boxed(r"\frac{1}{2}", answer))]
    started = time.monotonic()
    found = list(grade_all([*tasks, halves[-1]], workers=2, timeout_s=timeout_s))
    assert {verdict.reason for verdict in found[::2]} == {"correct"}
    assert not any(verdict.correct for verdict in found[1::2])
    assert not planted.exists()
    assert time.monotonic() - started < 60 + len(answers) * (timeout_s + 5)
    return [verdict.reason for verdict in found[1::2]]


def test_no_answer_runs_code(tmp_path):
    assert set(grade_hostile(hostile.CODE[::5] + hostile._CONSTRUCTORS, tmp_path, timeout_s=10)) == {"wrong"}


def test_costly_answers_end_in_time(tmp_path):
    some = [
        "9**9**9",
        "1000000!",
        r"\binom{10^9}{5 \cdot 10^8}",
        r"\prod_{k=1}^{10^9} k",
        "{" * 1_000_000,
        "9" * 4_000,
        "\\begin{cases}" * 300,
    ]
    assert grade_hostile(some, tmp_path, timeout_s=5)[:5] == ["wrong", "wrong", "wrong", "grader_timeout", "no_answer"]


@pytest.mark.slow
def test_all_hostile_answers(tmp_path):
    assert len(hostile.ALL) >= 250
    grade_hostile(hostile.ALL, tmp_path, timeout_s=2)
