"""Expressions: from tokens to a tree, and what a tree is worth. Bounded: in depth, in the size of numbers, and never a tower of powers.

Two trees are equal where their values are: exactly if both are rational, else to 120 of 200 bits, and where there are variables at points
that are drawn from their names. A sum, an integral or a limit has no value here: such a tree can be found equal, but not different.
"""

import hashlib
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any

from distill.grading.tokens import FUNCTIONS, Token, Unreadable, words
from distill.grading.values import Call, Num, Sym, Tree

MAX_DEPTH = 50
MAX_BITS = 40_000  # of a numerator or denominator: 2006! has 19,000
MAX_DIGITS = 4000
_ACCENTS = words("overline vec hat tilde dot ddot overrightarrow overleftrightarrow overleftarrow widecheck check breve acute grave ring")
_OPERATORS = words("int iint iiint oint sum prod lim limsup liminf sup inf bigcup")  # values that math-verify must find
_CONSTANTS = frozenset(("pi", "infty"))
_SYMBOLS = words(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon chi psi phi omega Gamma Delta "
    "Theta Lambda Xi Pi Sigma Phi Psi Omega hbar ell emptyset partial nabla square cdots ldots aleph"
)
_POSTFIX = {"prime": "'"}
_CLOSING = {"(": ")", "[": "]", "\\{": "\\}", "{": "}"}
_STOPS = frozenset((")", "]", "}", "\\}", "|", ",", ";", "=", "<", ">", ":", "&", "\\\\", "\\|"))
_APPLIED = frozenset(
    "fghFGHPQpq"
)  # letters that are functions where a bracket follows: f(x); p, P, q and Q only with one argument of a letter


