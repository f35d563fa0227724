"""Recorded responses as the details files of lighteval 0.6 to 0.13 hold them."""

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from distill.generation.recorded_messages import with_thought
from distill.generation.recorded_row import RecordedAnswer, RowReader


def lighteval(row: RowReader, _: Mapping[str, str]) -> Iterator[RecordedAnswer]:
    """details_{task}_{date}.parquet of lighteval (logging/info_loggers.py, Detail), an item a row: doc and model_response from 0.11 on,
    example, predictions and cont_tokens before; up to 0.7 each cell is Python's text of its value."""
    if "doc" in row.row or "predictions" not in row.row:
        yield from _lighteval_doc(row)
    else:
        yield from _lighteval_columns(row)


def _lighteval_doc(row: RowReader) -> Iterator[RecordedAnswer]:
    """A thought that its endpoint returned apart (`reasonings`) is put back in front."""
    doc, response = row.cell("doc"), row.cell("model_response")
    if not isinstance(doc, dict) or not isinstance(response, dict) or not isinstance(doc.get("query"), str):
        raise row.wrong(" is not as lighteval 0.6 to 0.13 writes details: give it as a table (format: table)")
    texts = response.get("text") or []
    if not texts:
        raise row.wrong(" holds no text, as in a task of log-likelihoods: take a task that generates")
    tokens, thoughts = (response.get(name) or [] for name in ("output_tokens", "reasonings"))
    longest = doc.get("generation_size")
    for place, text in enumerate(texts):
        count = len(tokens[place]) if len(tokens) == len(texts) and tokens[place] else None
        yield row.recorded(
            with_thought(thoughts[place] if len(thoughts) == len(texts) else None, text),
            "model_response.text",
            question=doc["query"],
            finish_reason=("length" if count >= longest else "stop") if count and longest else None,
            prompt_tokens=len(response.get("input_tokens") or []) or None,
            completion_tokens=count,
        )


def _lighteval_columns(row: RowReader) -> Iterator[RecordedAnswer]:
    """0.6 to 0.10. `predictions` holds an entry a request, which is the list of its samples, or a pair of this list and log-probabilities;
    0.6 to 0.10 flatten the lists of a task without log-probabilities. How long an answer may be, these files do not say."""
    question, found = row.cell("example"), _literal(row, "predictions")
    texts = [text for entry in found for text in _texts(entry)] if isinstance(found, list) else []
    if not texts or not all(isinstance(text, str) for text in texts):
        raise row.wrong(" holds no text, as in a task of log-likelihoods: take a task that generates")
    lengths = _lengths(_literal(row, "cont_tokens"), len(texts))
    tokens = _literal(row, "input_tokens")
    prompt = len(tokens[0]) if isinstance(tokens, list) and tokens and isinstance(tokens[0], list) else 0
    for text, count in zip(texts, lengths, strict=True):
        yield row.recorded(
            text, "predictions", question=row.text(question, "example"), prompt_tokens=prompt or None, completion_tokens=count
        )


def _literal(row: RowReader, column: str) -> Any:
    """A cell's value, which up to lighteval 0.7 is Python's text of it (logging/evaluation_tracker.py: str(v))."""
    value = row.row.get(column)
    if not isinstance(value, str):
        return value
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise row.wrong(f": {column!r} is no Python list: fix the row, or give it as a table (format: table)") from None


def _texts(entry: Any) -> list[Any]:
    """The samples of a prediction: itself, its list, or the first of its pair of samples and log-probabilities."""
    if isinstance(entry, tuple) or (isinstance(entry, list) and entry and isinstance(entry[0], list)):
        entry = entry[0]
    return entry if isinstance(entry, list) else [entry]


def _lengths(tokens: Any, n: int) -> list[int | None]:
    """Tokens of each of n samples, from lists of token ids that are nested once or twice; None where they do not fit."""
    while isinstance(tokens, list) and len(tokens) == 1 and isinstance(tokens[0], list) and tokens[0] and isinstance(tokens[0][0], list):
        tokens = tokens[0]
    if not isinstance(tokens, list) or len(tokens) != n or not all(isinstance(ids, list) for ids in tokens):
        return [None] * n
    return [len(ids) or None for ids in tokens]
