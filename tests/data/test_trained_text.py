"""Whether a chat template trains on exactly prompt, generation prompt, completion and end of turn: templates as they are published."""

import sys
from importlib.util import find_spec
from pathlib import Path

import audit as audit_program
import pytest
import tiny_chat

from distill.base import files
from distill.base.errors import InputError
from distill.base.thoughts import completion
from distill.data.tokens import ChatTokenizer
from distill.data.trained_text import TemplateCheck

TEMPLATES = Path(find_spec("trl").origin).parent / "chat_templates"  # as TRL ships them, unchanged


def row(style: str) -> dict:
    return {
        "id": "a",
        "prompt": [{"role": "user", "content": "What?"}],
        "completion": [{"role": "assistant", "content": completion("Hm.", "It is \\boxed{7}.", style)}],
    }


@pytest.fixture
def difference(tmp_path):
    def difference(template: str, style: str, eos: str = "<|im_end|>") -> str | None:
        text = (TEMPLATES / template).read_text(encoding="utf-8") if template.endswith(".jinja") else template
        return TemplateCheck(ChatTokenizer(tiny_chat.save(tmp_path, eos=eos), text)).row(row(style))

    return difference


@pytest.mark.parametrize(
    ("template", "style", "says"),
    [
        ("qwen2_5.jinja", "stratos", None),
        ("qwen2_5.jinja", "think", None),
        ("qwen3.jinja", "think", None),
        ("qwen3.jinja", "stratos", r"adds '<think>\n\n</think>\n\n' before the completion"),
        ("qwen3_instruct_2507.jinja", "think", None),
        ("deepseek_r1_distill.jinja", "think", "writes"),
        (tiny_chat.CHATML, "stratos", None),
        (tiny_chat.CHATML.replace("<|im_start|>assistant\n", "<|im_start|>assistant\n<think>\n"), "think", None),
        (tiny_chat.CHATML.replace("<|im_start|>assistant\n", "<|im_start|>assistant\n<think>\n"), "stratos", "begins a generation after"),
        (tiny_chat.CHATML + "{% if not add_generation_prompt %}Bye.{% endif %}", "think", "adds 'Bye.' after the completion"),
        ("{% if not add_generation_prompt %}Hi. {% endif %}" + tiny_chat.CHATML, "think", "shows another prompt in training"),
        (tiny_chat.CHATML.replace("message['content']", "message['content'].split('</think>')[-1]"), "think", "writes"),
    ],
)
def test_what_a_template_adds_or_takes_is_shown(difference, template, style, says):
    found = difference(template, style)
    assert (found is None) == (says is None)
    assert says is None or says in found


def audit(tmp_path, template, style="stratos", **spec):
    sft = tiny_chat.write_jsonl(tmp_path / "sft.jsonl", [row(style)])
    file = tmp_path / "chat.jinja"
    file.write_text(template, encoding="utf-8")
    arguments = [
        "--sft",
        sft,
        "--tokenizer",
        tiny_chat.save(tmp_path / "chat"),
        "--chat-template",
        file,
        "--output",
        tmp_path / "audit.json",
    ]
    sys.argv = ["audit.py", *map(str, arguments), "--spec", files.dumps({"thought_style": style, "packing": "bfd", **spec})]
    audit_program.main()
    return files.read_json(tmp_path / "audit.json")


@pytest.fixture(autouse=True)
def arguments(monkeypatch):
    monkeypatch.setattr(sys, "argv", sys.argv)


def test_a_template_that_adds_text_stops_the_run_and_shows_the_text(tmp_path, capsys):
    template = (TEMPLATES / "qwen3.jinja").read_text(encoding="utf-8")
    with pytest.raises(InputError, match=r"altered_by_template: 100.0% \(stop_above: 0.0%\)"):
        audit(tmp_path, template)
    shown = {"id": "a", "difference": r"adds '<think>\n\n</think>\n\n' before the completion"}
    assert files.read_json(tmp_path / "audit.json")["altered_example"] == shown
    assert f"for example row a: the template {shown['difference']}" in capsys.readouterr().out
    assert audit(tmp_path, template, stop_above={"altered_by_template": 1})["altered_by_template"] == 1


@pytest.mark.parametrize(
    ("spec", "says"),
    [({"eos_token": "<|endoftext|>"}, "without_eos: 100.0%"), ({"max_length": 20}, "lose_eos: 100.0%")],
    ids=["no end of turn", "cut before the end of turn"],
)
def test_a_lost_end_of_turn_stops_the_run(tmp_path, spec, says):
    with pytest.raises(InputError, match=says):
        audit(tmp_path, tiny_chat.CHATML, **spec)
    audit(tmp_path, tiny_chat.CHATML, **spec, stop_above={"without_eos": 1, "lose_eos": 1, "lose_boxed_answer": 1})
