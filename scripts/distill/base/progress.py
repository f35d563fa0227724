"""Progress of a long step: a bar on a terminal, a line every ten seconds (DISTILL_PROGRESS_S) in a log file.

The form of the line: `filter: 1,200 of 17,000 rows (7 %), 340 rows/s, 0:46 to go; and a note`
"""

import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import IO, Any, TypeVar

Item = TypeVar("Item")
_LINE = re.compile(
    r"^(?P<what>.+?): (?P<done>[\d,]+)(?: of (?P<total>[\d,]+))? (?P<unit>\w+)(?: \(\d+ %\))?, (?P<rate>[\d.,]+) \w+/s"
    r"(?:, (?P<left>[\d:]+) to go)?(?:; (?P<note>.*))?$"
)
EVERY_S = float(os.environ.get("DISTILL_PROGRESS_S", "10"))


class Progress:
    """Counts finished units. `initial` of them were finished before this process started and are no part of its rate."""

    def __init__(self, what: str, total: int | None = None, unit: str = "rows", initial: int = 0, stream: IO[str] | None = None):
        self.what, self.total, self.unit, self.done, self.note = what, total, unit, initial, ""
        self._initial = initial
        self._stream = sys.stderr if stream is None else stream
        self._start = self._shown = time.monotonic()
        self._bar: Any = None
        if self._stream.isatty():
            from tqdm import tqdm

            self._bar = tqdm(desc=what, total=total, initial=initial, unit=f" {unit}", mininterval=1, dynamic_ncols=True, file=self._stream)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def add(self, count: int = 1, note: str = "") -> None:
        """Count `count` more as finished; `note` is shown behind the count."""
        self.update(self.done + count, note)

    def update(self, done: int, note: str = "") -> None:
        """Set the number of finished units."""
        new, self.done = done - self.done, done
        self.note = note or self.note
        if self._bar is not None:
            self._bar.set_postfix_str(self.note, refresh=False)
            self._bar.update(new)
        elif time.monotonic() - self._shown >= EVERY_S:
            self._show()

    def close(self) -> None:
        """Print the last line, unless nothing was done."""
        if self._bar is not None:
            self._bar.close()
        elif self.done > self._initial:
            self._show()

    def _show(self) -> None:
        self._shown = time.monotonic()
        rate = (self.done - self._initial) / max(self._shown - self._start, 1e-9)
        print(progress_line(self.what, self.done, self.total, self.unit, rate, self.note), file=self._stream, flush=True)


class TokenCounter:
    """Counts generated tokens."""

    def __init__(self) -> None:
        self.count, self._start = 0, time.monotonic()

    def add(self, count: int) -> str:
        """Count `count` more; the mean speed so far, as text."""
        self.count += count
        return f"{self.count / max(time.monotonic() - self._start, 1e-9):,.0f} tokens/s"


def track(rows: Iterable[Item], what: str, total: int | None = None, unit: str = "rows") -> Iterator[Item]:
    """Yield the rows unchanged and show how many have passed."""
    with Progress(what, total, unit) as progress:
        for row in rows:
            yield row
            progress.add()


def progress_line(what: str, done: int, total: int | None, unit: str, rate: float, note: str = "") -> str:
    """A progress line as it is written to a log file; `rate` in units per second."""
    of = f" of {total:,} {unit} ({100 * done // total} %)" if total else f" {unit}"
    left = f", {format_duration((total - done) / rate)} to go" if total and rate and done < total else ""
    return f"{what}: {done:,}{of}, {rate:,.{0 if rate >= 10 else 2}f} {unit}/s{left}" + (f"; {note}" if note else "")


def parse_progress_line(line: str) -> dict[str, Any] | None:
    """What a line of that form says, as done, total, unit, rate, left_s, note; None for any other line."""
    found = _LINE.match(line)
    if not found:
        return None
    return {
        "done": _count(found["done"]),
        "total": _count(found["total"]),
        "unit": found["unit"],
        "rate": float(found["rate"].replace(",", "")),
        "left_s": _seconds(found["left"]),
        "note": found["note"],
    }


def _count(text: str | None) -> int | None:
    return None if text is None else int(text.replace(",", ""))


def _seconds(left: str | None) -> int | None:
    if left is None:
        return None
    seconds = 0
    for part in left.split(":"):
        seconds = 60 * seconds + int(part)
    return seconds


def format_duration(seconds: float) -> str:
    """m:ss, or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
