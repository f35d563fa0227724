"""Published shapes of trace sets, one function each: a source row in, its raw responses out.

A raw response is not parsed here (traces.parse_response does that), and no function guesses: a row of another shape raises FormatMismatch.
Columns as in the data set cards of 2025-10.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

from distill.base.files import Row
from distill.base.rows import NotText, as_text
from distill.grading.extract import last_boxed


class FormatMismatch(Exception):
    """A row, or one of its responses, that does not have its format's shape; the text says in what."""


@dataclass(frozen=True, slots=True)
class RawResponse:
    """One response to a question, as published. `reasoning` is the thought where it has a column of its own; `complete` False: cut off."""

    question: str
    response: str
    reasoning: str | None = None
    gold: str | None = None
    origin: str | None = None
    finish_reason: str | None = None
    system: str | None = None
    complete: bool = True
    id: str | None = None


Columns = Mapping[str, str]


@dataclass(frozen=True)
class Format:
    """`needs`: the columns without which a file is not of this format, alternatives in a tuple. `read` raises FormatMismatch for a row, and
    gives it in place of a response that is none."""

    needs: tuple[str | tuple[str, ...], ...]
    read: Callable[[Row, Columns], Iterator[RawResponse | FormatMismatch]]

    def missing(self, row: Row, columns: Columns) -> str | None:
        """The first needed column (after renaming) that a row does not have."""
        for need in self.needs:
            names = [columns.get(name, name) for name in ((need,) if isinstance(need, str) else need)]
            if not any(name in row for name in names):
                return " or ".join(map(repr, names))
        return None


def _cell(value: Any, column: str) -> str | None:
    try:
        return as_text(value, f"column {column!r}")
    except NotText as error:
        raise FormatMismatch(str(error)) from None


def _text(row: Row, column: str) -> str:
    value = _cell(row.get(column), column)
    if value is None:
        raise FormatMismatch(f"no text in column {column!r}")
    return value


def _optional(row: Row, column: str) -> str | None:
    value = _cell(row.get(column), column)
    return value if value and value.strip() else None


def _turns(turns: Any, role: str, content: str) -> dict[str, str]:
    """The system text, the one user turn and the one assistant turn of a conversation, by role."""
    turns = _as_rows(turns)
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise FormatMismatch("the conversation is no list of turns")
    found: dict[str, str] = {}
    for turn in turns:
        name = _ROLES.get(str(turn.get(role)))
        if name is None or not isinstance(turn.get(content), str):
            raise FormatMismatch(f"a turn by {turn.get(role)!r}, or without text")
        if name in found:
            raise FormatMismatch(f"more than one {name} turn")
        found[name] = turn[content]
    if list(found)[-2:] != ["user", "assistant"]:
        raise FormatMismatch(f"turns are {', '.join(found) or 'missing'}")
    return found


def _as_rows(value: Any) -> Any:
    """A list of objects that was stored as an object of lists, as datasets before version 4 writes `Sequence({..})` to Parquet."""
    if isinstance(value, dict) and value and all(isinstance(column, list) for column in value.values()):
        return [dict(zip(value, cells, strict=True)) for cells in zip_longest(*value.values())]
    return value


_ROLES = {"system": "system", "user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant"}


def _conversation(row: Row, columns: Columns) -> Iterator[RawResponse]:
    """`system`, `conversations` [{from, value}]: Bespoke-Stratos-17k of bespokelabs, Sky-T1_data_17k, OpenThoughts-114k.

    HuggingFaceH4's copy of Bespoke-Stratos-17k adds `messages` [{role, content}], which lack the system text, and
    open-r1/OpenThoughts-114k-math adds `messages` that hold a worked solution of another source.
    """
    if row.get("conversations") is not None:
        found = _turns(row["conversations"], "from", "value")
    else:
        found = _turns(row.get("messages"), "role", "content")
    yield RawResponse(
        found["user"],
        found["assistant"],
        gold=_optional(row, "gold"),
        origin=_optional(row, "source"),
        finish_reason=_optional(row, "finish_reason"),
        system=found.get("system") or _optional(row, "system"),
    )


