"""A place in a run of tokens, for the parser: what comes next, and arguments in braces."""

from collections.abc import Sequence

from distill.grading.tokens import Token, Unreadable


class TokenCursor:
    """Reads tokens one after another; a group in braces is one argument."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = list(tokens)
        self.at = 0

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
        return [token]

    def subscript(self) -> str:
        inside = self.group()
        return "".join(token.text for token in inside)

    def expect(self, text: str) -> None:
        if self.take().text != text:
            raise Unreadable(f"no {text}")

    def sees_digits(self) -> bool:
        token = self.peek()
        return token is not None and token.kind == "number" and token.text.isdigit() and len(token.text) > 1

    def _raised_prime(self) -> bool:
        at = self.at + 1
        inside = self.tokens[at + 1] if self.tokens[at].text == "{" and at + 1 < len(self.tokens) else self.tokens[at]
        return inside.text in ("prime", "'")
