"""What README.md, CONTRIBUTING.md and docs/ name is there, and what must stay short is short."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
PAGES = sorted([*(PROJECT / name for name in ("README.md", "CONTRIBUTING.md")), *PROJECT.glob("docs/*.md"), *PROJECT.glob("config/*.md")])
FILE = re.compile(r"(?<![\w/.{-])(?:Snakefile|(?:bench|config|distill|docs|envs|profiles|rules|scripts|tests|tools)/[\w./-]*\w)")
LATER = {"config/sources.lock"}  # made by a command that the page names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(PROJECT).as_posix())
def test_every_file_that_a_page_names_exists(page):
    text = page.read_text(encoding="utf-8")
    links = [(page.parent, link) for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text) if "://" not in link]
    named = [(PROJECT, name) for name in FILE.findall(re.sub(r"https?://\S+|\]\([^)]*\)", "", text)) if name not in LATER]
    assert sorted({name for folder, name in links + named if not (folder / name).exists()}) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(PROJECT).as_posix())
def test_every_heading_that_a_page_links_to_exists(page):
    for link, heading in re.findall(r"\]\(([^)#\s:]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
        target = (page.parent / link if link else page).read_text(encoding="utf-8")
        anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.*)$", target, re.MULTILINE)}
        assert heading in anchors, f"{link}#{heading}"


def test_the_readme_is_read_in_one_sitting():
    assert len((PROJECT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


@pytest.mark.parametrize("rules", sorted(PROJECT.glob("rules/*.smk")), ids=lambda path: path.name)
def test_a_rule_file_is_short_and_says_what_it_is_for(rules):
    lines = rules.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 130
    assert lines[0].startswith("# ")
    if any(re.match(r"(rule|checkpoint) ", line) for line in lines):
        assert [line[2:7] for line in lines if re.match(r"# (needs|makes|costs)  ", line)] == ["needs", "makes", "costs"]