class _Parser:
    """Recursive descent. `sign` says which of the two values of plus-minus is read."""

    def __init__(self, tokens: Sequence[Token], sign: int) -> None:
        self.tokens = list(tokens)
        self.at = 0
        self.sign = sign
        self.depth = 0

    def all(self) -> Tree:
        tree = self.sum()
        if self.at < len(self.tokens):
            raise Unreadable(self.tokens[self.at].text)
        return tree

    def peek(self) -> Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def sees(self, *texts: str) -> bool:
        token = self.peek()
        return token is not None and token.kind in ("sign", "command") and token.text in texts

    def take(self) -> Token:
        token = self.peek()
        if token is None:
            raise Unreadable("ends too early")
        self.at += 1
        return token

    def sum(self) -> Tree:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable("too deep")
        terms: list[Tree] = []
        while True:
            negative = False
            signed = False
            while self.sees("+", "-", "pm", "mp"):
                sign = self.take().text
                negative ^= sign == "-" or (sign == "pm" and self.sign < 0) or (sign == "mp" and self.sign > 0)
                signed = True
            if terms and not signed:
                break
            term = self.product()
            terms.append(_neg(term) if negative else term)
        self.depth -= 1
        return terms[0] if len(terms) == 1 else Call("+", tuple(terms))

    def product(self) -> Tree:
        start = self.at
        result = self.power()
        whole = isinstance(result, Num) and result.digits is None and result.value.denominator == 1
        while (token := self.peek()) is not None:
            if token.text in ("*", "times", "cdot") and token.kind != "word":
                self.take()
                if self.sees("*"):
                    self.take()
                    result = Call("^", (result, self.unary()))
                else:
                    result = Call("*", (result, self.unary()))
            elif token.kind == "sign" and token.text == "/":
                self.take()
                below = self.unary()
                result = Call("/", (result, below))
            elif self.starts_factor(token):
                at = self.at
                factor = self.power()
                if whole and at == start + 1 and isinstance(result, Num) and (part := self.mixed(token, factor)) is not None:
                    result = Call("+", (result, part))
                elif isinstance(factor, Num) and token.kind == "number" and isinstance(result, Num):
                    raise Unreadable("two numbers side by side")
                else:
                    result = Call("*", (result, factor))
            else:
                break
        return result

    def mixed(self, token: Token, factor: Tree) -> Tree | None:
        """The fraction of a mixed number: 2\\frac13, 2 1/3."""
        if token.text == "frac" and isinstance(factor, Call) and factor.name == "/":
            above, below = factor.args
        elif token.kind == "number" and token.spaced and self.sees("/"):
            self.take()
            above, below = factor, self.power()
        else:
            return None
        if isinstance(above, Num) and isinstance(below, Num) and above.digits is None and below.digits is None:
            return Call("/", (above, below))
        if token.kind == "number":
            raise Unreadable("two numbers side by side")
        return None

    def unary(self) -> Tree:
        negative = False
        while self.sees("+", "-", "pm", "mp"):
            sign = self.take().text
            negative ^= sign == "-" or (sign == "pm" and self.sign < 0) or (sign == "mp" and self.sign > 0)
        factor = self.power()
        return _neg(factor) if negative else factor

    def starts_factor(self, token: Token) -> bool:
        if token.kind in ("number", "symbol", "capitals"):
            return True
        if token.kind == "command":
            return token.text not in (
                "pm",
                "mp",
                "rfloor",
                "rceil",
                "rangle",
                "end",
                "pmod",
                "bmod",
                "circ",
                "prime",
                "mid",
                "choose",
                "over",
            )
        return token.kind == "sign" and token.text in ("(", "[", "{", "\\{")

    def power(self) -> Tree:
        return self.postfix(self.primary())

    def postfix(self, base: Tree) -> Tree:
        while (token := self.peek()) is not None:
            if token.kind == "sign" and token.text == "!":
                self.take()
                if self.sees("!"):
                    self.take()
                    base = Call("!!", (base,))
                else:
                    base = Call("!", (base,))
            elif token.kind == "sign" and token.text in ("%", "\\%"):
                self.take()
                base = Call("/", (base, Num(Fraction(100))))
            elif token.kind == "sign" and token.text == "'":
                self.take()
                base = _primed(base)
            elif token.kind == "sign" and token.text == "^":
                self.take()
                base = self.raised(base)
            elif token.kind == "sign" and token.text == "_":
                self.take()
                base = Call("_", (base, Sym(self.subscript())))
            else:
                break
        return base

    def raised(self, base: Tree) -> Tree:
        inside = self.group()
        if all(token.text in ("circ", "prime", "'", "*", "T", "top") for token in inside) and inside and inside[0].text not in ("T",):
            if inside[0].text == "circ":
                return Call("deg", (base,))
            for token in inside:
                base = _primed(base) if token.text in ("prime", "'") else Call("mark" + token.text, (base,))
            return base
        return Call("^", (base, self.inner(inside)))

    def subscript(self) -> str:
        inside = self.group()
        return "".join(token.text for token in inside)

    def group(self) -> list[Token]:
        """The tokens of an argument: a group in braces without them, else one token (of LaTeX's, a number as people write it)."""
        token = self.take()
        if token.kind == "sign" and token.text == "{":
            start, depth = self.at, 1
            while depth:
                text = self.take()
                if text.kind == "sign":
                    depth += (text.text == "{") - (text.text == "}")
            return self.tokens[start : self.at - 1]
        if token.kind == "sign" and token.text in ("-", "+"):
            return [token, self.take()]
        if token.kind == "sign" and token.text == "(":
            start, depth = self.at, 1
            while depth:
                text = self.take()
                if text.kind == "sign":
                    depth += (text.text == "(") - (text.text == ")")
            return self.tokens[start : self.at - 1]
        if token.kind == "command" and token.text in ("frac", "sqrt"):
            start = self.at - 1
            self.at = start
            self.primary()
            return self.tokens[start : self.at]
        return [token]

    def inner(self, tokens: Sequence[Token]) -> Tree:
        parser = _Parser(tokens, self.sign)
        parser.depth = self.depth + 1
        return parser.all()

    def argument(self, last: bool = False) -> Tree:
        """An argument of a command: a group, or a single digit, letter or command; the last of \\frac12 has all digits that are left."""
        token = self.peek()
        if token is not None and token.kind == "number" and len(token.text) > 1 and not last:
            self.tokens[self.at] = Token("number", token.text[1:])
            return Num(Fraction(token.text[0]))
        if token is not None and token.kind == "sign" and token.text == "{":
            return self.inner(self.group())
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable("too deep")
        tree = self.primary()
        self.depth -= 1
        return tree

    def sees_digits(self) -> bool:
        token = self.peek()
        return token is not None and token.kind == "number" and token.text.isdigit() and len(token.text) > 1

    def primary(self) -> Tree:
        token = self.take()
        if token.kind == "number":
            return self.number(token)
        if token.kind == "symbol":
            return self.symbol(token.text)
        if token.kind == "capitals":
            letters: Tree = Sym(token.text[0])
            for letter in token.text[1:]:
                letters = Call("*", (letters, Sym(letter)))
            return letters
        if token.kind == "command":
            return self.command(token.text)
        if token.kind == "sign" and token.text in ("(", "[", "\\{"):
            tree = self.sum()
            self.expect(_CLOSING[token.text])
            return tree
        if token.kind == "sign" and token.text == "{":
            self.at -= 1
            inside = self.group()
            if any(part.text in ("choose", "over") for part in inside):
                at = next(place for place, part in enumerate(inside) if part.text in ("choose", "over"))
                name = "binom" if inside[at].text == "choose" else "/"
                return Call(name, (self.inner(inside[:at]), self.inner(inside[at + 1 :])))
            return self.inner(inside)
        if token.kind == "sign" and token.text == "|":
            tree = self.sum()
            self.expect("|")
            return Call("abs", (tree,))
        if token.kind == "sign" and token.text == "\\|":
            tree = self.sum()
            self.expect("\\|")
            return Call("norm", (tree,))
        raise Unreadable(token.text)

    def expect(self, text: str) -> None:
        if self.take().text != text:
            raise Unreadable(f"no {text}")

    def number(self, token: Token) -> Tree:
        text = token.text
        if self.sees("overline", "dot", "ldots") and "." in text:
            return self.repeating(text)
        return number(text)

    def repeating(self, text: str) -> Tree:
        """0.1\\overline{6}, 0.\\dot{1}\\dot{2}, 0.333\\ldots"""
        if self.sees("ldots"):
            self.take()
            tail = text[-1:] if len(text) > 3 and text[-1:] == text[-2:-1] else ""
            if not tail:
                raise Unreadable("dots")
            return number(text, tail)
        digits = ""
        while self.sees("overline", "dot"):
            self.take()
            inside = self.group()
            digits += "".join(part.text for part in inside)
        if not (digits.isascii() and digits.isdigit()):
            raise Unreadable("repeating")
        return number(text, digits)

    def symbol(self, name: str) -> Tree:
        primes = 0
        while self.sees("'"):
            self.take()
            primes += 1
        while self.sees("^") and self.at + 1 < len(self.tokens) and self._raised_prime():
            self.take()
            primes += sum(part.text in ("prime", "'") for part in self.group())
        name += "'" * primes
        if self.sees("_") and not primes:
            self.take()
            name = f"{name}_{self.subscript()}"
            if self.sees("'"):
                self.take()
                name += "'"
        if self.sees("(") and (name[0] in "fghFGH" or primes) and len(name.rstrip("'").partition("_")[0]) == 1:
            return Call(name, tuple(self.arguments()))
        return Sym(name)

    def _raised_prime(self) -> bool:
        at = self.at + 1
        inside = self.tokens[at + 1] if self.tokens[at].text == "{" and at + 1 < len(self.tokens) else self.tokens[at]
        return inside.text in ("prime", "'")

    def arguments(self) -> list[Tree]:
        """Of a function, in brackets, with commas between them."""
        closing = _CLOSING[self.take().text]
        found = [self.sum()]
        while self.sees(","):
            self.take()
            found.append(self.sum())
        self.expect(closing)
        return found

    def command(self, name: str) -> Tree:
        if name == "frac":
            split = self.sees_digits()
            above = self.argument()
            return Call("/", (above, self.argument(last=split)))
        if name == "binom":
            above = self.argument()
            return Call("binom", (above, self.argument()))
        if name == "sqrt":
            if self.sees("["):
                self.take()
                degree = self.sum()
                self.expect("]")
                return Call("^", (self.argument(), Call("/", (Num(Fraction(1)), degree))))
            if self.sees("(") or self.sees("{"):
                return Call("sqrt", (self.primary(),))
            return Call("sqrt", (self.argument(),))
        if name == "cbrt":
            return Call("^", (self.argument(), Num(Fraction(1, 3))))
        if name in ("lfloor", "lceil"):
            tree = self.sum()
            self.expect("rfloor" if name == "lfloor" else "rceil")
            return Call("floor" if name == "lfloor" else "ceil", (tree,))
        if name in _CONSTANTS:
            return Sym("\\" + name)
        if name in FUNCTIONS:
            return self.function(name)
        if name in _ACCENTS:
            return self.symbol(f"\\{name}{{{''.join(part.text for part in self.group())}}}")
        if name in ("mathbb", "mathcal", "triangle", "angle"):
            return self.symbol(f"\\{name}{{{''.join(part.text for part in self.group())}}}")
        if name in _OPERATORS:
            return self.operator(name)
        if name in _SYMBOLS:
            return self.symbol("\\" + name)
        raise Unreadable(name)

    def function(self, name: str) -> Tree:
        power: Tree | None = None
        base: Tree | None = None
        while self.sees("^", "_"):
            if self.take().text == "^":
                power = self.inner(self.group())
            else:
                inside = self.group()
                base = self.inner(inside)
        bracketed = self.sees("(", "{", "[", "\\{")
        args: tuple[Tree, ...]
        if self.sees("(", "[", "\\{"):
            args = tuple(self.arguments())
        elif bracketed:
            args = (self.primary(),)
            args = (self.postfix(args[0]),)
        elif self.peek() is None:
            return Sym("\\" + name)
        else:
            args = (self.juxtaposed(),)
        inverse = (
            isinstance(power, Num) and power.value == -1 and name in ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh")
        )
        call = Call("arc" + name if inverse else name, args if base is None else (*args, base))
        if power is not None and not inverse:
            call = Call("^", (call, power))
        return call

    def juxtaposed(self) -> Tree:
        """The argument of a function without brackets: sin 2x, log 5y."""
        if self.sees("-"):
            self.take()
            return _neg(self.juxtaposed())
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable("too deep")
        result = self.power()
        while (
            (token := self.peek()) is not None
            and self.starts_factor(token)
            and not (token.text in ("(", "[", "{", "\\{") or (token.kind == "command" and token.text in FUNCTIONS - {"sqrt"}))
        ):
            result = Call("*", (result, self.power()))
        self.depth -= 1
        return result

    def operator(self, name: str) -> Tree:
        """An integral, a sum or a limit with its bounds, over the product that follows."""
        bounds: list[Tree] = []
        while self.sees("^", "_"):
            which = self.take().text
            bounds.append(Call(which, (Sym("".join(part.text for part in self.group())),)))
        return Call("\\" + name, (*bounds, self.product()))


