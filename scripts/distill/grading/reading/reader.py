"""From text to a typed value. What no rule reads is Unread, and is compared as text."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from distill.grading.normalise import plain
from distill.grading.reading.constructors import decimal
from distill.grading.reading.expressions import read_expression
from distill.grading.reading.lists import read_list
from distill.grading.reading.numbers import is_in_base
from distill.grading.reading.sentences import said_in
from distill.grading.runs import stripped, text_of
from distill.grading.tokens import DEPTH, Token, Unreadable, is_word, tokens
from distill.grading.values import Based, Choice, Letters, Listing, Named, Number, Phrase, Quantity, Relation, Unread, Value, Words

MAX_CHARS = 5000  # of a gold or an answer; the longest gold of MATH-500 has 53


_SIMPLE_NUMBER = re.compile(r"[-+]?\d{1,1000}")
_CHOICE = re.compile(r"\(\s*([A-J])\s*\)\s*\.?\s*(.*)|([A-J])\s*[).]\s+(.+)", re.DOTALL)
_PROSE = re.compile(r"(?:[A-Za-z]{2,}|[aAI])(?:(?:,? |-)(?:[A-Za-z]{2,}|[aAI])){1,40}")
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}")
_REMARK = re.compile(r"(.*\S)\s+\((?=[^()]*(?:[<>=]|\\(?:le|ge|ne|in|text)(?![A-Za-z])))[^()]*\)", re.DOTALL)
_SHORT_UNIT = re.compile(
    r"[\d})]\s?(?:[A-Za-z]+(?:\^.*|/.*)?|\{\s?[A-Za-z][A-Za-z ]*(?:[}^/ ].*)?|\\frac\s?\{\s?\{?[A-Za-z]+\}?.*|\([A-Za-z][A-Za-z0-9^/ ]*\))$"
)
_CODED = re.compile(r"\(?\\text\s*\{\s*([0-9A-Za-z]{1,200})\s*\}\)?\s*_\s*\{?(\d{1,2})\}?")


@dataclass(frozen=True, slots=True)
class Reading:
    """The values that a text may mean, the likeliest first: a number with commas may be a list, `12 m` a length or a product.

    `loose` is read of answers only, never of a gold: 1000,99 with a decimal comma, and the formula in a sentence.
    """

    text: str
    values: tuple[Value, ...]
    loose: tuple[Value, ...] = ()
    latex: str = ""

    @property
    def unread(self) -> bool:
        return isinstance(self.values[0], Unread)


_SURE_DECIMAL_COMMA = re.compile(r"[-+]?0,\d{3,}")  # no list, and no thousands
_DECIMAL_COMMA = re.compile(r"([-+]?\d+),(\d+)")


@lru_cache(maxsize=2048)
def read(text: str) -> Reading:
    """The readings of an answer or a gold; linear time, bounded depth."""
    if _SIMPLE_NUMBER.fullmatch(text):
        return Reading(text, (Number(Fraction(int(text))),))
    normal = plain(text)
    if len(normal) > MAX_CHARS:
        return Reading(normal, (Unread(normal),))
    values: list[Value] = []
    for how in (Reader(True), Reader(False), Reader(True, bare_units=True), Reader(True, products=True)):
        if how.worth(normal, values):
            try:
                value = how.whole(normal)
            except (Unreadable, RecursionError, ValueError, LookupError):
                value = Unread(squeezed(normal))
            if values and isinstance(values[0], Unread):
                values = [value]
            elif value not in values and not (values and isinstance(value, Unread)):
                values.append(value)
    if _SURE_DECIMAL_COMMA.fullmatch(normal):
        values.append(decimal(normal.replace(",", ".")))
    return Reading(squeezed(normal), tuple(values), tuple(_loose(text, normal, values[0])), normal)


def _loose(text: str, normal: str, first: Value) -> Iterator[Value]:
    comma = _DECIMAL_COMMA.fullmatch(normal)
    if comma and not _THOUSANDS.fullmatch(normal):
        yield decimal(f"{comma[1]}.{comma[2]}")
    remark = _REMARK.fullmatch(normal) if isinstance(first, Phrase | Unread | Relation) else None
    if remark:  # 5 (since x > 0)
        yield from read(remark[1]).values
    if isinstance(first, Phrase | Unread | Words | Relation | Listing | Named) and len(text) > 12:
        said = said_in(text.partition("<|im_")[0].strip())
        if said and len(said) < len(text):
            inner = read(said)
            yield from (value for value in (*inner.values, *inner.loose[:1]) if not isinstance(value, Phrase | Unread | Words))


def squeezed(text: str) -> str:
    """Normalised text for comparison as such: without spaces, braces round single characters, and \\text."""
    return re.sub(r"\s+|\\text(?=\{)", "", re.sub(r"\{(\w)\}", r"\1", text))


@dataclass
class Reader:
    """Reads with one choice at each ambiguity: whether 81,256 is a number, a lone letter a unit, a short word a product."""

    grouped: bool
    bare_units: bool = False
    products: bool = False
    depth: int = 0

    def worth(self, text: str, found: Sequence[Value]) -> bool:
        """Whether a text is worth reading by this reader too, after `found`, the values of those before it."""
        if not found:
            return True
        if not self.grouped:
            return re.search(r"\d,[1-9]\d\d(?!\d)", text) is not None
        if self.bare_units:
            return _SHORT_UNIT.search(text) is not None and not isinstance(found[0], Quantity)
        return isinstance(found[0], Words | Letters | Phrase) and re.fullmatch(r"[a-z]{2,4}", text) is not None

    def whole(self, text: str) -> Value:
        """The value of a whole answer, which may be a lettered choice. Raises Unreadable."""
        choice = _CHOICE.fullmatch(_unwrapped(text))
        if choice and (choice[1] or choice[3]):
            rest = choice[2] if choice[1] else choice[4]
            return Choice(choice[1] or choice[3], self.value(tokens(rest, self.grouped)) if rest.strip() else None)
        coded = _CODED.fullmatch(text)
        if coded and is_in_base(coded[1], int(coded[2])):
            return Based(coded[1].upper(), int(coded[2]))
        if _PROSE.fullmatch(text) and any(len(word) > 2 and is_word(word) for word in re.split(",? |-", text)):
            text = f"\\text{{{text}}}"  # an ellipse
        if self.products:
            return read_expression(self, [Token("symbol", letter) for letter in text])
        return self.value(tokens(text, self.grouped))

    # What a value is, from the loosest sign that joins its parts to the tightest.

    def value(self, items: Sequence[Token]) -> Value:
        """The value of a part of an answer. Raises Unreadable for none and beyond DEPTH parts in parts."""
        self.depth += 1
        try:
            if self.depth > DEPTH:
                raise Unreadable("too deep")
            items = stripped(items)
            if not items:
                raise Unreadable("nothing")
            return read_list(self, items)
        finally:
            self.depth -= 1

    def side(self, items: Sequence[Token]) -> Value:
        """A side of a relation: a value, or a name that is none."""
        try:
            return self.value(items)
        except Unreadable:
            return Unread(text_of(items))


def _unwrapped(text: str) -> str:
    r"""Without one \text{..} that opens a text: \text{(C)} 12 is (C) 12."""
    found = re.match(r"\s*\{?\s*\\text\s*\{([^{}]*)\}\s*\}?|\s*\{(\([A-J]\))\}", text)
    return (found[1] or found[2] or "").strip() + " " + text[found.end() :] if found and (found[1] or found[2]) else text.strip()
