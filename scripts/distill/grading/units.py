"""Units: their spellings, and how many of the base unit of their kind each is. A kind is a dimension, so that 5 feet 3 inches is 63 inches.

The factors are exact by definition (international yard and pound, 1959; SI brochure, 9th edition).
"""

import re
from collections import Counter
from fractions import Fraction

PERCENT = "%"
_TABLE: list[tuple[str, str, str, str]] = [
    # spellings, kind, factor, shortest spelling
    ("km kilometer kilometers kilometre kilometres", "length", "1000", "km"),
    ("m meter meters metre metres", "length", "1", "m"),
    ("dm decimeter decimeters decimetre decimetres", "length", "1/10", "dm"),
    ("cm centimeter centimeters centimetre centimetres", "length", "1/100", "cm"),
    ("mm millimeter millimeters millimetre millimetres", "length", "1/1000", "mm"),
    ("nm nanometer nanometers nanometre nanometres", "length", "1/1000000000", "nm"),
    ("inch inches in", "length", "254/10000", "inch"),
    ("foot feet ft", "length", "3048/10000", "foot"),
    ("yard yards yd yds", "length", "9144/10000", "yard"),
    ("mile miles mi", "length", "1609344/1000", "mile"),
    ("second seconds sec secs s", "time", "1", "second"),
    ("minute minutes min mins", "time", "60", "minute"),
    ("hour hours hr hrs h", "time", "3600", "hour"),
    ("day days", "time", "86400", "day"),
    ("week weeks", "time", "604800", "week"),
    ("month months", "month", "1", "month"),
    ("year years yr yrs", "month", "12", "year"),
    ("kg kilogram kilograms", "mass", "1000", "kg"),
    ("g gram grams", "mass", "1", "g"),
    ("mg milligram milligrams", "mass", "1/1000", "mg"),
    ("ton tons tonne tonnes", "ton", "1", "ton"),
    ("pound pounds lb lbs", "mass", "45359237/100000", "pound"),
    ("ounce ounces oz", "mass", "45359237/1600000", "ounce"),
    ("liter liters litre litres l L", "volume", "1000", "liter"),
    ("ml mL milliliter milliliters millilitre millilitres", "volume", "1", "ml"),
    ("gallon gallons gal", "gallon", "1", "gallon"),
    ("quart quarts", "gallon", "1/4", "quart"),
    ("pint pints", "gallon", "1/8", "pint"),
    ("cup cups", "gallon", "1/16", "cup"),
    ("dollar dollars usd USD bucks", "money", "1", "dollar"),
    ("cent cents", "money", "1/100", "cent"),
    ("euro euros EUR", "euro", "1", "euro"),
    ("gbp GBP", "gbp", "1", "gbp"),
    ("yuan rmb RMB yen JPY", "yuan", "1", "yuan"),
    ("rupee rupees", "rupee", "1", "rupee"),
    ("degree degrees deg degs", "angle", "1", "degree"),
    ("arcminute arcminutes", "angle", "1/60", "arcminute"),
    ("arcsecond arcseconds", "angle", "1/3600", "arcsecond"),
    ("radian radians rad rads", "radian", "1", "radian"),
    ("mph", "mph", "1", "mph"),
    ("kph kmh kmph", "kph", "1", "kph"),
    ("J joule joules", "energy", "1", "J"),
    ("kJ kilojoule kilojoules", "energy", "1000", "kJ"),
    ("eV", "eV", "1", "eV"),
    ("N newton newtons", "force", "1", "N"),
    ("W watt watts", "power", "1", "W"),
    ("kW kilowatt kilowatts", "power", "1000", "kW"),
    ("V volt volts", "voltage", "1", "V"),
    ("A ampere amperes amp amps", "current", "1", "A"),
    ("C coulomb coulombs", "charge", "1", "C"),
    ("K kelvin kelvins", "kelvin", "1", "K"),
    ("Pa pascal pascals", "pressure", "1", "Pa"),
    ("kPa kilopascal kilopascals", "pressure", "1000", "kPa"),
    ("atm", "atm", "1", "atm"),
    ("Hz hertz", "frequency", "1", "Hz"),
    ("kHz kilohertz", "frequency", "1000", "kHz"),
    ("MHz megahertz", "frequency", "1000000", "MHz"),
    ("mol mole moles", "amount", "1", "mol"),
    ("unit units", "unit", "1", "unit"),
    ("am", "am", "1", "am"),
    ("pm", "pm", "1", "pm"),
    ("celsius", "celsius", "1", "celsius"),
    ("fahrenheit", "fahrenheit", "1", "fahrenheit"),
    ("percent percents percentage pct %", "percent", "1", PERCENT),
    ("dozen dozens", "dozen", "1", "dozen"),
    ("times", "times", "1", "times"),
    ("micrometer micrometers micrometre micrometres microm micron microns", "length", "1/1000000", "micrometer"),
    ("ms millisecond milliseconds", "time", "1/1000", "ms"),
    ("microsecond microseconds micros", "time", "1/1000000", "microsecond"),
    ("microgram micrograms microg", "mass", "1/1000000", "microgram"),
    ("cc", "volume", "1/1000", "ml"),
    ("ohm ohms Ohm Ohms", "resistance", "1", "ohm"),
    ("MJ megajoule megajoules", "energy", "1000000", "MJ"),
    ("kWh", "energy", "3600000", "kWh"),
    ("mA milliampere milliamperes", "current", "1/1000", "mA"),
    ("mV millivolt millivolts", "voltage", "1/1000", "mV"),
    ("acre acres", "acre", "1", "acre"),
    ("hectare hectares ha", "hectare", "1", "hectare"),
]
KNOWN = {spelling: (short, kind, Fraction(factor)) for names, kind, factor, short in _TABLE for spelling in names.split()}
# Kinds that others make up, with the size of their unit above in metres, grams, seconds and amperes.
_DERIVED: dict[str, tuple[Fraction, dict[str, int]]] = {
    "volume": (Fraction(1, 1000), {"length": 3}),
    "frequency": (Fraction(1), {"time": -1}),
    "force": (Fraction(1000), {"mass": 1, "length": 1, "time": -2}),
    "energy": (Fraction(1000), {"mass": 1, "length": 2, "time": -2}),
    "power": (Fraction(1000), {"mass": 1, "length": 2, "time": -3}),
    "pressure": (Fraction(1000), {"mass": 1, "length": -1, "time": -2}),
    "charge": (Fraction(1), {"current": 1, "time": 1}),
    "voltage": (Fraction(1000), {"mass": 1, "length": 2, "time": -3, "current": -1}),
    "resistance": (Fraction(1000), {"mass": 1, "length": 2, "time": -3, "current": -2}),
}
_SHORT = {short: (kind, factor) for short, kind, factor in KNOWN.values()}
_IGNORED = frozenset(
    ["a", "an", "the", "of", "total", "different", "distinct", "possible", "about", "approximately", "only", "exactly", "each", "per"]
)
_POWERS = {"square": 2, "sq": 2, "squared": 2, "cubic": 3, "cu": 3, "cubed": 3}
_PIECE = re.compile(r"[A-Za-z%\u0080-\uffff]+|\^?\{?-?[0-9]+\}?|[/*]")
_DOTTED = re.compile(r"\b([ap])\.?\s?m\.?(?![A-Za-z])", re.IGNORECASE)
_COMPOUNDS = {"mph": "mile / hour", "kph": "km / hour", "degree celsius": "celsius", "degree fahrenheit": "fahrenheit"}


