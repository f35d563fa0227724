"""Whether Snakemake can read a configuration file, and if not, what is wrong with it and where.

Snakemake 9.27.1 reads the files of --configfile before the Snakefile (ConfigSettings in settings/types.py), and its errors do not say which
file is wrong, nor where. profiles/default, which it reads earlier still, calls this.
"""

import difflib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from distill.base.errors import InputError
from distill.base.paths import KNOWN, PROJECT, SCHEMA

# What PyYAML 6.0 says, and what to write instead.
FIXES = (
    (r"'\t'", "indent with spaces, not with tabs"),
    ("mapping values are not allowed here", "indent the keys of a mapping alike, and put text that holds ': ' in quotes"),
    ("cannot start any token", "put this text in quotes"),
    ("could not find expected ':'", "write KEY: VALUE"),
    ("unexpected end of stream", "add the quote that closes this text"),
    ("but got '<stream end>'", "add the bracket that closes this"),
    ("but found another document", "write one document a file, without ---"),
    ("unacceptable character", "remove that character"),
    ("", "fix it there"),
)


def check_files(paths: Iterable[Path]) -> list[Path]:
    """The paths. Raises InputError for the first that is no configuration: the file, the place in it, what is wrong and the fix."""
    paths = list(paths)
    for path in paths:
        if wrong := _wrong(path):
            is_target = path.suffix not in (".yaml", ".yml", ".json")
            raise InputError(f"{path}: {'is no configuration; write targets before --configfile' if is_target else wrong}")
    return paths


def _wrong(path: Path) -> str | None:
    try:
        found = _parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return f"does not exist; {_fix_of_name(path)}"
    except IsADirectoryError:
        return "is a folder; name a file in it"
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        return f"line {line}: not UTF-8; convert it, such as by iconv -f WINDOWS-1252 -t UTF-8 {path.name} > utf8.yaml"
    except yaml.YAMLError as error:
        return _in_words(error)
    if isinstance(found, dict):
        return None
    return f"{'is empty' if found is None else 'holds no keys'}; write KEY: VALUE, with the keys of config/README.md"


def _parse(text: str) -> Any:
    """As Snakemake does: JSON, or else YAML."""
    try:
        return json.loads(text)
    except ValueError:
        return yaml.load(text, Loader=yaml.FullLoader)


def _in_words(error: yaml.YAMLError) -> str:
    """`line 3, column 4: what is wrong; how to fix it`, of which YAML has no place for characters that must not be in a text."""
    said = getattr(error, "problem", None) or str(error).partition("\n")[0]
    fix = next(fix for part, fix in FIXES if part in said)
    at, start = (getattr(error, mark, None) for mark in ("problem_mark", "context_mark"))
    begins = f" {error.context} from {_place(start)}" if start and error.context.startswith("while") and _place(start) != _place(at) else ""
    return f"{f'{_place(at)}: ' if at else ''}{said}{begins}; {fix}"


def _place(mark: yaml.Mark) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}"


def _fix_of_name(path: Path) -> str:
    """What to write in place of the name of a file that does not exist."""
    files = [*(PROJECT / "config").glob("*.yaml"), *path.absolute().parent.glob("*.yaml")]
    known = {file.name: file for file in files if file not in (KNOWN, SCHEMA)}
    near = difflib.get_close_matches(path.name, known, n=1, cutoff=0.8)
    return f"did you mean {_short(known[near[0]])}?" if near else "paths start where the command is given, whatever --directory says"


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
