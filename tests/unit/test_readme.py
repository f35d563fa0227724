"""What is printed in the documentation is what the project says today."""

import re
from pathlib import Path

import readme

PROJECT = Path(readme.PROJECT)


def test_every_key_is_in_the_manual_as_the_schema_has_it():
    assert (PROJECT / "config" / "README.md").read_text(encoding="utf-8") == readme.config_page(), "run: python scripts/readme.py"


def test_the_staleness_table_is_the_tested_one():
    page = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert readme.block(page, "staleness", readme.staleness()) == page, "run: python scripts/readme.py"


def test_commands_and_files_that_the_readme_names_exist():
    page = (PROJECT / "README.md").read_text(encoding="utf-8")
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^make (\S+)", page, re.MULTILINE)
    assert targets
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
    linked = [name for name in re.findall(r"\]\(([^)#]+)\)", page) if "://" not in name]
    assert linked
    assert [name for name in linked if not (PROJECT / name).exists()] == []
