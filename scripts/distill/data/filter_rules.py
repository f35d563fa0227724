"""Which traces are trained on: the filter's settings, its predicates, and the choice among several traces of one question."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from distill.base.files import Row, encodable
from distill.base.settings import Settings
from distill.base.thoughts import completion
from distill.data import judge, review
from distill.data.hashset import hash64
from distill.data.judge import JudgeRule
from distill.data.thought_rules import REASONS as THOUGHT_REASONS
from distill.data.thought_rules import ThoughtSpec
from distill.data.traces import MAX_CHARS, Defect, Trace, find_defect
from distill.grading.grader import Task

# The order in which predicates are tried, which is the order of the funnel. A row is dropped under the first that applies.
REASONS = (
    "not_selected",
    "malformed",
    "truncated",
    "unverifiable",
    "no_answer",
    "wrong_answer",
    "grader_timeout",
    "grader_memory",
    "grader_error",
    *THOUGHT_REASONS,
    "pass_rate",
    review.REASON,
    *judge.REASONS,
    "duplicate",
    "near_duplicate",
    "contaminated",
    "too_long",
    "too_short",
    "not_chosen",
)
# Reasons of predicates that are off unless the configuration asks for them: funnel.json has them where they drop a row.
OPTIONAL_REASONS = ("not_selected", *THOUGHT_REASONS, review.REASON, *judge.REASONS, "pass_rate")
BEFORE_CONTAMINATION = REASONS[: REASONS.index("contaminated")]
# A grader's reasons under the filter's names, where they differ.
_VERDICTS = {"wrong": "wrong_answer", "answer_too_long": "wrong_answer", "unclosed_thought": "truncated"}


@dataclass(frozen=True)
class PerQuestion:
    """Rejection sampling: the most traces of one question (`k`), and by which rule they are chosen.

    all: no limit. first: the first in the order of the input. shortest: the fewest tokens. distinct: the first with each list of
    equations, as rejection sampling fine-tuning counts distinct reasoning paths (Yuan et al. 2023, arXiv 2308.01825).
    """

    rule: str
    k: int


@dataclass(frozen=True, kw_only=True)
class PassRate:
    """`filter.pass_rate` of the configuration: who answers the questions and how, and the bounds of the share of right answers."""

    model: str
    engine: str
    samples: int
    temperature: float
    top_p: float
    max_new_tokens: int
    seed: int
    user: str
    min: float
    max: float


SPEC = Settings(
    "$defs/dataset/filter/*",
    "$defs/dataset/thought_style",
    without=("judge", "review"),
    judge={
        "type": "object",
        "additionalProperties": False,
        "properties": {key: {"$ref": f"#/$defs/judge/properties/{key}"} for key in ("keep_at", "unjudged")},
    },
    system={"type": "string"},
    benchmarks={
        "type": "object",
        "default": {},
        "additionalProperties": {
            "type": "object",
            "additionalProperties": False,
            "required": ["columns"],
            "properties": {
                "columns": {"type": "object", "required": ["question"], "additionalProperties": True},
                "gated": {"$ref": "#/$defs/benchmark/properties/gated"},
            },
        },
    },
)


@dataclass(frozen=True, kw_only=True)
class FilterSpec:
    """The --spec of scripts/filter.py; config/README.md explains each key. `system` is the text itself, or "source"."""

    thought_style: str
    system: str | None = None
    verify: bool
    unverifiable: str
    answer_kind: str
    near_duplicates: float | None
    ngram: int | None
    contamination_action: str
    max_tokens: int | None
    min_tokens: int
    per_question: PerQuestion
    pass_rate: PassRate | None = None
    thought: ThoughtSpec
    judge: JudgeRule | None = None
    benchmarks: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "FilterSpec":
        """Raises InputError that names the key."""
        made = SPEC.read(given)
        parts = {"per_question": PerQuestion, "pass_rate": PassRate, "thought": ThoughtSpec, "judge": JudgeRule}
        return cls(**{key: parts[key](**value) if key in parts else value for key, value in made.items()})


def malformed(trace: Trace, special: re.Pattern[str] | None = None) -> Defect | None:
    """An empty question, thought or solution, a tag of another section in one of them, or a text that is no text or beyond all measure.

    `special` finds the tokenizer's special tokens: an end of turn inside of a thought would be learned as one.
    """
    if len(trace.question) + len(trace.thought) + len(trace.solution) > MAX_CHARS:
        return Defect("malformed", f"longer than {MAX_CHARS} characters")
    if not all(map(encodable, (trace.question, trace.thought, trace.solution, trace.system or ""))):
        return Defect("malformed", "half a surrogate pair, which no tokenizer reads")
    if special and (found := next(filter(None, map(special.search, (trace.question, trace.thought, trace.solution))), None)):
        return Defect("malformed", f"{found[0]}, which the tokenizer takes for its own")
    return Defect("malformed", "empty question") if not trace.question.strip() else find_defect(trace.thought, trace.solution)


def truncated(trace: Trace) -> Defect | None:
    """Cut off by its token limit, as its source says."""
    cut = (trace.finish_reason or "").lower() in _CUT_OFF
    return Defect("truncated", f"finish_reason is {trace.finish_reason}") if cut else None


# How OpenAI-compatible servers, Anthropic and Google say that the token limit was met.
_CUT_OFF = ("length", "max_tokens", "max_length")


def unverifiable(trace: Trace, spec: FilterSpec) -> Defect | None:
    """Without a gold answer, where such rows are dropped."""
    return Defect("unverifiable", "no gold answer") if spec.verify and spec.unverifiable == "drop" and not _has_gold(trace) else None


def _has_gold(trace: Trace) -> bool:
    return trace.gold is not None and bool(trace.gold.strip())


def grading_task(trace: Trace, spec: FilterSpec) -> Task | None:
    """What the grader has to decide about a trace: its solution against its gold. None where there is nothing to verify."""
    return gold_task(trace, spec.answer_kind) if spec.verify else None


def gold_task(trace: Trace, kind: str) -> Task | None:
    """The same of a question, whatever answers it, where it has a gold; `kind` as `filter.answer_kind`."""
    if not _has_gold(trace):
        return None
    gold = str(trace.gold)
    kind = answer_kind(gold) if kind == "auto" else kind
    return Task(kind, _letter(gold) or gold if kind == "choice" else gold, trace.solution)


_CHOICE = re.compile(r"\s*\(?([A-J])\)?\.?\s*")


def _letter(gold: str) -> str | None:
    found = _CHOICE.fullmatch(gold)
    return found[1] if found else None


def answer_kind(gold: str) -> str:
    """choice for a gold that is one letter from A to J, else math."""
    return "choice" if _letter(gold) else "math"


def graded(reason: str, answer: str | None, gold: str) -> Defect | None:
    """Why a verdict drops its trace, or None for a right answer."""
    if reason == "correct":
        return None
    name = _VERDICTS.get(reason, reason)
    detail = f"answer {_short(answer)}, gold {_short(gold)}" if answer is not None else "no boxed answer in the solution"
    return Defect(name if name in REASONS else "grader_error", detail)


def _short(text: str | None, limit: int = 80) -> str:
    text = str(text)
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def wrong_length(tokens: int, spec: FilterSpec) -> Defect | None:
    """Too long or too short in tokens of the whole chat."""
    if spec.max_tokens is not None and tokens > spec.max_tokens:
        return Defect("too_long", f"{tokens} tokens, at most {spec.max_tokens}")
    return Defect("too_short", f"{tokens} tokens, at least {spec.min_tokens}") if tokens < spec.min_tokens else None


def sft_row(trace: Trace, spec: FilterSpec) -> Row:
    """What is trained on: the question word for word after the system text, and thought and solution in the tags of the student.

    `system` "source" puts the system text that came with the row in front.
    """
    system = trace.system if spec.system == "source" else spec.system
    prompt = [{"role": "system", "content": system}] if system else []
    return {
        "id": trace.id,
        "prompt": [*prompt, {"role": "user", "content": trace.question}],
        "completion": [{"role": "assistant", "content": completion(trace.thought, trace.solution, spec.thought_style)}],
    }


def path_key(trace: Trace) -> int:
    """A hash of the equations that a trace writes, in order (the words round each equals sign); of all its words where it writes none."""
    text = trace.thought.split()
    equations = [
        f"{text[at - 1] if word.startswith('=') and at else ''}{word}{text[at + 1] if word.endswith('=') and at + 1 < len(text) else ''}"
        for at, word in enumerate(text)
        if "=" in word
    ]
    return hash64(" ".join(equations or text).lower())


def choose(rule: str, k: int, questions: Sequence[int], tokens: Sequence[int], paths: Sequence[int]) -> bytearray:
    """1 for each candidate that is chosen, in the order of candidates; `questions`, `tokens` and `paths` have an entry a candidate."""
    order: Sequence[int] = range(len(questions))
    if rule == "shortest":
        order = sorted(order, key=lambda at: tokens[at])  # stable: the first of equal ones
    chosen = bytearray(len(questions))
    counts: dict[int, int] = {}
    seen: set[tuple[int, int]] = set()
    for at in order:
        question = questions[at]
        if rule != "all" and counts.get(question, 0) >= k:
            continue
        if rule == "distinct":
            if (question, paths[at]) in seen:
                continue
            seen.add((question, paths[at]))
        counts[question] = counts.get(question, 0) + 1
        chosen[at] = 1
    return chosen
