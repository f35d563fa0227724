"""What an answer can be. Each kind is one small class; comparing/ has one rule a pair of kinds, docs/grading.md the table of them."""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Num:
    """A number in an expression. `digits` are its significant digits where it was written with a decimal point, else None."""

    value: Fraction
    digits: int | None = None


@dataclass(frozen=True, slots=True)
class Sym:
    """A variable or a constant by its name: x, \\pi, \\vec{a}."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """An operation (+ * / ^ neg), a function, or an operator such as a sum, with its arguments."""

    name: str
    args: tuple["Tree", ...]


Tree = Num | Sym | Call


@dataclass(frozen=True, slots=True)
class Number:
    """An integer, a fraction of two integers, or a decimal: `value` is exact; `digits` as in Num; 0.0 and 1e-3 are decimals."""

    value: Fraction
    digits: int | None = None


@dataclass(frozen=True, slots=True)
class Expression:
    """Anything else that can be computed with; `text` is what math-verify is asked about."""

    tree: Tree
    text: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value with a unit in its canonical spelling (units.py); 5 feet 3 inches has two parts."""

    parts: tuple[tuple["Value", str], ...]


@dataclass(frozen=True, slots=True)
class Percent:
    """A value with a per cent sign; 50 for 50 %."""

    value: "Value"


@dataclass(frozen=True, slots=True)
class Based:
    """Digits in a base other than ten, as in 204_5."""

    digits: str
    base: int


@dataclass(frozen=True, slots=True)
class Listing:
    """Values whose order says nothing, each as often as it is listed: 1, 2 and 2; the rows of `cases`."""

    items: tuple["Value", ...]


@dataclass(frozen=True, slots=True)
class Tuple:
    """Values in order; with two of them also an interval. `ends` are its brackets, such as `()`, `[)` and `<>`."""

    items: tuple["Value", ...]
    ends: str = "()"


@dataclass(frozen=True, slots=True)
class SetOf:
    """A set that is written out."""

    items: tuple["Value", ...]


@dataclass(frozen=True, slots=True)
class Builder:
    """A set by its condition: the elements such that all of `conditions` hold."""

    element: "Value"
    conditions: tuple["Value", ...]


@dataclass(frozen=True, slots=True)
class SetOperation:
    """A union, intersection or difference of sets."""

    name: str
    parts: tuple["Value", ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """Sides, and the relation signs between them; the last side of a congruence is its modulus."""

    sides: tuple["Value", ...]
    signs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """A value and what it is the value of: x = 5, f(x) = 2x, D = (0,1), (x,y) = (1,2)."""

    names: tuple[str, ...]
    value: "Value"
    equation: "Relation"


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows of entries, which may have different lengths."""

    rows: tuple[tuple["Value", ...], ...]


@dataclass(frozen=True, slots=True)
class Ratio:
    """Parts with colons between them; a time of day where `clock` says so, with `half` am or pm if given."""

    parts: tuple["Value", ...]
    clock: bool = False
    half: str = ""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words and values in the order written: n even, increasing on (0,1)."""

    parts: tuple["Value", ...]


@dataclass(frozen=True, slots=True)
class Words:
    """Words in lower case without spaces and punctuation."""

    text: str


@dataclass(frozen=True, slots=True)
class Letters:
    """Capitals that stand for themselves, in order: HHT, AB."""

    text: str


@dataclass(frozen=True, slots=True)
class Choice:
    """The letter of a choice, and what stands behind it, if anything: (C) 12."""

    letter: str
    value: "Value | None"


@dataclass(frozen=True, slots=True)
class Unread:
    """Normalised text that no rule reads."""

    text: str


Value = (
    Number
    | Expression
    | Quantity
    | Percent
    | Based
    | Listing
    | Tuple
    | SetOf
    | Builder
    | SetOperation
    | Relation
    | Named
    | Matrix
    | Ratio
    | Phrase
    | Words
    | Letters
    | Choice
    | Unread
)
