"""Numbers and sentences as the report writes them. Scores, differences and rates come as shares and are written in percent."""

from collections.abc import Callable, Sequence

MINUS = "\u2212"
NOT_MEASURED = "–"


def number(value: float | None, digits: int = 1) -> str:
    """3.26 -> "3.3"; None -> a dash; -0.04 -> "0.0"."""
    if value is None:
        return NOT_MEASURED
    written = f"{abs(value):,.{digits}f}"
    return MINUS + written if value < 0 and float(written.replace(",", "")) else written


def percent(share: float | None) -> str:
    """0.0326 -> "3.3"."""
    return number(None if share is None else 100 * share)


def points(difference: float | None) -> str:
    """A difference of two shares in percentage points, with its sign: 0.0326 -> "+3.3"."""
    written = percent(difference)
    return written if difference is None or written[0] == MINUS or not float(written.replace(",", "")) else "+" + written


def interval(low: float | None, high: float | None, write: Callable[[float | None], str] = percent) -> str:
    return NOT_MEASURED if low is None or high is None else f"{write(low)} to {write(high)}"


def arms(value: float, low: float | None, high: float | None) -> tuple[float, float] | None:
    """How far an interval reaches below and above a score, in percent; half its width both ways unless it is lopsided, as near 0."""
    if low is None or high is None:
        return None
    value, low, high = 100 * value, 100 * low, 100 * high
    below, above = max(0.0, value - low), max(0.0, high - value)
    lopsided = max(below, above) > 1.5 * min(below, above)
    return (below, above) if lopsided else ((high - low) / 2, (high - low) / 2)


def plus_minus(value: float, low: float | None, high: float | None) -> str:
    """A score with its interval: "71.4 ± 3.9", or "0.3 +1.6 −0.2" where that is lopsided."""
    reach = arms(value, low, high)
    if reach is None:
        return percent(value)
    below, above = reach
    return f"{percent(value)} ± {number(above)}" if below == above else f"{percent(value)} +{number(above)} {MINUS}{number(below)}"


def p_value(p: float | None) -> str:
    return NOT_MEASURED if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def p_clause(values: Sequence[float], detected: bool) -> str:
    """Several tests as part of a sentence: "p = 0.042", "each p ≤ 0.042"; of tests that detected nothing, "each p ≥ 0.300"."""
    p = p_value(max(values) if detected else min(values))
    alike = all(p_value(value) == p for value in values)
    relation = "" if p.startswith("<") else "= " if alike else "≤ " if detected else "≥ "
    return f"{'p' if len(values) == 1 else 'each p'} {relation}{p}"


def times(n_items: int | None, n_samples: int | None) -> str:
    """Items, and samples an item where there are several."""
    if n_items is None:
        return NOT_MEASURED
    return f"{n_items:,}" if n_samples in (None, 1) else f"{n_items:,} × {n_samples:,}"


def share(part: float, whole: float) -> str:
    return f"{number(100 * part / whole)} %" if whole else NOT_MEASURED


def listed(words: Sequence[str], last: str = "and") -> str:
    """ "a", "a and b", "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else ""


def gap(what: str) -> str:
    """The one line in place of what cannot be shown, since its file does not exist."""
    return f"_Missing: {what}._"


def join(*parts: str | None) -> str:
    """Parts that are not empty, a blank line between them."""
    return "\n\n".join(part for part in parts if part)
