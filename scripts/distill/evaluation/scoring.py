"""From responses to rows of verdicts: what grade.py writes. Knows the files' formats; the verdicts are grading's."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.base.files import Row, check_row, read_json, read_jsonl
from distill.base.settings import Settings
from distill.benchmarks.prompts import LETTERS
from distill.grading.grader import CORRECT, WRONG, Task, Verdict, grade_all

TRUNCATED, CAPPED = "truncated", "capped"
STATED, UNREAD, TAGS = "stated", "unread", "unknown_tags"  # in a row of scores only where there is one
OURS = {"math": "boxed", "choice": "letter", "exact": "exact"}  # the name of our own grader in `verdicts`, by kind of item
RESPONSE = {"id": str, "sample": int, "text": str, "finish_reason": str, "completion_tokens": int}
MAY_BE_UNKNOWN = ("finish_reason", "completion_tokens")  # of responses recorded elsewhere
VERDICT = {"id": str, "sample": int, "correct": bool}


@dataclass(frozen=True)
class PromptItem:
    """A row of prompts.jsonl; `prompt` is its last message: the question as the model gets it."""

    id: str
    prompt: str
    gold: str
    kind: str
    choices: tuple[str, ...]

    def task(self, text: str, prefilled: bool = False, shown: str = "") -> Task:
        """`shown`: the letters of the choices in the order in which a model elsewhere was shown them, where that is another: CA if its A
        was our C and its B our A."""
        if not shown:
            return Task(self.kind, self.gold, text, self.choices, prefilled)
        choices = tuple(self.choices[LETTERS.index(letter)] for letter in shown)
        return Task(self.kind, self.gold_shown(shown), text, choices, prefilled)

    def gold_shown(self, shown: str) -> str:
        """The gold as a model was shown it."""
        return LETTERS[shown.index(self.gold)] if shown else self.gold


def read_items(path: str | Path) -> dict[str, PromptItem]:
    """The items by id; none of an optional benchmark that is not here, whose file is empty."""
    items: dict[str, PromptItem] = {}
    for row in read_jsonl(path):
        if missing := [key for key in ("id", "messages", "gold", "kind") if row.get(key) is None]:
            raise InputError(f"{path}: a row has no {missing[0]!r}: make it again with scripts/prompts.py")
        if row["id"] in items:
            raise InputError(f"{path}: item {row['id']!r} stands there twice: make it again with scripts/prompts.py")
        items[row["id"]] = PromptItem(
            row["id"], row["messages"][-1]["content"], str(row["gold"]), row["kind"], tuple(row.get("choices") or ())
        )
    return items


def read_responses(path: str | Path, items: Mapping[str, PromptItem], prompts: str | Path, answered: str = "all") -> Iterator[Row]:
    """The responses in the order of the prompts, then of the samples; streamed where the file has that order already.

    `answered`: all, or answered, where items without any response are left out. Raises InputError for a response to an unknown item, a
    doubled or a missing one, and for items with different numbers of samples.
    """
    keys: dict[tuple[str, int], None] = {}
    for number, row in enumerate(read_jsonl(path), 1):
        check_row(row, RESPONSE, f"{path}: row {number}", optional=MAY_BE_UNKNOWN)
        key = (row["id"], row["sample"])
        if row["id"] not in items:
            raise InputError(f"{path}: a response to item {row['id']!r}, which {prompts} does not hold: answer these prompts again")
        if row["sample"] < 0:
            raise InputError(f"{path}: item {row['id']!r} has a sample {row['sample']}: samples are numbered from 0")
        if key in keys:
            raise InputError(f"{path}: item {row['id']!r} sample {row['sample']} is there twice: remove one of the two")
        keys[key] = None
    n_samples = 1 + max((sample for _, sample in keys), default=0)
    responded = {item for item, _ in keys}
    expected = [item for item in items if item in responded] if answered == "answered" else list(items)
    if len(keys) < len(expected) * n_samples:
        item, sample = next((item, sample) for item in expected for sample in range(n_samples) if (item, sample) not in keys)
        raise InputError(f"{path}: item {item!r} has no sample {sample} of {n_samples}: respond again, which generates what is missing")
    wanted = [(item, sample) for item in expected for sample in range(n_samples)]
    if list(keys) == wanted:
        return read_jsonl(path)
    held = {(row["id"], row["sample"]): row for row in read_jsonl(path)}
    return iter([held[key] for key in wanted])


def read_verdicts(path: str | Path) -> dict[tuple[str, int], bool]:
    """Another grader's verdicts: rows with id, sample, correct."""
    verdicts: dict[tuple[str, int], bool] = {}
    for number, row in enumerate(read_jsonl(path), 1):
        check_row(row, VERDICT, f"{path}: row {number}")
        verdicts[row["id"], row["sample"]] = row["correct"]
    return verdicts


