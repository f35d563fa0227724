"""One recorded answer, and the row of another program's file that it is read from, with its cells checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from distill.base.errors import InputError
from distill.base.rows import as_text

FINISH_REASONS = ("stop", "length")


@dataclass(frozen=True)
class RecordedAnswer:
    """One answer as it was found at `file`, `place`. Of `id` and `question` there is one at least; `sample` is None where the file numbers
    none; what the file does not tell is None.
    `shown`: our letters of the choices in the order shown, where this project has recorded another order than its own."""

    file: str
    place: str
    text: str
    id: str | None = None
    question: str | None = None
    sample: int | None = None
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    shown: str = ""

    @property
    def where(self) -> str:
        return f"{self.file}: {self.place}"


@dataclass(frozen=True)
class RowReader:
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
        """Raises InputError where a value is no text."""
        if not isinstance(value, str):
            raise self.wrong(f": {column!r} is no text: fix or remove that row")
        return value

    def count(self, value: Any, column: str) -> int | None:
        """A whole number from 0, also as 20.0 or "20"; None where the file has none. Raises InputError for anything else."""
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
