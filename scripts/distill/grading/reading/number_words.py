"""Numbers in words: twelve, seventy-two, two hundred, one half, two-thirds."""

from collections.abc import Sequence
from fractions import Fraction

_TO_NINETEEN = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
)
_SMALL = {word: number for number, word in enumerate(_TO_NINETEEN.split())}
_TENS = {word: 10 * number for number, word in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2)}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_PARTS = {
    **{"half": 2, "halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4},
    **{
        f"{part}{end}": number
        for number, part in enumerate(["fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"], 4)
        for end in ("", "s")
    },
}


def number_in_words(words: Sequence[str]) -> tuple[Fraction, int] | None:
    """The number that the first words say, and how many words say it; None where they say none."""
    if [word.lower() for word in words] == ["half"]:
        return Fraction(1, 2), 1
    total, current, said = 0, 0, 0
    for word in words:
        for piece in word.lower().split("-"):
            if piece in _SMALL or piece in _TENS:
                current += _SMALL.get(piece, _TENS.get(piece, 0))
            elif piece in _SCALES and (current or total):
                current *= _SCALES[piece]
                if _SCALES[piece] > 100:
                    total, current = total + current, 0
            elif piece in _PARTS and current:
                return Fraction(total + current, _PARTS[piece]), said + 1
            else:
                return (Fraction(total + current), said) if said else None
        said += 1
    return Fraction(total + current), said
