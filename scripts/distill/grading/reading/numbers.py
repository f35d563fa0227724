"""Digits in a base, ratios and times of day."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from distill.grading.reading.quantities import read_percent
from distill.grading.runs import bracketed, is_sign, split, stripped, text_of
from distill.grading.tokens import Token
from distill.grading.values import Based, Ratio, Value

if TYPE_CHECKING:
    from distill.grading.reading.reader import Reader


def read_ratio(reader: "Reader", items: Sequence[Token]) -> Value:
    """3:4:5 and times of day such as 10:30, or what read_based reads."""
    parts = split(items, is_sign(":"))
    if len(parts) == 1 or not all(map(stripped, parts)):
        return read_based(reader, items)
    values = tuple(reader.value(part) for part in parts)
    texts = [text_of(part) for part in parts]
    clock = len(parts) in (2, 3) and all(re.fullmatch(r"[0-5]?\d", text) for text in texts) and all(len(text) == 2 for text in texts[1:])
    return Ratio(values, clock)


def read_based(reader: "Reader", items: Sequence[Token]) -> Value:
    """204_5, (1011)_2, BEE_{16}."""
    at = next((place for place, token in enumerate(items) if token.kind == "sign" and token.text == "_"), None)
    if at and all(token.kind in ("number", "symbol", "capitals", "word") or token.text in "(){}-" for token in items[:at]):
        digits = "".join(token.text for token in items[:at] if token.text not in ("(", ")", "{", "}"))
        behind = items[at + 1 :]
        base = (
            ""
            if len(behind) > 1 and bracketed(behind) is None
            else "".join(token.text for token in behind if token.text not in ("{", "}", "(", ")"))
        )
        base = {"two": "2", "three": "3", "five": "5", "eight": "8", "sixteen": "16"}.get(base, base)
        known = re.fullmatch(r"\d{1,2}", base) and re.fullmatch(r"-?[0-9A-Za-z]{1,200}", digits)
        if known and is_in_base(digits.lstrip("-"), int(base)) and (digits.lstrip("-").isdigit() or len(digits) > 1):
            return Based(digits.upper(), int(base))
    return read_percent(reader, items)


def is_in_base(digits: str, base: int) -> bool:
    """Whether all digits, of which A is ten, are digits of a base: CO_2 is none."""
    return 2 <= base <= 36 and all(int(digit, 36) < base for digit in digits)
