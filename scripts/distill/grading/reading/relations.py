"""Relations, congruences, and equations that give a value to a name."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from distill.grading.expressions.exact import has_no_variables, symbols
from distill.grading.reading.words import read_phrase
from distill.grading.runs import (
    bracketed,
    is_sign,
    outside_brackets,
    split,
    split_by,
    stripped,
    superscripts,
    text_of,
    words_outside,
)
from distill.grading.tokens import FUNCTIONS, Token, Unreadable
from distill.grading.values import Expression, Named, Relation, Value, Words

if TYPE_CHECKING:
    from distill.grading.reading.reader import Reader


RELATIONS = {
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


def read_relation(reader: "Reader", items: Sequence[Token]) -> Value:
    """Values with relation signs between them, or a phrase where words are mixed in. Raises Unreadable."""
    parts, signs = split_by(items, lambda token: token.text if token.kind in ("sign", "command") and token.text in RELATIONS else None)
    names = [RELATIONS[sign] for sign in signs]
    if not signs:
        return (
            read_congruence(reader, [items], []) if any(token.text in ("pmod", "bmod") for token in items) else read_phrase(reader, items)
        )
    if any(mixes_words(part) for part in parts[:-1]) or mixes_words(parts[-1], unit=True):
        return read_phrase(reader, items)
    if names[0] == "|" and len(parts) == 2 and not parts[0]:
        raise Unreadable("|")
    if "~" in names:  # an approximation behind an exact value says nothing new
        at = names.index("~")
        if at == 0 and not _constant(reader, parts[0]):
            names[0] = "="
        else:
            parts, names = parts[: at + 1], names[:at]
            if not names:
                return reader.value(parts[0] if parts[0] else items[1:])
    if "==" in names:
        return read_congruence(reader, parts, names)
    if not parts[0]:
        if names == ["="]:
            return reader.value(parts[1])
        return Relation((Words(""), *(reader.value(part) for part in parts[1:])), tuple(names))
    if "=" in names:
        names = [("=" if sign == "=>" else sign) for sign in names]
    if set(names) == {"="}:
        return read_equation(reader, parts)
    return rising(Relation(tuple(reader.side(part) for part in parts), tuple(names)))


def rising(relation: Relation) -> Relation:
    """Chains rise: a > b > c is c < b < a."""
    flipped = {">": "<", ">=": "<=", "supset": "subset", "supseteq": "subseteq", ">>": "<<", "ni": "in"}
    if all(sign in flipped for sign in relation.signs):
        return Relation(relation.sides[::-1], tuple(flipped[sign] for sign in relation.signs[::-1]))
    return relation


def read_congruence(reader: "Reader", parts: Sequence[Sequence[Token]], names: Sequence[str]) -> Value:
    """7 \\equiv 1 \\pmod{3}; without a modulus, the relation of its sides. Raises Unreadable for a modulus alone."""
    last = [token for token in parts[-1] if token.text not in ("pmod", "bmod", "mod", "pod")]
    at = next((place for place, token in enumerate(parts[-1]) if token.text in ("pmod", "bmod", "mod", "pod")), None)
    if at is None:
        return Relation(tuple(map(reader.side, parts)), tuple(names))
    if not at:
        raise Unreadable("mod")
    residue, modulus = stripped(parts[-1][:at]), stripped(last[at:])
    if residue and residue[-1].text == "(":
        residue, modulus = residue[:-1], [token for token in modulus if token.text != ")"]
    sides = (*map(reader.side, parts[:-1]), reader.value(residue), reader.value(modulus))
    return Relation(sides, (*names, "mod"))


def read_equation(reader: "Reader", parts: Sequence[Sequence[Token]]) -> Value:
    sides = tuple(reader.side(part) for part in parts)
    equation = Relation(sides, ("=",) * (len(parts) - 1))
    names = _names(reader, parts[0], sides)
    return Named(names, sides[-1], equation) if names else equation


def _names(reader: "Reader", items: Sequence[Token], sides: Sequence[Value]) -> tuple[str, ...]:
    """What an equation gives a value to; none where it only relates two values: 2x + 4y = 6, 77 = 9."""
    items = stripped(items)
    if not items or all(token.kind == "number" for token in items):
        return ()
    inner = bracketed(items)
    if inner is not None and items[0].text in ("(", "\\{", "[", "{"):
        parts = split(inner, is_sign(","))
        if len(parts) > 1 and all(_is_name(part) for part in parts):
            return tuple(map(text_of, parts))
    if not _is_name(items):
        return ()
    if len(items) == 3 and items[0].text == items[2].text == "|" and items[1].kind == "capitals":
        items = items[1:2]  # |AB| is AB
    name = text_of(items)
    held = sides[-1].tree if isinstance(sides[-1], Expression) else None
    return () if held is not None and name in symbols(held) else (name,)


def _constant(reader: "Reader", items: Sequence[Token]) -> bool:
    try:
        value = reader.value(items)
    except Unreadable:
        return False
    return has_no_variables(value)


def _is_name(items: Sequence[Token]) -> bool:
    """A symbol, a function of arguments, words, a length such as AB or |AB|, a ratio of such, an operator such as max."""
    items = stripped(items)
    if not items:
        return False
    ratio = split(items, is_sign(":"))
    if len(ratio) > 1:
        return all(map(_is_name, ratio))
    kinds = {token.kind for token in items}
    if kinds <= {"word"} or all(token.kind == "word" or token.prose for token in items):
        return True
    if any(token.kind == "sign" and token.text in ("+", "-", "*", "=") for token in outside_brackets(items)):
        return False
    if items[0].kind == "symbol" and superscripts(items) - {"'", "prime", "*", "T", "-1", "circ"}:
        return False  # x^2 = 9 is still to be solved
    first = items[0]
    if (
        first.kind == "symbol"
        or (first.kind == "command" and first.text not in FUNCTIONS | {"frac", "sqrt", "binom"})
        or first.kind == "capitals"
    ):
        names = [token for token in outside_brackets(items) if token.kind in ("symbol", "number", "capitals")]
        return len(names) <= 1 or first.kind in ("capitals", "command")
    if first.kind == "sign" and first.text == "|":
        return not any(token.kind in ("symbol", "number") for token in items)
    if first.kind == "command" and first.text in ("max", "min", "gcd", "lcm", "deg", "det", "dim", "sup", "inf"):
        return True
    if first.kind == "command" and first.text == "frac":
        return not any(token.kind in ("symbol", "number") for token in items)
    return False


def mixes_words(items: Sequence[Token], unit: bool = False) -> bool:
    """Whether words stand among signs, other than as all of a side, or with `unit` behind a number."""
    kinds = [word for token, word in zip(items, words_outside(items), strict=True) if not (token.prose and token.text in "-'.(),")]
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
