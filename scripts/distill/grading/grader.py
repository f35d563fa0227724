"""The one grader: filter and evaluation both ask it whether a solution is right. Nothing that a solution says can hang or harm it.

It finds the answer (extract.py), reads it and the gold (reading/) and compares them (comparing/) in this process, in bounded time. The few
pairs of expressions that have no value here go to math-verify, in worker processes that can be killed (pool.py, worker.py).
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from distill.base.errors import InputError
from distill.grading import worker
from distill.grading.choice_letter import choice_letter
from distill.grading.comparing.comparison import TooMuch, never, same_answer
from distill.grading.extract import boxed_parts, cut_thought, last_boxed, stated_answer, unknown_tags
from distill.grading.pool import TIMEOUT, GradingJob, Pool
from distill.grading.reading.reader import MAX_CHARS, read

CORRECT, WRONG = worker.CORRECT, worker.WRONG
NO_ANSWER, UNCLOSED_THOUGHT, TOO_LONG = "no_answer", "unclosed_thought", "answer_too_long"
GRADER_TIMEOUT, GRADER_MEMORY, GRADER_ERROR = TIMEOUT, worker.MEMORY, worker.ERROR

KINDS = ("math", "choice", "exact")
_LOOK_AHEAD = 256  # tasks a worker that may wait for an earlier one's verdict
_KNOWN = 4096  # latest pairs of gold and answer whose verdicts are kept: samples repeat each other
_SOLUTION_LENGTH = 150  # characters from which a gold without a box may be a whole solution
_MOST_ASKED = 20  # pairs of expressions of one answer that math-verify is asked about


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
    """`answer` is the text that was compared with the gold, None where there is none; `reason` is one of the constants above.

    `unclosed`: the thought was opened and never closed. `stated`: the answer stood in words and not in a box. `unread`: no rule reads the
    gold or the answer, so that they were compared as text. `tags`: what looks like the tag of a thought and is not known as one.
    """

    correct: bool
    answer: str | None
    reason: str
    unclosed: bool = False
    stated: bool = False
    unread: bool = False
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class FoundAnswer:
    """What was found in a response: the answer's text, or None and the reason."""

    text: str | None
    reason: str = ""
    stated: bool = False
    tags: tuple[str, ...] = ()


