"""scripts/respond.py: one load of a model answers its benchmark, then what is missing of the model's others and nobody else answers."""

import json

import pytest
import respond

from distill.base import manifest
from distill.base.errors import InputError
from distill.base.files import read_jsonl, write_jsonl
from distill.base.work import locked
from distill.generation import engines
from distill.generation.engines import Answer
from distill.generation.responses import response_set

SPEC = {"engine": "transformers", "n_samples": 1, "temperature": 0.0, "top_p": 1.0, "max_new_tokens": 8, "seed": 1}


class StandIn:
    """An engine that echoes, and refuses a question that holds `too long`."""

    def __init__(self, loads):
        self.asked: list[str] = []
        loads.append(self.asked)

    def answers(self, requests, sampling):
        for place, request in enumerate(requests):
            question = request.messages[-1]["content"]
            if "too long" in question:
                raise InputError("a prompt is too long")
            self.asked.append(question)
            yield place, Answer(question, "stop", 1, 1)


@pytest.fixture
def run(monkeypatch, tmp_path):
    """run(benchmark) answers it with a, b and c as siblings; run.loads are the questions that each load of the model answered."""
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "config.json").write_text("{}")
    manifest.write(tmp_path / "m")

    def place(name, spec=SPEC):
        return {"prompts": str(tmp_path / name / "prompts.jsonl"), "spec": spec, "output": str(tmp_path / "m_answers" / f"{name}.jsonl")}

    def run(benchmark, **specs):
        siblings = json.dumps([place(name, SPEC | specs.get(name, {})) for name in "abc"])
        words = {"model": tmp_path / "m", "siblings": siblings, "work": tmp_path / "work"}
        words |= place(benchmark) | {"spec": json.dumps(SPEC)}
        monkeypatch.setattr("sys.argv", ["respond.py", *(f"--{key}={value}" for key, value in words.items())])
        respond.main()
        return [row["text"] for row in read_jsonl(place(benchmark)["output"])]

    def prompts(name, *questions):
        rows = [{"id": str(number), "messages": [{"role": "user", "content": text}]} for number, text in enumerate(questions)]
        write_jsonl(tmp_path / name / "prompts.jsonl", rows)

    run.loads, run.prompts = [], prompts
    run.folder = lambda name: response_set(tmp_path / "work", manifest.read(tmp_path / "m")["digest"], **place(name)).folder
    monkeypatch.setattr(engines, "load", lambda *_: StandIn(run.loads))
    return run


def test_a_load_answers_the_siblings_too_and_their_own_steps_load_nothing(run):
    run.prompts("a", "a1", "a2")
    run.prompts("b", "b1")
    assert run("a") == ["a1", "a2"]  # c has no prompts yet
    assert run("b") == ["b1"]
    assert run.loads == [["a1", "a2", "b1"]]
    run.prompts("c", "c1")
    run.prompts("a", "a1", "a3")
    assert run("c") == ["c1"]
    assert run.loads[1] == ["c1", "a3"]


def test_what_another_process_answers_is_left_to_it_and_so_is_what_this_load_cannot_answer(run):
    for name in "abc":
        run.prompts(name, f"{name}1")
    with locked(run.folder("b")):
        assert run("a", c={"engine": "vllm"}) == ["a1"]
    assert run.loads == [["a1"]]
    assert run("b") == ["b1"]
    assert run.loads[1] == ["b1", "c1"]


def test_a_sibling_is_free_while_another_is_answered(run, monkeypatch):
    """Its own step, where it has a device, loads the model and shares the work, in place of waiting for the end of all."""
    for name in "abc":
        run.prompts(name, f"{name}1")
    answer, free = respond.answer_missing, []

    def watched(engine, wanted, runtime):
        for name in sorted({*"abc"} - {wanted.output.stem}):
            with locked(run.folder(name)):
                free.append(f"{name} while {wanted.output.stem}")
        answer(engine, wanted, runtime)

    monkeypatch.setattr(respond, "answer_missing", watched)
    run("a")
    assert free == ["b while a", "c while a", "a while b", "c while b", "a while c", "b while c"]


def test_an_error_in_a_sibling_is_left_to_its_own_step(run, capsys):
    run.prompts("a", "a1")
    run.prompts("b", "too long")
    run.prompts("c", "c1")
    assert run("a") == ["a1"]
    assert "b.jsonl: left to its own step (a prompt is too long)" in capsys.readouterr().out
    assert run.loads == [["a1", "c1"]]
    with pytest.raises(InputError, match="a prompt is too long"):
        run("b")
