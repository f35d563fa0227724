"""Models that need trust_remote_code: their Python code is run only where the configuration sets it for that model.

Also refuses pickled weights, which can run code too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distill.base import manifest
from distill.base.errors import InputError

KEY = "trust_remote_code"
PICKLED = (".bin", ".pt", ".pth", ".ckpt")


@contextmanager
def remote_code_option(folder: str | Path) -> Iterator[dict[str, bool]]:
    """Yield {"trust_remote_code": ...} for from_pretrained, as the model's manifest says.

    Raises InputError in place of the ValueError by which transformers asks for the option.
    """
    try:
        yield {KEY: manifest.read(folder).get(KEY, False)}
    except ValueError as error:
        if KEY not in str(error):
            raise
        raise InputError(
            f"{folder}: needs Python code that comes with its files; read that code, then set {KEY}: true in this model's models: entry"
        ) from None


def check_weights(folder: str | Path, names: list[str]) -> None:
    """Raises InputError where a model has no safetensors. Pickled weights are never loaded, since loading can run code."""
    if any(name.endswith(".safetensors") for name in names):
        return
    pickled = [name for name in names if name.endswith(PICKLED)]
    what = f"only pickled weights ({', '.join(sorted(pickled)[:3])}), which are not read" if pickled else "no weights"
    raise InputError(f"{folder}: holds {what}; give it as safetensors (save_pretrained writes them)")
