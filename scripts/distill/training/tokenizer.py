"""The tokenizer that a model is trained with."""

from pathlib import Path

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from distill.base.template_date import freeze_date
from distill.models.remote_code import remote_code_option


def load_tokenizer(folder: Path, template: str | None) -> PreTrainedTokenizerBase:
    """The tokenizer of a model folder, with `template` in place of its own chat template if given; one that writes the date writes a fixed
    one."""
    with remote_code_option(folder) as code:
        tokenizer = AutoTokenizer.from_pretrained(folder, **code)
    if template is not None:
        tokenizer.chat_template = template
    if isinstance(tokenizer.chat_template, str):
        tokenizer.chat_template = freeze_date(tokenizer.chat_template)
    return tokenizer
