"""The value of an expression's tree at points that are drawn from the names of its variables, to 200 bits.

Never a tower of powers: what is too large raises Unreadable. A sum, an integral or a limit has no value here, and stands for a number that
is drawn from how it is written.
"""

import hashlib
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

from distill.grading.tokens import Unreadable, words
from distill.grading.values import Call, Num, Sym, Tree

_PRECISION, _AGREEING, POINTS = 200, 120, 8
_HUGE = 60  # bits of the binary logarithm of what may be computed


class _Undefined(ArithmeticError):
    """A value that is not there at this point, such as 1/0."""


@cache
def context() -> Any:
    """mpmath's context of this module. `real_only`: the root of a negative number has no value."""
    import mpmath

    made = mpmath.MPContext()
    made.prec = _PRECISION
    made.real_only = False
    return made


@lru_cache(maxsize=4096)
def _drawn(name: str, round_: int) -> Any:
    """A number that depends on a name only: whole in the last rounds, of either sign in the odd ones."""
    seed = int.from_bytes(hashlib.sha256(f"{name}\n{round_}".encode()).digest()[:8], "big")
    if round_ >= POINTS - 2:
        return context().mpf(1 + seed % 11)
    drawn = context().mpf(1) / 2 + context().mpf(seed) / (1 << 64) * 2
    return -drawn if round_ % 2 and seed & 1 else drawn


def _hashed(name: str, values: Sequence[Any]) -> Any:
    """The value of a function that nobody knows: drawn from its name and its arguments."""
    mp = context()
    text = name + "\n" + "\n".join(mp.nstr(value, 20) for value in values)
    return mp.mpf(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")) / (1 << 128) + mp.mpf(1) / 2


def _value(tree: Tree, round_: int) -> Any:
    mp = context()
    if isinstance(tree, Num):
        return mp.mpf(tree.value.numerator) / tree.value.denominator
    if isinstance(tree, Sym):
        constant = {"\\pi": mp.pi, "e": mp.e, "i": mp.mpc(0, 1)}.get(tree.name)
        if constant is not None:
            return +constant
        if tree.name == "\\infty":
            return mp.inf
        return _drawn(tree.name, round_)
    if tree.name == "_":
        return _drawn(repr(tree), round_)
    if tree.name == "^":
        return _power(_value(tree.args[0], round_), _value(tree.args[1], round_))
    if tree.name.startswith("\\"):
        return _hashed(tree.name, [_bound(arg, round_) for arg in tree.args])
    return _checked(_called(tree.name, [_value(arg, round_) for arg in tree.args]))


def _bound(arg: Tree, round_: int) -> Any:
    if isinstance(arg, Call) and arg.name in ("^", "_") and len(arg.args) == 1:
        return _drawn(repr(arg), round_)
    return _value(arg, round_)


def _checked(value: Any) -> Any:
    if context().isnan(value):
        raise _Undefined
    return value


def _magnitude(value: Any) -> int:
    mp = context()
    return int(mp.mag(value)) if value and not mp.isinf(value) else 0


def _power(base: Any, exponent: Any) -> Any:
    mp = context()
    if mp.isinf(base) or mp.isinf(exponent):
        raise Unreadable("infinite power")
    if base == 0:
        if mp.re(exponent) > 0:
            return mp.mpf(0)
        if exponent == 0:
            return mp.mpf(1)
        raise _Undefined
    if mp.real_only and not mp.im(base) and mp.re(base) < 0 and exponent != mp.floor(mp.re(exponent)):
        raise _Undefined
    if _magnitude(exponent) > _HUGE or (_magnitude(exponent) > 8 and abs(_magnitude(base)) > 1 << 40):
        raise Unreadable("too large")
    return mp.power(base, exponent)


def _called(name: str, values: list[Any]) -> Any:
    mp = context()
    first = values[0]
    if name == "+":
        return mp.fsum(values) if not any(mp.isinf(value) for value in values) else sum(values)
    if name == "*":
        return first * values[1]
    if name == "/":
        if values[1] == 0:
            raise _Undefined
        return first / values[1]
    if name == "neg":
        return -first
    if any(_magnitude(value) > _HUGE for value in values):
        raise Unreadable("too large")
    if any(mp.isinf(value) for value in values):
        raise Unreadable("infinite argument")
    try:
        return _function(name, first, values)
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise _Undefined from error


_ANALYTIC = {
    **{name: name for name in words("sin cos tan cot sec csc sinh cosh tanh coth sqrt exp")},
    **{"arcsin": "asin", "arccos": "acos", "arctan": "atan", "arccot": "acot", "arcsec": "asec", "arccsc": "acsc"},
    **{"asin": "asin", "acos": "acos", "atan": "atan", "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh"},
}


def _function(name: str, first: Any, values: list[Any]) -> Any:
    mp = context()
    if mp.real_only and name in ("sqrt", "log", "ln", "lg") and not mp.im(first) and mp.re(first) < 0:
        raise _Undefined
    if name in _ANALYTIC and len(values) == 1:
        return getattr(mp, _ANALYTIC[name])(first)
    if name in ("log", "ln", "lg"):
        if first == 0:
            raise _Undefined
        if name == "lg" and len(values) == 1:
            return mp.log(first) / mp.log(10)
        return mp.log(first) / mp.log(values[1]) if len(values) > 1 else mp.log(first)
    if name == "abs":
        return abs(first)
    if name == "deg":
        return first * mp.pi / 180
    if name in ("!", "binom"):
        if name == "!":
            return mp.gamma(first + 1)
        return _binomial(first, values[1])
    if name in ("floor", "ceil") and not mp.im(first):
        return getattr(mp, name)(first)
    if name in ("max", "min") and not any(mp.im(value) for value in values):
        return (max if name == "max" else min)(values)
    return _hashed(name, sorted(values, key=str) if name in ("gcd", "lcm", "max", "min") else values)


def _binomial(above: Any, below: Any) -> Any:
    mp = context()
    if not mp.im(below) and below == mp.floor(below) and 0 <= below <= 60:
        result = mp.mpf(1)
        for place in range(int(below)):
            result = result * (above - place) / (place + 1)
        return result
    return mp.gamma(above + 1) / mp.gamma(below + 1) / mp.gamma(above - below + 1)


def value_at(tree: Tree, round_: int) -> Any:
    """The value of a tree at the point of a round, or None where it has none there. Raises Unreadable for what cannot be computed."""
    try:
        return _value(tree, round_)
    except ArithmeticError:  # _Undefined is one
        return None
    except (ValueError, TypeError, RecursionError) as error:
        raise Unreadable(str(error)[:80]) from error


def close(one: Any, other: Any, bits: int = _AGREEING) -> bool:
    """Whether two values agree to so many bits."""
    mp = context()
    if mp.isinf(one) or mp.isinf(other):
        return bool(one == other)
    return bool(abs(one - other) <= mp.ldexp(max(abs(one), abs(other)), -bits))


def is_real(value: Any) -> bool:
    """Whether what a value has of an imaginary part is rounding."""
    mp = context()
    return bool(abs(mp.im(value)) <= mp.ldexp(abs(value), -_AGREEING))


def is_zero(tree: Tree) -> bool:
    """Whether a constant is zero, by its value at four times the precision."""
    mp = context()
    try:
        mp.prec = 4 * _PRECISION
        value = value_at(tree, 0)
        return value is not None and bool(abs(value) < mp.ldexp(1, -3 * _PRECISION))
    finally:
        mp.prec = _PRECISION
