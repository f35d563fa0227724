"""Lists, in any order; and a list for a tuple, whose brackets are left out."""

from typing import TYPE_CHECKING

from distill.grading.comparing.relations import is_label, same_named
from distill.grading.comparing.sets import same_ranges
from distill.grading.values import Listing, Matrix, Named, Relation, SetOf, Tuple, Value

if TYPE_CHECKING:
    from distill.grading.comparing.comparison import Comparison


def same_listing(comparison: "Comparison", gold: Value, answer: Value) -> bool:
    """Lists by their parts in any order; the order counts where a tuple's brackets or the names are left out on one side."""
    if isinstance(gold, Named) or isinstance(answer, Named):
        return same_named(comparison, gold, answer)
    if isinstance(gold, Listing) and isinstance(answer, Listing):
        if all(isinstance(item, Tuple) for item in (*gold.items, *answer.items)):  # a solution that is given twice is one
            return comparison.covers(gold.items, answer.items) and comparison.covers(answer.items, gold.items, turned=True)
        if _are_labelled(gold) and _are_labelled(answer):
            return _labelled(comparison, gold, answer)
        # a = 1, b = 3 is no 3, 1: where only the gold has names, the order counts
        names = {item.names for item in gold.items if isinstance(item, Named)}
        ordered = len(names) == len(gold.items) > 1 and not any(isinstance(item, Named | Relation) for item in answer.items)
        if not ordered and comparison.matched(gold.items, answer.items):
            return True
        return _listed_names(comparison, gold, answer) or same_ranges(comparison, gold, answer)
    one, other = (gold, answer) if isinstance(gold, Listing) else (answer, gold)
    if isinstance(other, Tuple) and other.ends in ("()", "<>", "[]"):  # brackets left out: the order counts
        pairs = (one.items, other.items) if one is gold else (other.items, one.items)
        return comparison.ordered([_unnamed(value) for value in pairs[0]], [_unnamed(value) for value in pairs[1]])
    if isinstance(other, Relation) and other.signs == ("in",) and isinstance(other.sides[1], SetOf):
        return comparison.same(*((one, other.sides[1]) if one is gold else (other.sides[1], one)))
    if isinstance(other, SetOf):
        return comparison.matched(gold.items, answer.items)
    if isinstance(other, Matrix) and (1 in (len(other.rows), max(map(len, other.rows), default=0))):
        entries = tuple(entry for row in other.rows for entry in row)
        return comparison.ordered(*((one.items, entries) if one is gold else (entries, one.items)))
    return same_ranges(comparison, gold, answer)


def _are_labelled(listing: Listing) -> bool:
    return all(isinstance(item, Named) and is_label(item) for item in listing.items)


def _labelled(comparison: "Comparison", gold: Listing, answer: Listing) -> bool:
    """Alice: 3, Bob: 5 by the names, in any order."""
    sides = [sorted(listing.items, key=lambda item: item.names) for listing in (gold, answer)]
    return [item.names for item in sides[0]] == [item.names for item in sides[1]] and comparison.ordered(
        [item.value for item in sides[0]], [item.value for item in sides[1]]
    )


def _listed_names(comparison: "Comparison", gold: Listing, answer: Listing) -> bool:
    """AB = 4, CD = 5 against 4, 5: names that one side leaves out, in order."""
    names = [all(isinstance(value, Named) for value in side.items) for side in (gold, answer)]
    bare = [not any(isinstance(value, Named | Relation) for value in side.items) for side in (gold, answer)]
    if not ((names[0] and bare[1]) or (names[1] and bare[0])):
        return False
    return comparison.ordered([_unnamed(value) for value in gold.items], [_unnamed(value) for value in answer.items])


def _unnamed(value: Value) -> Value:
    return value.value if isinstance(value, Named) else value
