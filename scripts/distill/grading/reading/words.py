"""Words alone, numbers with units in words, and words and values in turn."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from distill.grading import units
from distill.grading.expressions.exact import has_no_variables
from distill.grading.reading.brackets import read_set_operation
from distill.grading.reading.constructors import quantity
from distill.grading.reading.expressions import read_expression
from distill.grading.reading.number_words import number_in_words
from distill.grading.runs import closing, depth_of, spaced_text, words_outside
from distill.grading.tokens import LOUD, Token, Unreadable, words
from distill.grading.values import (
    Expression,
    Letters,
    Listing,
    Named,
    Number,
    Percent,
    Phrase,
    Quantity,
    Ratio,
    Relation,
    Sym,
    Tuple,
    Unread,
    Value,
    Words,
)

if TYPE_CHECKING:
    from distill.grading.reading.reader import Reader


_IGNORED_WORDS = words(
    "it the a an is are approximately about roughly is: therefore so thus hence answer final exactly only if when for where"
)


def read_phrase(reader: "Reader", items: Sequence[Token]) -> Value:
    """Words alone, a quantity, or words and values in turn."""
    outside = words_outside(items)
    if not any(outside):
        return (read_quantity(reader, items) if unit_in_brackets(items) else None) or read_set_operation(reader, items)
    if all(token.kind == "word" or (token.prose and token.text in "-'.:()/,") for token in items):
        return read_words(reader, items)
    quantity = read_quantity(reader, items)
    if quantity is not None:
        return quantity
    label = _label_of(items)
    if label:
        value = reader.value(items[label:])
        if not isinstance(value, Words | Phrase | Unread | Relation | Named | Listing):
            return _labelled(read_words(reader, items[:label]), value)
    parts: list[Value] = []
    run: list[Token] = []
    worded = False
    for token, word in zip([*items, None], [*outside, False], strict=True):
        wordy = token is not None and (word or (worded and token.prose and token.text in ",.:-"))
        if run and (token is None or wordy != worded):
            parts += _read_part(reader, run, worded)
            run = []
        worded = wordy
        if token is not None:
            run.append(token)
    if len(parts) == 2 and parts[0] in (Words(""), Words("answer")) and isinstance(parts[1], Number | Expression | Quantity | Percent):
        return _labelled(parts[0], parts[1])
    parts = [part for part in parts if part != Words("")]
    if len(parts) == 3 and parts[1] == Words("to") and not any(isinstance(part, Words | Phrase) for part in (parts[0], parts[2])):
        return Ratio((parts[0], parts[2]))
    return parts[0] if len(parts) == 1 else Phrase(tuple(parts))


def _label_of(items: Sequence[Token]) -> int:
    """Where the value begins in Total cost: 13 and The total is 13; 0 if there is no such label."""
    end = 0
    while end < len(items) and items[end].kind == "word":
        end += 1
    if not 0 < end < len(items):
        return 0
    return end + 1 if items[end].text == ":" else end if items[end - 1].text.lower() in ("is", "are", "equals") else 0


def _labelled(label: Value, value: Value) -> Named:
    return Named((label.text if isinstance(label, Words) else "",), value, Relation((Words("label"), value), ("=",)))


def _read_part(reader: "Reader", run: Sequence[Token], worded: bool) -> list[Value]:
    if worded:
        return [] if all(token.text.lower() in _IGNORED_WORDS for token in run if token.kind == "word") else [read_words(reader, run)]
    run = [token for token in run if not (token.kind == "sign" and token.text in (":", "."))] if len(run) > 1 else run
    while run and run[0].text in (":", ",", "."):
        run = run[1:]
    while run and run[-1].text in (":", ",", "."):
        run = run[:-1]
    if not run:
        return []
    return [reader.side(run)]


def read_words(reader: "Reader", items: Sequence[Token]) -> Value:
    """Words without articles and the like; a single letter is a symbol, a number in words a number."""
    words = [token.text for token in items if token.kind == "word"]
    words = [word for word in words if word.lower() not in _IGNORED_WORDS] or words
    if len(words) == 1 and len(words[0]) == 1 and words[0].isascii():
        return read_expression(reader, [Token("symbol", words[0])])
    if len(words) == 1 and words[0].lower() == "infinity":
        return Expression(Sym("\\infty"), "\\infty")
    if [word.lower() for word in words] in (["all", "integers"], ["integers"]):
        return Expression(Sym("\\mathbb{Z}"), "\\mathbb{Z}")
    counted = number_in_words(words)
    if counted is not None:
        return quantity([(Number(counted[0]), units.canonical(" ".join(words[counted[1] :])))])
    if len(words) == 1 and words[0].isascii() and words[0].isupper() and words[0].isalpha() and words[0] not in LOUD:
        return Letters(words[0])
    text = "".join(word[:-1] if len(word) > 4 and word.endswith("s") else word for word in words).lower()
    kept = "".join(filter(str.isalnum, text))
    return Words({"doenotexist": "dne", "doesnotexist": "dne"}.get(kept, kept if "-" not in text else text))


def read_quantity(reader: "Reader", items: Sequence[Token]) -> Value | None:
    """Numbers with units: 5 cm, 5 feet 3 inches, $36, 90 degrees, 9 (apples), 36 square units; None for anything else."""
    parts: list[tuple[Value, str]] = []
    rest = list(items)
    while rest:
        at = next((place for place, token in enumerate(rest) if token.kind == "word" and depth_of(rest[:place]) == 0), None)
        bracket = unit_in_brackets(rest)
        if bracket is not None and (at is None or bracket < at):
            at = bracket
        if at is None or at == 0:
            return None
        end = at
        while end < len(rest) and _in_unit(rest, end, at):
            end += 1
        if end < len(rest) and rest[end].kind != "number":
            return None
        number, unit = rest[:at], units.canonical(spaced_text(rest[at:end]))
        try:
            value = read_set_operation(reader, number)
        except Unreadable:
            return None
        if not (has_no_variables(value) or isinstance(value, Quantity | Percent | Ratio | Tuple)):
            return None
        parts.append((value, unit))
        rest = rest[end:]
    return quantity(parts)


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
    if token.kind == "symbol" and before.text in ("/", "cdot") and at > start:
        return units.is_unit(token.text)  # km/h
    return token.kind == "number" and (before.text in ("^", "{") or (before.text == "-" and items[at - 2].text in ("^", "{")))


def unit_in_brackets(items: Sequence[Token]) -> int | None:
    """Where a bracket begins that holds words only, as in 9 (apples)."""
    for at, token in enumerate(items):
        if at and token.kind == "sign" and token.text in ("(", "{") and at + 1 < len(items) and items[at + 1].kind == "word":
            end = closing(items, at)
            if end > 0 and all(part.kind == "word" or part.text in "/^-.," for part in items[at + 1 : end]):
                return at
    return None
