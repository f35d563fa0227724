"""Answers kept as they come: a JSON Lines file that grows, and that a killed run loses at most its last, torn line of."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from distill.files import Row, dumps


class AnswerStore:
    """Answers by (key, sample), where the key is the digest of a prompt's bytes."""

    def __init__(self, path: Path):
        self.path = path
        self.answers: dict[tuple[str, int], Row] = {(row["key"], row["sample"]): row for row in _sound(path)}

    def append(self, rows: list[Row]) -> None:
        """Keep rows (`key`, `sample`, and the answer)."""
        with open(self.path, "a", encoding="utf-8", newline="") as file:
            for row in rows:
                file.write(dumps(row) + "\n")
                self.answers[row["key"], row["sample"]] = row
            file.flush()


def _sound(path: Path) -> Iterator[Row]:
    """The rows before a torn end, which is cut off."""
    if not path.exists():
        return
    sound = 0
    with open(path, "rb") as file:
        for line in file:
            try:
                row = json.loads(line) if line.endswith(b"\n") else None
            except ValueError:
                row = None
            if row is None:
                break
            yield row
            sound += len(line)
    os.truncate(path, sound)
