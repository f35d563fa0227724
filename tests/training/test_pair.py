"""A teacher that cannot score what its student writes is one line that names the first thing that does not fit."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny_chat

pytest.importorskip("torch")

import tiny_training as tiny

from distill.base import manifest
from distill.base.errors import InputError
from distill.base.files import read_json, write_json
from distill.training.pair import Side, check_pair
from distill.training.prompts import Prompt

PROMPTS = [Prompt([{"role": "user", "content": "+".join("123456789"[:length])}], "") for length in range(1, 10)]


def edit(folder: Path, file: str, **changes: object) -> None:
    write_json(folder / file, {**read_json(folder / file), **changes})


def another_token(folder: Path) -> None:
    tokenizer = read_json(folder / "tokenizer.json")
    tokenizer["added_tokens"][0]["content"] = "<|other|>"
    write_json(folder / "tokenizer.json", tokenizer)


def more_tokens(folder: Path) -> None:
    tiny_chat.save(folder, merges=(("a", "b"),))


def fewer_rows(folder: Path) -> None:
    edit(folder, "config.json", vocab_size=read_json(folder / "config.json")["vocab_size"] - 1)


def another_template(folder: Path) -> None:
    template = tiny_chat.CHATML.replace("<|im_start|>assistant\n", "<|im_start|>assistant\n<think>\n")
    edit(folder, "tokenizer_config.json", chat_template=template)


def no_template(folder: Path) -> None:
    edit(folder, "tokenizer_config.json", chat_template=None)


def another_end(folder: Path) -> None:
    edit(folder, "tokenizer_config.json", eos_token="<|endoftext|>")
    edit(folder, "generation_config.json", eos_token_id=256)


def short_context(folder: Path) -> None:
    edit(folder, "config.json", max_position_embeddings=40)


# what is changed of the teacher, and what is said
MISFITS: list[tuple[Callable[[Path], None], str]] = [
    (another_token, "has '<|other|>' as token 256 where {student} has '<|endoftext|>' ("),
    (more_tokens, "as token 256 where {student} has '<|endoftext|>' (4 tokens differ); name a teacher of the student's vocabulary"),
    (fewer_rows, "has 258 rows in its vocabulary, and {student} has 259; name a teacher with as many or more"),
    (another_template, "render a prompt differently from token 20 on: '' and '<think>\\n'; give both the same with prepare: "),
    (no_template, "{teacher} has no chat template; give it one with prepare: {{chat_template: ..}}"),
    (another_end, "{student} ends its turns with <|im_end|>, and {teacher} with <|endoftext|>; give one of them the other's"),
    (short_context, "longest prompt has 36 tokens, and 12 more are beyond the context of {teacher}, 40; lower it to 4, or extend"),
]


@pytest.fixture
def pair(tiny_world, tmp_path) -> tuple[Path, Path]:
    return tiny_world / "base", shutil.copytree(tiny_world / "base", tmp_path / "teacher")


@pytest.mark.parametrize(("change", "said"), MISFITS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_teacher_that_does_not_fit_is_one_line(pair, change, said):
    student, teacher = pair
    change(teacher)
    manifest.write(teacher, made_by="test")
    with pytest.raises(InputError) as error:
        check_pair(Side.of(student), Side.of(teacher), PROMPTS, 12)
    assert said.format(student=student, teacher=teacher) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_prompt_that_fits_exactly_is_right(pair):
    student, teacher = map(Side.of, pair)
    longest = max(len(student.render(prompt)) for prompt in PROMPTS)
    check_pair(student, teacher, PROMPTS, 512 - longest)
    with pytest.raises(InputError, match=f"lower it to {512 - longest}, or extend"):
        check_pair(student, teacher, PROMPTS, 513 - longest)


def test_a_teacher_with_padding_rows_in_its_embedding_fits(pair):
    student, teacher = pair
    edit(teacher, "config.json", vocab_size=320)
    check_pair(Side.of(student), Side.of(teacher), PROMPTS, 12)


def test_a_template_and_an_end_of_turn_of_the_recipe_take_the_place_of_the_students_own(pair):
    student, teacher = pair
    another_template(teacher)
    another_end(teacher)
    template = read_json(teacher / "tokenizer_config.json")["chat_template"]
    check_pair(Side.of(student, template, "<|endoftext|>"), Side.of(teacher), PROMPTS, 12)
    with pytest.raises(InputError, match=r"distill.eos_token: <\|end\|> is no token of"):
        Side.of(student, None, "<|end|>")


def test_the_tiny_models_are_what_these_tests_take_them_for(pair):
    assert tiny.digest(pair[0]) == tiny.digest(pair[1])
