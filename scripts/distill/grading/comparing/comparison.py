"""When two values are the same answer: one rule a pair of kinds. docs/grading.md has the table, with an example each way.

Whether two expressions are equal is found by their values (expressions/), or where they have none, by `ask`, which is math-verify.
"""

from collections.abc import Callable, Sequence

from distill.grading.comparing.lists import same_listing
from distill.grading.comparing.numbers import same_based, same_numbers, same_values
from distill.grading.comparing.quantities import same_percent, same_quantity, same_ratio
from distill.grading.comparing.relations import same_named, same_relation
from distill.grading.comparing.sets import is_real_line, same_set, same_unions
from distill.grading.comparing.tuples import same_matrix, same_tuple
from distill.grading.comparing.words import same_choice, same_phrase, same_words
from distill.grading.reading.reader import Reading
from distill.grading.values import (
    Based,
    Builder,
    Choice,
    Letters,
    Listing,
    Matrix,
    Named,
    Number,
    Percent,
    Phrase,
    Quantity,
    Ratio,
    Relation,
    SetOf,
    SetOperation,
    Tuple,
    Unread,
    Value,
    Words,
)

Ask = Callable[[str, str], bool]

_MATRICES = 1000  # characters of matrices that math-verify is asked about
MOST_COMPARED = 20_000  # pairs of values of one answer


class TooMuch(Exception):
    """An answer of so many parts that comparing them would take seconds."""


def same_answer(gold: Reading, answer: Reading, ask: Ask) -> bool:
    """Whether the first reading of the one is any reading of the other."""
    if gold.text == answer.text:
        return True
    first, others = gold.values[0], (*answer.values[1:], *answer.loose)
    pairs = [(one, answer.values[0]) for one in gold.values] + [(first, other) for other in others]
    if any(Comparison(ask).same(one, other) for one, other in pairs):
        return True
    unread = isinstance(first, Unread) or isinstance(answer.values[0], Unread)
    # Sums and products of matrices are read by math-verify alone.
    return (
        unread and all("matrix}" in side.latex and len(side.latex) < _MATRICES for side in (gold, answer)) and ask(gold.latex, answer.latex)
    )


def never(_gold: str, _answer: str) -> bool:
    """In place of math-verify, where equality is decided without it: nothing else is equal."""
    return False


class Comparison:
    """Compares the parts of one gold and one answer, and counts the pairs. Raises TooMuch beyond MOST_COMPARED."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.compared = 0

    def same(self, gold: Value, answer: Value) -> bool:
        """Whether a part of the answer is the same as a part of the gold, by the rule of their kinds."""
        self.compared += 1
        if self.compared > MOST_COMPARED:
            raise TooMuch
        gold, answer = _single(gold), _single(answer)
        if gold == answer or (is_real_line(gold) and is_real_line(answer)):
            return True
        kinds = type(gold), type(answer)
        if kinds == (Number, Number):
            return same_numbers(gold, answer)
        if Unread in kinds:
            return False
        for kind, rule in self.rules:
            if kind in kinds:
                return rule(self, gold, answer)
        return same_values(self, gold, answer)

    # Each rule sees a pair in which at least one side is of its kind; the order of the table below says which comes first.

    rules = (
        (Choice, same_choice),
        (Named, same_named),
        (Listing, same_listing),
        (Relation, same_relation),
        (Builder, same_set),
        (SetOf, same_set),
        (SetOperation, same_unions),
        (Percent, same_percent),
        (Quantity, same_quantity),
        (Tuple, same_tuple),
        (Matrix, same_matrix),
        (Ratio, same_ratio),
        (Based, same_based),
        (Phrase, same_phrase),
        (Words, same_words),
        (Letters, same_words),
    )

    def ordered(self, gold: Sequence[Value], answer: Sequence[Value]) -> bool:
        """Whether two sequences are the same, part by part."""
        return len(gold) == len(answer) and all(self.same(one, other) for one, other in zip(gold, answer, strict=True))

    def matched(self, gold: Sequence[Value], answer: Sequence[Value]) -> bool:
        """Each of one is one of the other, as often as it is there. Equality being an equivalence, taking the first that fits will do."""
        if len(gold) != len(answer):
            return False
        left = list(answer)
        for value in gold:
            at = next((place for place, other in enumerate(left) if self.same(value, other)), None)
            if at is None:
                return False
            del left[at]
        return True

    def covers(self, these: Sequence[Value], those: Sequence[Value], turned: bool = False) -> bool:
        """Whether each of `these` is one of `those`; `turned`: `those` are the gold's."""
        return all(any(self.same(*((other, one) if turned else (one, other))) for other in those) for one in these)


def _single(value: Value) -> Value:
    """A set or a list of one is that one."""
    while isinstance(value, SetOf | Listing) and len(value.items) == 1 and not isinstance(value.items[0], SetOf):
        value = value.items[0]
    return value
