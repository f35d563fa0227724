"""Choices, words, and words with values."""

from typing import TYPE_CHECKING

from distill.grading.values import Choice, Expression, Letters, Phrase, Sym, Value, Words

if TYPE_CHECKING:
    from distill.grading.comparing.comparison import Comparison


def same_choice(comparison: "Comparison", gold: Value, answer: Value) -> bool:
    """A letter, or what stands behind it, or both; never two that differ."""
    if isinstance(gold, Choice) and isinstance(answer, Choice):
        return gold.letter == answer.letter and (gold.value is None or answer.value is None or comparison.same(gold.value, answer.value))
    choice, other = (gold, answer) if isinstance(gold, Choice) else (answer, gold)
    letter = _letter(other)
    if letter is not None:
        return letter == choice.letter
    if choice.value is None:
        return False
    return comparison.same(*((choice.value, other) if choice is gold else (other, choice.value)))


def _letter(value: Value) -> str | None:
    if isinstance(value, Expression) and isinstance(value.tree, Sym) and len(value.tree.name) == 1:
        return value.tree.name.upper()
    return value.text if isinstance(value, Letters) and len(value.text) == 1 else None


def same_phrase(comparison: "Comparison", gold: Value, answer: Value) -> bool:
    """Words with values: part by part."""
    return isinstance(gold, Phrase) and isinstance(answer, Phrase) and comparison.ordered(gold.parts, answer.parts)


def same_words(comparison: "Comparison", gold: Value, answer: Value) -> bool:
    """Words without regard to case; short runs of capital letters only as they are written."""
    texts = [value.text.lower() if isinstance(value, Words | Letters) else None for value in (gold, answer)]
    if (isinstance(gold, Letters) and isinstance(answer, Letters)) or any(
        isinstance(value, Letters) and len(value.text) < 4 for value in (gold, answer)
    ):
        return False  # CO is not Co, nor HHT THH; EVELYN is Evelyn
    return texts[0] is not None and texts[0] == texts[1]
