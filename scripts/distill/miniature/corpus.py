"""The texts from which the base model learns to read: facts, exercise sheets with gaps, and questions with a bare answer.

Each line of a sheet is a true step, but three lines in ten set out from anywhere and not from where the line before left off. So the base
model has seen all the pieces of a chain, and on one sheet in three a whole one, of at most five steps; but never below a question: a
question it answers at once. What distillation brings is to answer a question with a chain without gaps, and with a long one.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from distill.base.errors import InputError
from distill.miniature import benchmarks
from distill.miniature.teacher import CHOICES, INSTRUCTION, OPENING, choice_line, conclude, pose, step_line
from distill.miniature.world import AXES, COEFFICIENTS, MODULUS, PULSE_AXES, Problem, Pulses, Recurrence, draw

SHEET = "Exercises. "
BARE = 0.1  # share of questions with a bare answer
GOES_ON = 0.7  # share of a sheet's lines that take up where the one before left off
LINES = {"math": range(1, 6), "aime": range(2, 6), "gpqa": range(3, 6)}  # of a sheet
SHARES = {"math": 0.25, "aime": 0.25, "gpqa": 0.5}  # of the questions and sheets
FACTS = {"sums": 0.05, "steps": 0.4, "turns": 0.2, "choices": 0.35}
SHEETS = 1.6  # facts come first; the share of sheets grows from none to all at this rate (all at 1/1.6 of the way)
OPENED = 0.5  # of the sheets begin with a word of their own
COMMON = 0.5  # of the facts are about the commonest things; with all equally common they are learned many times more slowly


@dataclass(frozen=True)
class Text:
    """One exchange: what user and assistant say. `sort` is question, facts, gaps (a sheet) or worked (a sheet without gaps)."""

    user: str
    assistant: str
    sort: str


def texts(seed: int, count: int) -> Iterator[Text]:
    """So many texts, equal for equal arguments; none of them is about a problem that is held out for the benchmarks."""
    rng = random.Random(f"{seed}/corpus")
    for number in range(count):
        kind = rng.choices(list(SHARES), list(SHARES.values()))[0]
        if rng.random() < BARE:
            posed = pose(rng, draw(rng, kind, benchmarks.STEPS[kind], benchmark=False))
            yield Text(INSTRUCTION + posed.question, f"The answer is \\boxed{{{posed.gold}}}.", "question")
        elif rng.random() < SHEETS * number / count:
            yield sheet(rng, draw(rng, kind, LINES[kind], benchmark=False))
        else:
            yield facts(rng, rng.choices(list(FACTS), list(FACTS.values()))[0])


def sheet(rng: random.Random, problem: Problem) -> Text:
    """The steps of a problem, each from where the one before left off (the first from what is given) or else from anywhere."""
    before = values = problem.values()[: problem.given]
    said = []
    for step in range(problem.steps):
        if rng.random() >= GOES_ON:
            before = [rng.choice(AXES) if isinstance(problem, Pulses) else rng.randrange(MODULUS) for _ in before]
        values = [*values, problem.after(step, before)]
        said.append(step_line(problem, step, before, values[-1]))
        before = [*before[1:], values[-1]]
    posed = pose(rng, problem, end=values[-1])
    closing, answer = conclude(posed, values)
    opening = [OPENING] if rng.random() < OPENED else []
    sort = "worked" if values == problem.values() else "gaps"
    return Text(f"{SHEET}{posed.question}", "\n\n".join([*opening, *said, closing, f"\\boxed{{{answer}}}"]), sort)


def facts(rng: random.Random, about: str) -> Text:
    """Facts that have nothing to do with each other."""

    def digit() -> int:
        return rng.randrange(2) if rng.random() < COMMON else rng.randrange(MODULUS)

    if about == "sums":
        pairs = [(digit(), digit()) for _ in range(12)]
        return Text(f"{SHEET}Sums mod {MODULUS}.", "\n\n".join(f"{a}+{b}={(a + b) % MODULUS}" for a, b in pairs), "facts")
    if about == "choices":
        shown = rng.sample(AXES, len(CHOICES))
        listed = "\n".join(f"{letter}) {axis}" for letter, axis in zip(CHOICES, shown, strict=True))
        asked = rng.choices(shown, k=6)
        said = [choice_line(axis, CHOICES[shown.index(axis)]) for axis in asked]
        return Text(f"{SHEET}Choices.\n{listed}", "\n\n".join(said), "facts")
    if about == "steps":
        p, q = (1 if rng.random() < COMMON / 2 else rng.choice(COEFFICIENTS) for _ in range(2))
        problem: Problem = Recurrence(p, q, 0, 0, 5)
        starts: list = [(digit(), digit()) for _ in range(5)]
        head = problem.rule
    else:
        pulses = (PULSE_AXES[0] if rng.random() < COMMON else rng.choice(PULSE_AXES) for _ in range(5))
        problem = Pulses(AXES[0], tuple(pulses))
        starts = [(rng.choice(AXES),) for _ in range(5)]
        head = "Pulses of 90°"
    said = [step_line(problem, step, before, problem.after(step, before)) for step, before in enumerate(starts)]
    return Text(f"{SHEET}{head}.", "\n\n".join(said), "facts")


def check_no_overlap(corpus: list[Text], seed: int, sizes: Mapping[str, int]) -> None:
    """Raises InputError if a text of the corpus puts a question of a benchmark."""
    asked = {problem.question: kind for kind, items in sizes.items() for problem in benchmarks.problems(kind, seed, items)}
    for text in corpus:
        question = text.user.removeprefix(INSTRUCTION).removeprefix(SHEET).split("\n")[0]
        if question in asked:
            raise InputError(f"mini_{asked[question]}: {question!r} is in the base's corpus: keep it out in distill/miniature/corpus.py")
