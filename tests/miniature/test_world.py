"""The miniature's problems: what they ask is what they answer, and the benchmarks' share of them is nowhere else."""

import random

import pytest

from distill.miniature import benchmarks
from distill.miniature.world import AXES, MAX_STEPS, Pulses, Recurrence, draw, draw_many, held_out, turn


@pytest.mark.parametrize(
    ("axis", "about", "end"),
    [("+z", "+x", "-y"), ("+z", "+y", "+x"), ("+x", "+x", "+x"), ("-x", "+x", "-x"), ("+y", "+x", "+z"), ("+z", "-x", "+y")],
)
def test_a_pulse_turns_right_handed(axis, about, end):
    assert turn(axis, about) == end


@pytest.mark.parametrize("about", AXES)
@pytest.mark.parametrize("axis", AXES)
def test_four_pulses_of_90_degrees_lead_back(axis, about):
    assert Pulses(axis, (about,) * 4).answer == axis


def test_a_recurrence_is_followed_value_by_value():
    problem = Recurrence(p=3, q=4, a=4, b=2, steps=4)
    assert problem.values() == [4, 2, 6, 2, 5, 5]
    assert problem.answer == "5"
    assert Recurrence(3, 4, 4, 2, 4, digits=2).answer == "55"


def test_a_question_says_all_that_its_answer_needs():
    question = Recurrence(3, 4, 4, 2, 4).question
    assert all(part in question for part in ("3a+4b mod 7", "A=4", "B=2", "4 times"))
    assert "about 1: +x 2: -y." in Pulses("+z", ("+x", "-y")).question


@pytest.mark.parametrize("kind", benchmarks.KINDS)
def test_benchmark_and_training_problems_lie_apart(kind):
    rng = random.Random(0)
    tested = draw_many(rng, kind, benchmarks.STEPS[kind], True, 100)
    trained = [draw(rng, kind, benchmarks.STEPS[kind], False) for _ in range(1000)]
    assert all(map(held_out, tested))
    assert {problem.key for problem in tested}.isdisjoint(problem.key for problem in trained)


def test_a_sequence_is_held_out_whole():
    assert len({held_out(Recurrence(3, 4, 4, 2, steps, digits)) for steps in range(1, MAX_STEPS + 1) for digits in (1, 2)}) == 1


@pytest.mark.parametrize("kind", benchmarks.KINDS)
def test_a_benchmark_depends_on_its_seed_and_on_nothing_else(kind):
    assert benchmarks.rows(kind, 1, 40) == benchmarks.rows(kind, 1, 40)
    assert benchmarks.rows(kind, 1, 40) != benchmarks.rows(kind, 2, 40)


@pytest.mark.parametrize("kind", benchmarks.KINDS)
def test_no_benchmark_asks_twice(kind):
    assert len({problem.question for problem in benchmarks.problems(kind, 1, 200)}) == 200


def test_aime_answers_have_two_digits():
    assert all(10 <= int(row["answer"]) <= 66 for row in benchmarks.rows("aime", 1, 100))


def test_math_has_five_levels_and_a_level_more_is_two_steps_more():
    assert sorted({row["level"] for row in benchmarks.rows("math", 1, 200)}) == [1, 2, 3, 4, 5]
    assert [benchmarks.level(Recurrence(1, 1, 1, 1, steps)) for steps in range(1, 11)] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_choices_are_four_different_axes():
    for row in benchmarks.rows("gpqa", 1, 50):
        assert len({row["correct"], row["wrong_1"], row["wrong_2"], row["wrong_3"]} & set(AXES)) == 4
