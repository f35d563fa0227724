"""Source rows of any known format to traces, and the rows that are none with their reasons."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.base.files import Row, dumps
from distill.base.json_rows import OversizeRow
from distill.base.rows import as_text, found_columns
from distill.base.settings import Settings
from distill.base.tables import read_rows
from distill.data.conditions import has_column, unmet
from distill.data.duplicates import question_key
from distill.data.formats import FORMATS, TraceFormat
from distill.data.hashset import HashSet, hash64
from distill.data.raw_response import FormatMismatch, RawResponse
from distill.data.table_format import hidden_choices
from distill.data.traces import MAX_CHARS, Defect, Trace, parse_response, trace_id
from distill.grading.extract import last_boxed

_GOLD = "#/$defs/dataset/properties/gold/properties"
# The --spec of scripts/normalise.py; `gold` names the columns of --gold.
SPEC = Settings(
    "$defs/dataset/columns",
    "$defs/dataset/where",
    gold={
        "type": "object",
        "additionalProperties": False,
        "properties": {key: {"$ref": f"{_GOLD}/{key}"} for key in ("question", "gold", "boxed")},
    },
)


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that is no trace, as in dropped.jsonl."""

    id: str
    reason: str
    detail: str

    def row(self) -> Row:
        return asdict(self)


class Golds:
    """A named source of gold answers, joined by question. Questions are held as hashes; one that has two different golds has none."""

    def __init__(self, path: str | Path, question: str = "question", gold: str = "gold", boxed: bool = False) -> None:
        """`question` and `gold` name the columns; with `boxed` a gold is the last box of a worked solution."""
        self._golds: dict[int, str | None] = {}
        for number, row in enumerate(read_rows(path), 1):
            for column in (question, gold):
                if column not in row:
                    raise InputError(f"{path}: row {number}: no column {column!r} (found: {found_columns(row)}): set gold's columns")
            text, answer = (as_text(row[column], f"{path}: row {number}: column {column!r}") for column in (question, gold))
            if text and answer:
                found = last_boxed(answer) if boxed else answer
                key = question_key(text)
                self._golds[key] = found if self._golds.get(key, found) == found else None

    def of(self, question: str) -> str | None:
        return self._golds.get(question_key(question))