def canonical(text: str) -> str:
    """A unit in one spelling: `square centimeters`, `cm^2` and `sq. cm` are `cm^2`; words that are no unit keep their singular."""
    text = _DOTTED.sub(r"\1m", text).replace("per cent", "percent").replace("\\cdot", " ").replace("\\", " ")
    found: list[str] = []
    power = 0
    pieces = _PIECE.findall(text)
    for at, piece in enumerate(pieces):
        word = piece.lower()
        if word == "in" and at + 1 < len(pieces) and pieces[at + 1][0].isalpha():
            continue  # 5 in total
        if piece[0] in "^-0123456789{":
            exponent = piece.strip("^{}")
            if found and exponent != "1":
                found[-1] += f"^{exponent}"
        elif word in _POWERS:
            if word in ("squared", "cubed") and found:
                found[-1] += f"^{_POWERS[word]}"
            else:
                power = _POWERS[word]
        elif word == "per" or piece == "/":
            found.append("/")
        elif piece != "*" and (piece in KNOWN or word not in _IGNORED):
            known = KNOWN.get(piece) or KNOWN.get(word)
            found.append((known[0] if known else _singular(word)) + (f"^{power}" if power else ""))
            power = 0
    unit = " ".join(found)
    return _COMPOUNDS.get(unit, unit)


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def factor(unit: str) -> tuple[str, Fraction] | None:
    """The kind of a canonical unit and its size in base units, or None for a unit that is not in the table."""
    kinds: Counter[str] = Counter()
    size = Fraction(1)
    below = False
    for piece in unit.split():
        if piece == "/":
            below = True
            continue
        name, _, power = piece.partition("^")
        if name not in _SHORT or not re.fullmatch(r"-?[0-9]?", power):
            return None
        exponent = int(power or 1) * (-1 if below else 1)
        kind, one = _SHORT[name]
        scale, made_of = _DERIVED.get(kind, (Fraction(1), {kind: 1}))
        for part, times in made_of.items():
            kinds[part] += times * exponent
        size *= (one * scale) ** exponent
        below = False
    return (" ".join(f"{kind}^{kinds[kind]}" for kind in sorted(kinds) if kinds[kind]), size) if kinds else None


def is_unit(word: str) -> bool:
    """Whether a word is a spelling of a unit of the table, or square, cubic and the like."""
    return word in KNOWN or word.lower() in KNOWN or word.lower() in _POWERS