def _neg(tree: Tree) -> Tree:
    return Num(-tree.value, tree.digits) if isinstance(tree, Num) else Call("neg", (tree,))


def _primed(base: Tree) -> Tree:
    return Sym(base.name + "'") if isinstance(base, Sym) else Call("'", (base,))


def number(text: str, repeated: str = "") -> Num:
    """A number as people write it; `repeated` are the digits behind it that repeat for ever."""
    if len(text) > MAX_DIGITS:
        raise Unreadable("too many digits")
    mantissa, exponential, exponent = text.lower().partition("e")
    if exponential and abs(int(exponent)) > 1000:
        raise Unreadable("exponent")
    whole, point, decimals = mantissa.partition(".")
    value = Fraction(int(whole or "0")) + (Fraction(int(decimals), 10 ** len(decimals)) if decimals else 0)
    if repeated:
        return Num(value + Fraction(int(repeated), (10 ** len(repeated) - 1) * 10 ** len(decimals)))
    digits = len((whole + decimals).lstrip("0")) if (point and decimals) or exponential else None
    return Num(value * Fraction(10) ** int(exponent) if exponential else value, digits)


def parse(tokens: Sequence[Token]) -> list[Tree]:
    """The trees of an expression: two where it has a plus-minus. Raises Unreadable."""
    try:
        signs = (1, -1) if any(token.text in ("pm", "mp") and token.kind == "command" for token in tokens) else (1,)
        return [_Parser(tokens, sign).all() for sign in signs]
    except RecursionError as error:  # depth is counted, this is a second belt
        raise Unreadable("too deep") from error


