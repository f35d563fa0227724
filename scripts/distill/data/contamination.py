"""Benchmark questions among the training questions.

Three tests, of the benchmark's question alone (no gold, no choices): a run of n words in common with any part of the training question,
as in s1 (Muennighoff et al. 2025, arXiv 2501.19393; simplescaling/s1, data/decontaminate_util.py) and open-r1 (scripts/decontaminate.py,
n = 8), where that run says something: not where it stands in several items of the benchmark or is made of the words that math questions
share (boilerplate.py); equality after normalising and without choices, which also finds questions too short for an n-gram; and nearly equal
words with other numbers, which is reported and never dropped.
"""

import math
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from distill.base.files import Row
from distill.benchmarks.items import BenchmarkItem
from distill.data.boilerplate import is_evidence
from distill.data.hashset import hash64
from distill.data.questions import is_cjk, normalise_text, question_stem, shingles, strip_instructions, words

# Jaccard similarity of the shingles with numbers masked from which a question counts as a benchmark question with other numbers.
OTHER_NUMBERS = 0.8
# How many of the questions with other numbers a report lists; all are counted.
LISTED = 20


@dataclass(frozen=True, slots=True)
class Hit:
    """A training question that holds a benchmark item: `match` is ngram, exact or other_numbers; `span` the words in common."""

    benchmark: str
    item: int
    match: str
    span: str


class QuestionViews:
    """A training question as the indexes look at it; each view is made once."""

    def __init__(self, question: str) -> None:
        self.text = question_stem(question)
        # With its choices: a question may follow them.
        self.words = words(strip_instructions(question))

    @cached_property
    def whole(self) -> int:
        return hash64(normalise_text(self.text))

    @cached_property
    def skeleton(self) -> frozenset[str]:
        return shingles(self.text, masked=True)


class BenchmarkIndex:
    """The questions of one benchmark, to be looked up. `ngram` None leaves only the test of equality."""

    def __init__(self, name: str, questions: Sequence[str], ngram: int | None) -> None:
        self.name = name
        self._ngram = ngram
        self._views = [QuestionViews(question) for question in questions]
        self._grams: dict[str, int] = {}  # only those that are evidence
        self._common: dict[str, list[int]] = {}  # the others: they count where they are all of an item
        self._whole: dict[int, int] = {}
        for item, views in enumerate(self._views):
            if self._whole.setdefault(views.whole, item) == item and ngram:
                self._add_grams(item, words(views.text), ngram)
        # Each skeleton once: a benchmark made from a template has few.
        self._skeletons = {views.skeleton: item for item, views in reversed(list(enumerate(self._views)))}
        self._frequency = Counter(shingle for skeleton in self._skeletons for shingle in skeleton)
        self._postings: dict[str, list[int]] = {}
        for skeleton, item in self._skeletons.items():
            for shingle in self._prefix(skeleton):
                self._postings.setdefault(shingle, []).append(item)

    def _add_grams(self, item: int, text: Sequence[str], n: int) -> None:
        for gram, parts in _grams(text, n).items():
            other = self._grams.get(gram)
            if gram in self._common or other is not None or not is_evidence(parts):
                items = self._common.setdefault(gram, [] if other is None else [self._grams.pop(gram)])
                items.append(item)
            else:
                self._grams[gram] = item

    def find(self, views: QuestionViews) -> Hit | None:
        """The item that a question holds: an equal one, else the first that shares an n-gram, with the longest run in common."""
        item = self._whole.get(views.whole)
        if item is not None:
            return Hit(self.name, item, "exact", views.text)
        if self._ngram:
            grams = _grams(views.words, self._ngram)
            item = next((self._grams[gram] for gram in grams if gram in self._grams), None)
            if item is None:
                item = self._contained(views.words, grams)
            if item is not None:
                known = _grams(words(self._views[item].text), self._ngram)
                return Hit(self.name, item, "ngram", _longest_run(views.words, known, _size(views.words, self._ngram)))
        return None

    def _contained(self, text: Sequence[str], grams: Iterable[str]) -> int | None:
        """The first item all of whose words stand in a question, though none of its n-grams is evidence on its own."""
        whole = f" {' '.join(text)} "
        candidates = dict.fromkeys(item for gram in grams for item in self._common.get(gram, ()))
        return next((item for item in candidates if f" {' '.join(words(self._views[item].text))} " in whole), None)

    def similar(self, views: QuestionViews) -> Hit | None:
        """The first item, by rarity of what they share, that a question nearly equals once numbers are masked."""
        here = views.skeleton
        item = self._skeletons.get(here)
        if item is not None:
            return Hit(self.name, item, "other_numbers", "1.00 of the words")
        seen: set[int] = set()
        for shingle in self._prefix(here):
            for item in self._postings.get(shingle, ()):
                if item not in seen:
                    seen.add(item)
                    there = self._views[item].skeleton
                    shared = len(here & there)
                    if shared >= OTHER_NUMBERS * (len(here) + len(there) - shared):
                        return Hit(self.name, item, "other_numbers", f"{shared / (len(here) + len(there) - shared):.2f} of the words")
        return None

    def _prefix(self, skeleton: frozenset[str]) -> list[str]:
        """The rarest shingles, so many that two sets as like as OTHER_NUMBERS share one (prefix filter: Chaudhuri et al. 2006, ICDE)."""
        rare_first = sorted(skeleton, key=lambda shingle: (self._frequency[shingle], shingle))
        return rare_first[: len(skeleton) - math.ceil(OTHER_NUMBERS * len(skeleton) - 1e-9) + 1]


