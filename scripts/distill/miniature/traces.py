"""Sets of the teacher's traces: clean, or raw with the defects that published sets have."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from distill.base.files import Row
from distill.base.thoughts import SOLUTION, THOUGHT
from distill.miniature import benchmarks
from distill.miniature.teacher import CHECKING, INSTRUCTION, PosedQuestion, pose, write, write_thought
from distill.miniature.world import draw

SYSTEM = (
    "Your role as an assistant involves thoroughly exploring questions through a systematic long thinking process "
    "before providing the final precise and accurate solutions."
)
SHARES = {"math": 0.3, "aime": 0.25, "gpqa": 0.45}
# Shares of the rows of a raw set; the rest has no defect.
DEFECTS = {"wrong_answer": 0.08, "broken_tag": 0.04, "too_long": 0.03, "benchmark": 0.03, "repeated": 0.03, "truncated": 0.01}
LOOP = 80  # repetitions in a thought that is too long


@dataclass(frozen=True)
class TraceSetSpec:
    """`steps`: the longest problem of the set; `benchmarks`: items of each benchmark, needed to plant some of them in a raw set."""

    seed: int
    rows: int
    clean: bool
    steps: int
    benchmarks: Mapping[str, int]


def rows(spec: TraceSetSpec) -> Iterator[Row]:
    """Rows of the Bespoke-Stratos schema (system, conversations) and the gold answer, the same for the same spec."""
    rng = random.Random(f"{spec.seed}/traces/{spec.clean}/{spec.rows}")
    planted = [problem for kind, items in sorted(spec.benchmarks.items()) for problem in benchmarks.problems(kind, spec.seed, items)]
    seen, sound = set(), []
    for _ in range(spec.rows):
        defect = None if spec.clean else rng.choices([*DEFECTS, None], [*DEFECTS.values(), 1 - sum(DEFECTS.values())])[0]
        if defect == "repeated" and sound:
            yield rng.choice(sound)
            continue
        posed = pose(rng, rng.choice(planted) if defect == "benchmark" else _new(rng, spec, seen))
        row = _row(posed, _answer(rng, posed, defect))
        if defect is None:
            sound.append(row)
        yield row


def _new(rng: random.Random, spec: TraceSetSpec, seen: set):
    while True:
        kind = rng.choices(list(SHARES), list(SHARES.values()))[0]
        problem = draw(rng, kind, [steps for steps in benchmarks.STEPS[kind] if steps <= spec.steps], benchmark=False)
        if problem not in seen:
            seen.add(problem)
            return problem


def _answer(rng: random.Random, posed: PosedQuestion, defect: str | None) -> str:
    paragraphs, answer = write_thought(rng, posed, wrong=defect == "wrong_answer")
    if defect == "too_long":
        paragraphs = paragraphs[:-2] + [CHECKING, paragraphs[-3]] * LOOP + paragraphs[-2:]
    text = write(paragraphs, answer)
    if defect == "broken_tag":
        tag = rng.choice([*THOUGHT["stratos"], *SOLUTION["stratos"]])
        return text.replace(tag, rng.choice(["", tag.replace("|>", "|")]))
    if defect == "truncated":
        return text[: rng.randrange(len(text) // 4, text.index(THOUGHT["stratos"][1]))]
    return text


def _row(posed: PosedQuestion, text: str) -> Row:
    turns = [{"from": "user", "value": INSTRUCTION + posed.question}, {"from": "assistant", "value": text}]
    return {"system": SYSTEM, "conversations": turns, "gold": posed.gold}
