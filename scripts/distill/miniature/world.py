"""Two kinds of problems, each solved by iterating a simple rule: easy step by step, hard without intermediate steps.

Recurrence: a sequence of digits from A and B on, each later one the ⊗ of the two before it, a⊗b = pa+qb mod 7.
Pulses: a magnetization along an axis of space and a list of pulses of 90°, each about some axis.
"""

import hashlib
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass

MODULUS = 7
COEFFICIENTS = range(1, MODULUS)
AXES = ("+x", "-x", "+y", "-y", "+z", "-z")
PULSE_AXES = AXES[:4]  # as in a spectrometer, whose field lies along z
MAX_STEPS = 10
MAX_PULSES = 8
LEVELS = 5
HELD_OUT = 6  # one problem in six is kept for the benchmarks

_VECTORS = {"+x": (1, 0, 0), "-x": (-1, 0, 0), "+y": (0, 1, 0), "-y": (0, -1, 0), "+z": (0, 0, 1), "-z": (0, 0, -1)}
_NAMES = {vector: name for name, vector in _VECTORS.items()}


@dataclass(frozen=True)
class Recurrence:
    """The ⊗ of coefficients p and q, followed from A and B for `steps` steps; the answer is its last `digits` values (1 or 2)."""

    p: int
    q: int
    a: int
    b: int
    steps: int
    digits: int = 1
    given = 2  # number of starting values

    def values(self) -> list[int]:
        """A, B and the letters after them: steps + 2 digits."""
        values = [self.a, self.b]
        for step in range(self.steps):
            values.append(self.after(step, values[-2:]))
        return values

    def after(self, step: int, before: Sequence[int]) -> int:
        """The value after the two in `before`."""
        return (self.p * before[0] + self.q * before[1]) % MODULUS

    @property
    def rule(self) -> str:
        """The rule that each step applies."""
        return f"a⊗b={self.p}a+{self.q}b mod {MODULUS}"

    @property
    def answer(self) -> str:
        return "".join(map(str, self.values()[-self.digits :]))

    @property
    def question(self) -> str:
        ask = "Give the last." if self.digits == 1 else "Give the last two as one number."
        return f"Let {self.rule}. From A={self.a} and B={self.b} go on {self.steps} times with the ⊗ of the last two. {ask}"

    @property
    def key(self) -> str:
        """Identity for the split: the whole sequence, whichever of its values is the answer."""
        return f"{self.p}a+{self.q}b {self.a} {self.b}"


@dataclass(frozen=True)
class Pulses:
    """A magnetization along `start` and the axes of the pulses that turn it by 90°, right-handed."""

    start: str
    pulses: tuple[str, ...]
    given = 1

    @property
    def steps(self) -> int:
        return len(self.pulses)

    def values(self) -> list[str]:
        """The axis at the start and after each pulse: steps + 1 axes."""
        values = [self.start]
        for step in range(self.steps):
            values.append(self.after(step, values[-1:]))
        return values

    def after(self, step: int, before: Sequence[str]) -> str:
        """The axis after the pulse of that step (from 0) if the one before is as given."""
        return turn(before[0], self.pulses[step])

    @property
    def rule(self) -> str:
        """The pulses that the steps apply, in order."""
        return "pulses of 90° about " + " ".join(f"{number}: {pulse}" for number, pulse in enumerate(self.pulses, 1))

    @property
    def answer(self) -> str:
        return self.values()[-1]

    @property
    def question(self) -> str:
        return f"A magnetization along {self.start} gets {self.rule}. Where does it end?"

    @property
    def key(self) -> str:
        return f"{self.start} {' '.join(self.pulses)}"


Problem = Recurrence | Pulses


def turn(axis: str, about: str) -> str:
    """The axis after a right-handed turn of 90° about `about`: n × v, or v if they are parallel."""
    (vx, vy, vz), (nx, ny, nz) = _VECTORS[axis], _VECTORS[about]
    return _NAMES.get((ny * vz - nz * vy, nz * vx - nx * vz, nx * vy - ny * vx), axis)


def held_out(problem: Problem) -> bool:
    """Whether a problem belongs to the benchmarks. It depends on the problem only, so that sets are disjoint without knowing each other."""
    return int.from_bytes(hashlib.sha256(problem.key.encode()).digest()[:8], "big") % HELD_OUT == 0


def draw(rng: random.Random, kind: str, steps: Collection[int], benchmark: bool) -> Problem:
    """Draw a problem of a kind (math, aime, gpqa) whose number of steps is one of `steps`, from the benchmarks' part or from the other."""
    length = rng.choice(list(steps))
    while True:
        problem = _propose(rng, kind, length)
        if held_out(problem) == benchmark and not (kind == "aime" and problem.answer[0] == "0"):
            return problem


def _propose(rng: random.Random, kind: str, steps: int) -> Problem:
    if kind == "gpqa":
        return Pulses(rng.choice(AXES), tuple(rng.choice(PULSE_AXES) for _ in range(steps)))
    digits = 2 if kind == "aime" else 1
    return Recurrence(rng.choice(COEFFICIENTS), rng.choice(COEFFICIENTS), rng.randrange(MODULUS), rng.randrange(MODULUS), steps, digits)


def draw_many(rng: random.Random, kind: str, steps: Collection[int], benchmark: bool, count: int) -> list[Problem]:
    """Draw `count` different problems."""
    made: dict[Problem, None] = {}
    while len(made) < count:
        made[draw(rng, kind, steps, benchmark)] = None
    return list(made)