def exact(tree: Tree) -> Fraction | None:
    """The value of a rational constant of bounded size, else None."""
    if isinstance(tree, Num):
        return tree.value
    if isinstance(tree, Sym):
        return None
    values = [exact(arg) for arg in tree.args]
    if not values or any(value is None for value in values):
        return None
    return _exact(tree.name, [value for value in values if value is not None])


def _exact(name: str, values: list[Fraction]) -> Fraction | None:
    first = values[0]
    if name == "+":
        return _bounded(sum(values, Fraction(0)))
    if name == "*":
        return _bounded(first * values[1])
    if name == "/":
        return _bounded(first / values[1]) if values[1] else None
    if name == "neg":
        return -first
    if name == "^":
        return _exact_power(first, values[1])
    if name == "!" and first.denominator == 1 and 0 <= first <= 3500:
        return Fraction(_factorial(int(first)))
    if name == "binom" and all(value.denominator == 1 for value in values) and 0 <= values[1] <= first <= 3500:
        return Fraction(_factorial(int(first)) // (_factorial(int(values[1])) * _factorial(int(first - values[1]))))
    if name in ("gcd", "lcm") and all(value.denominator == 1 for value in values):
        import math

        return Fraction((math.gcd if name == "gcd" else math.lcm)(*map(int, values)))
    if name in ("max", "min"):
        return max(values) if name == "max" else min(values)
    if name == "abs":
        return abs(first)
    if name in ("floor", "ceil"):
        return Fraction(first.__floor__() if name == "floor" else first.__ceil__())
    return None


def _exact_power(base: Fraction, exponent: Fraction) -> Fraction | None:
    if exponent.denominator != 1 or (base == 0 and exponent <= 0):
        return None
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    return base ** int(exponent) if abs(exponent) * bits <= MAX_BITS else None


def _bounded(value: Fraction) -> Fraction | None:
    return value if max(value.numerator.bit_length(), value.denominator.bit_length()) <= MAX_BITS else None


@cache
def _factorial(number: int) -> int:
    import math

    return math.factorial(number)


def symbols(tree: Tree) -> frozenset[str]:
    """The variables of a tree; pi, e and i are none."""
    found: set[str] = set()
    stack = [tree]
    while stack:
        part = stack.pop()
        if isinstance(part, Sym):
            if part.name not in ("\\pi", "\\infty", "e", "i"):
                found.add(part.name)
        elif isinstance(part, Call):
            stack.extend(part.args)
    return frozenset(found)


def calls(tree: Tree) -> frozenset[str]:
    found: set[str] = set()
    stack = [tree]
    while stack:
        part = stack.pop()
        if isinstance(part, Call):
            found.add(part.name)
            stack.extend(part.args)
    return frozenset(found)


_PRECISION, _AGREEING, _POINTS = 200, 120, 8
_HUGE = 60  # bits of the binary logarithm of what may be computed


class _Undefined(ArithmeticError):
    """A value that is not there at this point, such as 1/0."""


@cache
def _context() -> Any:
    import mpmath

    made = mpmath.MPContext()
    made.prec = _PRECISION
    made.real_only = False
    return made


@lru_cache(maxsize=4096)
def _drawn(name: str, round_: int) -> Any:
    """A number that depends on a name only: whole in the last rounds, of either sign in the odd ones."""
    seed = int.from_bytes(hashlib.sha256(f"{name}\n{round_}".encode()).digest()[:8], "big")
    if round_ >= _POINTS - 2:
        return _context().mpf(1 + seed % 11)
    drawn = _context().mpf(1) / 2 + _context().mpf(seed) / (1 << 64) * 2
    return -drawn if round_ % 2 and seed & 1 else drawn


def _hashed(name: str, values: Sequence[Any]) -> Any:
    """The value of a function that nobody knows: drawn from its name and its arguments."""
    mp = _context()
    text = name + "\n" + "\n".join(mp.nstr(value, 20) for value in values)
    return mp.mpf(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")) / (1 << 128) + mp.mpf(1) / 2


def _value(tree: Tree, round_: int, stood: Mapping[str, Any] | None = None) -> Any:
    mp = _context()
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
    if _context().isnan(value):
        raise _Undefined
    return value


def _magnitude(value: Any) -> int:
    mp = _context()
    return int(mp.mag(value)) if value and not mp.isinf(value) else 0


def _power(base: Any, exponent: Any) -> Any:
    mp = _context()
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
    mp = _context()
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
    mp = _context()
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
    mp = _context()
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
    except (_Undefined, ArithmeticError):
        return None
    except (ValueError, TypeError, RecursionError) as error:
        raise Unreadable(str(error)[:80]) from error


def close(one: Any, other: Any, bits: int = _AGREEING) -> bool:
    mp = _context()
    if mp.isinf(one) or mp.isinf(other):
        return bool(one == other)
    return bool(abs(one - other) <= mp.ldexp(max(abs(one), abs(other)), -bits))


def is_real(value: Any) -> bool:
    mp = _context()
    return bool(abs(mp.im(value)) <= mp.ldexp(abs(value), -_AGREEING))


def _zero(tree: Tree) -> bool:
    """Whether a constant is zero, by its value at four times the precision."""
    mp = _context()
    try:
        mp.prec = 4 * _PRECISION
        value = value_at(tree, 0)
        return value is not None and bool(abs(value) < mp.ldexp(1, -3 * _PRECISION))
    finally:
        mp.prec = _PRECISION


def equal(one: Tree, other: Tree) -> bool | None:
    """Whether two expressions have the same value wherever both are real; None where that is for math-verify to find out.

    Raises Unreadable for what is too large or too deep to compute.
    """
    first, second = exact(one), exact(other)
    if first is not None and second is not None:
        return first == second
    called = calls(one) | calls(other)
    unknown = any(name.startswith("\\") for name in called)
    verdict = _equal_constants(one, other) if not (symbols(one) | symbols(other) or unknown) else _equal_at_points(one, other)
    if verdict or not unknown:
        return verdict
    return False if any(name.rstrip("'").isalpha() and len(name.rstrip("'")) == 1 for name in called) else None


def _equal_constants(one: Tree, other: Tree) -> bool | None:
    first, second = value_at(one, 0), value_at(other, 0)
    if first is None or second is None:
        return None
    if close(first, second):
        return True
    mp = _context()
    if not (mp.isinf(first) or mp.isinf(second)) and max(abs(first), abs(second)) < mp.ldexp(1, -100):
        return _zero(one) and _zero(other)
    return False


def _equal_at_points(one: Tree, other: Tree) -> bool | None:
    """First over the reals, where the root of a negative number is not there; if nothing is, over the complex numbers."""
    mp = _context()
    try:
        mp.real_only = True
        found = _agree(one, other)
    finally:
        mp.real_only = False
    return _agree(one, other) if found is None else found


def _agree(one: Tree, other: Tree) -> bool | None:
    compared = 0
    complex_equal: list[bool] = []
    for round_ in range(_POINTS):
        first, second = value_at(one, round_), value_at(other, round_)
        if first is None or second is None:
            continue
        same = close(first, second) or _both_vanish(first, second)
        if is_real(first) and is_real(second):
            if not same:
                return False
            compared += 1
        elif round_ < _POINTS - 2:
            complex_equal.append(same)
    if compared >= 2:
        return True
    if _context().real_only:
        return None
    return all(complex_equal) if complex_equal else None


def _both_vanish(first: Any, second: Any) -> bool:
    """Of values of the order of one, so that what is left of 200 bits is rounding."""
    mp = _context()
    return bool(max(abs(first), abs(second)) < mp.ldexp(1, -150))


def proportional(one: Tree, other: Tree) -> Fraction | float | None:
    """The constant factor between two expressions with variables (its sign is what matters), or None."""
    found: list[Any] = []
    for round_ in range(_POINTS - 2):
        first, second = value_at(one, round_), value_at(other, round_)
        if first is None or second is None or not second or not is_real(first) or not is_real(second):
            continue
        found.append(first / second)
    if len(found) < 2 or not all(close(found[0], ratio) for ratio in found[1:]) or not found[0]:
        return None
    return float(_context().re(found[0]) > 0) * 2 - 1
