"""Two-way right: what changes a result reruns it, what does not change a result does not. The cases are data: staleness.yaml."""

import os
from pathlib import Path

import pytest
import yaml

CASES = yaml.safe_load((Path(__file__).parent / "staleness.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["change"])
def test_exactly_the_stale_jobs_run(case, finished, tmp_path):
    here = finished.copy(tmp_path / "moved")
    if "edit" in case:
        edit(here.folder, **case["edit"])
    for path in here.folder.glob(case.get("touch", "\0")):
        os.utime(path)
    how = ("--cores", "2") if case.get("really") else ("--dry-run",)
    assert here.jobs(*how, config=case.get("config")) == sorted(case["reruns"])
    if case.get("really"):
        assert here.jobs("--dry-run", config=case.get("config")) == []


def edit(folder: Path, file: str, append: str = "", replace: tuple[str, str] = ("", "")) -> None:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    changed = text.replace(*replace, 1) + append if replace[0] else text + append
    assert changed != text, f"{file} does not hold {replace[0]!r}"
    path.write_text(changed, encoding="utf-8")
