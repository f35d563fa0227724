"""A student's tokenizer, saved by transformers 5, is one that transformers 4.5x loads."""

import tiny_chat

from distill.base import files
from distill.models.tokenizer_files import write_for_older_transformers


def test_what_older_transformers_cannot_load_is_renamed_and_means_the_same_here(tmp_path):
    """4.51.3 and 4.57.3, run by hand on such a folder: said "Tokenizer class TokenizersBackend does not exist" before, load it after."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_chat.save(tmp_path / "base"), extra_special_tokens=["<|im_start|>", "<|im_end|>"])
    tokenizer.save_pretrained(tmp_path / "saved")
    path = tmp_path / "saved" / "tokenizer_config.json"
    assert files.read_json(path)["extra_special_tokens"] == ["<|im_start|>", "<|im_end|>"]
    write_for_older_transformers(path.parent)
    config = files.read_json(path)
    assert "extra_special_tokens" not in config and config["additional_special_tokens"] == ["<|im_start|>", "<|im_end|>"]
    assert config["tokenizer_class"] == "PreTrainedTokenizerFast"
    again = AutoTokenizer.from_pretrained(path.parent)
    text = "<|im_start|>user\nWhat?<|im_end|>"
    assert again(text).input_ids == tokenizer(text).input_ids
    assert again.all_special_tokens == tokenizer.all_special_tokens and again.eos_token == tokenizer.eos_token
    assert again.extra_special_tokens == ["<|im_start|>", "<|im_end|>"]
