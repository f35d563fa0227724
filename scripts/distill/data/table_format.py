"""A plain table of questions and responses, whose columns the configuration names; choices that stand in their own column."""

from collections.abc import Iterator, Sequence
from typing import Any

from distill.base.files import Row
from distill.base.thoughts import CLOSED
from distill.data.raw_response import Columns, FormatMismatch, RawResponse, as_rows, read_cell, read_optional, read_text


def _question(row: Row, column: str) -> str:
    """A text, or a list of messages of which one is the user's (Nemotron's `input`, dolphin-r1's `messages`)."""
    turns = as_rows(row.get(column))
    if isinstance(turns, list) and all(isinstance(turn, dict) for turn in turns):
        questions = [turn.get("content") for turn in turns if turn.get("role") == "user"]
        if len(questions) == 1 and isinstance(questions[0], str) and {turn.get("role") for turn in turns} <= {"system", "user"}:
            return questions[0]
        if questions:
            raise FormatMismatch(f"column {column!r} is a conversation, not one question: use the format of a conversation")
    return read_text(row, column)


CHOICE_COLUMNS = ("options", "choices")  # what published tables call them
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def read_table(row: Row, columns: Columns) -> Iterator[RawResponse]:
    """A plain table: `question`, `response`, and where there are such columns the other keys of `columns` in config/schema.yaml."""

    def name(key: str) -> str:
        return columns.get(key, key)

    question, column = _question(row, name("question")), name("options")
    if "options" in columns and row.get(column) is not None and not shows_choices(question, choices := _choices(row[column], column)):
        question = f"{question.rstrip()}\n\n" + "\n".join(f"{letter}) {text}" for letter, text in zip(_LETTERS, choices, strict=False))
    response = read_text(row, name("response"))
    # A column reasoning that nobody named may be a flag (Nemotron's says on or off): tags in the response count.
    apart = "reasoning" in columns or not CLOSED.search(response)
    yield RawResponse(
        question,
        response,
        reasoning=read_cell(row.get(name("reasoning")), name("reasoning")) if apart else None,
        gold=read_optional(row, name("gold")),
        origin=read_optional(row, name("source")),
        finish_reason=read_optional(row, name("finish_reason")),
        system=read_optional(row, name("system")),
        id=read_optional(row, name("id")),
    )


def _choices(value: Any, column: str) -> list[str]:
    """The texts of a list of choices: texts, {text: ..} objects, an object of letters, or an object of lists of labels and texts."""
    value = as_rows(value)
    entries = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(entries, list):
        raise FormatMismatch(f"column {column!r} is no list of choices")
    texts = [read_cell(entry.get("text") if isinstance(entry, dict) else entry, column) for entry in entries]
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
        question = read_text(row, columns.get("question", "question"))
        return None if shows_choices(question, _choices(row[column], column)) else column
    except FormatMismatch:
        return None
