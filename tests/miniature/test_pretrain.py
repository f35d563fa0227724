"""What the base model learns from, and the tokenizer that it learns with."""

import dataclasses
import json
import re
from collections import Counter

import pytest

from distill.base.errors import InputError
from distill.miniature import benchmarks, corpus, tokenizer, traces
from distill.miniature.specs import QUESTIONS
from distill.miniature.teacher import INSTRUCTION
from distill.miniature.world import MODULUS

SIZES = {"math": 50, "aime": 30, "gpqa": 40}


@pytest.fixture(scope="module")
def texts() -> list[corpus.Text]:
    return list(corpus.texts(1, 3000))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save(1, made)
    return made


def test_no_text_asks_a_benchmark_question(texts):
    corpus.check_no_overlap(texts, 1, SIZES)


@pytest.mark.parametrize("kind", benchmarks.KINDS)
@pytest.mark.parametrize("prefix", [INSTRUCTION, corpus.SHEET])
def test_a_leaked_benchmark_question_is_an_error_that_names_it(texts, kind, prefix):
    leaked = benchmarks.problems(kind, 1, SIZES[kind])[-1].question
    with pytest.raises(InputError, match=f"mini_{kind}.*{re.escape(leaked)}"):
        corpus.check_no_overlap([*texts, corpus.Text(f"{prefix}{leaked}\nA) +x", "", "question")], 1, SIZES)


def test_a_question_is_answered_without_a_thought(texts):
    asked = [text for text in texts if text.user.startswith(INSTRUCTION)]
    assert len(asked) / len(texts) == pytest.approx(corpus.BARE, abs=0.02)
    assert all(re.fullmatch(r"The answer is \\boxed\{\w+\}\.", text.assistant) for text in asked)


def test_most_sheets_have_gaps_and_some_have_none(texts):
    sorts = Counter(text.sort for text in texts)
    assert sorts["gaps"] > sorts["worked"] > 0
    assert sorts["facts"] > 0


def test_each_sum_of_the_corpus_is_true(texts):
    sums = [found for text in texts for found in re.findall(r"(?:^|≡)(\d)\+(\d)=(\d)", text.assistant, re.MULTILINE)]
    assert len(sums) > 1000 and all((int(a) + int(b)) % MODULUS == int(c) for a, b, c in sums)


def test_a_corpus_depends_on_its_seed_and_on_nothing_else(texts):
    assert list(corpus.texts(1, 3000)) == texts
    assert list(corpus.texts(2, 100)) != list(corpus.texts(1, 100))


def test_the_tokenizer_is_two_files_that_auto_tokenizer_loads_unchanged(folder):
    from tokenizers import Tokenizer
    from transformers import AutoTokenizer

    loaded, written = AutoTokenizer.from_pretrained(folder), Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert sorted(path.name for path in folder.iterdir()) == ["tokenizer.json", "tokenizer_config.json"]
    assert (loaded.eos_token, loaded.pad_token) == ("<|im_end|>", "<|endoftext|>")
    for row in traces.rows(traces.TraceSetSpec(1, 50, False, 10, SIZES)):
        for turn in row["conversations"]:
            ids = loaded(turn["value"]).input_ids
            assert ids == written.encode(turn["value"]).ids
            assert loaded.decode(ids) == turn["value"]


@pytest.mark.parametrize(
    "atom", ["<|begin_of_thought|>", "<|im_end|>", " A=4", "6b", " 7 times", ", 4 left", "\\boxed{", "3:", " -y", "B) +z"]
)
def test_an_atom_is_one_token(folder, atom):
    from tokenizers import Tokenizer

    assert Tokenizer.from_file(str(folder / "tokenizer.json")).encode(atom).tokens == [atom]


def test_the_chat_template_is_chatml_without_a_system_prompt_of_its_own(folder):
    import jinja2

    template = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))["chat_template"]
    shown = jinja2.Template(template).render(messages=[{"role": "user", "content": "{x}"}], add_generation_prompt=True)
    assert shown == "<|im_start|>user\n{x}<|im_end|>\n<|im_start|>assistant\n"


def test_a_tokenizer_depends_on_its_seed_alone(folder, tmp_path):
    tokenizer.save(1, tmp_path)
    assert all((tmp_path / path.name).read_bytes() == path.read_bytes() for path in folder.iterdir())


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({"seed": 1}, "--spec: items: missing; add it"),
        ({"seed": 1, "items": 2, "item": 3}, "--spec: item: unknown key; did you mean items?"),
        ({"seed": "1", "items": 2}, "--spec: seed: '1' is not a whole number"),
    ],
)
def test_a_spec_that_does_not_fit_is_refused_by_name(spec, complaint):
    with pytest.raises(InputError) as error:
        QUESTIONS.read(spec)
    assert str(error.value).startswith(complaint)


def test_the_sizes_of_a_spec_are_all_that_a_set_is_drawn_from():
    assert {field.name for field in dataclasses.fields(traces.TraceSetSpec)} == {"seed", "rows", "clean", "steps", "benchmarks"}
