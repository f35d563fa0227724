"""Models that are made of Python code which came with their files: loaded only where the configuration says so of that model."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distill.base import manifest
from distill.base.errors import InputError

KEY = "trust_remote_code"
PICKLED = (".bin", ".pt", ".pth", ".ckpt")


@contextmanager
def remote_code_option(folder: str | Path) -> Iterator[dict[str, bool]]:
    """{"trust_remote_code": ...} for from_pretrained, from the model's manifest.

    Raises InputError in place of what transformers raises for a model that needs more than it is given.
    """
    try:
        yield {KEY: manifest.read(folder).get(KEY, False)}
    except ValueError as error:
        if KEY not in str(error):
            raise
        raise InputError(
            f"{folder}: is made of Python code that came with its files; read that code, then set {KEY}: true in this model's models: entry"
        ) from None


def check_weights(folder: str | Path, names: list[str]) -> None:
    """Raises InputError where a model's files hold no safetensors: pickled weights can run code when they are read, and are not."""
    if any(name.endswith(".safetensors") for name in names):
        return
    pickled = [name for name in names if name.endswith(PICKLED)]
    what = f"only pickled weights ({', '.join(sorted(pickled)[:3])}), which are not read" if pickled else "no weights"
    raise InputError(f"{folder}: holds {what}; give it as safetensors (save_pretrained writes them)")