def _size(text: Sequence[str], n: int) -> int:
    """Words of an n-gram: twice as many where a character counts as a word, since most Chinese words have two."""
    return 2 * n if is_cjk(text) else n


def _grams(text: Sequence[str], n: int) -> dict[str, Sequence[str]]:
    """The different n-grams of a text, in order, with their words."""
    size = _size(text, n)
    return {" ".join(parts): parts for at in range(len(text) - size + 1) if (parts := text[at : at + size])}


def _longest_run(text: Sequence[str], known: Container[str], n: int) -> str:
    """The most words in a row of which each n-gram is known."""
    best, start = (0, 0), 0
    for at in range(len(text) - n + 1):
        if " ".join(text[at : at + n]) not in known:
            start = at + 1
        elif at - start + n > best[1] - best[0]:
            best = (start, at + n)
    return " ".join(text[best[0] : best[1]])


def find_hits(indexes: Iterable[BenchmarkIndex], question: str) -> tuple[Hit, ...]:
    """At most one hit for each benchmark: contamination if there is any, else a question with other numbers."""
    views = QuestionViews(question)
    hits = (index.find(views) or index.similar(views) for index in indexes)
    return tuple(hit for hit in hits if hit)


def contaminates(hits: Iterable[Hit]) -> bool:
    """Whether any of the hits counts as contamination."""
    return any(hit.match != "other_numbers" for hit in hits)


@dataclass
class ContaminationReport:
    """What becomes contamination.json: every row that holds a benchmark question, and a count with examples of those with other numbers.

    `gated` names benchmarks whose text must not be shown: their hits give the ids of row and item only.
    """

    items: Mapping[str, Sequence[BenchmarkItem]]
    gated: frozenset[str] = frozenset()
    _rows: dict[str, list[Row]] = field(default_factory=dict)
    _other: Counter[str] = field(default_factory=Counter)
    _listed: dict[str, list[Row]] = field(default_factory=dict)

    def add(self, name: str, question: str, hits: Iterable[Hit]) -> None:
        """Note the hits of the row `name`."""
        for hit in hits:
            if hit.match == "other_numbers":
                self._other[hit.benchmark] += 1
                listed = self._listed.setdefault(hit.benchmark, [])
                if len(listed) < LISTED:
                    listed.append(self._row(name, question, hit))
            else:
                self._rows.setdefault(hit.benchmark, []).append(self._row(name, question, hit))

    def _row(self, name: str, question: str, hit: Hit) -> Row:
        item = self.items[hit.benchmark][hit.item]
        shown = hit.benchmark not in self.gated
        return {
            "id": name,
            "item_id": item.id,
            "match": hit.match,
            "question": question if shown else None,
            "item": item.question if shown else None,
            "span": hit.span if shown else None,
        }

    def as_json(self, ngram: int | None, action: str) -> dict[str, Any]:
        """The content of contamination.json; counts of rows and items, by benchmark."""
        return {
            "ngram": ngram,
            "action": action,
            "benchmarks": {
                name: {
                    "items": len(items),
                    "rows_hit": len(self._rows.get(name, ())),
                    "items_hit": len({row["item_id"] for row in self._rows.get(name, ())}),
                    "rows": self._rows.get(name, []),
                    "other_numbers": {"rows": self._other[name], "listed": self._listed.get(name, [])},
                }
                for name, items in self.items.items()
            },
        }