@dataclass
class Normaliser:
    """`columns` renames the columns of a table; `golds` answers for rows without a gold; `conditions` (`where:` of the
    configuration, see conditions.py) select raw rows."""

    format: str
    where: str
    columns: Mapping[str, str] = field(default_factory=dict)
    golds: Golds | None = None
    conditions: Mapping[str, Any] = field(default_factory=dict)
    hidden_choices: Counter[str] = field(default_factory=Counter)  # rows whose choices their question does not show, by column

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise InputError(f"{self.format}: unknown format: use one of {', '.join(FORMATS)}")
        if self.columns and self.format != "table":
            raise InputError(f"columns: have no meaning with format {self.format}: remove them or use format table")
        self._shape: TraceFormat = FORMATS[self.format]
        self._seen = HashSet()
        self._repeats: dict[str, int] = {}

    def traces(self, rows: Iterable[Row]) -> Iterator[Trace | RejectedRow]:
        """Each response of each row as a trace, or as rejected: nothing is lost.

        An id is the hash of source and content; the second row of equal content has "-2" behind it, and so on. Raises InputError for a
        first row without the format's columns, for ids that came with the rows and collide, for no rows, and at the end for a column
        of `columns` that no row has.
        """
        number, first = 0, ""
        unseen = {f"columns.{key}": column for key, column in self.columns.items()} | {f"where.{key}": key for key in self.conditions}
        for number, row in enumerate(rows, 1):
            missing = None if isinstance(row, OversizeRow) else self._shape.missing(row, self.columns)
            if missing and number == 1 and not unmet(row, self.conditions):
                other = next((f" It has the columns of {name}" for name, shape in FORMATS.items() if not shape.missing(row, {})), "")
                other = other or self._rows_below(row)
                raise InputError(f"{self.where}: no column {missing} (found: {found_columns(row)}): is this really {self.format}?{other}")
            if unseen and not isinstance(row, OversizeRow):
                first = first or ", ".join(map(str, row))
                unseen = {key: column for key, column in unseen.items() if not has_column(row, column)}
            yield from self._select(row, missing)
        if not number:
            raise InputError(f"{self.where}: no rows: check the file")
        for key, column in unseen.items():
            raise InputError(f"{self.where}: no row has a column {column!r} (found: {first or 'none'}): fix {key}")

    def _select(self, row: Row, missing: str | None) -> Iterator[Trace | RejectedRow]:
        if not isinstance(row, OversizeRow) and (why := unmet(row, self.conditions)):
            yield self._unique(RejectedRow(trace_id(self.format, dumps(_plain(row))), "not_selected", why))
            return
        if self.format == "table" and (column := hidden_choices(row, self.columns)):
            self.hidden_choices[column] += 1
        yield from self._made(row, missing)

    def _made(self, row: Row, missing: str | None) -> Iterator[Trace | RejectedRow]:
        if isinstance(row, OversizeRow):
            yield self._unique(RejectedRow(trace_id(self.format, row.place), "malformed", f"{row.place}: too large to read"))
            return
        try:
            if missing:
                raise FormatMismatch(f"no column {missing}")
            raws: list[RawResponse | FormatMismatch] = list(self._shape.read(row, self.columns))
            if not raws:
                raise FormatMismatch("no response")
        except FormatMismatch as mismatch:
            raws = [mismatch]
        for raw in raws:
            if isinstance(raw, FormatMismatch):
                yield self._unique(RejectedRow(trace_id(self.format, dumps(_plain(row))), "malformed", str(raw)))
                continue
            made = self._trace(raw)
            yield self._given(made) if self.format == "distill" else self._unique(made)

    def _trace(self, raw: RawResponse) -> Trace | RejectedRow:
        source = self.format if raw.origin is None else raw.origin if self.format == "distill" else f"{self.format}/{raw.origin}"
        name = raw.id or trace_id(source, raw.question, raw.reasoning, raw.response)
        found = parse_response(raw.response, raw.reasoning)
        if isinstance(found, Defect):
            return RejectedRow(name, *found)
        if not raw.complete:
            return RejectedRow(name, "truncated", "its source marks it as incomplete")
        if not raw.question.strip() or len(raw.question) > MAX_CHARS:
            return RejectedRow(name, "malformed", f"question of {len(raw.question)} characters")
        gold = raw.gold if raw.gold is not None or self.golds is None else self.golds.of(raw.question)
        return Trace(name, raw.question, gold, found.thought, found.solution, source, raw.finish_reason, raw.system)

    def _rows_below(self, row: Row) -> str:
        """How to get at the rows where this one holds others in a column, as a JSON file of one object on one line does."""
        keys = [key for key, value in row.items() if isinstance(value, list) and value and isinstance(value[0], dict)]
        keys = [key for key in keys if not self._shape.missing(row[key][0], self.columns)]
        return f" Its rows are under {keys[0]!r}: jq -c '.{keys[0]}[]' FILE > rows.jsonl" if keys else ""

    def _unique(self, made: Trace | RejectedRow) -> Trace | RejectedRow:
        name = made.id
        while not self._seen.add(hash64(name)):
            count = self._repeats[made.id] = self._repeats.get(made.id, 1) + 1
            name = f"{made.id}-{count}"
        return replace(made, id=name) if name != made.id else made

    def _given(self, made: Trace | RejectedRow) -> Trace | RejectedRow:
        if self._seen.add(hash64(made.id)):
            return made
        raise InputError(f"{self.where}: two rows have the id {made.id!r}: make the ids differ")


def _plain(value: Any) -> Any:
    """A cell as JSON can hold it: parquet has times and bytes too."""
    if isinstance(value, dict):
        return {str(key): _plain(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_plain(below) for below in value]
    return value if value is None or isinstance(value, str | int | float) else str(value)
