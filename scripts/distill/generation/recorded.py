"""Recorded responses as files of this and other programs hold them: a function of FORMATS reads each format, row by row.

What a file says of the answers' worth is not read: they are graded here like any other.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.base.rows import as_text
from distill.base.tables import OversizeRow, data_files, read_rows
from distill.base.thoughts import completion

FINISH_REASONS = ("stop", "length")
COLUMNS = ("id", "question", "response", "sample", "finish_reason", "prompt_tokens", "completion_tokens")


@dataclass(frozen=True)
class RecordedAnswer:
    """One answer as it was found at `file`, `place`. Of `id` and `question` there is one at least; `sample` is None where the file numbers
    none; what the file does not tell is None."""

    file: str
    place: str
    text: str
    id: str | None = None
    question: str | None = None
    sample: int | None = None
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None

    @property
    def where(self) -> str:
        return f"{self.file}: {self.place}"


def read(paths: Iterable[str | Path], form: str, columns: Mapping[str, str]) -> Iterator[RecordedAnswer]:
    """The answers of files in a format, in their order. `columns`: names of a table's columns, where they are not COLUMNS."""
    for path in (file for given in paths for file in data_files(given)):
        for number, row in enumerate(read_rows(path), 1):
            place = f"row {number}"
            if isinstance(row, OversizeRow):
                raise InputError(f"{path}: {place} is longer than a row may be: split it")
            yield from FORMATS[form](_RowReader(str(path), place, row), columns)


@dataclass(frozen=True)
class _RowReader:
    """A row and where it stood; its cells come checked."""

    file: str
    place: str
    row: Mapping[str, Any]

    def wrong(self, what: str) -> InputError:
        return InputError(f"{self.file}: {self.place}{what}")

    def cell(self, column: str) -> Any:
        if column not in self.row:
            raise self.wrong(f" has no {column!r} (found: {', '.join(map(str, self.row)) or 'nothing'}): name the column, or fix the row")
        return self.row[column]

    def name(self, value: Any, column: str) -> str | None:
        return as_text(value, f"{self.file}: {self.place}: column {column!r}")

    def text(self, value: Any, column: str) -> str:
        if not isinstance(value, str):
            raise self.wrong(f": {column!r} is no text: fix or remove that row")
        return value

    def count(self, value: Any, column: str) -> int | None:
        if value is None or value == "" or value != value:
            return None
        try:
            if isinstance(value, bool) or float(value) != int(float(value)) or float(value) < 0:
                raise ValueError
        except (ValueError, TypeError, OverflowError):
            raise self.wrong(f": {column!r} is {value!r}: write a whole number from 0, or nothing") from None
        return int(float(value))

    def finish(self, value: Any) -> str | None:
        if value not in (None, "", *FINISH_REASONS):
            raise self.wrong(f": finish_reason is {value!r}: write {', '.join(FINISH_REASONS)} or nothing")
        return value or None

    def recorded(self, text: Any, column: str, **known: Any) -> RecordedAnswer:
        return RecordedAnswer(self.file, self.place, self.text(text, column), **known)


def _distill(row: _RowReader, _: Mapping[str, str]) -> Iterator[RecordedAnswer]:
    """results/responses/{model}/{benchmark}.jsonl, of this project."""
    sample = row.count(row.cell("sample"), "sample")
    if sample is None:
        raise row.wrong(": 'sample' is empty: number the answers to an item from 0")
    tokens = {name: row.count(row.row.get(name), name) for name in ("prompt_tokens", "completion_tokens")}
    finish = row.finish(row.row.get("finish_reason"))
    yield row.recorded(row.cell("text"), "text", id=row.name(row.cell("id"), "id"), sample=sample, finish_reason=finish, **tokens)


def _table(row: _RowReader, columns: Mapping[str, str]) -> Iterator[RecordedAnswer]:
    """A row an answer; or a row an item, whose response is a list. A column that `columns` names must be there."""
    named = {key: columns.get(key, key) for key in COLUMNS}
    cells = {key: row.cell(name) if key in columns else row.row.get(name) for key, name in named.items()}
    known = {
        "id": row.name(cells["id"], named["id"]),
        "question": row.name(cells["question"], named["question"]),
        "sample": row.count(cells["sample"], named["sample"]),
        "finish_reason": row.finish(cells["finish_reason"]),
        **{key: row.count(cells[key], named[key]) for key in ("prompt_tokens", "completion_tokens")},
    }
    if known["id"] is None and known["question"] is None:
        raise row.wrong(" has neither id nor question: name the column of one of them (columns:)")
    response = row.cell(named["response"])
    if isinstance(response, list) and known["sample"] is not None:
        raise row.wrong(f": {named['response']!r} is a list, whose order is that of the samples: leave the column sample out")
    for text in response if isinstance(response, list) else [response]:
        yield row.recorded(text, named["response"], **known)


def _lighteval(row: _RowReader, _: Mapping[str, str]) -> Iterator[RecordedAnswer]:
    """details_{task}_{date}.parquet of lighteval 0.13.0 (logging/info_loggers.py, Detail): doc, model_response, metric; an item a row.

    A thought that its endpoint returned apart (`reasonings`) is put back in front.
    """
    doc, response = row.cell("doc"), row.cell("model_response")
    if not isinstance(doc, dict) or not isinstance(response, dict) or not isinstance(doc.get("query"), str):
        raise row.wrong(" is not as lighteval 0.13 writes details: give it as a table (format: table)")
    texts = response.get("text") or []
    if not texts:
        raise row.wrong(" holds no text, as in a task of log-likelihoods: take a task that generates")
    tokens, thoughts = (response.get(name) or [] for name in ("output_tokens", "reasonings"))
    longest = doc.get("generation_size")
    for place, text in enumerate(texts):
        count = len(tokens[place]) if len(tokens) == len(texts) and tokens[place] else None
        thought = thoughts[place] if len(thoughts) == len(texts) else None
        yield row.recorded(
            completion(thought, text, "think") if thought else text,
            "model_response.text",
            question=doc["query"],
            finish_reason=("length" if count >= longest else "stop") if count and longest else None,
            prompt_tokens=len(response.get("input_tokens") or []) or None,
            completion_tokens=count,
        )


def _evalscope(row: _RowReader, _: Mapping[str, str]) -> Iterator[RecordedAnswer]:
    """reviews/{model}/{benchmark}_{subset}.jsonl of EvalScope 1.x (evalscope/api/evaluator/cache.py, ReviewResult): input (text, or in 1.0
    chat messages), target, sample_score; repeats of an item are rows of their own."""
    question, scored = row.cell("input"), row.cell("sample_score")
    if isinstance(question, list):
        question = "\n".join(_content(message) for message in question if isinstance(message, dict) and message.get("role") != "system")
    score = scored.get("score") if isinstance(scored, dict) else None
    if not isinstance(question, str) or not isinstance(score, dict):
        raise row.wrong(" is not as EvalScope 1.x writes reviews: give it as a table (format: table)")
    yield row.recorded(score.get("prediction"), "sample_score.score.prediction", question=question)


def _content(message: Mapping[str, Any]) -> str:
    """A chat message's text; its content is a text, or a list of parts."""
    content = message.get("content") or ""
    return content if isinstance(content, str) else "\n".join(str(part.get("text") or "") for part in content if isinstance(part, dict))


FORMATS: dict[str, Callable[[_RowReader, Mapping[str, str]], Iterator[RecordedAnswer]]] = {
    "distill": _distill,
    "lighteval_details": _lighteval,
    "evalscope": _evalscope,
    "table": _table,
}
