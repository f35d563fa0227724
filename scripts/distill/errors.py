"""The one exception for bad input."""


class InputError(Exception):
    """Bad input: one line that names the file or key, says what is wrong with it and what to do."""
