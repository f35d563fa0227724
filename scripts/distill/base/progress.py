"""How far a long step is: a bar on a terminal, and in a log file a plain line every ten seconds (DISTILL_PROGRESS_S).

A line, which tools/status.py reads as well as people: `filter: 1,200 of 17,000 rows (7 %), 340 rows/s, 0:46 to go; and a note`
"""

import os
import sys
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import IO, Any, TypeVar

Item = TypeVar("Item")
EVERY_S = float(os.environ.get("DISTILL_PROGRESS_S", "10"))


class Progress:
    """Counts what is done. `at_hand` was done before this process began, and is no part of its rate; `total` may be unknown."""

    def __init__(self, what: str, total: int | None = None, unit: str = "rows", at_hand: int = 0, stream: IO[str] | None = None):
        self.what, self.total, self.unit, self.done, self.note = what, total, unit, at_hand, ""
        self._at_hand = at_hand
        self._stream = sys.stderr if stream is None else stream
        self._start = self._shown = time.monotonic()
        self._bar: Any = None
        if self._stream.isatty():
            from tqdm import tqdm

            self._bar = tqdm(desc=what, total=total, initial=at_hand, unit=f" {unit}", mininterval=1, dynamic_ncols=True, file=self._stream)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def add(self, count: int = 1, note: str = "") -> None:
        """So many more are done; `note` is what else there is to say by now."""
        self.at(self.done + count, note)

    def at(self, done: int, note: str = "") -> None:
        """So many are done in all."""
        moved, self.done = done - self.done, done
        self.note = note or self.note
        if self._bar is not None:
            self._bar.set_postfix_str(self.note, refresh=False)
            self._bar.update(moved)
        elif time.monotonic() - self._shown >= EVERY_S:
            self._show()

    def close(self) -> None:
        """The last line; nothing where nothing was done."""
        if self._bar is not None:
            self._bar.close()
        elif self.done > self._at_hand:
            self._show()

    def _show(self) -> None:
        self._shown = time.monotonic()
        rate = (self.done - self._at_hand) / max(self._shown - self._start, 1e-9)
        print(progress_line(self.what, self.done, self.total, self.unit, rate, self.note), file=self._stream, flush=True)


class Tokens:
    """Tokens written since it was made."""

    def __init__(self) -> None:
        self.count, self._start = 0, time.monotonic()

    def add(self, count: int) -> str:
        """So many more were written; the speed until now, in words."""
        self.count += count
        return f"{self.count / max(time.monotonic() - self._start, 1e-9):,.0f} tokens/s"


def track(rows: Iterable[Item], what: str, total: int | None = None, unit: str = "rows") -> Iterator[Item]:
    """The rows as they are, counted while they pass."""
    with Progress(what, total, unit) as progress:
        for row in rows:
            yield row
            progress.add()


def progress_line(what: str, done: int, total: int | None, unit: str, rate: float, note: str = "") -> str:
    """The line of a log file; `rate` in units a second."""
    of = f" of {total:,} {unit} ({100 * done // total} %)" if total else f" {unit}"
    left = f", {format_duration((total - done) / rate)} to go" if total and rate and done < total else ""
    return f"{what}: {done:,}{of}, {rate:,.{0 if rate >= 10 else 2}f} {unit}/s{left}" + (f"; {note}" if note else "")


def format_duration(seconds: float) -> str:
    """m:ss, or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
