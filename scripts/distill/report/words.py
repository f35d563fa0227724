"""Numbers and gaps as the report writes them. Scores, differences and rates come in percent."""

from collections.abc import Sequence

MINUS = "\u2212"
NOT_MEASURED = "–"


def number(value: float | None, digits: int = 1) -> str:
    """3.26 -> "3.3"; None -> a dash; -0.04 -> "0.0"."""
    if value is None:
        return NOT_MEASURED
    written = f"{abs(value):,.{digits}f}"
    return MINUS + written if value < 0 and float(written.replace(",", "")) else written


def signed(value: float | None) -> str:
    """A difference: 3.26 -> "+3.3"."""
    written = number(value)
    return written if value is None or written[0] == MINUS or not float(written.replace(",", "")) else "+" + written


def interval(low: float | None, high: float | None, write=number) -> str:
    return NOT_MEASURED if low is None or high is None else f"{write(low)} to {write(high)}"


def arms(value: float, low: float | None, high: float | None) -> tuple[float, float] | None:
    """How far an interval reaches below and above; twice half its width where it is not lopsided, as it is near 0 and 100."""
    if low is None or high is None:
        return None
    below, above = max(0.0, value - low), max(0.0, high - value)
    lopsided = max(below, above) > 1.5 * min(below, above)
    return (below, above) if lopsided else ((high - low) / 2, (high - low) / 2)


def plus_minus(value: float, low: float | None, high: float | None) -> str:
    """A score with its interval: "71.4 ± 3.9", or "0.3 +1.6 −0.2" where that is lopsided."""
    reach = arms(value, low, high)
    if reach is None:
        return number(value)
    below, above = reach
    return f"{number(value)} ± {number(above)}" if below == above else f"{number(value)} +{number(above)} {MINUS}{number(below)}"


def p_value(p: float | None) -> str:
    return NOT_MEASURED if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def p_clause(values: Sequence[float], detected: bool) -> str:
    """Several tests as part of a sentence: "p = 0.042", "each p ≤ 0.042"; of tests that found nothing, "each p ≥ 0.3"."""
    p = max(values) if detected else min(values)
    if len(values) == 1:
        return f"p {p_value(p)}" if p < 0.001 else f"p = {p_value(p)}"
    return f"each p {p_value(p)}" if p < 0.001 else f"each p {'≤' if detected else '≥'} {p_value(p)}"


def times(n_items: int | None, n_samples: int | None) -> str:
    """Items, and samples an item where there are several."""
    if n_items is None:
        return NOT_MEASURED
    return f"{n_items:,}" if n_samples in (None, 1) else f"{n_items:,} × {n_samples:,}"


def share(part: float, whole: float) -> str:
    return f"{number(100 * part / whole)} %" if whole else NOT_MEASURED


def listed(words: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1] if words else ""


def gap(what: str) -> str:
    """The one line that stands where a file is missing."""
    return f"_Not here: {what}._"


def join(*parts: str | None) -> str:
    """Parts that are not empty, a blank line between them."""
    return "\n\n".join(part for part in parts if part)
