"""The miniature's three benchmarks: mini_math (five levels), mini_aime (an integer of two digits), mini_gpqa (four choices)."""

import random

from distill.base.files import Row
from distill.miniature.world import AXES, LEVELS, MAX_PULSES, MAX_STEPS, Problem, draw_many

KINDS = ("aime", "math", "gpqa")
# How many steps the questions of each kind take.
STEPS = {"math": range(1, MAX_STEPS + 1), "aime": range(3, MAX_STEPS + 1), "gpqa": range(3, MAX_PULSES + 1)}


def problems(kind: str, seed: int, items: int) -> list[Problem]:
    """The benchmark's problems, all held out from training; the same for the same arguments."""
    return draw_many(random.Random(f"{seed}/benchmark/{kind}"), kind, STEPS[kind], True, items)


def level(problem: Problem) -> int:
    """1 to 5, as in MATH: two more steps a level."""
    return 1 + (problem.steps - 1) * LEVELS // MAX_STEPS


def rows(kind: str, seed: int, items: int) -> list[Row]:
    """Rows of the benchmark's source file. A choice question has the right choice and three wrong ones, not shuffled."""
    rng = random.Random(f"{seed}/choices/{kind}")
    made = []
    for number, problem in enumerate(problems(kind, seed, items)):
        name = f"{kind}-{number:04d}"
        if kind == "gpqa":
            wrong = wrong_choices(rng, problem)
            made.append(
                {"id": name, "question": problem.question, "correct": problem.answer}
                | {f"wrong_{place}": choice for place, choice in enumerate(wrong, 1)}
            )
        else:
            made.append({"id": name, "problem": problem.question, "answer": problem.answer, "level": level(problem)})
    return made


def wrong_choices(rng: random.Random, problem: Problem) -> list[str]:
    """Three axes along which the magnetization does not end."""
    return rng.sample([axis for axis in AXES if axis != problem.answer], 3)
