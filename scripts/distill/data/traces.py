"""A trace: a question, the teacher's thought and its solution; how they are found in a response and written for the student."""

import hashlib
import re
from dataclasses import dataclass
from typing import NamedTuple

from distill.base.errors import InputError
from distill.base.files import Row
from distill.base.thoughts import SOLUTION, STRATOS_TAG, THOUGHT

# A longer response is a loop, never a worked thought, and every later step would pay for it.
MAX_CHARS = 2_000_000

_OPEN, _CLOSE = THOUGHT["think"]
_THINK = re.compile(f"{_OPEN}|{_CLOSE}")
_STRATOS_ORDER = [tag.strip("<|>") for tag in (*THOUGHT["stratos"], *SOLUTION["stratos"])]
# What may be trimmed round a text. str.strip() would take U+2028 and control characters too.
_BLANK = " \t\r\n"


class Defect(NamedTuple):
    """Why a row is dropped: `reason` is a key of the filter's report, such as malformed; `detail` says what was found in this row."""

    reason: str
    detail: str


class Sections(NamedTuple):
    thought: str
    solution: str


@dataclass(frozen=True, slots=True)
class Trace:
    """One row of traces.jsonl. `system` is the system text that came with the row."""

    id: str
    question: str
    gold: str | None
    thought: str
    solution: str
    source: str
    finish_reason: str | None = None
    system: str | None = None

    def row(self) -> Row:
        """The seven keys in fixed order; `system` follows only where there is one."""
        row: Row = {key: getattr(self, key) for key in KEYS}
        return row if self.system is None else row | {"system": self.system}


KEYS = ("id", "question", "gold", "thought", "solution", "source", "finish_reason")
_MAY_BE_NULL = ("gold", "finish_reason", "system")


def from_row(row: Row, where: str) -> Trace:
    """The trace in a row of traces.jsonl. Raises InputError that starts with `where` for a missing key or one that is no text."""
    missing = [key for key in KEYS if key not in row]
    if missing:
        raise InputError(f"{where}: no column {missing[0]!r} (found: {', '.join(row)}): make this file with scripts/normalise.py")
    for key in (*KEYS, "system"):
        value = row.get(key)
        if not isinstance(value, str) and not (value is None and key in _MAY_BE_NULL):
            raise InputError(f"{where}: {key!r} is {type(value).__name__}, not text: make this file with scripts/normalise.py")
    return Trace(*(row[key] for key in KEYS), system=row.get("system"))


def parse_response(text: str, reasoning: str | None = None) -> Sections | Defect:
    """Thought and solution of a response, or why it has none.

    Known shapes: `<|begin_of_thought|>` .. `<|end_of_solution|>` (blanks inside the tags too), `<think>` .. `</think>` and what follows,
    only `</think>` (the opening tag stood in the prompt), and a thought in its own column (`reasoning`). Nothing else is guessed at.
    """
    if len(text) + len(reasoning or "") > MAX_CHARS:
        return Defect("malformed", f"longer than {MAX_CHARS} characters")
    if reasoning is not None:
        found: Sections | Defect = Sections(reasoning, text)
    elif STRATOS_TAG.search(text):
        found = _stratos(text)
    elif _THINK.search(text):
        found = _think(text)
    else:
        return Defect("malformed", "no thought tags")
    if isinstance(found, Defect):
        return found
    sections = Sections(*(part.strip(_BLANK) for part in found))
    return find_defect(*sections) or sections


def find_defect(thought: str, solution: str) -> Defect | None:
    """What is wrong with a thought and a solution on their own: one is empty, or holds a tag that belongs round it."""
    for name, part in (("thought", thought), ("solution", solution)):
        if not part.strip():
            return Defect("malformed", f"empty {name}")
        if tag := STRATOS_TAG.search(part) or _THINK.search(part):
            return Defect("malformed", f"{tag[0]} inside the {name}")
    return None


def _stratos(text: str) -> Sections | Defect:
    tags = list(STRATOS_TAG.finditer(text))
    names = [f"{tag[1]}_of_{tag[2]}" for tag in tags]
    if names.count("begin_of_solution") > 1:
        return Defect("malformed", f"{names.count('begin_of_solution')} solutions")
    if names != _STRATOS_ORDER:
        if names == _STRATOS_ORDER[: len(names)]:
            return Defect("truncated", f"no {_STRATOS_ORDER[len(names)]}")
        return Defect("malformed", f"tags are {', '.join(names[:8])}")
    ends = [0, *(at for tag in tags for at in tag.span()), len(text)]
    before, thought, between, solution, after = (text[ends[i] : ends[i + 1]] for i in range(0, len(ends), 2))
    if before.strip() or between.strip() or after.strip():
        return Defect("malformed", "text outside of thought and solution")
    return Sections(thought, solution)


def _think(text: str) -> Sections | Defect:
    tags = list(_THINK.finditer(text))
    kinds = [tag[0] for tag in tags]
    if kinds == [_OPEN]:
        return Defect("truncated", f"no {_CLOSE}")
    if kinds not in ([_OPEN, _CLOSE], [_CLOSE]):
        return Defect("malformed", f"tags are {', '.join(kinds[:8])}")
    start = tags[0].end() if len(tags) == 2 else 0
    if len(tags) == 2 and text[: tags[0].start()].strip():
        return Defect("malformed", f"text before {_OPEN}")
    if not text[tags[-1].end() :].strip():
        return Defect("truncated", f"nothing after {_CLOSE}")
    return Sections(text[start : tags[-1].start()], text[tags[-1].end() :])


def trace_id(source: str, *content: str | None) -> str:
    """16 hex digits of the sha256 of source and content."""
    parts = (source, *content)
    return hashlib.sha256("\0".join("\x01" if part is None else part for part in parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
