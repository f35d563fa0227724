"""A trace that every rule of the filter keeps, and the same with changes."""

from distill.data.traces import Trace

GOOD = Trace("id", "What is 3+4?", "7", "Hm. So 7.", "It is \\boxed{7}.", "table", "stop", "Think first.")


def but(**changes):
    return Trace(**{**GOOD.row(), "system": GOOD.system, **changes})
