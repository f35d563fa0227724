"""Tokens of a chat as training sees them, without importing torch: the tokenizer's file and its chat template.

transformers' AutoTokenizer takes 6 seconds and 475 MB to import (5.19, with torch) and encodes with this same library; a test holds the
two together.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.base.files import read_json
from distill.base.template_date import freeze_date

Message = Mapping[str, str]


class ChatTokenizer:
    """`tokenizer.json`, `tokenizer_config.json`, `special_tokens_map.json` and the chat template of a model's folder."""

    def __init__(self, folder: str | Path, chat_template: str | None = None, eos_token: str | None = None) -> None:
        """`chat_template` and `eos_token`, which a template may write, stand in for the folder's own."""
        from tokenizers import Tokenizer

        folder = Path(folder)
        file = folder / "tokenizer.json"
        if not file.is_file():
            raise InputError(f"{file}: no such file: give the folder of a model with a fast tokenizer")
        try:
            self._tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:  # tokenizers 0.23 raises bare Exception
            raise InputError(f"{file}: not a tokenizer ({error}): fetch it again") from None
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        config = read_json(folder / "tokenizer_config.json")
        # As in transformers 5.19 (tokenization_utils_base._from_pretrained): this file of older models wins, but not over decoded tokens.
        if (folder / "special_tokens_map.json").is_file() and "added_tokens_decoder" not in config:
            config |= read_json(folder / "special_tokens_map.json")
        self._special = {key: token for key in _SPECIAL if (token := _content(config.get(key))) is not None}
        self._special |= {"eos_token": eos_token} if eos_token else {}
        self._template = _compile(freeze_date(chat_template or _template(folder, config)))

    @property
    def special_tokens(self) -> list[str]:
        """Tokens that steer a model, such as the end of a turn; spelled in a text they are encoded as such."""
        return [token.content for token in self._tokenizer.get_added_tokens_decoder().values() if token.special]

    @property
    def eos_token(self) -> str | None:
        return self._special.get("eos_token")

    def text(self, messages: Sequence[Message], add_generation_prompt: bool = False) -> str:
        """The chat as one text. Raises InputError where the template refuses the messages."""
        from jinja2 import TemplateError

        try:
            return self._template.render(messages=messages, add_generation_prompt=add_generation_prompt, **self._special)
        except TemplateError as error:
            raise InputError(f"the chat template refuses these messages ({error}): give another template or system prompt") from None

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text; special tokens only where the text spells them."""
        return [len(encoding) for encoding in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

    def encode_with_starts(self, texts: Sequence[str]) -> list[tuple[list[int], list[int]]]:
        """Ids of each text, and the character at which each token starts."""
        return [
            (found.ids, [start for start, _ in found.offsets]) for found in self._tokenizer.encode_batch(texts, add_special_tokens=False)
        ]

    def decode(self, ids: Iterable[int]) -> str:
        return self._tokenizer.decode(list(ids), skip_special_tokens=False)

    @property
    def vocabulary(self) -> dict[str, int]:
        """The id of each token, added ones too."""
        return self._tokenizer.get_vocab(with_added_tokens=True)

    def id_of(self, token: str) -> int | None:
        return self._tokenizer.token_to_id(token)


_SPECIAL = ("bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token")


def _content(token: Any) -> str | None:
    return token.get("content") if isinstance(token, dict) else token


def _template(folder: Path, config: Mapping[str, Any]) -> str:
    file = folder / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    template = config.get("chat_template")
    if isinstance(template, list):
        template = {entry["name"]: entry["template"] for entry in template}.get("default")
    if not template:
        raise InputError(f"{folder}: no chat template in chat_template.jinja or tokenizer_config.json: give the folder of a chat model")
    return template


def _compile(template: str) -> Any:
    """The template in transformers' own settings (5.19, utils/chat_template_utils.py)."""
    import jinja2
    import jinja2.ext
    import jinja2.nodes
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(jinja2.ext.Extension):
        """{% generation %} marks what the assistant wrote; here it only passes its body on."""

        tags = {"generation"}  # noqa: RUF012

        def parse(self, parser: Any) -> Any:
            line = next(parser.stream).lineno
            body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
            return jinja2.nodes.Scope(body, lineno=line)

    def raise_exception(message: str) -> None:
        raise jinja2.TemplateError(message)

    def tojson(value: Any, ensure_ascii: bool = False, indent: int | None = None, **kwargs: Any) -> str:
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **kwargs)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    environment.filters["tojson"] = tojson
    environment.globals["raise_exception"] = raise_exception
    try:
        return environment.from_string(template)
    except jinja2.TemplateSyntaxError as error:
        raise InputError(f"chat template: line {error.lineno} is not Jinja ({error.message}): fix the template") from None