def _mixture_of_thoughts(row: Row, columns: Columns) -> Iterator[RawResponse]:
    """open-r1/Mixture-of-Thoughts: `messages`, `num_tokens`, `source`; thoughts in <think> tags."""
    yield from _conversation({key: row.get(key) for key in ("messages", "source", "system", "gold", "finish_reason")}, columns)


def _openthoughts(row: Row, columns: Columns) -> Iterator[RawResponse]:
    """open-thoughts/OpenThoughts-114k: the default subset, or `metadata` (`problem`, `deepseek_reasoning`, `deepseek_solution`,
    `ground_truth_solution`), which has golds, as has the `solution` of open-r1/OpenThoughts-114k-math."""
    if "deepseek_reasoning" not in row:
        solution = _optional(row, "solution")
        yield from (replace(raw, gold=raw.gold or (solution and _short_answer(solution))) for raw in _conversation(row, columns))
        return
    worked = _optional(row, "ground_truth_solution")
    yield RawResponse(
        _text(row, "problem"),
        _text(row, "deepseek_solution"),
        reasoning=_text(row, "deepseek_reasoning"),
        gold=worked and _short_answer(worked),
        origin=_optional(row, "source"),
    )


def _openr1_math(row: Row, columns: Columns) -> Iterator[RawResponse | FormatMismatch]:
    """open-r1/OpenR1-Math-220k: `problem`, `answer`, and lists with an entry a generation: `generations`, `finish_reasons`,
    `is_reasoning_complete`. The lists of verdicts (correctness_*) are left aside: the filter grades each answer itself."""
    generations = row["generations"]
    if not isinstance(generations, list):
        raise FormatMismatch("'generations' is no list")
    for at, generation in enumerate(generations):
        if not isinstance(generation, str):
            yield FormatMismatch(f"generation {at + 1} is no text")
            continue
        yield RawResponse(
            _text(row, "problem"),
            generation,
            gold=_optional(row, "answer"),
            origin=_optional(row, "source"),
            finish_reason=_cell(_entry(row, "finish_reasons", at), "finish_reasons"),
            complete=_entry(row, "is_reasoning_complete", at) is not False,
        )


def _entry(row: Row, column: str, at: int) -> Any:
    values = row.get(column)
    return values[at] if isinstance(values, list) and at < len(values) else None


def _s1k(row: Row, columns: Columns) -> Iterator[RawResponse]:
    """simplescaling/s1K (`thinking_trajectories`, `attempt`) and s1K-1.1 (`deepseek_*`, `gemini_*`: two teachers a question).

    `solution` is a final answer in some rows and a worked solution in others: the gold is its last box, else all of it if that is one
    short line.
    """
    question, worked = _text(row, "question"), _optional(row, "solution")
    found = False
    for thought, attempt in _S1K_TEACHERS:
        if row.get(thought) is None or row.get(attempt) is None:
            continue
        found = True
        trajectories = row[thought] if isinstance(row[thought], list) else [row[thought]]
        thoughts = [_cell(trajectory, thought) or "" for trajectory in trajectories]
        yield RawResponse(
            question,
            _text(row, attempt),
            reasoning="\n".join(thoughts),
            gold=worked and _short_answer(worked),
            origin=thought.split("_")[0],
        )
    if not found:
        raise FormatMismatch("no thought with an attempt")


_S1K_TEACHERS = (
    ("thinking_trajectories", "attempt"),
    ("deepseek_thinking_trajectory", "deepseek_attempt"),
    ("gemini_thinking_trajectory", "gemini_attempt"),
)
_SHORT = 60  # characters; a sentence of a proof is longer


