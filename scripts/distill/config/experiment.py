"""Which experiment the results of a folder belong to.

results/experiment.json holds the configuration files of the last run, in order, and its title. It is what keeps a run of one configuration
from replacing the models and answers of another, and what a command without --configfile goes on with.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from distill.base.errors import InputError
from distill.base.files import read_json, write_json
from distill.base.paths import PROJECT

FILE = Path("results", "experiment.json")


@dataclass(frozen=True)
class Experiment:
    """Names of configuration files as `name_of` gives them, the later laid over the earlier, and the title of the report."""

    configfiles: tuple[str, ...]
    title: str = ""


def default() -> str:
    """The miniature."""
    return name_of(PROJECT / "config" / "config.yaml")


def name_of(path: str | Path) -> str:
    """A file's name relative to the working directory, or else to the project, so that it holds after a move; absolute for any other."""
    here, file = Path.cwd(), Path(os.path.realpath(path))
    if file.is_relative_to(here):
        return file.relative_to(here).as_posix()
    if file.is_relative_to(PROJECT) and not (here / file.relative_to(PROJECT)).exists():
        return file.relative_to(PROJECT).as_posix()
    return str(file)


def path_of(name: str) -> Path:
    """The file of a name. Raises InputError where there is none."""
    for folder in (Path.cwd(), PROJECT):
        if (folder / name).is_file():
            return folder / name
    raise InputError(f"{FILE}: {name} does not exist any more: put it back, or name the files of this experiment with --configfile")


def read() -> Experiment | None:
    """The experiment of the working directory; None where nothing has run. Raises InputError for a file that says nothing."""
    if not FILE.exists():
        return None
    found = read_json(FILE)
    names = found.get("configfiles") if isinstance(found, dict) else None
    if not (isinstance(names, list) and names and all(isinstance(name, str) for name in names)):
        raise InputError(f"{FILE}: names no configuration files: remove it, and name those of this experiment with --configfile")
    return Experiment(tuple(names), str(found.get("title", "")))


def record(experiment: Experiment) -> None:
    """Write results/experiment.json, unless it says so already."""
    made = {"title": experiment.title, "configfiles": list(experiment.configfiles)}
    if not FILE.exists() or read_json(FILE) != made:
        write_json(FILE, made)


def choose(given: Sequence[str], recorded: Experiment | None, takeover: bool = False) -> tuple[str, ...]:
    """The names of the files to load: those given, else those of the results in this folder, else the default.

    Raises InputError where the results are of other files, unless the given ones add to those or `takeover` says to replace the results.
    """
    if not given:
        return recorded.configfiles if recorded else (default(),)
    names = tuple(given)
    if recorded is None or takeover or names[: len(recorded.configfiles)] == recorded.configfiles:
        return names
    raise InputError(
        f"results/ holds another experiment, {recorded.title!r} ({' '.join(recorded.configfiles)}), so nothing was run. Give this one "
        f"its own folder: --directory runs/{Path(names[-1]).stem}; or replace those results: --config takeover=true; without "
        "--configfile the command goes on with them"
    )
