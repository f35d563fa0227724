"""Rows that say again what an earlier row said: equal traces, and questions in nearly the same words.

Near-duplicates are found as in Broder (1997), "On the resemblance and containment of documents": MinHash signatures cut into bands
(datasketch) propose pairs, and the exact Jaccard similarity of the shingles decides. Only questions with the same numbers in the same order
are compared: with other numbers it is another question. A first pass finds the questions that share a band with another one at all;
shingles are held for those only, so that memory grows with the near-duplicates and not with the rows.
"""

import tempfile
from collections.abc import Iterable
from typing import IO, Any

from distill.base.errors import InputError
from distill.data.hashset import HashSet, hash64
from distill.data.questions import normalise_text, numbers, question_stem, shingles, strip_instructions

NUM_PERM = 128
RECALL = 0.98  # of pairs exactly at the threshold
# How many earlier questions one question is compared with, the latest first; without a limit a set made from one template is quadratic.
MAX_CANDIDATES = 200

Bands = tuple[int, ...]
NearCandidates = dict[int, Bands]


def trace_key(question: str, thought: str, solution: str) -> int:
    """A hash that equal traces share, whatever their case and white space."""
    return hash64("\0".join(" ".join(text.lower().split()) for text in (strip_instructions(question), thought, solution)))


def question_key(question: str) -> int:
    """A hash that equal questions share, whatever their instruction, case and layout. With other choices it is another question."""
    return hash64(normalise_text(strip_instructions(question)))


def stem_key(question: str) -> int:
    """The same without choices: near-duplicates are looked for among stems, as the shingles hold no choices."""
    return hash64(normalise_text(question_stem(question)))


class Banding:
    """The band hashes of questions at a Jaccard threshold."""

    def __init__(self, threshold: float) -> None:
        if not 0 < threshold <= 1:
            raise InputError(f"near_duplicates: {threshold} is no threshold: give a number above 0 and up to 1, or null")
        from datasketch import MinHash

        self._blank = MinHash(NUM_PERM, hashfunc=_hash32)
        self.bands, self.rows = band_sizes(threshold)

    def of(self, question: str) -> Bands:
        """One 64-bit hash a band; they hold the numbers of the question too."""
        text = question_stem(question)
        signature = self._blank.copy()
        signature.update_batch(sorted(shingles(text)))
        values = signature.hashvalues
        salt = repr(numbers(text))
        return tuple(
            hash64(f"{band} {salt} {values[band * self.rows : (band + 1) * self.rows].tobytes().hex()}") for band in range(self.bands)
        )


def band_sizes(threshold: float) -> tuple[int, int]:
    """Bands of a signature and rows in each: the longest rows, so the fewest candidates, that find RECALL of the pairs at the threshold.

    A pair of similarity s shares a band with probability 1 - (1 - s^rows)^bands. datasketch's own choice weighs misses and false candidates
    alike and finds only 38 % of the pairs at a threshold of 0.8.
    """
    choices = ((NUM_PERM // rows, rows) for rows in range(NUM_PERM, 0, -1))
    return next((bands, rows) for bands, rows in choices if 1 - (1 - threshold**rows) ** bands >= RECALL)


def _hash32(text: str) -> int:
    return hash64(text) & 0xFFFFFFFF


class DuplicateScan:
    """The first pass: which stems share a band with another one. Band hashes wait in files, one for each band."""

    def __init__(self, bands: int) -> None:
        self._seen = HashSet()
        # near_candidates() closes them.
        self._files: list[IO[bytes]] = [tempfile.TemporaryFile(prefix="bands-") for _ in range(bands + 1)]  # noqa: SIM115

    def add(self, key: int, bands: Bands) -> None:
        """A stem's key and bands; the same stem a second time counts once."""
        if self._seen.add(key):
            for file, value in zip(self._files, (key, *bands), strict=True):
                file.write(value.to_bytes(8, "little"))

    def near_candidates(self) -> NearCandidates:
        """{stem key: its bands} of the stems that share at least one band, which ends this pass and removes its files."""
        import numpy as np

        def column(file: IO[bytes]) -> Any:
            file.seek(0)
            return np.fromfile(file, dtype="<u8")

        shared = np.zeros(len(self._seen), dtype=bool)
        for file in self._files[1:]:
            values = column(file)
            order = np.argsort(values)
            values = values[order]
            twins = values[1:] == values[:-1]
            shared[order[1:][twins]] = shared[order[:-1][twins]] = True
        chosen = [column(file)[shared].tolist() for file in self._files]
        for file in self._files:
            file.close()
        return {key: tuple(bands) for key, *bands in zip(*chosen, strict=True)}


class NearIndex:
    """Questions that were kept, to find those that a new question nearly repeats."""

    def __init__(self, threshold: float, near_candidates: NearCandidates) -> None:
        self._threshold = threshold
        self._candidate_bands = near_candidates
        self._by_band: dict[tuple[int, int], list[int]] = {}
        self._kept: dict[int, tuple[str, frozenset[int]]] = {}

    def find(self, key: int, marks: frozenset[int]) -> str | None:
        """The id of a kept row whose question is not this one and nearly is, or None. `marks` are the hashes of the question's shingles."""
        for candidate in self._candidates(key):
            name, kept = self._kept[candidate]
            shared = len(marks & kept)
            if shared >= self._threshold * (len(marks) + len(kept) - shared):
                return name
        return None

    def _candidates(self, key: int) -> Iterable[int]:
        found: dict[int, None] = {}
        for band in enumerate(self._candidate_bands.get(key, ())):
            for candidate in reversed(self._by_band.get(band, ())):
                if len(found) >= MAX_CANDIDATES:
                    return found
                if candidate != key:
                    found[candidate] = None
        return found

    def keep(self, key: int, name: str, marks: frozenset[int]) -> None:
        """Remember a kept row; only those that share a band with another question are held."""
        if key in self._candidate_bands and key not in self._kept:
            self._kept[key] = (name, marks)
            for band in enumerate(self._candidate_bands[key]):
                self._by_band.setdefault(band, []).append(key)


def shingle_hashes(question: str) -> frozenset[int]:
    """The hashes of a question's shingles."""
    return frozenset(map(_hash32, shingles(question_stem(question))))
