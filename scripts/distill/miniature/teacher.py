"""The teacher: a program that writes solutions in the format of Bespoke-Stratos, a long thought, with slips, and a short solution."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from distill.base.thoughts import completion
from distill.miniature.world import AXES, MODULUS, Problem, Pulses

INSTRUCTION = "Return your final response within \\boxed{}. "
SLIP = 0.03  # share of steps that are first done wrong, then corrected
DOUBLE_CHECK = 0.25
OPENING = "Okay, let me try to figure out this problem."
NOTICED = "Wait, that is wrong."
CHOICES = "ABCD"
CHECKING = "Wait, let me double-check."


@dataclass(frozen=True)
class PosedQuestion:
    """A question as text, with the choices in the order shown; `gold` is the right answer (of a choice question its letter)."""

    problem: Problem
    question: str
    gold: str
    shown: tuple[str, ...] = ()


def pose(rng: random.Random, problem: Problem, end: str | None = None) -> PosedQuestion:
    """Write a problem as a question; a choice question gets four choices in random order, as in benchmarks/prompts.py.

    `end`: the right choice, where it is not the problem's answer.
    """
    if not isinstance(problem, Pulses):
        return PosedQuestion(problem, problem.question, problem.answer)
    end = end or problem.answer
    shown = [end, *rng.sample([axis for axis in AXES if axis != end], 3)]
    rng.shuffle(shown)
    listed = "\n".join(f"{letter}) {choice}" for letter, choice in zip(CHOICES, shown, strict=True))
    return PosedQuestion(problem, f"{problem.question}\n{listed}", CHOICES[shown.index(end)], tuple(shown))


def write_thought(rng: random.Random, posed: PosedQuestion, wrong: bool = False) -> tuple[list[str], str]:
    """(paragraphs of a thought, its answer). With `wrong`, the last step and so the answer are wrong."""
    problem, values = posed.problem, posed.problem.values()
    paragraphs = [OPENING]
    for step in range(problem.steps):
        before, value = values[step : step + problem.given], values[step + problem.given]
        if rng.random() < SLIP:
            paragraphs += [step_line(problem, step, before, _other(rng, problem, value)), NOTICED]
        paragraphs.append(step_line(problem, step, before, value))
    if wrong:
        values[-1] = rng.choice([axis for axis in posed.shown if axis != value]) if posed.shown else _other(rng, problem, value)
        paragraphs[-1] = step_line(problem, step, before, values[-1])
    if rng.random() < DOUBLE_CHECK:
        paragraphs += [CHECKING, paragraphs[-1]]
    closing, answer = conclude(posed, values)
    return [*paragraphs, closing, "**Final Answer**", f"\\boxed{{{answer}}}"], answer


def step_line(problem: Problem, step: int, before: Sequence, value: str | int) -> str:
    """One step as a line of text, from the values before it to its result."""
    if isinstance(problem, Pulses):
        return f"{step + 1}: {problem.pulses[step]} takes {before[0]} to {value}."
    a, b = before
    return f"{a}⊗{b}≡{problem.p * a % MODULUS}+{problem.q * b % MODULUS}={value}, {problem.steps - step - 1} left."


def conclude(posed: PosedQuestion, values: Sequence) -> tuple[str, str]:
    """(closing paragraph, answer) for the values of a chain."""
    problem = posed.problem
    if isinstance(problem, Pulses):
        answer = CHOICES[posed.shown.index(values[-1])]
        return choice_line(values[-1], answer), answer
    answer = "".join(map(str, values[-problem.digits :]))
    if problem.digits == 1:
        return f"So the last is {answer}.", answer
    return f"{values[-2]}⊗{values[-1]} would be next, so {answer}.", answer


def choice_line(axis: str, letter: str) -> str:
    return f"So it ends along {axis}, choice {letter}) {axis}, so ({letter})."


def write(paragraphs: Sequence[str], answer: str) -> str:
    """The assistant's turn in the format of Bespoke-Stratos."""
    body = "\n\n".join(paragraphs)
    return completion(body, f"Thus, the answer is\n\n\\boxed{{{answer}}}", "stratos")


def _other(rng: random.Random, problem: Problem, value: str | int) -> str | int:
    return rng.choice([other for other in (AXES if isinstance(problem, Pulses) else range(MODULUS)) if other != value])
