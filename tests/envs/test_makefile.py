"""Which Python `make report` and `make test` set up the environment with."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
OUTER_MAKE = ("PYTHON", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")  # these tests run under `make test`, whose level makes the inner one talk
USABLE, BROKEN = "exit 0", "exit 127"  # a shim that is there for a version that is not


@pytest.fixture
def make(tmp_path):
    """make(target, found, *options): what `make -n` prints where PATH has these interpreters: {name: body of a shell script}."""
    shutil.copy(PROJECT / "Makefile", tmp_path)
    shutil.copytree(PROJECT / "envs", tmp_path / "envs")

    def make(target: str, found: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
        folder = tmp_path / "bin"
        folder.mkdir()
        for tool in ("sh", "grep"):
            (folder / tool).symlink_to(shutil.which(tool))
        for name, body in found.items():
            (folder / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
            (folder / name).chmod(0o755)
        env = {key: value for key, value in os.environ.items() if key not in OUTER_MAKE} | {"PATH": str(folder)}
        command = [shutil.which("make"), "-n", target, *options]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)

    return make


@pytest.mark.parametrize("target", ["report", "test"])
@pytest.mark.parametrize(
    ("found", "options", "used"),
    [
        ({"python3.11": USABLE}, [], "python3.11"),
        ({"python3.11": USABLE, "python3.12": USABLE}, [], "python3.12"),
        ({"python3.11": USABLE, "python3.12": USABLE, "python3.13": BROKEN}, [], "python3.12"),
        ({"python3.12": USABLE}, ["PYTHON=/opt/python3"], "/opt/python3"),
    ],
)
def test_the_newest_python_that_works_is_taken(make, target, found, options, used):
    assert make(target, found, *options).stdout.splitlines()[0] == f"{used} -m venv .venv"


@pytest.mark.parametrize("found", [{}, {"python3.10": USABLE, "python3.13": BROKEN}])
def test_without_one_a_line_says_what_to_install(make, found):
    done = make("report", found)
    assert done.returncode != 0 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "Python 3.11, 3.12 or 3.13" in line and "apt install python3.12-venv" in line
