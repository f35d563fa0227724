"""What is printed in the documentation is what the project says today."""

import re
from pathlib import Path

import pytest
import readme
import yaml

from distill.config.load import load

PROJECT = Path(readme.PROJECT)


def test_every_key_is_in_the_manual_as_the_schema_has_it():
    assert (PROJECT / "config" / "README.md").read_text(encoding="utf-8") == readme.config_page(), "run: python tools/readme.py"


@pytest.mark.parametrize(("name", "part"), [(name, part) for name, parts in readme.BLOCKS.items() for part in parts])
def test_a_generated_block_is_up_to_date(name, part):
    page = (PROJECT / name).read_text(encoding="utf-8")
    assert readme.block(page, part, readme.BLOCKS[name][part]()) == page, "run: python tools/readme.py"


def test_every_page_is_linked():
    page = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in sorted((PROJECT / "docs").glob("*.md")) if f"](docs/{path.name})" not in page] == []


def test_the_example_of_another_base_data_set_and_benchmark_is_a_configuration():
    page = (PROJECT / "README.md").read_text(encoding="utf-8")
    changes = yaml.safe_load(re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1])
    made = load(readme.overlay(readme.example("tutorial.yaml"), changes))
    assert "aime25" in made["benchmarks"] and made["datasets"]["stratos"]["format"] == "openthoughts"


def test_the_citation_holds_what_its_format_demands():
    given = yaml.safe_load((PROJECT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= given.keys()
    assert given["license"] == "Apache-2.0" and "Apache License" in (PROJECT / "LICENSE").read_text(encoding="utf-8")


def test_every_step_that_a_key_is_said_to_rerun_is_a_rule():
    page = (PROJECT / "config" / "README.md").read_text(encoding="utf-8")
    rules = set(re.findall(r"^(?:rule|checkpoint) (\w+):", "".join(path.read_text() for path in PROJECT.glob("rules/*.smk")), re.MULTILINE))
    rows = [line.split(" | ") for line in page.split("\n") if line.startswith("| `")]
    said = {row[0].strip("| `"): row[4] for row in rows if len(row) > 5 and row[3] == "recipe"}
    assert said["learning_rate"] == "train" and said["max_length"] == "audit, train, report"
    steps = {step for cell in said.values() for step in cell.split(", ")}
    assert steps - {"its students' steps"} <= rules


def test_make_targets_that_the_readme_names_exist():
    page = (PROJECT / "README.md").read_text(encoding="utf-8")
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^make (\S+)", page, re.MULTILINE)
    assert targets
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
