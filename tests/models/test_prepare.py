"""What is declared of a model is what its readers find."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import prepare_base
import pytest
import tiny_chat

from distill.base import manifest
from distill.base.errors import InputError
from distill.data.tokens import ChatTokenizer
from distill.models.prepare import write_declarations

LLAMA = (Path(find_spec("trl").origin).parent / "chat_templates" / "llama3_2.jinja").read_text(encoding="utf-8")


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
        ('{"today": "2025-02-01"}', "prepare.today: the chat template writes no date; remove it"),
        ('{"today": "1 Feb"}', "--spec: today: '1 Feb' is not a date in quotes like \"2025-02-01\""),
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


@pytest.mark.parametrize("where", ["tokenizer_config.json", "chat_template.jinja", "given"])
def test_the_date_that_a_template_writes_is_the_day_of_the_spec_for_all_who_load_the_model(tmp_path, where):
    """Llama 3.2's own template, as TRL ships it."""
    from transformers import AutoTokenizer

    folder = base(tmp_path)
    if where == "tokenizer_config.json":
        (folder / where).write_text(json.dumps(json.loads((folder / where).read_bytes()) | {"chat_template": LLAMA}), encoding="utf-8")
    elif where == "chat_template.jinja":
        (folder / where).write_text(LLAMA, encoding="utf-8")
    write_declarations(folder, {"today": "2025-02-01"}, LLAMA if where == "given" else None)
    chat = [{"role": "user", "content": "What?"}]
    written = [AutoTokenizer.from_pretrained(folder).apply_chat_template(chat, tokenize=False), ChatTokenizer(folder).text(chat)]
    assert written[0] == written[1] and "Today Date: 01 Feb 2025" in written[0]


def test_a_day_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(InputError, match="2025-02-30 is no day; write one like 2025-02-01"):
        write_declarations(base(tmp_path), {"today": "2025-02-30"}, LLAMA)
