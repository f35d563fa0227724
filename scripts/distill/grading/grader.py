"""The one grader: filter and evaluation both ask it whether a solution is right. Nothing that a solution says can hang or harm it.

What needs no math-verify is decided here; the rest goes to worker processes that can be killed (pool.py, worker.py).
"""

import re
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from distill.base.errors import InputError
from distill.grading import worker
from distill.grading.extract import boxed_answer, choice_letter, cut_thought, last_boxed
from distill.grading.pool import TIMEOUT, GradingJob, Pool

CORRECT, WRONG = worker.CORRECT, worker.WRONG
NO_ANSWER, UNCLOSED_THOUGHT, TOO_LONG = "no_answer", "unclosed_thought", "answer_too_long"
GRADER_TIMEOUT, GRADER_MEMORY, GRADER_ERROR = TIMEOUT, worker.MEMORY, worker.ERROR

KINDS = ("math", "choice", "exact")
MAX_CHARS = 5000  # of a gold or an answer; the longest gold of MATH-500 has 53
_INTEGER = re.compile(r"-?[0-9]{1,1000}", re.ASCII)
_LOOK_AHEAD = 256  # tasks a worker that may wait for an earlier one's verdict
_KNOWN = 4096  # latest pairs of gold and answer whose verdicts are kept: samples repeat each other


@dataclass(frozen=True)
class Task:
    """One solution to be graded. `kind` is math, choice or exact; `text` a whole response, thought included.

    `choices` are the texts of a choice question in the order shown; `prefilled` says that the prompt ended in the tag that opens a thought.
    """

    kind: str
    gold: str
    text: str
    choices: tuple[str, ...] = ()
    prefilled: bool = False


@dataclass(frozen=True)
class Verdict:
    """`answer` is the text that was compared with the gold, None where there is none; `reason` is one of the constants above."""

    correct: bool
    answer: str | None
    reason: str


def grade_all(tasks: Iterable[Task], workers: int = 1, timeout_s: float = 10.0, memory_mb: int = 1024) -> Iterator[Verdict]:
    """Verdicts in the order of the tasks, in a stream: reads at most `workers` * 256 tasks ahead.

    Each answer has `timeout_s` seconds of wall clock and its worker `memory_mb` MiB of address space. No process is started before
    the first answer that needs math-verify. The verdicts do not depend on the number of workers.
    """
    desk = _TaskQueue(Pool(workers, timeout_s, memory_mb))
    waiting: deque[_Slot] = deque()
    try:
        for task in tasks:
            waiting.append(desk.submit(task))
            while waiting and (waiting[0].verdict or len(waiting) >= _LOOK_AHEAD * workers):
                if waiting[0].verdict:
                    yield waiting.popleft().verdict
                else:
                    desk.pool.step()
        while waiting:
            if waiting[0].verdict:
                yield waiting.popleft().verdict
            else:
                desk.pool.step()
    finally:
        desk.pool.close()


def answer_of(task: Task) -> tuple[str | None, str]:
    """The answer of a response, and the reason where there is none."""
    if task.kind not in KINDS:
        raise InputError(f"kind {task.kind!r}: no grader for it: use one of {', '.join(KINDS)}")
    solution, state = cut_thought(task.text, task.prefilled)
    if state == "unclosed":
        return None, UNCLOSED_THOUGHT
    if task.kind == "math":
        answer = boxed_answer(solution)
    elif task.kind == "choice":
        answer = choice_letter(solution, task.choices)
    else:
        boxed = last_boxed(solution)
        answer = " ".join((solution if boxed is None else boxed).split())
    return (answer, "") if answer else (None, NO_ANSWER)


def without_math_verify(task: Task, answer: str) -> str | None:
    """The verdict where it needs no math-verify, else None.

    Two whole numbers are equal or not, and math-verify 0.5.2 says the same: it strips leading zeros and compares integers. An answer
    spelled exactly as the gold is right whatever math-verify makes of it: it parses both alike and finds equal objects or equal strings.
    Words are compared as words: to math-verify 0.5.2 `east` is the product of four symbols, and so equal to `seat`.
    """
    gold = _gold(task)
    if task.kind != "math":
        return CORRECT if answer == (gold.upper() if task.kind == "choice" else " ".join(gold.split())) else WRONG
    answer = _plain(answer)
    if answer == gold:
        return CORRECT
    if _INTEGER.fullmatch(gold) and _INTEGER.fullmatch(answer):
        return CORRECT if int(gold) == int(answer) else WRONG
    if len(answer) > MAX_CHARS or len(gold) > MAX_CHARS:
        return TOO_LONG
    words = _words(gold), _words(answer)
    if words[0] and words[1]:
        return CORRECT if words[0] == words[1] else WRONG
    return None


def _gold(task: Task) -> str:
    """What an answer is compared with: of a gold that is a whole solution, its box."""
    boxed = boxed_answer(task.gold) if task.kind == "math" and "\\boxed" in task.gold else None
    return _plain(boxed or task.gold)


def _plain(text: str) -> str:
    """A gold or an answer without the dollars round it that make it a formula; a number without a full stop after it."""
    text = text.strip()
    text = text.strip("$").strip() if text.startswith("$") and text.endswith("$") else text
    return text[:-1] if _STOPPED.fullmatch(text) else text


_STOPPED = re.compile(r"-?[0-9][0-9./,]*[0-9]\.|-?[0-9]\.")


_TEXT = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mbox)\s*\{([^{}]*)\}")
_WORDS = re.compile(r"[A-Za-z][A-Za-z '-]*\.?")
_WORD = re.compile(r"[A-Za-z]{3,}")


def _words(text: str) -> str | None:
    r"""The letters of an answer that is words, in lower case; None for what may be a formula.

    Outside of `\text{..}` a word needs a vowel, and letters that do not stand in the order of the alphabet, as those of a product do.
    """
    wrapped = _TEXT.fullmatch(text)
    inner = (wrapped[1] if wrapped else text).strip()
    words = _WORD.findall(inner.lower()) if _WORDS.fullmatch(inner) else []
    if not any(wrapped or (set(word) & set("aeiouy") and list(word) != sorted(word)) for word in words):
        return None
    return "".join(filter(str.isalpha, inner.lower()))


@dataclass
class _Slot:
    """The place of a task in the output; its verdict comes later."""

    answer: str | None
    verdict: Verdict | None = None

    def fill(self, reason: str) -> None:
        self.verdict = Verdict(reason == CORRECT, self.answer and self.answer[:MAX_CHARS], reason)


class _TaskQueue:
    """Takes tasks in, and asks the pool once for tasks with equal gold and answer."""

    def __init__(self, pool: Pool):
        self.pool = pool
        self.open: dict[tuple[str, str], list[_Slot]] = {}
        self.known: OrderedDict[tuple[str, str], str] = OrderedDict()

    def submit(self, task: Task) -> _Slot:
        answer, reason = answer_of(task)
        slot = _Slot(answer)
        if answer is not None:
            reason = without_math_verify(task, answer) or ""
        if reason:
            slot.fill(reason)
            return slot
        key = (_gold(task), _plain(answer or ""))
        if key in self.known:
            slot.fill(self.known[key])
        elif key in self.open:
            self.open[key].append(slot)
        else:
            self.open[key] = [slot]
            self.pool.submit(GradingJob(*key, self._settle))
        return slot

    def _settle(self, job: GradingJob, reason: str) -> None:
        key = (job.gold, job.answer)
        for slot in self.open.pop(key):
            slot.fill(reason)
        self.known[key] = reason
        if len(self.known) > _KNOWN:
            self.known.popitem(last=False)