def read_self_test(path: str | Path) -> dict[str, float]:
    """Another grader's self-test, of its results file."""
    found = read_json(path)
    if not isinstance(found, dict) or "self_test" not in found:
        raise InputError(f"{path}: has no self_test: make it again with this grader as the one that decides (--spec)")
    return found["self_test"]


SPEC = Settings(
    "$defs/protocol/grader",
    "$defs/protocol/answer",
    "$defs/sampling/max_new_tokens",
    "$defs/responses/items",
    "$defs/responses/prefilled_thought",
    answer_form={"type": "string", "default": r"The final answer is \boxed{{answer}}."},
)


@dataclass(frozen=True)
class Grading:
    """How verdicts are made: by the --spec of grade.py and grade_lighteval.py, in how many processes, and how long one answer may take.

    `grader` is the one that decides: boxed (letter for choices) or lighteval. `answer` says whether a math answer must stand in a box.
    `max_new_tokens` is the protocol's limit, if known; `items` whether all items need a response, or only those answered count.
    """

    grader: str
    prefilled_thought: bool
    answer_form: str
    answer: str
    items: str
    max_new_tokens: int | None = None
    workers: int = 1
    timeout_s: float = 10.0

    @classmethod
    def of(cls, spec: Mapping[str, Any], **more: Any) -> "Grading":
        """Raises InputError that names the key."""
        return cls(**SPEC.read(spec), **more)

    @property
    def ours(self) -> bool:
        """Whether our own grader decides."""
        return self.grader in OURS.values()  # each means our own grader, whatever the kind of item

    def verdicts(self, tasks: Iterable[Task]) -> Iterator[Verdict]:
        return grade_all(tasks, self.workers, self.timeout_s, stated=self.answer == "box_or_stated")


def score_rows(
    responses: Iterable[Row],
    items: Mapping[str, PromptItem],
    how: Grading,
    others: Mapping[str, Mapping[tuple[str, int], bool]],
    source: str = "",
) -> Iterator[tuple[Row, Row, Verdict]]:
    """(a row of scores, the response it was made from, our own verdict), in the order of the responses, in a stream."""
    if not how.ours and how.grader not in others:
        raise InputError(f"grader {how.grader!r}: give its verdicts with --verdicts {how.grader}=FILE, or use boxed")
    behind: deque[Row] = deque()

    def tasks() -> Iterator[Task]:
        for row in responses:
            behind.append(row)
            yield items[row["id"]].task(row["text"], how.prefilled_thought, row.get("shown", ""))

    for verdict in how.verdicts(tasks()):
        response = behind.popleft()
        yield _row(response, verdict, items[response["id"]], how, others, source), response, verdict


def _row(
    response: Row, verdict: Verdict, item: PromptItem, how: Grading, others: Mapping[str, Mapping[tuple[str, int], bool]], source: str
) -> Row:
    key = (response["id"], response["sample"])
    verdicts = {OURS[item.kind]: verdict.correct}
    for name, known in others.items():
        if key not in known:
            raise InputError(
                f"{source}: {name} has no verdict on item {key[0]!r} sample {key[1]}: run that grader again on these responses"
            )
        verdicts[name] = known[key]
    correct, reason = verdict.correct, verdict.reason
    if verdict.answer is None and response.get("finish_reason") == "length":
        reason = TRUNCATED
    if not how.ours:
        correct = verdicts[how.grader]
        reason = CORRECT if correct else WRONG if reason == CORRECT else reason
    shown, answer = response.get("shown"), verdict.answer
    if shown and answer is not None and answer in LETTERS[: len(shown)]:
        answer = shown[LETTERS.index(answer)]  # as all others' answers are named
    row = {"id": key[0], "sample": key[1], "correct": correct, "answer": answer, "reason": reason, "verdicts": verdicts}
    marks = {STATED: verdict.stated, UNREAD: verdict.unread, TAGS: list(verdict.tags)}
    return row | {name: mark for name, mark in marks.items() if mark}
