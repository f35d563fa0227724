"""From tokens to the tree of an expression, by recursive descent. Bounded in depth."""

from collections.abc import Sequence
from fractions import Fraction

from distill.grading.expressions.cursor import TokenCursor
from distill.grading.expressions.exact import number, symbols
from distill.grading.runs import depth_of
from distill.grading.tokens import FUNCTIONS, Token, Unreadable, words
from distill.grading.values import Call, Num, Sym, Tree

MAX_DEPTH = 50
_ACCENTS = words("overline vec hat tilde dot ddot overrightarrow overleftrightarrow overleftarrow widecheck check breve acute grave ring")
_LETTER_COMMANDS = _ACCENTS | words("mathbb mathcal triangle angle")  # with their argument they name one symbol: \vec{v}, \mathbb{R}
_OPERATORS = words("int iint iiint oint sum prod lim limsup liminf sup inf bigcup")  # values that math-verify must find
_CONSTANTS = frozenset(("pi", "infty"))
_SYMBOLS = words(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon chi psi phi omega Gamma Delta "
    "Theta Lambda Xi Pi Sigma Phi Psi Omega hbar ell emptyset partial nabla square cdots ldots aleph"
)
_NO_FACTORS = words("pm mp rfloor rceil rangle end pmod bmod circ prime mid choose over")
_CLOSING = {"(": ")", "[": "]", "\\{": "\\}", "{": "}", "|": "|", "\\|": "\\|"}
_NORMS = {"|": "abs", "\\|": "norm"}
_SIGNS = ("+", "-", "pm", "mp")
_INVERTIBLE = ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh")  # whose power -1 is the inverse function


