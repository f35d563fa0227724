"""The exceptions for bad input."""


class InputError(Exception):
    """Bad input: one line that names the file or key, says what is wrong with it and what to do."""


class AccessRefused(InputError):
    """A source whose owner lets in only those who ask."""
