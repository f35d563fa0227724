"""The pretraining corpus of the base model: facts, exercise sheets with gaps, and questions with a bare answer.

Where a configuration says so, questions of a benchmark are among them too, for a base that has seen its benchmark.

Each line of a sheet is a correct step, but three lines in ten start from random values instead of the result of the line before. So the
base model has seen all the pieces of a chain, and on one sheet in three a complete chain of at most five steps; but never after a question:
questions are answered without steps. Distillation teaches it to answer a question with a complete, and longer, chain.
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
CONTINUES = 0.7  # share of a sheet's lines that start from the result of the line before
LINES = {"math": range(1, 6), "aime": range(2, 6), "gpqa": range(3, 6)}  # of a sheet
SHARES = {"math": 0.25, "aime": 0.25, "gpqa": 0.5}  # of the questions and sheets
FACTS = {"sums": 0.05, "steps": 0.4, "turns": 0.2, "choices": 0.35}
SHEETS = 1.6  # curriculum: the share of sheets grows at this rate from 0 to 1, which it reaches after 1/1.6 of the texts
OPENED = 0.5  # share of the sheets that begin with an opening line
COMMON = 0.5  # share of facts about the most frequent values; with a uniform distribution they are learned many times more slowly


@dataclass(frozen=True)
class Text:
    """A user turn and an assistant turn. `sort` is question, facts, gaps (a sheet) or worked (a sheet without gaps); or planted, which is a
    text without turns and has no user."""

    user: str | None
    assistant: str
    sort: str


def texts(seed: int, count: int) -> Iterator[Text]:
    """`count` texts, the same for the same arguments, none about a problem that is held out for the benchmarks."""
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
    """The steps of a problem, each from the result of the one before or, as a gap, from random values."""
    before = values = problem.values()[: problem.given]
    lines = []
    for step in range(problem.steps):
        if rng.random() >= CONTINUES:
            before = [rng.choice(AXES) if isinstance(problem, Pulses) else rng.randrange(MODULUS) for _ in before]
        values = [*values, problem.after(step, before)]
        lines.append(step_line(problem, step, before, values[-1]))
        before = [*before[1:], values[-1]]
    posed = pose(rng, problem, end=values[-1])
    closing, answer = conclude(posed, values)
    opening = [OPENING] if rng.random() < OPENED else []
    sort = "worked" if values == problem.values() else "gaps"
    return Text(f"{SHEET}{posed.question}", "\n\n".join([*opening, *lines, closing, f"\\boxed{{{answer}}}"]), sort)


def facts(rng: random.Random, about: str) -> Text:
    """Unrelated facts of one kind: sums, steps, turns or choices."""

    def digit() -> int:
        return rng.randrange(2) if rng.random() < COMMON else rng.randrange(MODULUS)

    if about == "sums":
        pairs = [(digit(), digit()) for _ in range(12)]
        return Text(f"{SHEET}Sums mod {MODULUS}.", "\n\n".join(f"{a}+{b}={(a + b) % MODULUS}" for a, b in pairs), "facts")
    if about == "choices":
        shown = rng.sample(AXES, len(CHOICES))
        listed = "\n".join(f"{letter}) {axis}" for letter, axis in zip(CHOICES, shown, strict=True))
        lines = [choice_line(axis, CHOICES[shown.index(axis)]) for axis in rng.choices(shown, k=6)]
        return Text(f"{SHEET}Choices.\n{listed}", "\n\n".join(lines), "facts")
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
    lines = [step_line(problem, step, before, problem.after(step, before)) for step, before in enumerate(starts)]
    return Text(f"{SHEET}{head}.", "\n\n".join(lines), "facts")


def with_planted(corpus: list[Text], seed: int, sizes: Mapping[str, int], planted: Mapping[str, int]) -> list[Text]:
    """The corpus with each question of some benchmarks ({kind: times}) as a separate text, so many times, at random places."""
    rng = random.Random(f"{seed}/planted")
    questions = [problem.question for kind, times in planted.items() for problem in benchmarks.problems(kind, seed, sizes[kind]) * times]
    rng.shuffle(questions)
    places = sorted(rng.randrange(len(corpus) + 1) for _ in questions)
    made: list[Text] = []
    for start, end, question in zip([0, *places], places, questions, strict=False):
        made += [*corpus[start:end], Text(None, question, "planted")]
    return made + corpus[places[-1] if places else 0 :]


def check_no_overlap(corpus: list[Text], seed: int, sizes: Mapping[str, int]) -> None:
    """Raises InputError if a text of the corpus asks a question of a benchmark."""
    held_out = {problem.question: kind for kind, items in sizes.items() for problem in benchmarks.problems(kind, seed, items)}
    for text in corpus:
        question = text.user.removeprefix(INSTRUCTION).removeprefix(SHEET).split("\n")[0]
        if question in held_out:
            raise InputError(f"mini_{held_out[question]}: {question!r} is in the base's corpus: keep it out in distill/miniature/corpus.py")
