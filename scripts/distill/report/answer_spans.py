"""Where in a response the answer stands that was graded, and by which rule it was compared with the gold.

Both are found again for people to look at, from the text and the verdict: nothing is graded again, and nothing depends on it.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from distill.base.files import Row
from distill.benchmarks.prompts import LETTERS
from distill.grading.choice_letter import choice_letter
from distill.grading.extract import boxed_parts, cut_thought
from distill.grading.grader import gold_of
from distill.grading.reading.reader import MAX_CHARS, read

_IN_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{?\s*$")


@dataclass(frozen=True)
class Span:
    """From `start` up to `end` in UTF-16 units of the response, as browsers count, both 0 where the answer was not found again; `solution`
    is where the solution begins."""

    start: int
    end: int
    solution: int
    rule: str


def span_of(text: str, prompt: Row, verdict: Row, shown: str = "") -> Span:
    """`shown`: the letters of the choices as this model was shown them, where that is another order than the prompt's."""
    solution, state = cut_thought(text)
    begin = max(0, text.rfind(solution)) if state == "closed" else len(text) if state == "unclosed" else 0
    answer, choices = verdict["answer"], tuple(prompt.get("choices") or ())
    if answer is None:
        return Span(0, 0, _units(text[:begin]), "")
    if prompt["kind"] == "choice":
        if shown and answer in shown:
            answer, choices = LETTERS[shown.index(answer)], tuple(choices[LETTERS.index(letter)] for letter in shown)
        where, (start, end) = "letter", _letter(solution, answer, choices)
    elif verdict.get("stated"):
        where, (start, end) = "stated in words", _last(solution, answer)
    else:
        parts = boxed_parts(solution)
        where, (start, end) = "last box" if len(parts) < 2 else "last boxes, side by side", _boxes(solution, parts or [answer])
    rule = where if prompt["kind"] == "choice" else f"{where}; {_compared(str(prompt['gold']), answer)}"
    if end == 0:
        return Span(0, 0, _units(text[:begin]), rule)
    before = _units(text[: begin + start])
    return Span(before, before + _units(text[begin + start : begin + end]), _units(text[:begin]), rule)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _last(text: str, part: str) -> tuple[int, int]:
    place = text.rfind(part)
    return (place, place + len(part)) if place >= 0 else (0, 0)


def _boxes(solution: str, parts: list[str]) -> tuple[int, int]:
    """From the first to the last of the boxes that are the answer."""
    start = end = 0
    limit = len(solution)
    for part in reversed(parts):
        place = solution.rfind(part, 0, limit)
        while place >= 0 and not _IN_BOX.search(solution[max(0, place - 40) : place]):
            place = solution.rfind(part, 0, place + len(part) - 1) if place else -1
        if place < 0:
            break
        start, end, limit = place, end or place + len(part), place
    return start, end


def _letter(solution: str, letter: str, choices: tuple[str, ...]) -> tuple[int, int]:
    """The last box where it holds the letter, or the choice that it stands for; else the last place of the letter by itself."""
    parts = boxed_parts(solution)
    if parts and choice_letter(f"\\boxed{{{parts[-1]}}}", choices) == letter:
        return _boxes(solution, parts[-1:])
    found = list(re.finditer(rf"(?<![A-Za-z]){re.escape(letter)}(?![A-Za-z])", solution))
    return found[-1].span() if found else (0, 0)


@lru_cache(maxsize=4096)
def _compared(gold: str, answer: str) -> str:
    """By what an answer was compared: as the same text, or by the kinds of both, which docs/grading.md has rules for."""
    gold = gold_of(gold)
    if gold.strip() == answer.strip():
        return "the gold's text"
    if max(len(gold), len(answer)) > MAX_CHARS:
        return "too long"
    try:
        kinds = [type(read(one).values[0]).__name__.lower() for one in (answer, gold)]
    except Exception:  # as in Grader._compare: whatever a hostile answer brings up
        return "as text"
    return f"{kinds[0]} against {kinds[1]}"
