"""What is declared of a model is what its readers find."""

import json
import sys
from pathlib import Path

import prepare_base
import pytest
import tiny_chat

from distill.base import manifest
from distill.base.errors import InputError
from distill.data.tokens import ChatTokenizer
from distill.models.prepare import write_declarations


def base(folder: Path) -> Path:
    """The declarations of a base whose turn ends with <|endoftext|>, as Qwen2.5 and older models write them."""
    tiny_chat.save(folder, eos="<|endoftext|>")
    (folder / "config.json").write_text(json.dumps({"model_type": "qwen2", "eos_token_id": 256}), encoding="utf-8")
    eos = {"content": "<|endoftext|>", "lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    known = {"additional_special_tokens": ["<|im_start|>", "<|im_end|>"], "eos_token": eos, "pad_token": eos}
    (folder / "special_tokens_map.json").write_text(json.dumps(known), encoding="utf-8")
    return folder


def test_the_end_of_a_turn_is_the_same_to_all_who_load_the_model(tmp_path):
    from transformers import AutoTokenizer

    folder = base(tmp_path)
    assert AutoTokenizer.from_pretrained(folder).eos_token == "<|endoftext|>"
    write_declarations(folder, {"eos_token": "<|im_end|>"}, None)
    loaded = AutoTokenizer.from_pretrained(folder)
    assert (loaded.eos_token, ChatTokenizer(folder).eos_token) == ("<|im_end|>", "<|im_end|>")
    assert loaded.pad_token == "<|endoftext|>"
    ids = [json.loads((folder / name).read_bytes())["eos_token_id"] for name in ("config.json", "generation_config.json")]
    assert ids == [loaded.eos_token_id, loaded.eos_token_id]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ('{"eos_token": "<|eot|>"}', "is no token of out"),
        ('{"rope_theata": 300000}', "--spec: rope_theata: unknown key; did you mean rope_theta"),
        ('{"max_position_embeddings": 0}', "--spec: max_position_embeddings: 0 is less than the minimum of 1"),
    ],
)
def test_a_refused_declaration_leaves_no_copy_of_the_weights(tmp_path, monkeypatch, spec, says):
    folder = base(tmp_path / "base")
    (folder / "model.safetensors").write_bytes(b"")
    manifest.write(folder, made_by="test")
    arguments = ["--base", tmp_path / "base", "--spec", spec, "--output", tmp_path / "out"]
    monkeypatch.setattr(sys, "argv", ["prepare_base.py", *map(str, arguments)])
    with pytest.raises(InputError, match=says):
        prepare_base.main()
    assert [path.name for path in tmp_path.iterdir()] == ["base"]
