"""Answers kept as they come: a JSON Lines file that grows, and that a killed run loses at most its last, torn line of."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from distill.base.files import Row, dumps

Key = tuple[str, int]


class AnswerStore:
    """Answers by (key, sample), where the key is the digest of a prompt's bytes."""

    def __init__(self, path: Path):
        self.path = path
        self.answers = StoredAnswers(path)

    def append(self, rows: list[Row]) -> None:
        """Keep rows (`key`, `sample`, and the answer)."""
        with open(self.path, "ab") as file:
            for row in rows:
                self.answers.places[row["key"], row["sample"]] = file.tell()
                file.write(dumps(row).encode() + b"\n")


class StoredAnswers(Mapping[Key, Row]):
    """The rows of the file, the latest of each key. Only their places are held: the texts of a whole set of traces are gigabytes."""

    def __init__(self, path: Path):
        self._path = path
        self.places: dict[Key, int] = {(row["key"], row["sample"]): place for place, row in _sound(path)}

    def __getitem__(self, key: Key) -> Row:
        place = self.places[key]
        with open(self._path, "rb") as file:
            file.seek(place)
            return json.loads(file.readline())

    def __contains__(self, key: object) -> bool:
        return key in self.places

    def __iter__(self) -> Iterator[Key]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


def _sound(path: Path) -> Iterator[tuple[int, Row]]:
    """The rows before a torn end, which is cut off, and where they begin."""
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
            yield sound, row
            sound += len(line)
    os.truncate(path, sound)
