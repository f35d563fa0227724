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

    def accept(self, *texts: str) -> bool:
        """Takes the next token where it is one of the texts; says whether it was."""
        seen = self.sees(*texts)
        self.at += seen
        return seen

    def group(self) -> list[Token]:
        """The tokens of an argument: what stands in braces or brackets, a number with its sign, else one token."""
        token = self.take()
        if token.kind != "sign":
            return [token]
        if token.text == "{":
            return self._up_to("{", "}")
        if token.text == "(":
            return self._up_to("(", ")")
        return [token, self.take()] if token.text in ("-", "+") else [token]

    def _up_to(self, opening: str, closing: str) -> list[Token]:
        start, depth = self.at, 1
        while depth:
            token = self.take()
            if token.kind == "sign":
                depth += (token.text == opening) - (token.text == closing)
        return self.tokens[start : self.at - 1]

    def group_text(self) -> str:
        return "".join(token.text for token in self.group())

    def expect(self, text: str) -> None:
        if self.take().text != text:
            raise Unreadable(f"no {text}")

    def sees_digits(self) -> bool:
        token = self.peek()
        return token is not None and token.kind == "number" and token.text.isdigit() and len(token.text) > 1

    def sees_raised_prime(self) -> bool:
        """Whether ^\\prime or ^{\\prime} comes next."""
        at = self.at + 1
        if not self.sees("^") or at >= len(self.tokens):
            return False
        inside = self.tokens[at + 1] if self.tokens[at].text == "{" and at + 1 < len(self.tokens) else self.tokens[at]
        return inside.text in ("prime", "'")
