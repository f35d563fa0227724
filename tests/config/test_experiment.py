"""Whose results a folder holds, and which configuration a command goes on with."""

import json
import os

import pytest

from distill.base.errors import InputError
from distill.base.paths import PROJECT
from distill.config import experiment
from distill.config.experiment import Experiment, choose, name_of, path_of

BASE = "config/config.yaml"
MINE = Experiment((BASE, "mine.yaml"), "Mine")


@pytest.mark.parametrize(
    ("given", "recorded", "takeover", "chosen"),
    [
        ((), None, False, (BASE,)),
        ((), MINE, False, MINE.configfiles),
        (("config/tutorial.yaml",), None, False, ("config/tutorial.yaml",)),
        (MINE.configfiles, MINE, False, MINE.configfiles),
        ((*MINE.configfiles, "more.yaml"), MINE, False, (*MINE.configfiles, "more.yaml")),
        ((BASE,), MINE, True, (BASE,)),
    ],
)
def test_a_command_goes_on_with_the_files_of_the_folder_or_with_more(given, recorded, takeover, chosen, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert choose(given, recorded, takeover) == chosen


@pytest.mark.parametrize("given", [(BASE,), ("mine.yaml", BASE), (BASE, "other.yaml"), ("config/tutorial.yaml",)])
def test_other_files_stop_with_whose_results_these_are_and_both_ways_on(given):
    with pytest.raises(InputError) as error:
        choose(given, MINE)
    said = str(error.value)
    assert "\n" not in said and "'Mine' (config/config.yaml mine.yaml)" in said
    assert f"--directory runs/{given[-1].removeprefix('config/').removesuffix('.yaml')}" in said and "--config takeover=true" in said


def test_a_file_is_known_by_a_name_that_holds_where_the_folder_is_moved(tmp_path, monkeypatch):
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere.yaml"
    (here / "config").mkdir(parents=True)
    for file in (here / "mine.yaml", here / "config/tutorial.yaml", elsewhere):
        file.touch()
    (tmp_path / "link").symlink_to(here)
    monkeypatch.chdir(tmp_path / "link")
    names = {
        "mine.yaml": "mine.yaml",
        os.path.join(os.getcwd(), "mine.yaml"): "mine.yaml",
        tmp_path / "link" / "mine.yaml": "mine.yaml",
        PROJECT / "config/config.yaml": "config/config.yaml",
        PROJECT / "config/tutorial.yaml": str(PROJECT / "config/tutorial.yaml"),  # this folder has its own
        elsewhere: str(elsewhere),
    }
    assert {path: name_of(path) for path in names} == names
    assert all(path_of(name).samefile(path) for path, name in names.items())
    with pytest.raises(InputError, match=r"gone.yaml does not exist any more"):
        path_of("gone.yaml")


def test_what_is_recorded_is_read_again_and_written_only_where_it_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert experiment.read() is None
    experiment.record(MINE)
    assert experiment.read() == MINE
    before = experiment.FILE.stat()
    experiment.record(MINE)
    assert experiment.FILE.stat().st_mtime_ns == before.st_mtime_ns and experiment.FILE.stat().st_ino == before.st_ino


@pytest.mark.parametrize("content", [[], {}, {"configfiles": []}, {"configfiles": "a.yaml"}, {"configfiles": [1]}])
def test_a_record_that_names_nothing_is_said_to_be_so(content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    experiment.FILE.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match=r"results/experiment.json: names no configuration files: remove it"):
        experiment.read()
