"""A step's code is known by what it means."""

import sys

import pytest

from distill.base import code_digest as code_digest_module
from distill.base.code_digest import code_digest, code_parts
from distill.base.errors import InputError

SCRIPT = '''"""What it does."""
import distill.below as below


def main(rows):
    """Say more."""
    # why
    return below.double(len(rows)) + 1
'''
BELOW = '"""Below."""\nfrom distill import deeper\n\ndef double(n):\n    import trl, jsonschema\n    return deeper.two() * n\n'


@pytest.fixture
def scripts(tmp_path):
    (tmp_path / "scripts" / "distill").mkdir(parents=True)
    write = {"scripts/step.py": SCRIPT, "scripts/distill/__init__.py": "", "scripts/distill/below.py": BELOW}
    write |= {
        "scripts/distill/deeper.py": "def two():\n    return 2\n",
        "scripts/distill/other.py": "",
        "pins.txt": "trl==1.16.0\ntorch==2.13.0\nPandas==3\njsonschema==4.26.0\n",
    }
    for name, text in write.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def digest(scripts, name="", old="", new=""):
    """The digest after a change, in a folder of its own since files are read once."""
    import shutil
    import tempfile
    from pathlib import Path

    here = Path(tempfile.mkdtemp(dir=scripts)) / "copy"
    shutil.copytree(scripts / "scripts", here / "scripts")
    shutil.copy(scripts / "pins.txt", here / "pins.txt")
    if name:
        text = (here / name).read_text(encoding="utf-8")
        assert old in text
        (here / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    return code_digest("step.py", here / "scripts", here / "pins.txt")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("scripts/step.py", "# why", "# another why"),
        ("scripts/step.py", "Say more.", "Say less."),
        ("scripts/step.py", '"""What it does."""\n', ""),
        ("scripts/step.py", "(len(rows)) + 1", "(\n        len(rows)\n    ) + 1"),
        ("scripts/distill/below.py", '"""Below."""', '"""Beneath."""'),
        ("scripts/distill/other.py", "", "x = 1"),
        ("pins.txt", "Pandas==3", "Pandas==4"),
        ("pins.txt", "jsonschema==4.26.0", "jsonschema==4.27.0"),
    ],
)
def test_what_means_the_same_has_the_same_digest(scripts, name, old, new):
    assert digest(scripts, name, old, new) == digest(scripts)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("scripts/step.py", "+ 1", "+ 2"),
        ("scripts/distill/below.py", "* n", "+ n"),
        ("scripts/distill/deeper.py", "2", "3"),
        ("scripts/distill/__init__.py", "", "x = 1"),
        ("pins.txt", "trl==1.16.0", "trl==1.17.0"),
        ("pins.txt", "torch==2.13.0", "torch==2.14.0"),
    ],
)
def test_what_means_something_else_has_another_digest(scripts, name, old, new):
    assert digest(scripts, name, old, new) != digest(scripts)


def test_what_is_kept_of_a_file_holds_for_its_content_alone(scripts, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)

    def read_again() -> str:
        code_digest_module._parse.cache_clear()
        return code_digest("step.py", scripts / "scripts", scripts / "pins.txt")

    first = read_again()
    (kept,) = (scripts / "scripts" / "distill" / "__pycache__").glob("deeper.*.digest")
    monkeypatch.setattr(code_digest_module.ast, "parse", None)  # nothing is parsed
    assert read_again() == first
    monkeypatch.undo()
    for broken in ("", "[]", kept.read_text(encoding="utf-8").replace("[", "{")):
        kept.write_text(broken, encoding="utf-8")
        assert read_again() == first
    deeper = scripts / "scripts" / "distill" / "deeper.py"
    deeper.write_text("def two():\n    return 3\n", encoding="utf-8")
    assert read_again() != first


def test_parts_name_each_module_and_pin(scripts):
    assert code_parts("step.py", scripts / "scripts", scripts / "pins.txt").keys() == {
        "step.py", "distill/__init__.py", "distill/below.py", "distill/deeper.py", "pin:trl", "pin:torch",
    }  # fmt: skip


def test_a_script_that_is_no_python_is_named(scripts):
    (scripts / "scripts" / "step.py").write_text("def", encoding="utf-8")
    with pytest.raises(InputError, match=r"step\.py: line 1 is not Python"):
        code_digest("step.py", scripts / "scripts", scripts / "pins.txt")
