"""Tokens of an answer in plain LaTeX (normalise.py): numbers, symbols, commands, words and signs."""

import re
from dataclasses import dataclass
from functools import lru_cache

from distill.grading import units

DEPTH = 25  # of brackets and parts in an answer
MAX_TOKENS = 3000  # the longest gold of MATH-500 has 60


def words(text: str) -> frozenset[str]:
    """The words of a text with blanks between them, as a set."""
    return frozenset(text.split())


class Unreadable(ValueError):
    """Text that no rule reads; it is compared as text."""


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is number, symbol, command, environment (its name, behind begin or end), word, capitals or sign.

    `spaced` says that a space stands in front of it, `grouped` of a number that commas without spaces stand between its digits, so that
    it may be a list, `prose` that it stands in \\text.
    """

    kind: str
    text: str
    spaced: bool = False
    grouped: bool = False
    prose: bool = False


FUNCTIONS = words(
    "sin cos tan cot sec csc arcsin arccos arctan arccot arcsec arccsc sinh cosh tanh coth arcsinh arccosh arctanh asin acos atan "
    "log ln lg exp sqrt cbrt gcd lcm max min deg det dim ker arg sgn sign abs floor ceil mod Re Im tr rank"
)
# Commands that people write without their backslash.
_PLAIN_COMMANDS = {
    **{name: name for name in FUNCTIONS | words("pi alpha beta gamma delta theta lambda mu sigma omega phi epsilon infty frac cdot")},
    **dict.fromkeys(("infinity", "Infinity", "inf", "oo"), "infty"),
}
_SMALL_WORDS = words("no not yes nan dne or and for if is on to of at by in as all odd any")
LOUD = words("YES NO TRUE FALSE NONE DNE EVEN ODD NAN")  # words, and no letters that stand for themselves
_CONNECTIVES = frozenset(("and", "or"))
_NUMBER = (
    r"(?P<number>(?<![\d.])(?<!\d,)\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d]|,\d)"
    r"|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE](?:[+-]|\{-)?\d+\}?(?![A-Za-z\d.]))?)"
)
_TOKEN = re.compile(
    rf"(?P<space>\s+)|{_NUMBER}|(?P<text>\\text\s*\{{)|(?P<environment>\\(?:begin|end)\s*\{{\s*[A-Za-z]+\*?\s*\}})|(?P<command>\\[A-Za-z]+)|(?P<escaped>\\[^A-Za-z])"
    r"|(?P<letters>[A-Za-z\u00c0-\u024f\u0370-\u1fff\u3040-\u9fff\uac00-\ud7af]+)|(?P<sign>.)",
    re.DOTALL,
)
_PROSE = re.compile(
    rf"(?P<space>\s+)|(?P<half>[ap]\.?\s?m\b\.?)|{_NUMBER}|(?P<command>\\[A-Za-z]+)|(?P<escaped>\\[^A-Za-z])"
    r"|(?P<letters>[A-Za-z\u00c0-\u024f\u0370-\u1fff\u3040-\u9fff\uac00-\ud7af]+(?:[-'.][A-Za-z\u00c0-\u024f]+)*)|(?P<sign>.)",
    re.DOTALL | re.IGNORECASE,
)
_HALF = re.compile(r"(?<=[\d\s])([ap])\.\s?m\b\.?", re.IGNORECASE)
_BRACE = re.compile(r"[{}]")


def tokens(text: str, grouped: bool = True) -> list[Token]:
    """With `grouped`, 81,256 is one number, else two. Raises Unreadable for text that is too long or whose \\text has no end."""
    found: list[Token] = []
    _add(_HALF.sub(r"\1m ", text), found, _TOKEN, grouped)
    return found


def _add(text: str, found: list[Token], pattern: re.Pattern[str], grouped: bool) -> None:
    position, spaced, depth = 0, False, 0
    prose = pattern is _PROSE
    while position < len(text):
        match = pattern.match(text, position)
        if match is None or len(found) > MAX_TOKENS:
            raise Unreadable("too long")
        position = match.end()
        kind = match.lastgroup or ""
        piece = match[0]
        if kind == "space":
            spaced = True
            continue
        if kind == "number":
            if "," in piece and (depth or not grouped):
                piece = piece.partition(",")[0]
                position = match.start() + len(piece)
                found.append(Token("number", piece, spaced))
            else:
                found.append(Token("number", piece.replace(",", "").replace("{", "").replace("}", ""), spaced, "," in piece))
        elif kind == "environment":
            command, _, name = piece[1:].partition("{")
            found.append(Token("command", command.strip(), spaced))
            found.append(Token("environment", name.strip(" }*")))
        elif kind == "text":
            end = _closing(text, position)
            _add(text[position:end], found, _PROSE, grouped)
            position = end + 1
        elif kind == "half":
            found.append(Token("word", piece[0].lower() + "m", spaced, prose=True))
        elif kind == "letters":
            if prose:
                found.append(Token("word", piece, spaced, prose=True))
            else:
                _add_letters(piece, spaced, found)
        elif kind == "command":
            found.append(Token("command", piece[1:], spaced))
        else:
            if piece in ("(", "[", "\\{"):
                depth += 1
            elif piece in (")", "]", "\\}"):
                depth = max(depth - 1, 0)
            if not (prose and piece in ("!", "?", '"', "`")):
                found.append(Token("sign", piece, spaced, prose=prose))
        spaced = False


def _closing(text: str, start: int) -> int:
    depth = 1
    for brace in _BRACE.finditer(text, start):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return brace.start()
    raise Unreadable("no closing brace")


def _add_letters(run: str, spaced: bool, found: list[Token]) -> None:
    command = _PLAIN_COMMANDS.get(run)
    if command:
        found.append(Token("command", command, spaced))
    elif len(run) == 1:
        found.append(Token("symbol" if run.isascii() else "word", run, spaced))
    elif run.isascii() and run.isupper() and run not in ("AM", "PM"):
        found.append(Token("capitals", run, spaced))
    elif is_word(run):
        found.append(Token("word", run, spaced))
    else:
        for at, letter in enumerate(run):
            found.append(Token("symbol", letter, spaced and at == 0))


@lru_cache(maxsize=4096)
def is_word(run: str) -> bool:
    """Whether letters outside of \\text are a word and no product of symbols: a known one, a unit, a name, or three letters and more with
    a vowel that do not stand in the order of the alphabet, as those of a product do."""
    lower = run.lower()
    if not run.isascii() or lower in _SMALL_WORDS or units.is_unit(run):
        return True
    if len(run) < 3 or not set(lower) & set("aeiouy"):
        return False
    return (run[0].isupper() and run[1:].islower()) or (list(lower) != sorted(lower))


def is_connective(token: Token) -> bool:
    """Whether a token is `and` or `or`."""
    return token.kind == "word" and token.text.lower() in _CONNECTIVES
