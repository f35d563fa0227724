"""The captions of the figures: written once, in rules/captions, where Snakemake's own report takes them from too."""

from distill.base.paths import PROJECT

CAPTIONS = PROJECT / "rules" / "captions"


def caption(figure: str) -> str:
    """The caption of a figure as one line of Markdown."""
    text = (CAPTIONS / f"{figure}.rst").read_text(encoding="utf-8")
    return " ".join(text.replace("``", "`").split())
