"""How TRL shares training sequences among documents, from their lengths alone (trl 1.16, data_utils.pack_dataset).

A test compares this with TRL's own function, which needs torch and the token ids of all rows.
"""

from array import array
from bisect import bisect_left, insort
from collections.abc import Sequence

from distill.base.packing import PACKINGS

# TRL packs with Dataset.map, which hands over so many rows at a time: no sequence holds documents of two batches.
BATCH = 1000
CUTTING = tuple(name for name, packing in PACKINGS.items() if packing.cuts)


def sequences(lengths: Sequence[int], max_length: int, strategy: str) -> Sequence[int]:
    """Tokens in each training sequence.

    none: a row a sequence, cut at `max_length`. bfd: rows cut at `max_length`, best fit decreasing. bfd_split: the rest of a cut row is a
    further document. wrapped: all tokens in a row, cut every `max_length`.
    """
    packing = PACKINGS[strategy]
    if not packing.packed:
        return array("I", (min(length, max_length) for length in lengths))
    made = array("I")
    for start in range(0, len(lengths), BATCH):
        batch = lengths[start : start + BATCH]
        if not packing.separates:
            made.extend(_pieces(sum(batch), max_length))
        elif packing.cuts:
            made.extend(_best_fit([min(length, max_length) for length in batch], max_length))
        else:
            made.extend(_best_fit([piece for length in batch for piece in _pieces(length, max_length)], max_length))
    return made


def separated(lengths: Sequence[int], max_length: int, strategy: str) -> list[bool]:
    """For each row, whether a part of it is learned in another sequence or document than its beginning, so without its question."""
    packing = PACKINGS[strategy]
    if packing.cuts:
        return [False] * len(lengths)
    if packing.separates:
        return [length > max_length for length in lengths]
    found, end = [], 0
    for at, length in enumerate(lengths):
        start = 0 if at % BATCH == 0 else end
        end = start + length
        found.append(length > 0 and start // max_length != (end - 1) // max_length)
    return found


def _pieces(length: int, max_length: int) -> list[int]:
    whole, rest = divmod(length, max_length)
    return [max_length] * whole + [rest] * (rest > 0)


def _best_fit(lengths: Sequence[int], max_length: int) -> list[int]:
    """Each document, the longest first, goes where it leaves the least room."""
    spaces: list[int] = []
    for length in sorted(lengths, reverse=True):
        at = bisect_left(spaces, length)
        space = spaces.pop(at) if at < len(spaces) else max_length
        insort(spaces, space - length)
    return [max_length - space for space in reversed(spaces)]
