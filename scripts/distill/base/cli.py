"""The parts of a command line that every script shares."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn

from distill.base.errors import InputError

ERROR_FILE = "DISTILL_ERROR_FILE"


def parser(doc: str) -> argparse.ArgumentParser:
    """An argument parser whose --help shows the script's docstring with its line breaks."""
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


def spec(text: str) -> dict[str, Any]:
    """A --spec value: a JSON object, or the path of a file that holds one."""
    try:
        value = json.loads(text if text.lstrip().startswith("{") else Path(text).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"--spec: neither a JSON object nor a file that holds one ({error})") from None
    if not isinstance(value, dict):
        raise InputError("--spec: give a JSON object")
    return value


def named_paths(pairs: Iterable[str]) -> dict[str, str]:
    """{name: path} of NAME=PATH arguments."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, _, path = pair.partition("=")
        if not name or not path:
            raise InputError(f"{pair!r}: write NAME=PATH")
        if name in found:
            raise InputError(f"{name}: given twice: give each name once")
        found[name] = path
    return found


def run(main: Callable[[], None]) -> None:
    """Run a script's main. Bad input ends in one line on stderr and exit code 2, not in a traceback; Ctrl-C in one line and 130.

    Below a launcher, bad input goes to the file that DISTILL_ERROR_FILE names instead: all processes of a training read the same input, and
    the launcher prints the error once and does not try again.
    """
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(_say("interrupted", 130))
    except InputError as error:
        if file := os.environ.get(ERROR_FILE):
            part = Path(f"{file}.{os.getpid()}")
            part.write_text(str(error), encoding="utf-8")
            part.replace(file)  # whole, whenever the launcher ends the other processes
            sys.exit(2)
        # Without it, of several processes the first of each node prints.
        sys.exit(_say(f"error: {error}", 2) if os.environ.get("LOCAL_RANK", "0") == "0" else 2)
    except OSError as error:
        if error.errno is None:
            raise
        what = f"{error.filename or 'a file'}: {os.strerror(error.errno)}"
        sys.exit(_say(f"error: {what}: nothing was written; make room or fix the path, then run the same command again", 1))


def stop(line: str, code: int) -> NoReturn:
    """End the program, one line on stderr and an exit code: what another run can go on from."""
    sys.exit(_say(line, code))


def _say(line: str, code: int) -> int:
    print(line, file=sys.stderr)
    return code