def _short_answer(text: str) -> str | None:
    boxed = last_boxed(text)
    if boxed:
        return boxed
    line = text.strip()
    return line if "\n" not in line and len(line) <= _SHORT else None


_GSM8K_MARK = re.compile(r"<<[^<>]*>>")  # a calculator's input, such as <<48/2=24>>


def _gsm8k(row: Row, columns: Columns) -> Iterator[RawResponse]:
    """openai/gsm8k: `question`, and `answer`, whose last line is `#### ` and the gold. The worked solution before it, without calculator
    marks, is the thought; commas within the gold go, as in the benchmark."""
    worked, mark, last = _text(row, "answer").rpartition("####")
    gold = last.strip().replace(",", "")
    if not mark or not gold:
        raise FormatMismatch("no gold after '####' in column 'answer'")
    yield RawResponse(_text(row, "question"), f"The answer is \\boxed{{{gold}}}.", reasoning=_GSM8K_MARK.sub("", worked).strip(), gold=gold)


def _deepmath(row: Row, columns: Columns) -> Iterator[RawResponse]:
    """zwhe99/DeepMath-103K: `question`, `final_answer`, and three responses, `r1_solution_1` to `_3`, each with a lone `</think>`."""
    for name in _DEEPMATH_RESPONSES:
        if row.get(name) is not None:
            yield RawResponse(_text(row, "question"), _text(row, name), gold=_optional(row, "final_answer"), origin=_optional(row, "topic"))


_DEEPMATH_RESPONSES = ("r1_solution_1", "r1_solution_2", "r1_solution_3")
_ANSWER_TAGS = re.compile(r"\s*<answer>\s*(.*?)\s*</answer>\s*", re.DOTALL)


def _am_distilled(row: Row, columns: Columns) -> Iterator[RawResponse]:
    """a-m-team/AM-DeepSeek-R1-Distilled-1.4M: `messages` with an `info` each; the user's has `source` and `reference_answer`.

    The solution stands in <answer> tags behind the thought; they are removed, since no student is trained to write them.
    """
    (raw,) = _conversation({"messages": row.get("messages")}, columns)
    info = next((turn["info"] for turn in row["messages"] if turn.get("role") == "user" and isinstance(turn.get("info"), dict)), {})
    thought, closing, solution = raw.response.partition("</think>")
    inner = _ANSWER_TAGS.fullmatch(solution)
    response = f"{thought}{closing}\n\n{inner[1]}" if inner else raw.response
    gold = _optional(info, "reference_answer")
    yield replace(raw, response=response, gold=gold and _short_answer(gold), origin=_optional(info, "source"))


_TAGGED = re.compile(r"</think>|<\s*\|\s*end_of_thought")


def _question(row: Row, column: str) -> str:
    """A text, or a list of messages of which one is the user's (Nemotron's `input`, dolphin-r1's `messages`)."""
    turns = _as_rows(row.get(column))
    if isinstance(turns, list) and all(isinstance(turn, dict) for turn in turns):
        questions = [turn.get("content") for turn in turns if turn.get("role") == "user"]
        if len(questions) == 1 and isinstance(questions[0], str) and {turn.get("role") for turn in turns} <= {"system", "user"}:
            return questions[0]
        if questions:
            raise FormatMismatch(f"column {column!r} is a conversation, not one question: use the format of a conversation")
    return _text(row, column)


