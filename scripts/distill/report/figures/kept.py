"""Figures that need not be drawn: the last pictures of each are kept in a folder, with digests of what they were drawn from."""

import shutil
from pathlib import Path

from distill.base.errors import InputError
from distill.base.files import read_json, sha256_file, write_json
from distill.report.results import Results

KINDS = ("png", "svg")


class Kept:
    """The pictures of one figure in `folder`. `drawn_by` is a digest of all that decides how they look, the results apart."""

    def __init__(self, folder: Path, drawn_by: str) -> None:
        self.folder, self.drawn_by, self.note = folder, drawn_by, folder / "drawn_from.json"

    def copy(self, path: Path, results: Results) -> bool:
        """Copy the pictures to `path` (.png) and next to it where they show these results; whether they do."""
        try:
            note = read_json(self.note)
            same = note["drawn_by"] == self.drawn_by and all(results.digest(name) == value for name, value in note["results"].items())
            if not same or note["pictures"] != self._pictures():
                return False
        except (OSError, InputError, KeyError):  # none are kept, or not whole
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        for kind in KINDS:
            part = path.with_name(f".{path.stem}.{kind}.part")
            shutil.copyfile(self.folder / f"picture.{kind}", part)
            part.replace(path.with_suffix(f".{kind}"))
        return True

    def keep(self, path: Path, results: Results) -> None:
        """Keep the pictures at `path`, which were drawn from what was read of `results`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for kind in KINDS:
            shutil.copyfile(path.with_suffix(f".{kind}"), self.folder / f"picture.{kind}")
        read = {name: results.digest(name) for name in sorted(results.used)}
        write_json(self.note, {"drawn_by": self.drawn_by, "results": read, "pictures": self._pictures()})

    def _pictures(self) -> dict[str, str]:
        return {kind: sha256_file(self.folder / f"picture.{kind}") for kind in KINDS}
