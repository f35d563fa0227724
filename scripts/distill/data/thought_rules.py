"""Predicates on a thought: what makes it unfit to learn from although its answer is right. Each is off unless the configuration names it.

docs/data.md has what each finds in real traces, and in real traces that were damaged on purpose (bench/thought_rules.py).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from distill.data.languages import other_language
from distill.data.questions import normalise_text
from distill.data.traces import Defect, Trace
from distill.grading.extract import last_boxed
from distill.grading.grader import Task


@dataclass(frozen=True)
class ThoughtSpec:
    """`filter.thought` of the configuration; None and False: not looked at."""

    max_repeated: float | None
    max_other_script: float | None
    max_other_language: float | None
    same_answer: bool
    min_words_before_answer: int | None
    complete: bool
    refusals: str


REASONS = ("repeats", "other_script", "other_language", "answer_first", "breaks_off", "refuses", "other_answer")
RUN = 10  # words of a run that counts as repeated
_WORD = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\\s\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")


def find_thought_defect(trace: Trace, spec: ThoughtSpec) -> Defect | None:
    """The first predicate that a thought fails, but for `same_answer`, which takes a grader (answer_task)."""
    return next(_defects(trace, spec), None)


def _defects(trace: Trace, spec: ThoughtSpec) -> Iterator[Defect]:
    if spec.max_repeated is not None and (share := repeated(trace.thought)) > spec.max_repeated:
        yield Defect("repeats", f"{share:.0%} of its runs of {RUN} words come again")
    if spec.max_other_script is not None and (share := other_script(trace.question, trace.thought)) > spec.max_other_script:
        yield Defect("other_script", f"{share:.0%} of its words are in another script than the question")
    if spec.max_other_language is not None and (share := other_language(trace.question, trace.thought)) > spec.max_other_language:
        yield Defect("other_language", f"{share:.0%} of its function words are of another language than the question")
    if spec.min_words_before_answer is not None:
        words = words_before_answer(trace.thought)
        if words is not None and words < spec.min_words_before_answer:
            yield Defect("answer_first", f"an answer after {words} words")
    if spec.complete and breaks_off(trace.thought):
        yield Defect("breaks_off", f"ends in {trace.thought.rstrip()[-40:]!r}")
    if spec.refusals == "drop" and (found := _REFUSAL.search(trace.thought) or _REFUSAL.search(trace.solution)):
        yield Defect("refuses", f"says {found[0]!r}")


def repeated(thought: str) -> float:
    """The share of runs of RUN words that stood in the thought before: 0 for none, near 1 for a loop.

    A repeated run of words is what R1 and its students end in when they loop; a share does not grow with the length of a thought.
    """
    words = _WORD.findall(thought)
    runs = len(words) - RUN + 1
    if runs < RUN:
        return 0.0
    return 1 - len({tuple(words[at : at + RUN]) for at in range(runs)}) / runs


# Words of three letters and more, since x and cm stand in thoughts of any language; a character is a word where words are not spaced.
_SCRIPTS = {
    "Latin": re.compile("(?<![\\\\A-Za-z])[A-Za-z\u00c0-\u024f]{3,}"),
    "Chinese or Japanese": re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"),
    "Cyrillic": re.compile("[\u0400-\u04ff]{3,}"),
    "Arabic": re.compile("[\u0600-\u06ff]{3,}"),
    "Devanagari": re.compile("[\u0900-\u097f]{3,}"),
    "Thai": re.compile("[\u0e00-\u0e7f]{3,}"),
    "Korean": re.compile("[\uac00-\ud7af]{2,}"),
}


def other_script(question: str, thought: str) -> float:
    """The share of a thought's words that are in another script than most of the question's; 0 where the question has no words."""
    of_question = {name: len(words.findall(question)) for name, words in _SCRIPTS.items()}
    own = max(of_question, key=of_question.__getitem__)
    thought_words = {name: len(words.findall(thought)) for name, words in _SCRIPTS.items()}
    total = sum(thought_words.values())
    return 1 - thought_words[own] / total if of_question[own] and total else 0.0


_ANSWER = re.compile(r"\\boxed|\b(?:final )?answer is\b", re.IGNORECASE)


def words_before_answer(thought: str) -> int | None:
    """How many words stand before the first box or "answer is"; None where there is neither."""
    found = _ANSWER.search(thought)
    return len(_WORD.findall(thought[: found.start()])) if found else None


_UNIT = re.compile(r"[0-9}]\s*\\?[a-z]{1,3}\Z")  # 80 cm


def breaks_off(thought: str) -> bool:
    """Whether a thought ends in a letter, a comma or a sign that something must follow."""
    text = thought.rstrip()
    last = text[-1:]
    ends_in_word = last.isalpha() and not ("\u3040" <= last <= "\u9fff")
    return (ends_in_word and not _UNIT.search(text)) or last in tuple(",;:-\u2013\u2014=+/\\<({[&^_|~\u00d7\u00b7")


_REFUSAL = re.compile(
    r"\bas an ai\b|\b(?:an?|large) (?:ai )?language model\b|\bi (?:can(?:no|')?t|am (?:not able|unable) to) (?:assist|help with|comply)|"
    r"\bi'?m sorry,? but i can|\bmy (?:training data|knowledge cutoff|guidelines)\b|"
    r"\b(?:openai|anthropic|deepseek)(?:'s)? (?:polic|guideline)|"
    r"\bi was (?:trained|created|developed) by\b",
    re.IGNORECASE,
)


def answer_task(trace: Trace, spec: ThoughtSpec) -> Task | None:
    """What the grader has to decide: whether the last box of the thought holds the answer of the solution's. None where the two are
    written alike or one has no box."""
    if not spec.same_answer:
        return None
    thought, solution = last_boxed(trace.thought), last_boxed(trace.solution)
    if not thought or not solution or normalise_text(thought) == normalise_text(solution):
        return None
    return Task("math", solution, f"\\boxed{{{thought}}}")


def answer_defect(correct: bool, task: Task) -> Defect | None:
    """Why a verdict on an answer_task drops its trace, or None."""
    return None if correct else Defect("other_answer", f"its thought ends in {task.text[:80]}, its solution in {task.gold[:80]}")