CHOICE_COLUMNS = ("options", "choices")  # what published tables call them
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _table(row: Row, columns: Columns) -> Iterator[RawResponse]:
    """A plain table: `question`, `response`, and where there are such columns the other keys of `columns` in config/schema.yaml."""

    def name(key: str) -> str:
        return columns.get(key, key)

    question, column = _question(row, name("question")), name("options")
    if "options" in columns and row.get(column) is not None and not shows_choices(question, choices := _choices(row[column], column)):
        question = f"{question.rstrip()}\n\n" + "\n".join(f"{letter}) {text}" for letter, text in zip(_LETTERS, choices, strict=False))
    response = _text(row, name("response"))
    # A column reasoning that nobody named may be a flag (Nemotron's says on or off): tags in the response count.
    apart = "reasoning" in columns or not _TAGGED.search(response)
    yield RawResponse(
        question,
        response,
        reasoning=_cell(row.get(name("reasoning")), name("reasoning")) if apart else None,
        gold=_optional(row, name("gold")),
        origin=_optional(row, name("source")),
        finish_reason=_optional(row, name("finish_reason")),
        system=_optional(row, name("system")),
        id=_optional(row, name("id")),
    )


def _choices(value: Any, column: str) -> list[str]:
    """The texts of a list of choices: texts, {text: ..} objects, an object of letters, or an object of lists of labels and texts."""
    value = _as_rows(value)
    entries = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(entries, list):
        raise FormatMismatch(f"column {column!r} is no list of choices")
    texts = [_cell(entry.get("text") if isinstance(entry, dict) else entry, column) for entry in entries]
    if not texts or not all(texts) or len(texts) > len(_LETTERS):
        raise FormatMismatch(f"column {column!r} has {len(texts)} choices, or an empty one")
    return [text.strip() for text in texts if text]


def shows_choices(question: str, choices: Sequence[str]) -> bool:
    """Whether all choices stand in the question already, whatever the letters and the white space."""
    shown = " ".join(question.split())
    return all(" ".join(choice.split()) in shown for choice in choices)


def hidden_choices(row: Row, columns: Columns) -> str | None:
    """The column of choices of a table row that its question does not show and that `columns` does not name."""
    column = next((name for name in CHOICE_COLUMNS if row.get(name)), None)
    if column is None or "options" in columns:
        return None
    try:
        question = _text(row, columns.get("question", "question"))
        return None if shows_choices(question, _choices(row[column], column)) else column
    except FormatMismatch:
        return None


def _distill(row: Row, columns: Columns) -> Iterator[RawResponse]:
    """Rows of a traces.jsonl: ids and sources stay as they are."""
    yield RawResponse(
        _text(row, "question"),
        _text(row, "solution"),
        reasoning=_text(row, "thought"),
        gold=_optional(row, "gold"),
        origin=_optional(row, "source"),
        finish_reason=_optional(row, "finish_reason"),
        system=_optional(row, "system"),
        id=_optional(row, "id"),
    )


def _messages(row: Row, columns: Columns) -> Iterator[RawResponse]:
    """`messages` [{role, content}], whatever else there is: how most sets of today are published."""
    yield from _conversation({**row, "conversations": None}, columns)


def _sharegpt(row: Row, columns: Columns) -> Iterator[RawResponse]:
    """`conversations` [{from, value}], of human and gpt, as ShareGPT exported them."""
    yield from _conversation(row, columns)


_CONVERSATION = Format((("conversations", "messages"),), _conversation)
FORMATS = {
    "messages": Format(("messages",), _messages),
    "sharegpt": Format(("conversations",), _sharegpt),
    "bespoke_stratos": _CONVERSATION,
    "sky_t1": _CONVERSATION,
    "openthoughts": Format((("conversations", "messages", "deepseek_reasoning"),), _openthoughts),
    "openr1_math": Format(("problem", "generations"), _openr1_math),
    "mixture_of_thoughts": Format(("messages",), _mixture_of_thoughts),
    "s1k": Format(("question", tuple(attempt for _, attempt in _S1K_TEACHERS)), _s1k),
    "gsm8k": Format(("question", "answer"), _gsm8k),
    "deepmath": Format(("question", _DEEPMATH_RESPONSES), _deepmath),
    "am_distilled": Format(("messages",), _am_distilled),
    "table": Format(("question", "response"), _table),
    "distill": Format(("id", "question", "thought", "solution", "source"), _distill),
}
