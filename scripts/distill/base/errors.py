"""Exceptions for bad input."""


class InputError(Exception):
    """Bad input. The message is one line: the file or key, what is wrong with it, and how to fix it."""


class AccessRefused(InputError):
    """Access to a gated source was refused."""
