"""What a sentence in a box says: its stated answer, or its last formula."""

import re

from distill.grading.extract import stated_answer

_FORMULA = re.compile(r"\$\$([^$]+)\$\$|\$([^$]+)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_SAYS = re.compile(r".*(?:\s(?:is|are|equals?)|'s)\s+(?!not\b)([^\s].{0,60})", re.DOTALL)
_DENIES = re.compile(r"\b(?:not|except|no|never|unless|if|for|even|odd|prime)\b|n't")
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z\[<])")
_HOPE = re.compile(r"I hope\b")


def said_in(text: str) -> str | None:
    """What a sentence in a box says: its stated answer, its last formula, or what it says "is"; None of what is no sentence."""
    stated = stated_answer(text)
    if stated:
        return stated
    for sentence in [one for one in _SENTENCES.split(text) if not _HOPE.match(one)][:-3:-1]:
        outside = _FORMULA.sub(" ", sentence)
        if len(re.findall(r"(?<!\\)\b[A-Za-z]{2,}", outside)) < 2:
            continue
        formulas = [next(filter(None, match.groups())) for match in _FORMULA.finditer(sentence)]
        says = _SAYS.fullmatch(sentence.rstrip(". "))
        if says and re.search(r"[\d$\\]", says[1]):
            return says[1]
        if formulas and not _DENIES.search(outside):
            return formulas[-1]
    return None
