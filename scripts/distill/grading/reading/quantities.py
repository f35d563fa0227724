"""Numbers with a sign or a letter next to them: per cent, money, degrees, a short unit."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from distill.grading.reading.constructors import quantity
from distill.grading.reading.expressions import read_expression
from distill.grading.runs import closing
from distill.grading.tokens import FUNCTIONS, Token
from distill.grading.values import Expression, Number, Percent, Value

if TYPE_CHECKING:
    from distill.grading.reading.reader import Reader


def read_percent(reader: "Reader", items: Sequence[Token]) -> Value:
    """Per cent and money, or what read_degrees reads."""
    if len(items) > 1 and items[-1].kind == "sign" and items[-1].text in ("%", "\\%"):
        return Percent(reader.value(items[:-1]))
    if items[0].kind == "sign" and items[0].text in ("$", "\\$") and len(items) > 1:
        return quantity([(reader.value(items[1:]), "dollar")])
    if len(items) > 2 and items[0].text in "+-" and items[1].kind == "sign" and items[1].text in ("$", "\\$"):
        return quantity([(reader.value([items[0], *items[2:]]), "dollar")])
    if items[-1].kind == "sign" and items[-1].text in ("$", "\\$") and len(items) > 1:
        return quantity([(reader.value(items[:-1]), "dollar")])
    if items[0].kind == "command" and items[0].text in ("euro", "pounds", "yen") and len(items) > 1:
        return quantity([(reader.value(items[1:]), {"euro": "euro", "pounds": "gbp", "yen": "yuan"}[items[0].text])])
    if items[-1].kind == "command" and items[-1].text in ("euro", "pounds", "yen") and len(items) > 1:
        return quantity([(reader.value(items[:-1]), {"euro": "euro", "pounds": "gbp", "yen": "yuan"}[items[-1].text])])
    return read_degrees(reader, items)


def read_degrees(reader: "Reader", items: Sequence[Token]) -> Value:
    """Degrees with minutes and seconds of arc, and temperatures, or what read_expression reads."""
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
                return read_expression(reader, items)
            break
        name, end = _mark(rest, at) or ("", at)
        if name == "arcminute" and not parts:
            break
        if any(token.kind == "command" and token.text in FUNCTIONS for token in rest[:at]):
            break
        number = read_expression(reader, rest[:at])
        if not isinstance(number, Number | Expression):
            break
        parts.append((number, name))
        rest = rest[end:]
        if rest and rest[0].kind != "number" and not (rest[0].text in "CF" and len(rest) == 1):
            return read_expression(reader, items)
    return quantity(parts) if parts else read_expression(reader, items)


def _mark(items: Sequence[Token], at: int) -> tuple[str, int] | None:
    """The unit that is raised at `at`: degrees, or minutes and seconds of arc, and where it ends."""
    if items[at].text == "'":
        return ("arcsecond", at + 2) if items[at + 1 : at + 2] and items[at + 1].text == "'" else ("arcminute", at + 1)
    rest = items[at + 1 :]
    if rest and rest[0].text == "{":
        end = closing(rest, 0)
        inner, stop = rest[1:end], at + 1 + end + 1
    else:
        inner, stop = rest[:1], at + 2
    texts = [token.text for token in inner]
    if texts == ["circ"]:
        return "degree", stop
    if texts in (["prime"], ["'"]):
        return "arcminute", stop
    return ("arcsecond", stop) if texts in (["prime", "prime"], ["'", "'"]) else None
