"""Answers are kept as they come, and asked for once."""

import json
import os
import subprocess
import sys

import pytest

from distill.base.errors import InputError
from distill.base.files import write_jsonl
from distill.base.work import locked, open_work_folder
from distill.generation.engines import Answer
from distill.generation.responses import mark_complete, prompt_key, response_set, sample_seed
from distill.generation.store import AnswerStore

SPEC = {"engine": "transformers", "n_samples": 2, "temperature": 0.6, "top_p": 0.95, "max_new_tokens": 8, "seed": 1}
PROMPTS = [{"id": str(n), "messages": [{"role": "user", "content": f"What is {n}?"}], "gold": str(n), "kind": "math"} for n in range(3)]


@pytest.fixture
def ask(tmp_path):
    def ask(prompts=PROMPTS, model="m", **spec):
        write_jsonl(tmp_path / "mini_math" / "prompts.jsonl", prompts)
        return response_set(
            tmp_path / "work", model, tmp_path / "mini_math" / "prompts.jsonl", SPEC | spec, tmp_path / "out" / "mini_math.jsonl"
        )

    return ask


def answer_all(one):
    for prompt, sample in one.missing():
        one.keep((prompt, sample), Answer(f"{prompt['id']} {sample}", "stop", 5, 3))


def test_what_is_kept_is_not_missing(ask):
    assert len(ask().missing()) == 6
    answer_all(ask())
    assert ask().missing() == []
    assert [(row["id"], row["sample"], row["text"]) for row in ask().rows()][:3] == [("0", 0, "0 0"), ("0", 1, "0 1"), ("1", 0, "1 0")]


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"n_samples": 3}, 3),
        ({"n_samples": 1}, 0),
        ({"temperature": 0.7}, 6),
        ({"seed": 2}, 6),
        ({"model": "other weights"}, 6),
        ({"prompts": [*PROMPTS[:2], PROMPTS[2] | {"messages": [{"role": "user", "content": "Otherwise?"}]}]}, 2),
        ({"prompts": [PROMPTS[0] | {"gold": "another"}, *PROMPTS[1:]]}, 0),
        ({"prompts": PROMPTS[::-1]}, 0),
    ],
)
def test_a_change_costs_what_it_changes(ask, change, missing):
    answer_all(ask())
    assert len(ask(**change).missing()) == missing


def test_zero_and_zero_point_zero_are_one_temperature(ask):
    answer_all(ask(temperature=0))
    assert ask(temperature=0.0).missing() == []


def test_a_torn_last_line_costs_that_answer(tmp_path):
    store = AnswerStore(tmp_path / "a.jsonl")
    store.append([{"key": "k", "sample": n, "text": "x"} for n in range(3)])
    with open(tmp_path / "a.jsonl", "r+b") as file:
        file.truncate((tmp_path / "a.jsonl").stat().st_size - 4)
    again = AnswerStore(tmp_path / "a.jsonl")
    assert sorted(again.answers) == [("k", 0), ("k", 1)]
    again.append([{"key": "k", "sample": 2, "text": "y"}])
    assert [json.loads(line)["text"] for line in (tmp_path / "a.jsonl").read_text().splitlines()] == ["x", "x", "y"]


def test_answers_are_read_where_they_stand_and_the_latest_counts(tmp_path):
    rows = [{"key": key, "sample": 0, "text": text} for key, text in (("a", "x\u2028\n"), ("b", "\ud800é"), ("a", "later"))]
    store = AnswerStore(tmp_path / "a.jsonl")
    store.append(rows[:1])
    store.append(rows[1:])
    for opened in (store, AnswerStore(tmp_path / "a.jsonl")):
        assert dict(opened.answers) == {("a", 0): rows[2], ("b", 0): rows[1]}
        assert ("a", 1) not in opened.answers and opened.answers.get(("a", 1)) is None


def test_responses_are_settled_once_marked_and_until_something_changes(ask):
    one = ask()
    assert not one.is_complete()
    answer_all(one)
    write_jsonl(one.output, one.rows())
    mark_complete(one)
    assert ask().is_complete()
    assert not ask(temperature=0.7).is_complete()
    assert not ask(n_samples=3).is_complete()


def test_seeds_differ_by_sample_and_prompt_and_stay_when_samples_are_added():
    seeds = {(prompt["id"], sample): sample_seed(1, prompt, sample) for prompt in PROMPTS for sample in range(4)}
    assert len(set(seeds.values())) == 12
    assert sample_seed(1, PROMPTS[0], 0) == seeds["0", 0] != sample_seed(2, PROMPTS[0], 0)
    assert prompt_key(PROMPTS[0]) == prompt_key(PROMPTS[0] | {"id": "renamed"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"engine": "vlm"}, "engine: 'vlm' is not known; write one of vllm, transformers, openai"),
        ({"engine": None}, "engine: None is not known"),
        ({"n_samples": 0}, "n_samples: 0 is less than the minimum of 1"),
        ({"temprature": 0.5}, "temprature: unknown key; did you mean temperature?"),
    ],
)
def test_a_sampling_with_an_error_is_refused_in_one_line(ask, change, message):
    with pytest.raises(InputError) as error:
        ask(**change)
    assert str(error.value).startswith(f"--spec: {message}")


def test_another_engine_answers_anew(ask):
    answer_all(ask())
    assert len(ask(engine="vllm").missing()) == 6
    assert ask().missing() == []


def test_a_run_is_refused_to_a_second_process_and_free_after_the_first_died(tmp_path):
    folder = open_work_folder(tmp_path, {"a": 1})
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom distill.base.work import locked\n"
        "with locked(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, folder], stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": os.pathsep.join(sys.path)}
    )
    assert other.stdout.readline() == "held\n"
    with pytest.raises(InputError, match=f"process {other.pid} is using this work folder"), locked(folder):
        pass
    other.kill()
    other.wait()
    with locked(folder):
        pass
