"""From text to a typed value. What no rule reads is Unread, and is compared as text."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from distill.grading import expressions, units
from distill.grading.extract import stated_answer
from distill.grading.normalise import plain
from distill.grading.tokens import FUNCTIONS, Token, Unreadable, is_connective, tokens, words
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

MAX_CHARS = 5000  # of a gold or an answer; the longest gold of MATH-500 has 53
_DEPTH = 25
_OPENING = frozenset(("(", "[", "{", "\\{"))
_CLOSING = frozenset((")", "]", "}", "\\}"))
_OPENING_COMMANDS = frozenset(("langle", "lfloor", "lceil", "begin"))
_CLOSING_COMMANDS = frozenset(("rangle", "rfloor", "rceil", "end"))
_RELATIONS = {
    **{"=": "=", "<": "<", ">": ">", "le": "<=", "ge": ">=", "ne": "!=", "approx": "~", "equiv": "==", "in": "in", "notin": "notin"},
    **{"subset": "subset", "subseteq": "subseteq", "supset": "supset", "supseteq": "supseteq", "mid": "|", "nmid": "!|", "sim": "sim"},
    **{
        "parallel": "parallel",
        "perp": "perp",
        "cong": "cong",
        "to": "to",
        "Rightarrow": "=>",
        "Leftrightarrow": "<=>",
        "ll": "<<",
        "gg": ">>",
    },
    **{"mapsto": "mapsto", "simeq": "~", "propto": "propto", "leftrightarrow": "<=>", "ni": "ni"},
}
_SET_OPERATIONS = {"cup": "union", "cap": "intersection", "setminus": "difference"}
_NUMBER_WORDS = {
    word: number
    for number, word in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    )
}
_LOUD = words("YES NO TRUE FALSE NONE DNE EVEN ODD NAN")  # words, and no letters that stand for themselves
_IGNORED_WORDS = words("it the a an is are approximately about roughly is: therefore so thus hence answer final exactly only")
_MATRICES = words("matrix pmatrix bmatrix Bmatrix vmatrix Vmatrix smallmatrix array psmallmatrix bsmallmatrix")
_CHOICE = re.compile(r"\(\s*([A-J])\s*\)\s*\.?\s*(.*)|([A-J])\s*[).]\s+(.+)", re.DOTALL)
_CODED = re.compile(r"\(?\\text\s*\{\s*([0-9A-Za-z]{1,200})\s*\}\)?\s*_\s*\{?(\d{1,2})\}?")
_SIMPLE_NUMBER = re.compile(r"[-+]?\d{1,1000}")


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


@lru_cache(maxsize=2048)
def read(text: str) -> Reading:
    """The readings of an answer or a gold; linear time, bounded depth."""
    if _SIMPLE_NUMBER.fullmatch(text):
        return Reading(text, (Number(Fraction(int(text))),))
    normal = plain(text)
    if len(normal) > MAX_CHARS:
        return Reading(normal, (Unread(normal),))
    values: list[Value] = []
    for how in (_Reader(True), _Reader(False), _Reader(True, bare_units=True), _Reader(True, products=True)):
        if how.worth(normal, values):
            try:
                value = how.whole(normal)
            except (Unreadable, RecursionError, ValueError, LookupError):
                value = Unread(squeezed(normal))
            if value not in values and not (values and isinstance(value, Unread)):
                values.append(value)
    if _SURE_DECIMAL_COMMA.fullmatch(normal):
        values.append(decimal(normal.replace(",", ".")))
    return Reading(squeezed(normal), tuple(values), tuple(_loose(text, normal, values[0])), normal)


_SURE_DECIMAL_COMMA = re.compile(r"[-+]?0,\d{3,}")  # no list, and no thousands
_DECIMAL_COMMA = re.compile(r"([-+]?\d+),(\d+)")
_FORMULA = re.compile(r"\$\$([^$]+)\$\$|\$([^$]+)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_SAYS = re.compile(r".*(?:\s(?:is|are|equals?)|'s)\s+(?!not\b)([^\s].{0,60})", re.DOTALL)
_DENIES = re.compile(r"\b(?:not|except|no|never|unless|if|for|even|odd|prime)\b|n't")
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z\[<])")
_HOPE = re.compile(r"I hope\b")


def _loose(text: str, normal: str, first: Value) -> Iterator[Value]:
    comma = _DECIMAL_COMMA.fullmatch(normal)
    if comma:
        yield decimal(f"{comma[1]}.{comma[2]}")
    if isinstance(first, Phrase | Unread | Words | Relation | Listing | Named) and len(text) > 12:
        said = _said(text.partition("<|im_")[0].strip())
        if said and len(said) < len(text):
            inner = read(said)
            yield from (value for value in (*inner.values, *inner.loose[:1]) if not isinstance(value, Phrase | Unread | Words))


def _said(text: str) -> str | None:
    """What a sentence in a box says: its stated answer, its last formula, or what it says "is"; None of what is no sentence."""
    stated = stated_answer(text)
    if stated:
        return stated
    for sentence in [one for one in _SENTENCES.split(text) if not _HOPE.match(one)][:-3:-1]:
        outside = _FORMULA.sub(" ", sentence)
        if len(re.findall(r"(?<!\\)\b[A-Za-z]{2,}", outside)) < 2:
            continue
        formulas = [next(filter(None, match.groups())) for match in _FORMULA.finditer(sentence)]
        says = _SAYS.fullmatch(sentence.rstrip(". "))
        if says and re.search(r"[\d$\\]", says[1]):
            return says[1]
        if formulas and not _DENIES.search(outside):
            return formulas[-1]
    return None


def decimal(text: str) -> Number:
    """A decimal with a sign."""
    found = expressions.number(text.lstrip("+-"))
    return Number(-found.value if text.startswith("-") else found.value, found.digits)


def squeezed(text: str) -> str:
    """Normalised text for comparison as such: without spaces, braces round single characters, and \\text."""
    return re.sub(r"\s+|\\text(?=\{)", "", re.sub(r"\{(\w)\}", r"\1", text))


@dataclass
class _Reader:
    """Reads with one choice at each ambiguity: whether 81,256 is a number, a lone letter a unit, a short word a product."""

    grouped: bool
    bare_units: bool = False
    products: bool = False
    depth: int = 0

    def worth(self, text: str, found: Sequence[Value]) -> bool:
        if not found:
            return True
        if not self.grouped:
            return re.search(r"\d,[1-9]\d\d(?!\d)", text) is not None
        if self.bare_units:
            return re.search(r"\d\s?[A-Za-z]+(?:\^.*|/.*)?$", text) is not None and not isinstance(found[0], Quantity)
        return isinstance(found[0], Words | Letters | Phrase) and re.fullmatch(r"[a-z]{2,4}", text) is not None

    def whole(self, text: str) -> Value:
        choice = _CHOICE.fullmatch(_unwrapped(text))
        if choice and (choice[1] or choice[3]):
            rest = choice[2] if choice[1] else choice[4]
            return Choice(choice[1] or choice[3], self.value(tokens(rest, self.grouped)) if rest.strip() else None)
        coded = _CODED.fullmatch(text)
        if coded and 2 <= int(coded[2]) <= 36:
            return Based(coded[1].upper(), int(coded[2]))
        if self.products:
            return self.expression([Token("symbol", letter) for letter in text])
        return self.value(tokens(text, self.grouped))

    # What a value is, from the loosest sign that joins its parts to the tightest.

    def value(self, items: Sequence[Token]) -> Value:
        self.depth += 1
        try:
            if self.depth > _DEPTH:
                raise Unreadable("too deep")
            items = _stripped(items)
            if not items:
                raise Unreadable("nothing")
            return self.listed(items)
        finally:
            self.depth -= 1

    def listed(self, items: Sequence[Token]) -> Value:
        for separates in (_is(";"), _separates):
            parts = _split(items, separates)
            if len(parts) > 1:
                found = [part for part in map(_stripped, parts) if part]
                if len(found) == 1:
                    return self.value(found[0])
                if not found:
                    raise Unreadable("nothing")
                values = [self.value(part) for part in found]
                if separates is not _separates and any(
                    isinstance(value, Listing) and all(isinstance(item, Named) for item in value.items) for value in values
                ):
                    return Listing(tuple(values))  # p = 5, q = 2; p = 7, q = 2
                return listing(values)
        return self.relation(items)

    def relation(self, items: Sequence[Token]) -> Value:
        parts, signs = _split_by(
            items, lambda token: token.text if token.kind in ("sign", "command") and token.text in _RELATIONS else None
        )
        names = [_RELATIONS[sign] for sign in signs]
        if not signs:
            return self.congruence([items], []) if any(token.text in ("pmod", "bmod") for token in items) else self.phrase(items)
        if any(_mixes_words(part) for part in parts[:-1]) or _mixes_words(parts[-1], unit=True):
            return self.phrase(items)
        if names[0] == "|" and len(parts) == 2 and not parts[0]:
            raise Unreadable("|")
        if "~" in names:  # an approximation behind an exact value says nothing new
            at = names.index("~")
            if at == 0 and not self._constant(parts[0]):
                names[0] = "="
            else:
                parts, names = parts[: at + 1], names[:at]
                if not names:
                    return self.value(parts[0] if parts[0] else items[1:])
        if "==" in names:
            return self.congruence(parts, names)
        if not parts[0]:
            if names == ["="]:
                return self.value(parts[1])
            return Relation((Words(""), *(self.value(part) for part in parts[1:])), tuple(names))
        names = [("=" if sign == "=>" else sign) for sign in names]
        if set(names) == {"="}:
            return self.equation(parts)
        return self.ordered(Relation(tuple(self.side(part) for part in parts), tuple(names)))

    @staticmethod
    def ordered(relation: Relation) -> Relation:
        """Chains rise: a > b > c is c < b < a."""
        flipped = {">": "<", ">=": "<=", "supset": "subset", "supseteq": "subseteq", ">>": "<<", "ni": "in"}
        if all(sign in flipped for sign in relation.signs):
            return Relation(relation.sides[::-1], tuple(flipped[sign] for sign in relation.signs[::-1]))
        return relation

    def side(self, items: Sequence[Token]) -> Value:
        """A side of a relation: a value, or a name that is none."""
        try:
            return self.value(items)
        except Unreadable:
            return Unread(_text(items))

    def congruence(self, parts: Sequence[Sequence[Token]], names: Sequence[str]) -> Value:
        last = [token for token in parts[-1] if token.text not in ("pmod", "bmod", "mod", "pod")]
        at = next((place for place, token in enumerate(parts[-1]) if token.text in ("pmod", "bmod", "mod", "pod")), None)
        if at is None:
            return Relation(tuple(map(self.side, parts)), tuple(names))
        if not at:
            raise Unreadable("mod")
        residue, modulus = _stripped(parts[-1][:at]), _stripped(last[at:])
        if residue and residue[-1].text == "(":
            residue, modulus = residue[:-1], [token for token in modulus if token.text != ")"]
        sides = (*map(self.side, parts[:-1]), self.value(residue), self.value(modulus))
        return Relation(sides, (*names, "mod"))

    def equation(self, parts: Sequence[Sequence[Token]]) -> Value:
        sides = tuple(self.side(part) for part in parts)
        equation = Relation(sides, ("=",) * (len(parts) - 1))
        names = self._names(parts[0], sides)
        return Named(names, sides[-1], equation) if names else equation

    def _names(self, items: Sequence[Token], sides: Sequence[Value]) -> tuple[str, ...]:
        """What an equation gives a value to; none where it only relates two values: 2x + 4y = 6, 77 = 9."""
        items = _stripped(items)
        if not items or all(token.kind == "number" for token in items):
            return ()
        inner = _bracketed(items)
        if inner is not None and items[0].text in ("(", "\\{", "[", "{"):
            parts = _split(inner, _is(","))
            if len(parts) > 1 and all(_is_name(part) for part in parts):
                return tuple(map(_text, parts))
        name = _text(items)
        if not _is_name(items) or any(token.kind == "symbol" and token.text == name for token in ()):
            return ()
        held = sides[-1].tree if isinstance(sides[-1], Expression) else None
        return () if held is not None and name in expressions.symbols(held) else (name,)

    def _constant(self, items: Sequence[Token]) -> bool:
        try:
            value = self.value(items)
        except Unreadable:
            return False
        return isinstance(value, Number) or (isinstance(value, Expression) and not expressions.symbols(value.tree))

    def phrase(self, items: Sequence[Token]) -> Value:
        """Words alone, a quantity, or words and values in turn."""
        outside = _wordy(items)
        if not any(outside):
            return (self.quantity(items) if _unit_in_brackets(items) else None) or self.set_operation(items)
        if all(token.kind == "word" or (token.prose and token.text in "-'.:()/,") for token in items):
            return self.words(items)
        quantity = self.quantity(items)
        if quantity is not None:
            return quantity
        parts: list[Value] = []
        run: list[Token] = []
        worded = False
        for token, word in zip([*items, None], [*outside, False], strict=True):
            wordy = token is not None and (word or (worded and token.prose and token.text in ",.:-"))
            if run and (token is None or wordy != worded):
                parts += self._part(run, worded)
                run = []
            worded = wordy
            if token is not None:
                run.append(token)
        if len(parts) == 2 and isinstance(parts[0], Words) and isinstance(parts[1], Number | Expression | Quantity | Percent):
            last = [token for token in items if token.kind == "word"][-1]
            after = items[items.index(last) + 1 :]
            if (after and after[0].text == ":") or parts[0].text in ("", "answer"):  # Total cost: 13
                return Named((parts[0].text,), parts[1], Relation((parts[0], parts[1]), ("=",)))
        parts = [part for part in parts if part != Words("")]
        return parts[0] if len(parts) == 1 else Phrase(tuple(parts))

    def _part(self, run: Sequence[Token], worded: bool) -> list[Value]:
        if worded:
            return [] if all(token.text.lower() in _IGNORED_WORDS for token in run if token.kind == "word") else [self.words(run)]
        run = [token for token in run if not (token.kind == "sign" and token.text in (":", "."))] if len(run) > 1 else run
        while run and run[0].text in (":", ",", "."):
            run = run[1:]
        while run and run[-1].text in (":", ",", "."):
            run = run[:-1]
        if not run:
            return []
        return [self.side(run)]

    def words(self, items: Sequence[Token]) -> Value:
        words = [token.text for token in items if token.kind == "word"]
        words = [word for word in words if word.lower() not in _IGNORED_WORDS] or words
        if len(words) == 1 and len(words[0]) == 1 and words[0].isascii():
            return self.expression([Token("symbol", words[0])])
        if len(words) == 1 and words[0].lower() == "infinity":
            return Expression(Sym("\\infty"), "\\infty")
        if len(words) == 1 and words[0].lower() in _NUMBER_WORDS:
            return Number(Fraction(_NUMBER_WORDS[words[0].lower()]))
        if len(words) == 1 and words[0].isascii() and words[0].isupper() and words[0].isalpha() and words[0] not in _LOUD:
            return Letters(words[0])
        text = "".join(word[:-1] if len(word) > 4 and word.endswith("s") else word for word in words).lower()
        kept = "".join(filter(str.isalnum, text))
        return Words({"doenotexist": "dne", "doesnotexist": "dne"}.get(kept, kept if "-" not in text else text))

    def quantity(self, items: Sequence[Token]) -> Value | None:
        """Numbers with units: 5 cm, 5 feet 3 inches, $36, 90 degrees, 9 (apples), 36 square units; None for anything else."""
        parts: list[tuple[Value, str]] = []
        rest = list(items)
        while rest:
            at = next((place for place, token in enumerate(rest) if token.kind == "word" and _depth(rest[:place]) == 0), None)
            bracket = _unit_in_brackets(rest)
            if bracket is not None and (at is None or bracket < at):
                at = bracket
            if at is None or at == 0:
                return None
            end = at
            while end < len(rest) and _in_unit(rest, end, at):
                end += 1
            if end < len(rest) and rest[end].kind != "number":
                return None
            number, unit = rest[:at], units.canonical(_spaced_text(rest[at:end]))
            try:
                value = self.set_operation(number)
            except Unreadable:
                return None
            if not _is_constant(value):
                return None
            parts.append((value, unit))
            rest = rest[end:]
        return quantity(parts)

    def set_operation(self, items: Sequence[Token]) -> Value:
        items = [
            Token("command", "cup")
            if token.text == "U" and 0 < at < len(items) - 1 and items[at - 1].text in _CLOSING and items[at + 1].text in _OPENING
            else token
            for at, token in enumerate(items)
        ]
        for command in ("cup", "setminus", "cap"):
            parts = _split(items, _is(command))
            if len(parts) > 1:
                return SetOperation(_SET_OPERATIONS[command], tuple(self.value(part) for part in parts))
        return self.bracketed(items)

    def bracketed(self, items: Sequence[Token]) -> Value:
        first, last = items[0], items[-1]
        if first.kind == "command" and first.text == "begin":
            return self.environment(items)
        if first.kind == "sign" and first.text == "\\{" and last.text == "\\}" and _bracketed(items) is not None:
            return self.braced(items[1:-1])
        if first.text == "langle" and last.text == "rangle" and _bracketed(items) is not None:
            return Tuple(tuple(self.value(part) for part in _split(items[1:-1], _is(","))), "<>")
        if (
            first.kind == "sign"
            and first.text in ("(", "[", "]")
            and last.kind == "sign"
            and last.text in (")", "]", "[")
            and (_bracketed(items) is not None or first.text == "]")
        ):
            inner = items[1:-1]
            parts = _split(inner, _is(";")) if any(token.text == ";" for token in inner) else _split(inner, _is(","))
            if len(parts) > 1:
                ends = {"(": "(", "[": "[", "]": "("}[first.text] + {")": ")", "]": "]", "[": ")"}[last.text]
                return Tuple(tuple(self.value(part) for part in parts if _stripped(part)), ends)
            if first.text in ("(", "["):
                return self.value(inner)
        if first.text in ("emptyset",) and len(items) == 1:
            return SetOf(())
        return self.ratio(items)

    def braced(self, inner: Sequence[Token]) -> Value:
        if not _stripped(inner):
            return SetOf(())
        for sign in ("mid", "|", ":"):
            parts = _split(inner, _is(sign))
            if len(parts) == 2 and all(map(_stripped, parts)):
                conditions = _split(parts[1], _separates)
                return builder(self.side(parts[0]), [self.side(part) for part in conditions if _stripped(part)])
        value = self.value(inner)
        return SetOf(value.items) if isinstance(value, Listing) else SetOf((value,))

    def environment(self, items: Sequence[Token]) -> Value:
        """Matrices by entries; rows of cases and of aligned equations as a list of what stands in them."""
        name, start = _named_environment(items, 1)
        end = len(items) - 1
        while end > 0 and not (items[end].kind == "command" and items[end].text == "end"):
            end -= 1
        close, after = _named_environment(items, end + 1)
        if close != name:
            raise Unreadable(name)
        if after != len(items) or _depth(items[:end]) != 1:
            raise Unreadable("more behind it")
        body = list(items[start:end])
        if name == "array" and body and body[0].text == "{":
            body = body[_closed(body, 0) + 1 :]
        rows = [row for row in _split(body, _is("\\\\")) if _stripped(row)]
        if name in _MATRICES and not (name == "array" and any(token.text == "=" for token in body)):
            matrix = Matrix(tuple(tuple(self.value(cell) for cell in _split(row, _is("&"))) for row in rows))
            if name == "vmatrix":
                raise Unreadable("determinant")
            return matrix
        found: list[Value] = []
        for row in rows:
            cells = [list(_trimmed(cell)) for cell in _split(row, _is("&"))]
            joined = [token for cell in cells for token in cell]
            if any(
                token.kind == "sign" and token.text in ("=", "<", ">") and at == 0
                for cell in cells[1:]
                for at, token in enumerate(cell[:1])
            ):
                found.append(self.value(joined))
            else:
                values = [self.value(cell) for cell in cells if cell]
                found.append(values[0] if len(values) == 1 else Phrase(tuple(values)))
        return listing(found)

    def ratio(self, items: Sequence[Token]) -> Value:
        parts = _split(items, _is(":"))
        if len(parts) == 1 or not all(map(_stripped, parts)):
            return self.based(items)
        values = tuple(self.value(part) for part in parts)
        texts = [_text(part) for part in parts]
        clock = (
            len(parts) in (2, 3) and all(re.fullmatch(r"[0-5]?\d", text) for text in texts) and all(len(text) == 2 for text in texts[1:])
        )
        return Ratio(values, clock)

    def based(self, items: Sequence[Token]) -> Value:
        """204_5, (1011)_2, BEE_{16}."""
        at = next((place for place, token in enumerate(items) if token.kind == "sign" and token.text == "_"), None)
        if at and all(token.kind in ("number", "symbol", "capitals", "word") or token.text in "(){}-" for token in items[:at]):
            digits = "".join(token.text for token in items[:at] if token.text not in ("(", ")", "{", "}"))
            behind = items[at + 1 :]
            base = (
                ""
                if len(behind) > 1 and _bracketed(behind) is None
                else "".join(token.text for token in behind if token.text not in ("{", "}", "(", ")"))
            )
            base = {"two": "2", "three": "3", "five": "5", "eight": "8", "sixteen": "16"}.get(base, base)
            known = re.fullmatch(r"\d{1,2}", base) and 2 <= int(base) <= 36 and re.fullmatch(r"-?[0-9A-Za-z]{1,200}", digits)
            if known and (digits.lstrip("-").isdigit() or (int(base) > 10 and len(digits) > 1)):
                return Based(digits.upper(), int(base))
        return self.percent(items)

    def percent(self, items: Sequence[Token]) -> Value:
        if len(items) > 1 and items[-1].kind == "sign" and items[-1].text in ("%", "\\%"):
            return Percent(self.value(items[:-1]))
        if items[0].kind == "sign" and items[0].text in ("$", "\\$") and len(items) > 1:
            return quantity([(self.value(items[1:]), "dollar")])
        if len(items) > 2 and items[0].text in "+-" and items[1].kind == "sign" and items[1].text in ("$", "\\$"):
            return quantity([(self.value([items[0], *items[2:]]), "dollar")])
        if items[-1].kind == "sign" and items[-1].text in ("$", "\\$") and len(items) > 1:
            return quantity([(self.value(items[:-1]), "dollar")])
        if items[0].kind == "command" and items[0].text in ("euro", "pounds", "yen") and len(items) > 1:
            return quantity([(self.value(items[1:]), {"euro": "euro", "pounds": "gbp", "yen": "yuan"}[items[0].text])])
        if items[-1].kind == "command" and items[-1].text in ("euro", "pounds", "yen") and len(items) > 1:
            return quantity([(self.value(items[:-1]), {"euro": "euro", "pounds": "gbp", "yen": "yuan"}[items[-1].text])])
        return self.degrees(items)

    def degrees(self, items: Sequence[Token]) -> Value:
        parts: list[tuple[Value, str]] = []
        rest = list(items)
        while rest:
            at = next(
                (
                    place
                    for place, token in enumerate(rest)
                    if (token.text == "^" and token.kind == "sign" and _mark(rest, place)) or (parts and token.text == "'")
                ),
                None,
            )
            if at is None or at == 0:
                if parts and rest and rest[0].kind in ("symbol", "word") and len(rest) == 1 and rest[0].text in "CF":
                    return quantity([(parts[0][0], "celsius" if rest[0].text == "C" else "fahrenheit")])
                if parts:
                    return self.expression(items)
                break
            name, end = _mark(rest, at) or ("", at)
            if name == "arcminute" and not parts:
                break
            if any(token.kind == "command" and token.text in FUNCTIONS for token in rest[:at]):
                break
            number = self.expression(rest[:at])
            if not isinstance(number, Number | Expression):
                break
            parts.append((number, name))
            rest = rest[end:]
            if rest and rest[0].kind != "number" and not (rest[0].text in "CF" and len(rest) == 1):
                return self.expression(items)
        return quantity(parts) if parts else self.expression(items)

    def bare_unit(self, items: Sequence[Token]) -> Value | None:
        """A number with a unit in letters, as in 12 m and 1000 m^2; 12m is a product, unless a power or a slash follows."""
        at = next((place for place, token in enumerate(items) if token.kind == "symbol"), 0)
        if not at or items[at - 1].kind != "number" or any(token.kind in ("command", "word") for token in items[at:]):
            return None
        tail = "".join(token.text for token in items[at:])
        unit = units.canonical(tail)
        if units.factor(unit) is None or not (items[at].spaced or len(tail) > 1):
            return None
        return quantity([(self.value(items[:at]), unit)])

    def expression(self, items: Sequence[Token]) -> Value:
        if len(items) == 1 and items[0].kind == "capitals":
            return Words(items[0].text.lower()) if items[0].text in _LOUD else Letters(items[0].text)
        if (
            len(items) > 1
            and items[0].kind == "command"
            and items[0].text in ("triangle", "angle")
            and all(token.kind in ("capitals", "symbol") for token in items[1:])
        ):
            return Letters(items[0].text + "".join(token.text for token in items[1:]))
        if self.bare_units and (unit := self.bare_unit(items)) is not None:
            return unit
        trees = expressions.parse(items)
        values = [simple(tree, _text(items)) for tree in trees]
        if len(values) == 2 and values[0] != values[1]:
            return Listing((simple(trees[0], ""), simple(trees[1], "")))
        return values[0]


def simple(tree: Tree, text: str) -> Value:
    """A number where the tree is a rational constant that is written as one, else an expression."""
    if isinstance(tree, Num):
        return Number(tree.value, tree.digits)
    value = expressions.exact(tree) if _rational(tree) else None
    if value is not None:
        return Number(value, _scientific(tree))
    return Expression(tree, text)


def _rational(tree: Tree) -> bool:
    return isinstance(tree, Num) or (isinstance(tree, Call) and all(map(_rational, tree.args)))


def _scientific(tree: Tree) -> int | None:
    """The digits of a decimal times a power of ten, or with a sign."""
    if isinstance(tree, Num):
        return tree.digits
    if isinstance(tree, Call) and tree.name == "neg":
        return _scientific(tree.args[0])
    if (
        isinstance(tree, Call)
        and tree.name == "*"
        and isinstance(tree.args[1], Call)
        and tree.args[1].name == "^"
        and tree.args[1].args[0] == Num(Fraction(10))
    ):
        return _scientific(tree.args[0])
    return None


_SCALES = {"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}


def quantity(parts: Sequence[tuple[Value, str]]) -> Value:
    """A quantity; of a percentage, a scale word (3.5 million) and no unit the plainer value."""
    found: list[tuple[Value, str]] = []
    for value, unit in parts:
        words = unit.split()
        while words and words[0] in _SCALES and isinstance(value, Number):
            value = Number(value.value * _SCALES[words.pop(0)], value.digits)
        found.append((value, " ".join(words)))
    if len(found) == 1:
        value, unit = found[0]
        if isinstance(value, Quantity) and not unit:
            return value
        if isinstance(value, Quantity) and len(value.parts) == 1:
            value = value.parts[0][0] if value.parts[0][1] in (unit, "dollar") else value
        if isinstance(value, Ratio) and unit in ("am", "pm"):
            return Ratio(value.parts, True, unit)
        if unit == units.PERCENT:
            return value if isinstance(value, Percent) else Percent(value)
        if not unit:
            return value
        if unit.startswith("percent") or unit.startswith(units.PERCENT):
            return Percent(value)
        return Quantity(((value, unit),))
    return Quantity(tuple(found))


def builder(element: Value, conditions: Sequence[Value]) -> Value:
    """A set by its conditions, those on its element among them; that it is real goes without saying where there is another."""
    if isinstance(element, Relation) and element.signs == ("in",):
        conditions, element = [*conditions, element], element.sides[0]
    is_real = Relation((element, Expression(Sym("\\mathbb{R}"), "\\mathbb R")), ("in",))
    return Builder(element, tuple(condition for condition in conditions if condition != is_real) or tuple(conditions))


def listing(values: Sequence[Value]) -> Value:
    """A list; of x = 2, x = 3 and of x = 2, 3 what x is."""
    flat: list[Value] = []
    for value in values:
        flat += value.items if isinstance(value, Listing) else [value]
    named = [value for value in flat if isinstance(value, Named)]
    if len(flat) > 1 and _share_a_name(flat, named):
        inner: list[Value] = []
        for value in flat:
            held = value.value if isinstance(value, Named) else value
            inner += held.items if isinstance(held, Listing) else [held]
        return Named(named[0].names, Listing(tuple(inner)), named[0].equation)
    return flat[0] if len(flat) == 1 else Listing(tuple(flat))


def _share_a_name(flat: Sequence[Value], named: Sequence[Named]) -> bool:
    """Whether all of a list are values of one name, or the first names what the others, bare ones, are values of too."""
    if not named or flat[0] is not named[0] or any(value.names != named[0].names for value in named):
        return False
    plain = all(isinstance(value, Number | Expression | Tuple | Letters) for value in flat[1:])
    return len(named) == len(flat) or (len(named) == 1 and plain)


# Small things about tokens.


def _is(text: str):
    return lambda token: token.kind in ("sign", "command") and token.text == text


def _separates(token: Token) -> bool:
    return (
        (token.kind == "sign" and token.text == ",") or is_connective(token) or (token.kind == "command" and token.text in ("wedge", "vee"))
    )


def _level(token: Token) -> int:
    if token.kind == "sign":
        return (token.text in _OPENING) - (token.text in _CLOSING)
    if token.kind == "command":
        return (token.text in _OPENING_COMMANDS) - (token.text in _CLOSING_COMMANDS)
    return 0


def _depth(items: Sequence[Token]) -> int:
    return sum(map(_level, items))


def _split_by(items: Sequence[Token], name_of) -> tuple[list[list[Token]], list[str]]:
    parts: list[list[Token]] = [[]]
    names: list[str] = []
    depth = 0
    bar = False
    for token in items:
        depth += _level(token)
        if token.kind == "sign" and token.text == "|":
            bar = not bar
        name = name_of(token) if depth == 0 and not (bar and token.text != "|") else None
        if name is not None:
            names.append(name)
            parts.append([])
        else:
            parts[-1].append(token)
    if bar:  # a bar without its other
        return _split_unbarred(items, name_of)
    return parts, names


def _split_unbarred(items: Sequence[Token], name_of) -> tuple[list[list[Token]], list[str]]:
    parts: list[list[Token]] = [[]]
    names: list[str] = []
    depth = 0
    for token in items:
        depth += _level(token)
        name = name_of(token) if depth == 0 else None
        if name is not None:
            names.append(name)
            parts.append([])
        else:
            parts[-1].append(token)
    return parts, names


def _split(items: Sequence[Token], separates) -> list[list[Token]]:
    return _split_by(items, lambda token: "" if separates(token) else None)[0]


def _closed(items: Sequence[Token], start: int) -> int:
    """Where the bracket at `start` closes; -1 if it does not."""
    depth = 0
    for at in range(start, len(items)):
        depth += _level(items[at])
        if depth == 0:
            return at
    return -1


def _bracketed(items: Sequence[Token]) -> Sequence[Token] | None:
    return items[1:-1] if len(items) > 1 and _level(items[0]) == 1 and _closed(items, 0) == len(items) - 1 else None


def _trimmed(items: Sequence[Token]) -> Sequence[Token]:
    """Without commas and full stops at the ends."""
    start, end = 0, len(items)
    while start < end and items[start].kind == "sign" and items[start].text in (",", ";", "."):
        start += 1
    while start < end and items[end - 1].kind == "sign" and items[end - 1].text in (",", ";", ".", "\\", "?"):
        end -= 1
    return items[start:end]


def _stripped(items: Sequence[Token]) -> Sequence[Token]:
    """Without braces round all of it, and without punctuation at its ends."""
    items = _trimmed(items)
    for _ in range(_DEPTH):
        if len(items) < 2 or not (items[0].kind == "sign" and items[0].text == "{") or _closed(items, 0) != len(items) - 1:
            break
        items = _trimmed(items[1:-1])
    return items


def _text(items: Sequence[Token]) -> str:
    r"""Tokens as LaTeX, in one spelling."""
    pieces = [
        f"\\{token.text} " if token.kind == "command" else token.text for token in items if not (token.text in "{}" and len(items) < 4)
    ]
    return re.sub(r"\{(\w)\}", r"\1", "".join(pieces)).strip()


def _spaced_text(items: Sequence[Token]) -> str:
    return " ".join(token.text for token in items).replace("^ ", "^")


def _unwrapped(text: str) -> str:
    r"""Without one \text{..} that opens a text: \text{(C)} 12 is (C) 12."""
    found = re.match(r"\s*\{?\s*\\text\s*\{([^{}]*)\}\s*\}?|\s*\{(\([A-J]\))\}", text)
    return (found[1] or found[2] or "").strip() + " " + text[found.end() :] if found and (found[1] or found[2]) else text.strip()


def _named_environment(items: Sequence[Token], at: int) -> tuple[str, int]:
    if at >= len(items) or items[at].kind != "environment":
        raise Unreadable("environment")
    return items[at].text, at + 1


def _wordy(items: Sequence[Token]) -> list[bool]:
    """Of each token whether it is a word outside of all brackets."""
    found, depth = [], 0
    for token in items:
        depth += _level(token)
        found.append(token.kind == "word" and depth == 0)
    return found


def _mark(items: Sequence[Token], at: int) -> tuple[str, int] | None:
    """The unit that is raised at `at`: degrees, or minutes and seconds of arc, and where it ends."""
    if items[at].text == "'":
        return ("arcsecond", at + 2) if items[at + 1 : at + 2] and items[at + 1].text == "'" else ("arcminute", at + 1)
    rest = items[at + 1 :]
    if rest and rest[0].text == "{":
        end = _closed(rest, 0)
        inner, stop = rest[1:end], at + 1 + end + 1
    else:
        inner, stop = rest[:1], at + 2
    texts = [token.text for token in inner]
    if texts == ["circ"]:
        return "degree", stop
    if texts in (["prime"], ["'"]):
        return "arcminute", stop
    return ("arcsecond", stop) if texts in (["prime", "prime"], ["'", "'"]) else None


def _in_unit(items: Sequence[Token], at: int, start: int) -> bool:
    token = items[at]
    if (
        token.kind == "word"
        or (token.kind == "sign" and token.text in ("/", "^", "(", ")", "{", "}", "-", ".", ",", "'") and at > start)
        or token.text in ("cdot",)
    ):
        return True
    if token.kind == "sign" and token.text in ("(", "{") and at == start:
        return True
    before = items[at - 1]
    return token.kind == "number" and (before.text in ("^", "{") or (before.text == "-" and items[at - 2].text in ("^", "{")))


def _unit_in_brackets(items: Sequence[Token]) -> int | None:
    """Where a bracket begins that holds words only, as in 9 (apples)."""
    for at, token in enumerate(items):
        if at and token.kind == "sign" and token.text in ("(", "{") and at + 1 < len(items) and items[at + 1].kind == "word":
            end = _closed(items, at)
            if end > 0 and all(part.kind == "word" or part.text in "/^-.," for part in items[at + 1 : end]):
                return at
    return None


def _mixes_words(items: Sequence[Token], unit: bool = False) -> bool:
    """Whether words stand among signs, other than as all of a side, or with `unit` behind a number."""
    kinds = [word for token, word in zip(items, _wordy(items), strict=True) if not (token.prose and token.text in "-'.(),")]
    if not any(kinds) or all(kinds):
        return False
    if not unit:
        return True
    at = kinds.index(True)
    head = [token.kind for token in items[:at]]
    return (
        at == 0
        or "number" not in head
        or not all(token.kind == "word" or token.text in ("/", "^", "{", "}", "(", ")") or token.kind == "number" for token in items[at:])
        or any(token.kind == "symbol" for token in items[:at])
    )


def _is_name(items: Sequence[Token]) -> bool:
    """A symbol, a function of arguments, words, a length such as AB or |AB|, a ratio of such, an operator such as max."""
    items = _stripped(items)
    if not items:
        return False
    ratio = _split(items, _is(":"))
    if len(ratio) > 1:
        return all(map(_is_name, ratio))
    kinds = {token.kind for token in items}
    if kinds <= {"word"} or all(token.kind == "word" or token.prose for token in items):
        return True
    if any(token.kind == "sign" and token.text in ("+", "-", "*", "=") for token in _flat(items)):
        return False
    if items[0].kind == "symbol" and _raised(items) - {"'", "prime", "*", "T", "-1", "circ"}:
        return False  # x^2 = 9 is still to be solved
    first = items[0]
    if (
        first.kind == "symbol"
        or (first.kind == "command" and first.text not in FUNCTIONS | {"frac", "sqrt", "binom"})
        or first.kind == "capitals"
    ):
        names = [token for token in _flat(items) if token.kind in ("symbol", "number", "capitals")]
        return len(names) <= 1 or first.kind in ("capitals", "command")
    if first.kind == "sign" and first.text == "|":
        return not any(token.kind in ("symbol", "number") for token in items)
    if first.kind == "command" and first.text in ("max", "min", "gcd", "lcm", "deg", "det", "dim", "sup", "inf"):
        return True
    if first.kind == "command" and first.text == "frac":
        return not any(token.kind in ("symbol", "number") for token in items)
    return False


def _raised(items: Sequence[Token]) -> set[str]:
    """What stands in superscripts outside of brackets."""
    found: set[str] = set()
    depth = 0
    for at, token in enumerate(items):
        if depth == 0 and token.text == "^" and at + 1 < len(items):
            end = _closed(items, at + 1) if _level(items[at + 1]) == 1 else at + 1
            found.add("".join(part.text for part in items[at + 1 : end + 1] if part.text not in "{}"))
        depth += _level(token)
    return found


def _flat(items: Sequence[Token]) -> list[Token]:
    """The tokens outside of brackets, subscripts and superscripts."""
    found: list[Token] = []
    at = 0
    while at < len(items):
        token = items[at]
        if token.kind == "sign" and token.text in ("^", "_"):
            at += 1
            if at < len(items) and _level(items[at]) == 1:
                at = max(_closed(items, at), at)
        elif _level(token) == 1:
            at = max(_closed(items, at), at)
        else:
            found.append(token)
        at += 1
    return found


def _is_constant(value: Value) -> bool:
    if isinstance(value, Expression):
        return not expressions.symbols(value.tree)
    return isinstance(value, Number | Quantity | Percent | Ratio | Tuple)


def as_tree(value: Value) -> Tree | None:
    if isinstance(value, Number):
        return Num(value.value)
    return value.tree if isinstance(value, Expression) else Sym(value.text) if isinstance(value, Letters) else None
