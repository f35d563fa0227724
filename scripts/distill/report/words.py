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


def plus_minus(value: float, low: float | None, high: float | None) -> str:
    """A score with half the width of its interval."""
    return number(value) if low is None or high is None else f"{number(value)} ± {number((high - low) / 2)}"


def p_value(p: float | None) -> str:
    return NOT_MEASURED if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def p_clause(p: float, of: int = 1) -> str:
    """The largest p of several tests as part of a sentence: "p < 0.001", "each p ≤ 0.042"."""
    if p < 0.001:
        return "each p < 0.001" if of > 1 else "p < 0.001"
    return f"each p ≤ {p_value(p)}" if of > 1 else f"p = {p_value(p)}"


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
