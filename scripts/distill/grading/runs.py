"""Runs of tokens: where brackets close, what stands between separators, and how a run is written."""

import re
from collections.abc import Callable, Sequence

from distill.grading.tokens import DEPTH, Token, is_connective

OPENING = frozenset(("(", "[", "{", "\\{"))
CLOSING = frozenset((")", "]", "}", "\\}"))
_OPENING_COMMANDS = frozenset(("langle", "lfloor", "lceil", "begin"))
_CLOSING_COMMANDS = frozenset(("rangle", "rfloor", "rceil", "end"))


def is_sign(text: str) -> Callable[[Token], bool]:
    """A predicate: whether a token is this sign or command."""
    return lambda token: token.kind in ("sign", "command") and token.text == text


def is_separator(token: Token) -> bool:
    """Whether a token divides a list: a comma, `and`, `or`."""
    return (token.kind == "sign" and token.text == ",") or is_connective(token)


def level(token: Token) -> int:
    """1 for a token that opens a bracket, -1 for one that closes it, else 0."""
    if token.kind == "sign":
        return (token.text in OPENING) - (token.text in CLOSING)
    if token.kind == "command":
        return (token.text in _OPENING_COMMANDS) - (token.text in _CLOSING_COMMANDS)
    return 0


def depth_of(items: Sequence[Token]) -> int:
    """How many brackets a run opens and does not close."""
    return sum(map(level, items))


def split_by(items: Sequence[Token], name_of: Callable[[Token], str | None]) -> tuple[list[list[Token]], list[str]]:
    """(parts, names) of a run that is divided outside of brackets and bars at each token of which `name_of` gives a name."""
    bars = sum(token.kind == "sign" and token.text == "|" for token in items)
    enclosing = bars % 2 == 0  # of an odd number of bars none encloses anything
    parts: list[list[Token]] = [[]]
    names: list[str] = []
    depth = 0
    in_bars = False
    for token in items:
        depth += level(token)
        if enclosing and token.kind == "sign" and token.text == "|":
            in_bars = not in_bars
        name = name_of(token) if depth == 0 and not (in_bars and token.text != "|") else None
        if name is not None:
            names.append(name)
            parts.append([])
        else:
            parts[-1].append(token)
    return parts, names


def split(items: Sequence[Token], separates: Callable[[Token], bool]) -> list[list[Token]]:
    """The parts of a run that is divided outside of brackets at each token that `separates` finds."""
    return split_by(items, lambda token: "" if separates(token) else None)[0]


def closing(items: Sequence[Token], start: int) -> int:
    """Where the bracket at `start` closes; -1 if it does not."""
    depth = 0
    for at in range(start, len(items)):
        depth += level(items[at])
        if depth == 0:
            return at
    return -1


def bracketed(items: Sequence[Token]) -> Sequence[Token] | None:
    """What stands within the brackets round a whole run; None where there are none."""
    return items[1:-1] if len(items) > 1 and level(items[0]) == 1 and closing(items, 0) == len(items) - 1 else None


def trimmed(items: Sequence[Token]) -> Sequence[Token]:
    """Without commas and full stops at the ends."""
    start, end = 0, len(items)
    while start < end and items[start].kind == "sign" and items[start].text in (",", ";", "."):
        start += 1
    while start < end and items[end - 1].kind == "sign" and items[end - 1].text in (",", ";", ".", "\\", "?"):
        end -= 1
    return items[start:end]


def stripped(items: Sequence[Token]) -> Sequence[Token]:
    """Without braces round all of it, and without punctuation at its ends."""
    items = trimmed(items)
    for _ in range(DEPTH):
        if len(items) < 2 or not (items[0].kind == "sign" and items[0].text == "{") or closing(items, 0) != len(items) - 1:
            break
        items = trimmed(items[1:-1])
    return items


def text_of(items: Sequence[Token]) -> str:
    r"""Tokens as LaTeX, in one spelling."""
    pieces: list[str] = []
    for before, token in zip([None, *items], items, strict=False):
        if token.text in "{}" and len(items) < 4:
            continue
        if token.kind == "number" and before is not None and before.kind == "number":
            pieces.append(" ")  # of x^1 2
        pieces.append(f"\\{token.text} " if token.kind == "command" else token.text)
    return re.sub(r"\{(\w)\}(?!\d)", r"\1", "".join(pieces)).strip()


def spaced_text(items: Sequence[Token]) -> str:
    """Tokens with blanks between them, but for those of an exponent: m s^{-2}."""
    return tidy_exponents(" ".join(token.text for token in items))


def tidy_exponents(text: str) -> str:
    """Exponents without braces and blanks: m^{ -2 } as m^-2."""
    return re.sub(r" ?\^ ?(\{ ?)?(- ?)?(\d+)( ?\})?", lambda match: f"^{'-' if match[2] else ''}{match[3]}", text)


def words_outside(items: Sequence[Token]) -> list[bool]:
    """Of each token whether it is a word outside of all brackets."""
    found, depth = [], 0
    for token in items:
        depth += level(token)
        found.append(token.kind == "word" and depth == 0)
    return found


def superscripts(items: Sequence[Token]) -> set[str]:
    """What stands in superscripts outside of brackets."""
    found: set[str] = set()
    depth = 0
    for at, token in enumerate(items):
        if depth == 0 and token.text == "^" and at + 1 < len(items):
            end = closing(items, at + 1) if level(items[at + 1]) == 1 else at + 1
            found.add("".join(part.text for part in items[at + 1 : end + 1] if part.text not in "{}"))
        depth += level(token)
    return found


def outside_brackets(items: Sequence[Token]) -> list[Token]:
    """The tokens outside of brackets, subscripts and superscripts."""
    found: list[Token] = []
    at = 0
    while at < len(items):
        token = items[at]
        if token.kind == "sign" and token.text in ("^", "_"):
            at += 1
            if at < len(items) and level(items[at]) == 1:
                at = max(closing(items, at), at)
        elif level(token) == 1:
            at = max(closing(items, at), at)
        else:
            found.append(token)
        at += 1
    return found
