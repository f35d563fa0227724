"""A teacher whose tokens, template or end of turn are others is found by preflight, once the files of both are there."""

import json

import pytest
import readme
import tiny_chat

from distill.base.files import read_json, write_json
from distill.config import preflight_part
from distill.config.load import load
from distill.config.plan import Plan
from distill.preflight import facts
from distill.preflight.pairs import pair_findings

OTHER_TEMPLATE = "Think hard. " + tiny_chat.CHATML
SCORED = {"train": {"base": "base", "dataset": "mini_r1", "loss": "kl", "packing": "none"}}
TAUGHT = {"role": "student", "distill": {"student": "ours", "teacher": "other", "prompts": "mini_r1", "steps": 1, "max_new_tokens": 9}}


@pytest.fixture
def found(tmp_path):
    """The findings of a student and a teacher from two folders, the teacher changed by `change`; `given` of the configuration."""

    def found(change=None, **given):
        for name in ("one", "two"):
            tiny_chat.save(tmp_path / name)
        if change:
            change(tmp_path / "two")
        config = readme.overlay(
            readme.example("config.yaml"),
            {
                "models": {
                    "base": {"source": {"miniature": None, "path": str(tmp_path / "one")}},
                    "other": {"source": {"path": str(tmp_path / "two")}},
                    "taught": TAUGHT,
                    "scored": SCORED,
                },
                "datasets": {"mini_r1": {"logits": {"teacher": "other"}}},
            },
        )
        part = facts.join_tasks(preflight_part.of(Plan(load(readme.overlay(config, given)))))
        for name, folder in (("base", "one"), ("other", "two")):
            sources = tmp_path / "results/sources/models"
            sources.mkdir(parents=True, exist_ok=True)
            (sources / name).symlink_to(tmp_path / folder)
            write_json(tmp_path / folder / "manifest.json", {"made_by": "fetch"})
        return {finding["about"]: finding["text"] for finding in pair_findings(part, tmp_path / "results")}

    return found


def other_token(folder):
    file = folder / "tokenizer.json"
    made = json.loads(file.read_bytes())
    vocabulary = made["model"]["vocab"]
    first, second, *_ = sorted(vocabulary, key=vocabulary.get)
    vocabulary[first], vocabulary[second] = vocabulary[second], vocabulary[first]
    file.write_text(json.dumps(made), encoding="utf-8")


def other_template(folder):
    (folder / "chat_template.jinja").write_text(OTHER_TEMPLATE, encoding="utf-8")


def other_end(folder):
    config = read_json(folder / "tokenizer_config.json")
    write_json(folder / "tokenizer_config.json", {**config, "eos_token": "<|endoftext|>"})


def test_the_same_tokenizer_fits(found):
    assert found() == {}


def test_another_token_for_an_id_is_said_of_both_steps(found):
    said = found(other_token)
    assert set(said) == {"distill taught", "logits mini_r1"}
    assert all("(2 tokens differ); name a teacher of the student's vocabulary" in text for text in said.values())
    assert said["distill taught"].startswith("other has ")


@pytest.mark.parametrize(
    ("change", "given", "part"),
    [
        (other_template, {}, "the chat templates of ours and other render a prompt differently from token 0 on: '<|im_start|>user"),
        (other_end, {"models": {"ours": {"train": {"eos_token": "<|im_end|>"}}}}, "ours ends its turns with <|im_end|>, and other with"),
    ],
)
def test_another_template_or_end_of_turn_is_said_of_the_distillation(found, change, given, part):
    said = found(change, **given)
    assert set(said) == {"distill taught"} and part in said["distill taught"], said


def test_a_declared_template_takes_the_place_of_the_files_own(found, tmp_path):
    (tmp_path / "chatml.jinja").write_text(tiny_chat.CHATML, encoding="utf-8")
    prepared = {"prepare": {"base": "other", "chat_template": str(tmp_path / "chatml.jinja")}}
    assert found(other_template, models={"alike": prepared, "taught": {"distill": {"teacher": "alike"}}}) == {}


def test_of_files_that_are_not_there_nothing_is_said(found, tmp_path):
    assert found(lambda folder: (folder / "tokenizer.json").unlink()) == {}
