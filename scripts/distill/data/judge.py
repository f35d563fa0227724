"""A model's verdict on a trace: what it is shown, how its score is read from what it writes, and which rows that drops.

The judge reads the rows that no other predicate on a single row drops, and what it wrote is kept in judge/responses.jsonl. The score is
read from there when the filter runs, so that another threshold needs no second purchase.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from distill.base.errors import InputError
from distill.base.files import Row, read_jsonl
from distill.base.thoughts import THOUGHT
from distill.benchmarks.prompts import fill_template
from distill.data.traces import Defect, Trace

REASONS = ("judged", "unjudged")
_FIELDS = ("question", "thought", "solution", "gold")
# "Score: 4", "**Score:** 4/5", "Score (1-5): 4": the number that follows the word in its line. A range ("Score 1 to 5") or a decimal
# comma is no score: better none than a wrong one.
_SCORE = re.compile(
    r"\bscore\b(?:\s*\([^()\n]*\))?[^\w\n+-]{0,12}([+-]?\d{1,9}(?:\.\d{1,9})?)(?!\.?\d|,\d|\s*(?:[-\u2013]|to|or)\s*\d)",
    re.IGNORECASE,
)
_THOUGHT_END = re.compile("|".join(re.escape(closing) for _, closing in THOUGHT.values()))
_THOUGHT_START = re.compile("|".join(re.escape(opening) for opening, _ in THOUGHT.values()))


@dataclass(frozen=True)
class JudgeRule:
    """What of `filter.judge` the filter needs: the least mean score of a row that is kept, and what to do with a row without one."""

    keep_at: float
    unjudged: str


@dataclass(frozen=True, slots=True)
class JudgeVerdict:
    """The mean score of a row's samples that could be read, None where none could, and the reason that the first of them gives."""

    score: float | None
    reason: str

    def keeps(self, rule: JudgeRule) -> bool:
        return self.score is not None and self.score >= rule.keep_at


def read_template(path: str | Path) -> str:
    """The judge's prompt. Raises InputError where the thought has no place in it."""
    template = Path(path).read_text(encoding="utf-8").removesuffix("\n")
    if "{thought}" not in template:
        fields = ", ".join(f"{{{name}}}" for name in _FIELDS)
        raise InputError(f"{path}: holds no {{thought}}; put it where the text goes ({fields} are put in)")
    return template


def judge_prompt(trace: Trace, template: str) -> Row:
    """A row of judge/prompts.jsonl, in the columns of a benchmark's: `id` of the trace, `messages`."""
    texts = {name: getattr(trace, name) or "" for name in _FIELDS}
    return {"id": trace.id, "messages": [{"role": "user", "content": fill_template(template, **texts)}]}


def read_score(text: str, finish_reason: str | None) -> tuple[float, str] | None:
    """(score, reason) of what a judge wrote: its last score outside of its thought, and the text before that.

    None where it was cut, is still in its thought, or gives no number.
    """
    if finish_reason == "length":
        return None
    said = _THOUGHT_END.split(text)[-1]
    scores = [] if _THOUGHT_START.search(said) else list(_SCORE.finditer(said))
    if not scores:
        return None
    return float(scores[-1][1]), " ".join(said[: scores[-1].start()].strip(' \n*_#"{,').split())


def read_verdicts(path: str | Path) -> dict[str, JudgeVerdict]:
    """The verdict on each row of a judge/responses.jsonl."""
    found: dict[str, list[tuple[float, str]]] = {}
    for number, row in enumerate(read_jsonl(path), 1):
        if missing := {"id", "text", "finish_reason"} - set(row):
            raise InputError(f"{path}: row {number}: no {sorted(missing)[0]!r}: make this file with scripts/judge.py")
        scores = found.setdefault(row["id"], [])
        if score := read_score(row["text"], row["finish_reason"]):
            scores.append(score)
    return {name: _verdict(scores) for name, scores in found.items()}


def _verdict(scores: list[tuple[float, str]]) -> JudgeVerdict:
    return JudgeVerdict(sum(score for score, _ in scores) / len(scores), scores[0][1][:300]) if scores else JudgeVerdict(None, "")


def judged(name: str, verdicts: Mapping[str, JudgeVerdict], rule: JudgeRule) -> Defect | None:
    """Why a row's verdict drops it, or None. A row that no predicate had dropped before and that has no verdict is `unjudged`."""
    verdict = verdicts.get(name)
    if verdict is None or verdict.score is None:
        why = "no answer of the judge" if verdict is None else "no score in what the judge wrote"
        return Defect("unjudged", why) if rule.unjudged == "drop" else None
    return None if verdict.keeps(rule) else Defect("judged", f"score {verdict.score:g}, at least {rule.keep_at:g}: {verdict.reason}")


def score_counts(verdicts: Iterable[JudgeVerdict]) -> dict[str, int]:
    """{score as text: rows}, lowest first; rows without one last, under `none`."""
    scores = [verdict.score for verdict in verdicts]
    counts = {f"{score:g}": scores.count(score) for score in sorted({score for score in scores if score is not None})}
    return counts | ({"none": scores.count(None)} if None in scores else {})
