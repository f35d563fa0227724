"""A set of 64-bit hashes in 11 to 21 bytes each, a fraction of what a set of ints takes: a million rows fit next to the tokenizer."""

import hashlib
from array import array


def hash64(text: str) -> int:
    """The first 64 bits of BLAKE2b; never 0, which marks an empty place in a HashSet."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little") or 1


class HashSet:
    """Open addressing with linear probing over one array; grows by doubling at three quarters."""

    def __init__(self) -> None:
        self._places = array("Q", [0]) * 1024
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, value: int) -> bool:
        return self._places[self._find(value)] == value

    def add(self, value: int) -> bool:
        """Add a hash; True if it is new."""
        place = self._find(value)
        if self._places[place] == value:
            return False
        self._places[place] = value
        self._count += 1
        if 4 * self._count > 3 * len(self._places):
            self._grow()
        return True

    def _find(self, value: int) -> int:
        places = self._places
        mask = len(places) - 1
        at = value & mask
        while places[at] and places[at] != value:
            at = (at + 1) & mask
        return at

    def _grow(self) -> None:
        old = self._places
        self._places = array("Q", [0]) * (2 * len(old))
        for value in old:
            if value:
                self._places[self._find(value)] = value