class Grader:
    """Verdicts by worker processes that start with the first answer that needs math-verify, and end with the context.

    Each question to math-verify has `timeout_s` seconds of wall clock, and its worker `memory_mb` MiB of address space. `stated`: a math
    answer may also stand in words where there is no box. The verdicts do not depend on the number of workers.
    """

    def __init__(self, workers: int = 1, timeout_s: float = 10.0, memory_mb: int = 1024, stated: bool = False) -> None:
        self._stated = stated
        self._workers = workers
        self._pool = Pool(workers, timeout_s, memory_mb)
        self._open: dict[tuple[str, str], list[_Slot]] = {}
        self._known: OrderedDict[tuple[str, str], str] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the workers."""
        self._pool.close()

    def grade(self, tasks: Iterable[Task]) -> Iterator[Verdict]:
        """Verdicts in the order of the tasks, in a stream: reads at most `workers` * 256 tasks ahead of one that waits."""
        waiting: deque[_Slot] = deque()
        for task in tasks:
            waiting.append(self._submit(task))
            while waiting and (waiting[0].verdict or len(waiting) >= _LOOK_AHEAD * self._workers):
                if waiting[0].verdict:
                    yield waiting.popleft().verdict
                else:
                    self._pool.step()
        while waiting:
            if waiting[0].verdict:
                yield waiting.popleft().verdict
            else:
                self._pool.step()

    def _submit(self, task: Task) -> "_Slot":
        found = answer_of(task, self._stated)
        slot = _Slot(task, found)
        if found.text is None:
            slot.fill(found.reason)
        elif task.kind != "math":
            slot.fill(CORRECT if _same_text(task, found.text) else WRONG)
        else:
            self._compare(slot)
        return slot

    def _compare(self, slot: "_Slot") -> None:
        """Fill a slot, or ask math-verify what it needs to know first."""
        assert slot.found.text is not None
        gold, answer = gold_of(slot.task.gold), slot.found.text
        if gold.strip() == answer.strip():
            return slot.fill(CORRECT)
        if len(answer) > MAX_CHARS or len(gold) > MAX_CHARS:
            return slot.fill(TOO_LONG)
        try:
            one, other = read(gold), read(answer)
            slot.unread = one.unread or other.unread
            return slot.fill(CORRECT if same_answer(one, other, slot.same_by_math_verify) else WRONG)
        except _Needed as needed:
            if slot.failed or len(slot.answers) >= _MOST_ASKED:
                return slot.fill(slot.failed or WRONG)
            self._ask(needed.pair, slot)
        except TooMuch:
            slot.fill(TOO_LONG)
        except Exception:  # whatever it brings up, a hostile answer must not stop its neighbours
            slot.fill(GRADER_ERROR)

    def _ask(self, pair: tuple[str, str], slot: "_Slot") -> None:
        if pair in self._known:
            self._record(slot, pair, self._known[pair])
        elif pair in self._open:
            self._open[pair].append(slot)
        else:
            self._open[pair] = [slot]
            self._pool.submit(GradingJob(*pair, self._settle))

    def _settle(self, job: GradingJob, reason: str) -> None:
        pair = (job.gold, job.answer)
        self._known[pair] = reason
        if len(self._known) > _KNOWN:
            self._known.popitem(last=False)
        for slot in self._open.pop(pair):
            self._record(slot, pair, reason)

    def _record(self, slot: "_Slot", pair: tuple[str, str], reason: str) -> None:
        slot.answers[pair] = reason == CORRECT
        if reason not in (CORRECT, WRONG):
            slot.failed = reason
        self._compare(slot)


def grade_all(
    tasks: Iterable[Task], workers: int = 1, timeout_s: float = 10.0, memory_mb: int = 1024, stated: bool = False
) -> Iterator[Verdict]:
    """Verdicts in the order of the tasks, by a grader that ends with them."""
    with Grader(workers, timeout_s, memory_mb, stated) as grader:
        yield from grader.grade(tasks)


def answer_of(task: Task, stated: bool = False) -> FoundAnswer:
    """The answer of a response, or the reason why there is none. `stated`: one in words counts where there is no box."""
    if task.kind not in KINDS:
        raise InputError(f"kind {task.kind!r}: no grader for it: use one of {', '.join(KINDS)}")
    solution, state = cut_thought(task.text, task.prefilled)
    if state == "unclosed":
        return FoundAnswer(None, UNCLOSED_THOUGHT)
    tags = tuple(unknown_tags(solution)) if state == "none" else ()
    in_words = False
    if task.kind == "math":
        answer = _boxed(solution)
        if answer is None and stated and "\\boxed" not in solution:
            answer = stated_answer(solution)
            in_words = answer is not None
    elif task.kind == "choice":
        answer = choice_letter(solution, task.choices)
    else:
        boxed = last_boxed(solution)
        answer = " ".join((solution if boxed is None else boxed).split())
    return FoundAnswer(answer, "", in_words, tags) if answer else FoundAnswer(None, NO_ANSWER, tags=tags)


def _boxed(solution: str) -> str | None:
    r"""The last boxes that stand side by side, without those that say the same in another spelling: \boxed{0.5}, or \boxed{\frac12}."""
    parts: list[str] = []
    for part in boxed_parts(solution):
        if not any(same(other, part) for other in parts):
            parts.append(part)
    return ",".join(parts) or None


def gold_of(gold: str) -> str:
    """What an answer is compared with: of a gold that is a whole solution, its box, or what it states as the answer."""
    if "\\boxed" in gold:
        return _boxed(gold) or gold
    return (stated_answer(gold) if len(gold) > _SOLUTION_LENGTH else None) or gold


def same(one: str, other: str) -> bool:
    """Whether two answers are the same without a look at math-verify: for the votes of a majority."""
    if one == other:
        return True
    if len(one) > MAX_CHARS or len(other) > MAX_CHARS:
        return False
    try:
        return same_answer(read(one), read(other), never)
    except Exception:  # as in Grader._compare
        return False


def _same_text(task: Task, answer: str) -> bool:
    return answer == (task.gold.upper() if task.kind == "choice" else " ".join(task.gold.split()))


class _Needed(Exception):
    """A pair of expressions on which math-verify has not been asked yet."""

    def __init__(self, pair: tuple[str, str]) -> None:
        super().__init__(pair)
        self.pair = pair


class _Slot:
    """The place of a task in the output; its verdict may come later."""

    def __init__(self, task: Task, found: FoundAnswer) -> None:
        self.task, self.found = task, found
        self.verdict: Verdict | None = None
        self.unread = False
        self.failed = ""  # why math-verify gave no verdict
        self.answers: dict[tuple[str, str], bool] = {}

    def same_by_math_verify(self, gold: str, answer: str) -> bool:
        """Whether math-verify finds two expressions equal. Raises _Needed where it has not been asked yet."""
        if (gold, answer) not in self.answers:
            raise _Needed((gold, answer))
        return self.answers[gold, answer]

    def fill(self, reason: str) -> None:
        if reason == WRONG and self.failed:
            reason = self.failed
        found = self.found
        self.verdict = Verdict(
            correct=reason == CORRECT,
            answer=found.text and found.text[:MAX_CHARS],
            reason=reason,
            unclosed=found.reason == UNCLOSED_THOUGHT,
            stated=found.stated,
            unread=self.unread,
            tags=found.tags,
        )
