"""The prompts of a distillation are those of its rows, each once; what is held out depends on the seed and no order."""

import random
import re

import pytest
import tiny_chat

from distill.base.errors import InputError
from distill.base.settings import whole_schema
from distill.training.prompts import prompts_digest, prompts_of, read_prompts, split


def rows(count: int = 40, answer: str = "1") -> list[dict]:
    return [
        {"id": str(at), "prompt": [{"role": "user", "content": f"{at}?"}], "completion": [{"role": "assistant", "content": answer}]}
        for at in range(count)
    ]


@pytest.fixture
def read(tmp_path):
    return lambda rows: read_prompts(tiny_chat.write_jsonl(tmp_path / "sft.jsonl", rows))


def test_a_prompt_of_several_traces_is_read_once_with_the_first_answer(read):
    found = read([*rows(3, "1"), *rows(3, "2")])
    assert [(prompt.messages[0]["content"], prompt.completion) for prompt in found] == [("0?", "1"), ("1?", "1"), ("2?", "1")]


def test_a_set_without_rows_is_an_error(read):
    with pytest.raises(InputError, match="holds no prompts; see funnel"):
        read([])


def test_the_digest_is_of_prompts_and_their_order_and_of_nothing_else(read):
    digest = prompts_digest(read(rows()))
    assert prompts_digest(read(rows(answer="another"))) == digest
    assert prompts_digest(read(rows(39))) != digest
    assert prompts_digest(read(rows()[::-1])) != digest


@pytest.mark.parametrize(("held_out", "expected"), [(0, 0), (3, 3), (4, 4), (128, 4)])
def test_at_most_a_tenth_is_held_out(read, held_out, expected):
    prompts = read(rows())
    trained, kept = split(prompts, held_out, seed=0)
    assert len(kept) == expected
    assert [prompt for prompt in prompts if prompt not in kept] == trained


def test_what_is_held_out_depends_on_the_seed_and_not_on_the_order(read):
    shuffled = rows()
    random.Random(0).shuffle(shuffled)
    drawn = {
        (order, seed): {prompt.key for prompt in split(read(given), 4, seed)[1]}
        for order, given in enumerate((rows(), shuffled))
        for seed in (0, 1)
    }
    assert drawn[0, 0] == drawn[1, 0] != drawn[0, 1]


def test_no_dataset_can_have_the_name_of_prompts():
    names = whole_schema()["properties"]["datasets"]["propertyNames"]["pattern"]
    assert re.fullmatch(names, "mini_r1") and not re.fullmatch(names, prompts_of("mini_r1"))
