"""A tokenizer's files as transformers 5 saves them, written so that transformers 4.5x loads them too: many servers run it."""

from pathlib import Path

from distill.base.files import read_json, write_json


def write_for_older_transformers(folder: Path) -> None:
    """Rename what transformers 5 writes and 4.51 to 4.57 cannot load, to the names that both read.

    A list under `extra_special_tokens` is an AttributeError there, and the class TokenizersBackend does not exist.
    """
    path = folder / "tokenizer_config.json"
    config = read_json(path)
    if isinstance(config.get("extra_special_tokens"), list):
        config["additional_special_tokens"] = config.pop("extra_special_tokens")
    if config.get("tokenizer_class") == "TokenizersBackend":
        config["tokenizer_class"] = "PreTrainedTokenizerFast"
    write_json(path, dict(sorted(config.items())))
