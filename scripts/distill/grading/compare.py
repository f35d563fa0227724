"""When two values are the same answer: one rule a pair of kinds. docs/grading.md has the table, with an example each way.

Whether two expressions are equal is found by their values (expressions.py), or where they have none, by `ask`, which is math-verify.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction

from distill.grading import expressions, units
from distill.grading.read import Reading, as_tree
from distill.grading.tokens import Unreadable
from distill.grading.values import (
    Based,
    Builder,
    Call,
    Choice,
    Expression,
    Letters,
    Listing,
    Matrix,
    Named,
    Num,
    Number,
    Percent,
    Phrase,
    Quantity,
    Ratio,
    Relation,
    SetOf,
    SetOperation,
    Sym,
    Tree,
    Tuple,
    Unread,
    Value,
    Words,
)

Ask = Callable[[str, str], bool]
DIGITS = 6  # significant digits that a decimal must show to stand for a value that has no finite decimal, as in math-verify
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
    if any(_Comparison(ask).same(one, other) for one, other in pairs):
        return True
    unread = isinstance(first, Unread) or isinstance(answer.values[0], Unread)
    # Sums and products of matrices are read by math-verify alone.
    return (
        unread and all("matrix}" in side.latex and len(side.latex) < _MATRICES for side in (gold, answer)) and ask(gold.latex, answer.latex)
    )


def never(_gold: str, _answer: str) -> bool:
    """For what is to be decided without math-verify."""
    return False


class _Comparison:
    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.compared = 0

    def same(self, gold: Value, answer: Value) -> bool:
        self.compared += 1
        if self.compared > MOST_COMPARED:
            raise TooMuch
        gold, answer = _single(gold), _single(answer)
        if gold == answer or (_real_line(gold) and _real_line(answer)):
            return True
        kinds = type(gold), type(answer)
        if kinds == (Number, Number):
            return _numbers(gold, answer)
        if Unread in kinds:
            return False
        for kind, rule in self.rules:
            if kind in kinds:
                return rule(self, gold, answer)
        return self._values(gold, answer)

    # Each rule sees a pair in which at least one side is of its kind; the order of the table below says which comes first.

    def _choice(self, gold: Value, answer: Value) -> bool:
        """A letter, or what stands behind it, or both; never two that differ."""
        if isinstance(gold, Choice) and isinstance(answer, Choice):
            return gold.letter == answer.letter and (gold.value is None or answer.value is None or self.same(gold.value, answer.value))
        choice, other = (gold, answer) if isinstance(gold, Choice) else (answer, gold)
        letter = _letter(other)
        if letter is not None:
            return letter == choice.letter
        if choice is answer or choice.value is None:
            return False
        return self.same(choice.value, other)

    def _listing(self, gold: Value, answer: Value) -> bool:
        if isinstance(gold, Named) or isinstance(answer, Named):
            return self._named(gold, answer)
        if isinstance(gold, Listing) and isinstance(answer, Listing):
            if all(isinstance(item, Tuple) for item in (*gold.items, *answer.items)):  # a solution that is given twice is one
                return self._covers(gold.items, answer.items) and self._covers(answer.items, gold.items, turned=True)
            if self._matched(gold.items, answer.items):
                return True
            return self._listed_names(gold, answer) or self._ranges(gold, answer)
        one, other = (gold, answer) if isinstance(gold, Listing) else (answer, gold)
        if isinstance(other, Tuple) and other.ends in ("()", "<>", "[]"):  # brackets left out: the order counts
            pairs = (one.items, other.items) if one is gold else (other.items, one.items)
            return self._ordered([_unnamed(value) for value in pairs[0]], [_unnamed(value) for value in pairs[1]])
        if isinstance(other, SetOf):
            return self._matched(gold.items, answer.items)
        if isinstance(other, Matrix) and (1 in (len(other.rows), max(map(len, other.rows), default=0))):
            entries = tuple(entry for row in other.rows for entry in row)
            return self._ordered(*((one.items, entries) if one is gold else (entries, one.items)))
        return self._ranges(gold, answer)

    def _listed_names(self, gold: Listing, answer: Listing) -> bool:
        """AB = 4, CD = 5 against 4, 5: names that one side leaves out, in order."""
        names = [all(isinstance(value, Named) for value in side.items) for side in (gold, answer)]
        bare = [not any(isinstance(value, Named | Relation) for value in side.items) for side in (gold, answer)]
        if not ((names[0] and bare[1]) or (names[1] and bare[0])):
            return False
        return self._ordered([_unnamed(value) for value in gold.items], [_unnamed(value) for value in answer.items])

    def _named(self, gold: Value, answer: Value) -> bool:
        if isinstance(gold, Named) and isinstance(answer, Named):
            if gold.names == answer.names:
                return self.same(gold.value, answer.value)
            if sorted(gold.names) == sorted(answer.names) and isinstance(gold.value, Tuple) and isinstance(answer.value, Tuple):
                places = [answer.names.index(name) for name in gold.names]
                if len(answer.value.items) == len(places):
                    return self.same(gold.value, Tuple(tuple(answer.value.items[place] for place in places), answer.value.ends))
            if gold.names == ("",) or answer.names == ("",) or _label(gold) or _label(answer):
                return self.same(gold.value, answer.value)
            return self._relations(gold.equation, answer.equation)
        named, other = (gold, answer) if isinstance(gold, Named) else (answer, gold)
        if isinstance(other, Relation):
            if other.signs == ("in",) and len(named.names) == 1 and not isinstance(named.value, Tuple):
                same = self.same(named.equation.sides[0], other.sides[0])
                return same and self.same(*((named.value, other.sides[1]) if named is gold else (other.sides[1], named.value)))
            if set(other.signs) == {"in"}:
                return self._relations(*((named.equation, other) if named is gold else (other, named.equation)))
            return self._relations(*((named.equation, other) if named is gold else (other, named.equation)))
        if isinstance(other, Listing) and len(named.names) > 1 and isinstance(named.value, Tuple):
            return self._system(named, other, gold_named=named is gold)
        if not self._true_chain(named.equation):
            return False
        return self.same(named.value, other) if named is gold else self.same(other, named.value)

    def _system(self, named: Named, other: Listing, gold_named: bool) -> bool:
        """(x,y) = (1,2) against x = 1, y = 2, in any order."""
        assert isinstance(named.value, Tuple)
        wanted = dict(zip(named.names, named.value.items, strict=False))
        found = {value.names[0]: value.value for value in other.items if isinstance(value, Named) and len(value.names) == 1}
        if len(wanted) != len(named.value.items) or set(found) != set(wanted) or len(found) != len(other.items):
            return self.same(named.value, other) if gold_named else self.same(other, named.value)
        return all(self.same(*((wanted[name], found[name]) if gold_named else (found[name], wanted[name]))) for name in wanted)

    def _true_chain(self, equation: Relation) -> bool:
        """Whether the constants that an equation sets equal are equal: 9 = 77 states nothing."""
        constants = [side for side in equation.sides if _is_constant(side)]
        return all(self.same(constants[0], side) for side in constants[1:])

    def _relation(self, gold: Value, answer: Value) -> bool:
        if isinstance(gold, Relation) and isinstance(answer, Relation):
            return self._relations(gold, answer)
        relation, other = (gold, answer) if isinstance(gold, Relation) else (answer, gold)
        if relation.signs == ("in",):
            return _plain_name(relation.sides[0]) and self.same(
                *((relation.sides[1], other) if relation is gold else (other, relation.sides[1]))
            )
        interval = _range(relation)
        if interval is not None and isinstance(other, Tuple | SetOperation | SetOf):
            return self._sets(*((interval, other) if relation is gold else (other, interval)))
        if set(relation.signs) == {"="}:
            value = relation.sides[-1]
            stated = relation is gold and all(map(_is_constant, relation.sides))
            if relation is answer:
                stated = _states(relation) or all(map(_is_constant, relation.sides))
            if stated and self._true_chain(relation):
                return self.same(value, other) if relation is gold else self.same(other, value)
        if relation.signs[-1] == "mod" and not isinstance(other, Relation):
            return self.same(relation.sides[-2], other) if relation is gold else False
        return False

    def _relations(self, gold: Relation, answer: Relation) -> bool:
        if gold.signs == answer.signs and len(gold.sides) == len(answer.sides):
            if gold.signs[-1:] == ("mod",):
                return self._congruences(gold, answer)
            if all(map(_is_constant, gold.sides)) and set(gold.signs) == {"="}:
                return self._true_chain(answer) and self._ordered(gold.sides, answer.sides)
            if self._ordered(gold.sides, answer.sides):
                return True
            if set(gold.signs) <= {"=", "!=", "parallel", "perp", "sim", "cong", "<=>"} and self._ordered(gold.sides[::-1], answer.sides):
                return True
        one, other = _range(gold), _range(answer)
        if one is not None and other is not None:
            return _variable(gold) == _variable(answer) and self._sets(one, other)
        if gold.signs == ("in",) or answer.signs == ("in",):
            sets = [
                side if side is not None else relation.sides[1]
                for side, relation in ((one, gold), (other, answer))
                if side or relation.signs == ("in",)
            ]
            names = [_variable(relation) if _range(relation) is not None else relation.sides[0] for relation in (gold, answer)]
            return len(sets) == 2 and self.same(names[0], names[1]) and self._sets(sets[0], sets[1])
        return self._proportional(gold, answer)

    def _congruences(self, gold: Relation, answer: Relation) -> bool:
        modulus, other = gold.sides[-1], answer.sides[-1]
        if not self.same(modulus, other) or not self._ordered(gold.sides[:-2], answer.sides[:-2]):
            return False
        one, two = gold.sides[-2], answer.sides[-2]
        if isinstance(one, Number) and isinstance(two, Number) and isinstance(modulus, Number) and modulus.value:
            return (one.value - two.value) % modulus.value == 0
        return self.same(one, two)

    def _proportional(self, gold: Relation, answer: Relation) -> bool:
        """Two equations, or inequalities of the same strictness, whose sides differ by the same expression up to a factor."""
        if len(gold.signs) != 1 or len(answer.signs) != 1 or gold.signs != answer.signs or gold.signs[0] not in ("=", "<", "<=", "!="):
            return False
        differences = [_difference(relation) for relation in (gold, answer)]
        if differences[0] is None or differences[1] is None:
            return False
        if not expressions.symbols(differences[0]):
            return False
        try:
            sign = expressions.proportional(differences[0], differences[1])
        except Unreadable:
            return False
        return sign is not None and (sign > 0 or gold.signs[0] in ("=", "!="))

    def _ranges(self, gold: Value, answer: Value) -> bool:
        """x < 1 or x > 2 against a union of intervals."""
        one, other = _union(gold), _union(answer)
        return (
            one is not None
            and other is not None
            and (_names(gold) == _names(answer) or not (_names(gold) and _names(answer)))
            and self._sets(one, other)
        )

    def _set(self, gold: Value, answer: Value) -> bool:
        if isinstance(gold, Builder) and isinstance(answer, Builder):
            return self.same(gold.element, answer.element) and self._matched(gold.conditions, answer.conditions)
        if isinstance(gold, Builder) or isinstance(answer, Builder):
            builder, other = (gold, answer) if isinstance(gold, Builder) else (answer, gold)
            found = _union(builder)
            return (
                found is not None
                and isinstance(other, Tuple | SetOperation | SetOf)
                and self._sets(*((found, other) if builder is gold else (other, found)))
            )
        if isinstance(gold, SetOf) and isinstance(answer, SetOf):
            return self._covers(gold.items, answer.items) and self._covers(answer.items, gold.items, turned=True)
        if (isinstance(gold, SetOf) and isinstance(answer, Words)) or (isinstance(answer, SetOf) and isinstance(gold, Words)):
            words, other = (gold, answer) if isinstance(gold, Words) else (answer, gold)
            return (
                isinstance(other, SetOf)
                and not other.items
                and isinstance(words, Words)
                and words.text in ("emptyset", "nosolution", "nosolutions", "none", "empty")
            )
        return self._sets(gold, answer)

    def _sets(self, gold: Value, answer: Value) -> bool:
        """Unions of intervals and points by their parts, in any order."""
        if isinstance(gold, SetOperation) and isinstance(answer, SetOperation) and gold.name == answer.name != "union":
            return self._ordered(gold.parts, answer.parts) or (gold.name == "intersection" and self._matched(gold.parts, answer.parts))
        one, other = _parts(gold), _parts(answer)
        if one is None or other is None:
            return False
        return self._matched(one, other) if len(one) + len(other) > 2 else self._tuple(one[0], other[0])

    def _tuple(self, gold: Value, answer: Value) -> bool:
        if isinstance(gold, Tuple) and isinstance(answer, Tuple):
            return (len(gold.items) != 2 or _round(gold.ends) == _round(answer.ends)) and self._ordered(gold.items, answer.items)
        if isinstance(gold, Matrix) or isinstance(answer, Matrix):
            return self._matrix(gold, answer)
        one, other = _real_line(gold), _real_line(answer)
        if one and other:
            return True
        return type(gold) is type(answer) and self.same(gold, answer)

    def _matrix(self, gold: Value, answer: Value) -> bool:
        if isinstance(gold, Matrix) and isinstance(answer, Matrix):
            return [len(row) for row in gold.rows] == [len(row) for row in answer.rows] and all(
                self._ordered(one, other) for one, other in zip(gold.rows, answer.rows, strict=True)
            )
        matrix, other = (gold, answer) if isinstance(gold, Matrix) else (answer, gold)
        entries = [entry for row in matrix.rows for entry in row]
        if (
            not isinstance(other, Tuple)
            or 1 not in (len(matrix.rows), max(map(len, matrix.rows), default=0))
            or other.ends not in ("()", "<>", "[]")
        ):
            return False
        return self._ordered(entries, other.items) if matrix is gold else self._ordered(other.items, entries)

    def _quantity(self, gold: Value, answer: Value) -> bool:
        """A unit may be left out, but not be another one; units of one kind are converted."""
        if isinstance(gold, Percent) or isinstance(answer, Percent):
            return False  # 20 % is no length
        if isinstance(gold, Quantity) and isinstance(answer, Quantity):
            if len(gold.parts) == len(answer.parts) and all(
                one[1] == other[1] for one, other in zip(gold.parts, answer.parts, strict=True)
            ):
                return all(self.same(one[0], other[0]) for one, other in zip(gold.parts, answer.parts, strict=True))
            one, other = _in_base_units(gold), _in_base_units(answer)
            if one is not None and other is not None:
                return one[0] == other[0] and self.same(one[1], other[1])
            if len(gold.parts) == len(answer.parts) == 1 and _compatible(gold.parts[0][1], answer.parts[0][1]):
                return self.same(gold.parts[0][0], answer.parts[0][0])
            return False
        quantity, other = (gold, answer) if isinstance(gold, Quantity) else (answer, gold)
        if len(quantity.parts) != 1 or isinstance(other, Words | Phrase | Letters | Based):
            return False
        value = quantity.parts[0][0]
        return self.same(value, other) if quantity is gold else self.same(other, value)

    def _percent(self, gold: Value, answer: Value) -> bool:
        """50 % is 1/2, and 50 where the sign is left out; 0.5 % is not 0.5, since a share may be written so."""
        if isinstance(gold, Percent) and isinstance(answer, Percent):
            return self.same(gold.value, answer.value)
        percent, other = (gold, answer) if isinstance(gold, Percent) else (answer, gold)
        if isinstance(other, Quantity):
            return False
        if not isinstance(percent.value, Number):
            return self.same(percent.value, other) if percent is gold else self.same(other, percent.value)
        share = Number(percent.value.value / 100, percent.value.digits)
        if self.same(*((share, other) if percent is gold else (other, share))):
            return True
        return abs(percent.value.value) > 1 and self.same(*((percent.value, other) if percent is gold else (other, percent.value)))

    def _based(self, gold: Value, answer: Value) -> bool:
        """An answer may leave the base out, as the question names it; the digits are compared. One that adds a base is another number."""
        if isinstance(gold, Based) and isinstance(answer, Based):
            return (gold.digits.lstrip("0") or "0", gold.base) == (answer.digits.lstrip("0") or "0", answer.base)
        based, other = (gold, answer) if isinstance(gold, Based) else (answer, gold)
        if isinstance(other, Number) and based is gold:
            return other.digits is None and other.value.denominator == 1 and based.digits.isdigit() and int(based.digits) == other.value
        return isinstance(other, Letters | Words) and other.text.upper() == based.digits.upper()

    def _ratio(self, gold: Value, answer: Value) -> bool:
        """Times as they are written, am or pm left out at most; ratios in proportion, and one of two parts as their quotient."""
        if isinstance(gold, Ratio) and isinstance(answer, Ratio):
            if gold.clock and answer.clock:
                return (not (gold.half and answer.half) or gold.half == answer.half) and self._ordered(gold.parts, answer.parts)
            if len(gold.parts) != len(answer.parts):
                return False
            trees = [[as_tree(part) for part in side.parts] for side in (gold, answer)]
            if any(tree is None for side in trees for tree in side):
                return self._ordered(gold.parts, answer.parts)
            firsts = trees[0][0], trees[1][0]
            return all(
                self.same(_value(Call("*", (one, firsts[1]))), _value(Call("*", (other, firsts[0]))))
                for one, other in zip(trees[0][1:], trees[1][1:], strict=True)
            )
        ratio, other = (gold, answer) if isinstance(gold, Ratio) else (answer, gold)
        trees = [as_tree(part) for part in ratio.parts]
        if len(trees) != 2 or ratio.clock or None in trees or not isinstance(other, Number | Expression):
            return False
        quotient = _value(Call("/", tuple(trees)))
        return self.same(quotient, other) if ratio is gold else self.same(other, quotient)

    def _phrase(self, gold: Value, answer: Value) -> bool:
        return isinstance(gold, Phrase) and isinstance(answer, Phrase) and self._ordered(gold.parts, answer.parts)

    def _words(self, gold: Value, answer: Value) -> bool:
        texts = [value.text.lower() if isinstance(value, Words | Letters) else None for value in (gold, answer)]
        if (isinstance(gold, Letters) and isinstance(answer, Letters)) or any(
            isinstance(value, Letters) and len(value.text) < 4 for value in (gold, answer)
        ):
            return False  # CO is not Co, nor HHT THH; EVELYN is Evelyn
        return texts[0] is not None and texts[0] == texts[1]

    def _values(self, gold: Value, answer: Value) -> bool:
        """Numbers and expressions."""
        if not isinstance(gold, Number | Expression) or not isinstance(answer, Number | Expression):
            return False
        self.compared += 50
        one, other = as_tree(gold), as_tree(answer)
        assert one is not None and other is not None
        try:
            found = expressions.equal(one, other)
            if found is False and (isinstance(gold, Number) != isinstance(answer, Number)):
                found = _rounds(gold, answer)
        except Unreadable:
            found = None
        if found is None:
            texts = _text(gold), _text(answer)
            found = all(texts) and self.ask(*texts)
        return found

    rules = (
        (Choice, _choice),
        (Named, _named),
        (Listing, _listing),
        (Relation, _relation),
        (Builder, _set),
        (SetOf, _set),
        (SetOperation, _sets),
        (Percent, _percent),
        (Quantity, _quantity),
        (Tuple, _tuple),
        (Matrix, _matrix),
        (Ratio, _ratio),
        (Based, _based),
        (Phrase, _phrase),
        (Words, _words),
        (Letters, _words),
    )

    def _ordered(self, gold: Sequence[Value], answer: Sequence[Value]) -> bool:
        return len(gold) == len(answer) and all(self.same(one, other) for one, other in zip(gold, answer, strict=True))

    def _matched(self, gold: Sequence[Value], answer: Sequence[Value]) -> bool:
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

    def _covers(self, these: Sequence[Value], those: Sequence[Value], turned: bool = False) -> bool:
        return all(any(self.same(*((other, one) if turned else (one, other))) for other in those) for one in these)


def _numbers(gold: Number, answer: Number) -> bool:
    return gold.value == answer.value or _rounded(gold, answer) or _rounded(answer, gold)


def _rounded(exact: Number, decimal: Number) -> bool:
    """Whether a decimal of 6 digits or more is a fraction that has no finite decimal, rounded or cut off where the decimal ends."""
    if decimal.digits is None or decimal.digits < DIGITS or exact.digits is not None or _finite(exact.value):
        return False
    place = _last_place(decimal)
    apart = abs(exact.value) - abs(decimal.value)
    return (exact.value > 0) == (decimal.value > 0) and (abs(apart) * 2 <= place or 0 <= apart < place)


def _last_place(decimal: Number) -> Fraction:
    """One unit in the last place that a decimal shows."""
    value = abs(decimal.value)
    if not value or decimal.digits is None:
        return Fraction(0)
    exponent = len(str(int(value))) if value >= 1 else 1 - _zeros(value)
    return Fraction(10) ** (exponent - decimal.digits)


def _zeros(value: Fraction) -> int:
    """How many places behind the point the first digit of a number below one stands."""
    guess = len(str(value.denominator)) - len(str(value.numerator))
    while Fraction(10) ** -guess > value:
        guess += 1
    while Fraction(10) ** -(guess - 1) <= value:
        guess -= 1
    return guess


def _finite(value: Fraction) -> bool:
    rest = value.denominator
    for factor in (2, 5):
        while rest % factor == 0:
            rest //= factor
    return rest == 1


def _rounds(gold: Number | Expression, answer: Number | Expression) -> bool:
    """Whether the decimal of the two shows the value of the other, an irrational constant."""
    decimal, other = (gold, answer) if isinstance(gold, Number) else (answer, gold)
    assert isinstance(decimal, Number) and isinstance(other, Expression)
    if decimal.digits is None or decimal.digits < DIGITS or expressions.symbols(other.tree):
        return False
    value = expressions.value_at(other.tree, 0)
    if value is None or not expressions.is_real(value):
        return False
    place = expressions.value_at(Num(_last_place(decimal)), 0)
    shown = expressions.value_at(Num(decimal.value), 0)
    value = value.real
    apart = abs(value) - abs(shown)
    return bool((value > 0) == (shown > 0) and (abs(apart) * 2 <= place or 0 <= apart < place))


def _text(value: Number | Expression) -> str:
    """For math-verify; nothing for a number that it could not read either."""
    if isinstance(value, Expression):
        return value.text
    if max(value.value.numerator.bit_length(), value.value.denominator.bit_length()) > 4000:
        return ""
    return f"\\frac{{{value.value.numerator}}}{{{value.value.denominator}}}" if value.value.denominator != 1 else str(value.value)


def _value(tree: Tree) -> Value:
    exact = expressions.exact(tree)
    return Number(exact) if exact is not None else Expression(tree, "")


def _single(value: Value) -> Value:
    """A set or a list of one is that one."""
    while isinstance(value, SetOf | Listing) and len(value.items) == 1:
        value = value.items[0]
    return value


def _letter(value: Value) -> str | None:
    if isinstance(value, Expression) and isinstance(value.tree, Sym) and len(value.tree.name) == 1:
        return value.tree.name.upper()
    return value.text if isinstance(value, Letters) and len(value.text) == 1 else None


def _unnamed(value: Value) -> Value:
    return value.value if isinstance(value, Named) else value


def _label(named: Named) -> bool:
    """Whether the name is words and not a symbol: Total cost: 13."""
    return isinstance(named.equation.sides[0], Words)


def _is_constant(value: Value) -> bool:
    if isinstance(value, Expression):
        return not expressions.symbols(value.tree) and not any(
            name.startswith("\\") or (len(name.rstrip("'")) == 1 and name.isalpha()) for name in expressions.calls(value.tree)
        )
    return isinstance(value, Number)


def _plain_name(value: Value) -> bool:
    return isinstance(value, Expression | Words | Letters | Unread)


def _states(equation: Relation) -> bool:
    """Whether the left side of an answer's equation is what was asked for: m + n = 113 and sin x = 1/2 state a value; 2x = 6 is still to
    be solved, and x + 2y = 3, x^2 + y^2 = 25 and what equals 0 are curves."""
    side, value = equation.sides[0], equation.sides[-1]
    if isinstance(side, Words | Letters | Unread | Ratio):
        return True
    if not isinstance(side, Expression) or (isinstance(value, Number) and not value.value):
        return False
    names, called = expressions.symbols(side.tree), expressions.calls(side.tree)
    if called - {"+", "-", "*", "/", "^", "neg", "sqrt"}:
        return bool(names)
    plain = not _has_numbers(side.tree)
    return len(names) > 1 and (plain or not names & {"x", "y", "z"})


def _has_numbers(tree: Tree) -> bool:
    return isinstance(tree, Num) or (isinstance(tree, Call) and any(map(_has_numbers, tree.args)))


def _difference(relation: Relation) -> Tree | None:
    trees = [as_tree(side) for side in relation.sides]
    if trees[0] is None or trees[1] is None:
        return None
    return Call("+", (trees[0], Call("neg", (trees[1],))))


_INFINITY = Sym("\\infty")
_PLUS = Expression(_INFINITY, "\\infty")
_MINUS = Expression(Call("neg", (_INFINITY,)), "-\\infty")


def _variable(relation: Relation) -> Value | None:
    names = [side for side in relation.sides if not _is_bound(side)]
    return names[0] if len(names) == 1 else None


def _is_bound(side: Value) -> bool:
    return isinstance(side, Number) or (isinstance(side, Expression) and not expressions.symbols(side.tree))


def _range(relation: Relation) -> Value | None:
    """The interval that an inequality of one variable and constants says, or None."""
    variable = _variable(relation)
    if variable is None or not (isinstance(variable, Expression | Letters | Unread | Words)):
        return None
    sides, signs = relation.sides, relation.signs
    if isinstance(variable, Expression) and isinstance(variable.tree, Call):
        if variable.tree.name == "abs" and isinstance(variable.tree.args[0], Sym):
            return _around_zero(relation, variable)
        if len(variable.tree.name.rstrip("'")) != 1 or not variable.tree.name[0].isalpha():
            return None  # no f(x)
    if signs == ("!=",):
        bound = sides[0] if sides[1] is variable else sides[1]
        return SetOperation("union", (Tuple((_MINUS, bound), "()"), Tuple((bound, _PLUS), "()")))
    if not all(sign in ("<", "<=") for sign in signs):
        return None
    at = sides.index(variable)
    if len(sides) == 2:
        if at == 0:
            return Tuple((_MINUS, sides[1]), "(" + (")" if signs[0] == "<" else "]"))
        return Tuple((sides[0], _PLUS), ("(" if signs[0] == "<" else "[") + ")")
    if len(sides) == 3 and at == 1:
        return Tuple((sides[0], sides[2]), ("(" if signs[0] == "<" else "[") + (")" if signs[1] == "<" else "]"))
    return None


def _around_zero(relation: Relation, variable: Value) -> Value | None:
    """|x| < 3 and |x| <= 3 as intervals."""
    if len(relation.sides) != 2 or relation.sides[0] is not variable or relation.signs[0] not in ("<", "<="):
        return None
    bound = relation.sides[1]
    if not isinstance(bound, Number) or bound.value <= 0:
        return None
    return Tuple((Number(-bound.value), Number(bound.value)), "()" if relation.signs == ("<",) else "[]")


def _union(value: Value) -> Value | None:
    """Inequalities, an interval or a union as a union of intervals."""
    if isinstance(value, Relation):
        return _range(value) if value.signs != ("in",) else value.sides[1]
    if isinstance(value, Builder):
        bounds = [condition for condition in value.conditions if isinstance(condition, Relation)]
        return _range(bounds[0]) if len(bounds) == 1 == len(value.conditions) and _variable(bounds[0]) == value.element else None
    if isinstance(value, Listing):
        ranges = [_union(item) for item in value.items]
        if any(part is None for part in ranges):
            return None
        return SetOperation("union", tuple(part for part in ranges if part is not None))
    return value if isinstance(value, Tuple | SetOperation | SetOf) else None


def _names(value: Value) -> set[str]:
    items = value.items if isinstance(value, Listing) else (value,)
    return {repr(_variable(item)) for item in items if isinstance(item, Relation)}


def _parts(value: Value) -> list[Value] | None:
    if isinstance(value, SetOperation):
        if value.name == "difference" and len(value.parts) == 2 and isinstance(value.parts[1], SetOf):
            whole = Tuple((_MINUS, _PLUS), "()") if _real_line(value.parts[0]) else value.parts[0]
            if isinstance(whole, Tuple) and len(whole.items) == 2:
                return _without(whole, value.parts[1].items)
        if value.name != "union":
            return [value]
        found: list[Value] = []
        for part in value.parts:
            inner = _parts(part)
            if inner is None:
                return None
            found += inner
        return found
    if isinstance(value, SetOf):
        return list(value.items) or None
    return [value]


def _without(interval: Tuple, points: Sequence[Value]) -> list[Value] | None:
    """An interval without some of its inner points, as intervals."""
    trees = [as_tree(point) for point in points]
    try:
        places = [None if tree is None or expressions.symbols(tree) else expressions.value_at(tree, 0) for tree in trees]
    except Unreadable:
        return None
    if any(place is None or not expressions.is_real(place) for place in places):
        return None
    inner = [points[at] for at in sorted(range(len(points)), key=lambda at: places[at].real)]
    ends = [interval.items[0], *inner, interval.items[1]]
    brackets = [interval.ends[0], *("(" for _ in inner)], [*(")" for _ in inner), interval.ends[1]]
    return [Tuple((ends[at], ends[at + 1]), brackets[0][at] + brackets[1][at]) for at in range(len(inner) + 1)]


def _real_line(value: Value) -> bool:
    if isinstance(value, Expression):
        return value.tree == Sym("\\mathbb{R}")
    if isinstance(value, Words):
        return value.text in ("allrealnumber", "allreal", "realnumber", "allreals")
    return isinstance(value, Tuple) and [as_tree(item) for item in value.items] == [_MINUS.tree, _PLUS.tree]


def _round(ends: str) -> str:
    return ends.replace("<", "(").replace(">", ")")


def _in_base_units(quantity: Quantity) -> tuple[str, Value] | None:
    kind, trees = "", []
    for value, unit in quantity.parts:
        found, tree = units.factor(unit), as_tree(value)
        if found is None or tree is None or (kind and found[0] != kind):
            return None
        kind = found[0]
        trees.append(Call("*", (tree, Num(found[1]))))
    return kind, _value(Call("+", tuple(trees)))


_GENERIC = {"unit", "unit^2", "unit^3", "way", "solution", "value", "number", "integer", "people", "time", "times", "item", "outcome"}


def _compatible(one: str, other: str) -> bool:
    """Units of which one says less than the other: square units, ways; students and male students."""
    if one in _GENERIC or other in _GENERIC:
        return (units.factor(one) is None and units.factor(other) is None) or {one, other} & {"unit", "unit^2", "unit^3"} != set()
    words = set(one.split()), set(other.split())
    return units.factor(one) is None and units.factor(other) is None and (words[0] <= words[1] or words[1] <= words[0])