class _Parser(TokenCursor):
    """Recursive descent. `sign` says which of the two values of plus-minus is read."""

    def __init__(self, tokens: Sequence[Token], sign: int) -> None:
        super().__init__(tokens)
        self.sign = sign
        self.depth = 0

    def all(self) -> Tree:
        tree = self.sum()
        if self.at < len(self.tokens):
            raise Unreadable(self.tokens[self.at].text)
        return tree

    def sum(self) -> Tree:
        self.descend()
        terms: list[Tree] = []
        while not terms or self.sees(*_SIGNS):
            negative = self.negative()
            term = self.product()
            terms.append(_neg(term) if negative else term)
        self.depth -= 1
        return terms[0] if len(terms) == 1 else Call("+", tuple(terms))

    def descend(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable("too deep")

    def negative(self) -> bool:
        """Takes all signs that come next; says whether they make a minus."""
        negative = False
        while self.sees(*_SIGNS):
            sign = self.take().text
            negative ^= sign == "-" or (sign == "pm" and self.sign < 0) or (sign == "mp" and self.sign > 0)
        return negative

    def product(self) -> Tree:
        start = self.at
        result = self.power()
        whole = isinstance(result, Num) and result.digits is None and result.value.denominator == 1
        while (token := self.peek()) is not None:
            if token.text in ("*", "times", "cdot") and token.kind != "word":
                self.take()
                if self.accept("*"):
                    result = Call("^", (result, self.unary()))
                else:
                    other = self.unary()
                    of_vectors = token.text == "times" and all(map(_holds_a_vector, (result, other)))
                    result = Call("cross" if of_vectors else "*", (result, other))
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
        negative = self.negative()
        factor = self.power()
        return _neg(factor) if negative else factor

    def starts_factor(self, token: Token) -> bool:
        if token.kind in ("number", "symbol", "capitals"):
            return True
        if token.kind == "command":
            return token.text not in _NO_FACTORS
        return token.kind == "sign" and token.text in ("(", "[", "{", "\\{")

    def power(self) -> Tree:
        return self.postfix(self.primary())

    def postfix(self, base: Tree) -> Tree:
        while True:
            if self.accept("!"):
                base = Call("!!" if self.accept("!") else "!", (base,))
            elif self.accept("%", "\\%"):
                base = Call("/", (base, Num(Fraction(100))))
            elif self.accept("'"):
                base = _primed(base)
            elif self.accept("^"):
                base = self.raised(base)
            elif self.accept("_"):
                base = Call("_", (base, Sym(self.group_text())))
            else:
                return base

    def raised(self, base: Tree) -> Tree:
        inside = self.group()
        if inside and inside[0].text != "T" and all(token.text in ("circ", "prime", "'", "*", "T", "top") for token in inside):
            if inside[0].text == "circ":
                return Call("deg", (base,))
            for token in inside:
                base = _primed(base) if token.text in ("prime", "'") else Call("mark" + token.text, (base,))
            return base
        return Call("^", (base, self.inner(inside)))

    def group(self) -> list[Token]:
        """As in TokenCursor; a fraction or a root is one argument, too: x^\\frac12."""
        if not self.sees("frac", "sqrt"):
            return super().group()
        start = self.at
        self.primary()
        return self.tokens[start : self.at]

    def inner(self, tokens: Sequence[Token]) -> Tree:
        at = next((place for place, token in enumerate(tokens) if token.kind == "command" and token.text in ("choose", "over")), None)
        if at is not None and depth_of(tokens[:at]) == 0:
            name = "binom" if tokens[at].text == "choose" else "/"
            return Call(name, (self.inner(tokens[:at]), self.inner(tokens[at + 1 :])))
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
        self.descend()
        tree = self.primary()
        self.depth -= 1
        return tree

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
        if token.text == "{":
            self.at -= 1
            return self.inner(self.group())
        if token.text not in _CLOSING:
            raise Unreadable(token.text)
        tree = self.sum()
        self.expect(_CLOSING[token.text])
        return Call(_NORMS[token.text], (tree,)) if token.text in _NORMS else tree

    def number(self, token: Token) -> Tree:
        text = token.text
        if self.sees("overline", "dot", "ldots") and "." in text:
            return self.repeating(text)
        return number(text)

    def repeating(self, text: str) -> Tree:
        """0.1\\overline{6}, 0.\\dot{1}\\dot{2}, 0.333\\ldots"""
        if self.accept("ldots"):
            tail = text[-1:] if len(text) > 3 and text[-1:] == text[-2:-1] else ""
            if not tail:
                raise Unreadable("dots")
            return number(text, tail)
        digits = ""
        while self.accept("overline", "dot"):
            digits += self.group_text()
        if not (digits.isascii() and digits.isdigit()):
            raise Unreadable("repeating")
        return number(text, digits)

    def symbol(self, name: str) -> Tree:
        primes = 0
        while self.accept("'"):
            primes += 1
        while self.sees_raised_prime():
            self.take()
            primes += sum(part.text in ("prime", "'") for part in self.group())
        name += "'" * primes
        if not primes and self.accept("_"):
            name = f"{name}_{self.group_text()}"
            if self.accept("'"):
                name += "'"
        if self.sees("(") and (name[0] in "fghFGH" or primes) and len(name.rstrip("'").partition("_")[0]) == 1:
            return Call(name, tuple(self.arguments()))
        return Sym(name)

    def arguments(self) -> list[Tree]:
        """Of a function, in brackets, with commas between them."""
        closing = _CLOSING[self.take().text]
        found = [self.sum()]
        while self.accept(","):
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
            if self.accept("["):
                degree = self.sum()
                self.expect("]")
                return Call("^", (self.argument(), Call("/", (Num(Fraction(1)), degree))))
            return Call("sqrt", (self.primary() if self.sees("(", "{") else self.argument(),))
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
        if name in _LETTER_COMMANDS:
            return self.symbol(f"\\{name}{{{self.group_text()}}}")
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
                base = self.inner(self.group())
        args: tuple[Tree, ...]
        if self.sees("(", "[", "\\{"):
            args = tuple(self.arguments())
        elif self.sees("{"):
            args = (self.power(),)
        elif self.peek() is None:
            return Sym("\\" + name)
        else:
            args = (self.juxtaposed(),)
        inverse = isinstance(power, Num) and power.value == -1 and name in _INVERTIBLE
        call = Call("arc" + name if inverse else name, args if base is None else (*args, base))
        if power is not None and not inverse:
            call = Call("^", (call, power))
        return call

    def juxtaposed(self) -> Tree:
        """The argument of a function without brackets: sin 2x, log 5y."""
        if self.accept("-"):
            return _neg(self.juxtaposed())
        self.descend()
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
            bounds.append(Call(which, (Sym(self.group_text()),)))
        return Call("\\" + name, (*bounds, self.product()))


def _neg(tree: Tree) -> Tree:
    return Num(-tree.value, tree.digits) if isinstance(tree, Num) else Call("neg", (tree,))


def _holds_a_vector(tree: Tree) -> bool:
    return any(name.startswith("\\vec") for name in symbols(tree))


def _primed(base: Tree) -> Tree:
    return Sym(base.name + "'") if isinstance(base, Sym) else Call("'", (base,))


def parse(tokens: Sequence[Token]) -> list[Tree]:
    """The trees of an expression: two where it has a plus-minus. Raises Unreadable."""
    try:
        signs = (1, -1) if any(token.text in ("pm", "mp") and token.kind == "command" for token in tokens) else (1,)
        return [_Parser((), sign).inner(tokens) for sign in signs]
    except RecursionError as error:  # a caller that is itself deep leaves fewer frames than MAX_DEPTH takes
        raise Unreadable("too deep") from error
