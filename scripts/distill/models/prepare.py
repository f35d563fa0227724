"""Change the configuration of a model folder, without its weights: context length, end-of-turn token, chat template. No torch."""

from datetime import date
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.base.files import atomic_write, read_json, write_json
from distill.base.settings import Settings
from distill.base.template_date import freeze_date, writes_date

# The --spec of scripts/prepare_base.py.
SPEC = Settings("$defs/prepare/*", "$defs/model/trust_remote_code", without=("base", "chat_template"))


def write_declarations(folder: Path, spec: dict[str, Any], chat_template: str | None) -> None:
    """Write the keys of `spec` into the folder's config.json, generation_config.json and tokenizer files.

    rope_theta is written both where transformers 5 reads it (rope_parameters) and where vLLM and older code do (top level).
    Raises InputError for a folder without config.json, for an eos_token that is not in the vocabulary, and for a `today` that is no day or
    that the chat template does not write.
    """
    config = read_json(folder / "config.json")
    if "rope_theta" in spec:
        config["rope_theta"] = spec["rope_theta"]
        config["rope_parameters"] = {"rope_type": "default", **(config.get("rope_parameters") or {}), "rope_theta": spec["rope_theta"]}
    if "max_position_embeddings" in spec:
        config["max_position_embeddings"] = spec["max_position_embeddings"]
        _update(folder / "tokenizer_config.json", model_max_length=spec["max_position_embeddings"])
    if "eos_token" in spec:
        number = _token_id(folder, spec["eos_token"])
        config["eos_token_id"] = number
        _update(folder / "generation_config.json", eos_token_id=number)
        _update(folder / "tokenizer_config.json", eos_token=spec["eos_token"])
        if (folder / "special_tokens_map.json").exists():  # older models have it, and it overrides tokenizer_config.json
            _update(folder / "special_tokens_map.json", eos_token=spec["eos_token"])
    if spec:
        write_json(folder / "config.json", config)
    if "today" in spec:
        chat_template = _dated(chat_template or _template(folder), spec["today"])
    if chat_template is not None:
        # chat_template.jinja overrides the template in tokenizer_config.json.
        with atomic_write(folder / "chat_template.jinja") as file:
            file.write(chat_template)


def _template(folder: Path) -> str:
    """The chat template that the folder comes with; empty where it has none."""
    own = folder / "chat_template.jinja"
    found = own.read_text(encoding="utf-8") if own.exists() else read_json(folder / "tokenizer_config.json").get("chat_template")
    return found if isinstance(found, str) else ""


def _dated(template: str, today: str) -> str:
    if not writes_date(template):
        raise InputError("prepare.today: the chat template writes no date; remove it")
    try:
        return freeze_date(template, date.fromisoformat(today))
    except ValueError:
        raise InputError(f"prepare.today: {today} is no day; write one like 2025-02-01") from None


def _update(path: Path, **values: Any) -> None:
    write_json(path, {**(read_json(path) if path.exists() else {}), **values})


def _token_id(folder: Path, token: str) -> int:
    tokenizer = read_json(folder / "tokenizer.json")
    added = {entry["content"]: entry["id"] for entry in tokenizer.get("added_tokens", [])}
    known = {**tokenizer["model"].get("vocab", {}), **added} if isinstance(tokenizer["model"].get("vocab"), dict) else added
    if token not in known:
        raise InputError(
            f"prepare.eos_token: {token} is no token of {folder.name.strip('.').removesuffix('.part')}; name one of its tokens"
        )
    return known[token]
