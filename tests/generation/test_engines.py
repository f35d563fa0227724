"""What all engines that hold a model share: no prompt is cut, stop tokens come from the generation config, GPUs are shared out."""

import importlib.util
import os
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from distill.base.errors import InputError
from distill.base.paths import SCRIPTS
from distill.generation.engines import Request, Sampling, load, vllm
from distill.generation.engines.chat import prompts, stop_tokens
from distill.generation.engines.vllm import groups
from distill.grading.extract import cut_thought


class WordTokenizer:
    """Stand-in: a token a word, and one that opens the answer."""

    def __init__(self, opening: str = "<|im_start|>assistant\n", chat_template: str | None = "{{ messages }}"):
        self.opening, self.chat_template = opening, chat_template

    def apply_chat_template(self, messages, add_generation_prompt, return_dict):
        assert add_generation_prompt and not return_dict
        return [*messages[-1]["content"].split(), self.opening]

    def decode(self, tokens):
        return " ".join(tokens)


def fitted(lengths, max_new_tokens, context, of_protocol=None):
    requests = [Request([{"role": "user", "content": "word " * (length - 1)}], 0) for length in lengths]
    return prompts(WordTokenizer(), requests, Sampling(0.0, 1.0, max_new_tokens, of_protocol), context, "m")


@pytest.mark.parametrize(
    ("max_new_tokens", "context", "of_protocol", "rooms"),
    [(50, 100, None, [50, 50]), (95, 100, None, [90, 80]), (95, 100, 40, [30, 20]), (95, 100, 400, [90, 80]), (90, 100, None, [90, 80])],
    ids=["fits", "capped by the model", "capped by the protocol", "a protocol gives no context", "the last token fits"],
)
def test_an_answer_has_what_room_the_prompt_leaves(max_new_tokens, context, of_protocol, rooms, capsys):
    found = fitted([10, 20], max_new_tokens, context, of_protocol)
    assert [len(prompt.tokens) for prompt in found] == [10, 20]
    assert [prompt.room for prompt in found] == rooms
    capped = sum(room < max_new_tokens for room in rooms)
    assert capsys.readouterr().out.startswith(f"{capped} of 2 answers have less room" if capped else "")


def test_a_completion_is_its_text_alone_without_a_chat_template():
    class Plain(WordTokenizer):
        def __call__(self, text):
            return {"input_ids": text.split()}

    request = Request([{"role": "completion", "content": "Let a be 4. What <think>"}], 0)
    (prompt,) = prompts(Plain(chat_template=None), [request], Sampling(0.0, 1.0, 5), 100, "m")
    assert (prompt.tokens, prompt.opened) == (["Let", "a", "be", "4.", "What", "<think>"], "")


def test_a_model_without_a_chat_template_is_one_line_that_says_where_it_would_come_from():
    request = Request([{"role": "user", "content": "Why?"}], 0)
    with pytest.raises(InputError, match=r"^m: has no chat template.*\*\.jinja under source\.files.*prepare: \{chat_template"):
        prompts(WordTokenizer(chat_template=None), [request], Sampling(0.0, 1.0, 5), 100, "m")


def test_a_prompt_that_leaves_no_room_is_refused_without_a_word_of_it():
    with pytest.raises(InputError, match="a prompt of 100 tokens does not fit its context of 100") as error:
        fitted([10, 100], 5, 100)
    assert "word" not in str(error.value)


@pytest.mark.parametrize(
    ("opening", "opened"),
    [
        ("<|Assistant|><think>\n", "<think>\n"),
        ("a <think>", "<think>"),
        ("<think> b", ""),
        ("x<|begin_of_thought|>\n\n", "<|begin_of_thought|>\n\n"),
    ],
)
def test_a_thought_that_the_template_opens_is_part_of_the_answer(opening, opened):
    request = Request([{"role": "user", "content": "Why?"}], 0)
    (prompt,) = prompts(WordTokenizer(opening), [request], Sampling(0.0, 1.0, 5), 100, "m")
    assert prompt.opened == opened
    assert cut_thought(prompt.opened + "It is \\boxed{7}", False) == (("", "unclosed") if opened else ("It is \\boxed{7}", "none"))


@pytest.mark.parametrize(
    ("ids", "of_tokenizer", "stops", "says"),
    [
        (7, 9, {7}, ""),
        ([7, 8], 9, {7, 8}, ""),
        (0, 9, {0}, ""),
        (None, 9, {9}, "warning: generation_config.json has no eos_token_id: an answer ends at the tokenizer's <eos>"),
        (None, None, set(), "warning: generation_config.json has no eos_token_id: no answer ends before max_new_tokens"),
    ],
)
def test_stop_tokens_are_those_of_the_generation_config_or_else_of_the_tokenizer(ids, of_tokenizer, stops, says, capsys):
    assert stop_tokens(SimpleNamespace(eos_token_id=ids), SimpleNamespace(eos_token_id=of_tokenizer, eos_token="<eos>")) == stops
    assert capsys.readouterr().out.startswith(says)


def test_a_prompt_with_the_date_in_it_is_the_same_on_every_day():
    class DatedTokenizer(WordTokenizer):
        def apply_chat_template(self, messages, add_generation_prompt, return_dict, chat_template):
            return chat_template.split()

    request = Request([{"role": "user", "content": "Why?"}], 0)
    dated = DatedTokenizer(chat_template="Today is {{ strftime_now('%d %b %Y') }}. {{ messages }}")
    (prompt,) = prompts(dated, [request], Sampling(0.0, 1.0, 5), 100, "m")
    assert " ".join(prompt.tokens).startswith('Today is {{ "26 Jul 2024" }}.')


@pytest.mark.parametrize(
    ("gpus", "tensor_parallel", "visible", "found"),
    [
        (0, 1, None, [None]),
        (1, 1, None, [["0"]]),
        (4, 1, None, [["0"], ["1"], ["2"], ["3"]]),
        (4, 2, None, [["0", "1"], ["2", "3"]]),
        (2, 1, "5,GPU-8a", [["5"], ["GPU-8a"]]),
        (2, 2, "4,6,7", [["4", "6"]]),
    ],
)
def test_each_copy_of_a_model_has_gpus_of_its_own(gpus, tensor_parallel, visible, found):
    assert groups(gpus, tensor_parallel, visible) == found


@pytest.mark.parametrize(
    ("gpus", "tensor_parallel", "visible", "message"), [(3, 2, None, "no multiple of tensor_parallel 2"), (2, 1, "0", "shows 1")]
)
def test_gpus_that_cannot_be_shared_out_are_refused(gpus, tensor_parallel, visible, message):
    with pytest.raises(InputError, match=message):
        groups(gpus, tensor_parallel, visible)


@pytest.mark.parametrize(
    ("env", "gpus", "batch_invariant", "added"),
    [
        ({}, None, False, {"PYTHONPATH": str(SCRIPTS)}),
        ({"PYTHONPATH": ""}, None, False, {"PYTHONPATH": str(SCRIPTS)}),
        ({"PYTHONPATH": "/opt/vllm:/opt/more"}, None, False, {"PYTHONPATH": f"{SCRIPTS}{os.pathsep}/opt/vllm:/opt/more"}),
        ({"CUDA_VISIBLE_DEVICES": "0,1"}, ["1"], False, {"PYTHONPATH": str(SCRIPTS), "CUDA_VISIBLE_DEVICES": "1"}),
        ({"VLLM_USE_FLASHINFER_SAMPLER": "0"}, None, True, {"PYTHONPATH": str(SCRIPTS), "VLLM_BATCH_INVARIANT": "1"}),
    ],
    ids=["nothing set", "an empty PYTHONPATH", "vLLM is on PYTHONPATH", "its own GPUs", "batch invariance"],
)
def test_a_worker_keeps_the_environment_and_finds_this_project(env, gpus, batch_invariant, added):
    assert vllm.worker_environment(env, gpus, batch_invariant) == env | added


@pytest.mark.parametrize("engine", ["transformers", "openai"])
def test_an_engine_without_batch_invariant_answers_refuses_them(engine):
    with pytest.raises(InputError, match=f"sampling.batch_invariant: engine {engine} has no such answers: write engine: vllm"):
        load(engine, Path("a/model"), {"batch_invariant": True})


def platform(capability: int | None) -> SimpleNamespace:
    """A CUDA device of vLLM, or another where None."""
    return SimpleNamespace(is_cuda=lambda: capability is not None, has_device_capability=lambda least: capability >= least)


@pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed")
@pytest.mark.parametrize(
    ("on_cpu", "capability", "known", "refused"),
    [
        (True, None, True, "built for CPUs"),
        (False, 75, True, "older than compute capability 8.0"),
        (False, 90, False, "has no VLLM_BATCH_INVARIANT"),
        (False, 90, True, None),
        (False, None, True, None),
    ],
)
def test_vllm_refuses_batch_invariance_where_it_would_have_no_effect(on_cpu, capability, known, refused, monkeypatch):
    from vllm import envs

    from distill.generation.engines.vllm_worker import check_batch_invariance

    monkeypatch.setattr(envs, "environment_variables", {"VLLM_BATCH_INVARIANT": bool} if known else {})
    with pytest.raises(InputError, match=refused) if refused else nullcontext():
        check_batch_invariance(on_cpu, platform(capability))


STANDS_IN = """
import json, sys, time
time.sleep(0.3)
if sys.argv[1] == "refuses":
    print(json.dumps({"error": "why"}), flush=True)
elif sys.argv[1] == "dies":
    sys.exit(7)
else:
    for line in sys.stdin:
        for place, request in enumerate(json.loads(line)["requests"]):
            told = {"place": place, "text": str(request["seed"]), "finish_reason": "stop", "prompt_tokens": 1, "completion_tokens": 1}
            print(json.dumps(told), flush=True)
        print(json.dumps({"done": True}), flush=True)
"""


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """An Engine whose workers are a stand-in for vLLM's, which needs none of it."""
    (tmp_path / "stands_in.py").write_text(STANDS_IN, encoding="utf-8")
    monkeypatch.setattr(vllm, "SCRIPTS", tmp_path)
    monkeypatch.setattr(vllm, "vllm_worker", SimpleNamespace(__name__="stands_in"))

    def ask(model: str, gpus: int = 0) -> list[str]:
        engine = load("vllm", Path(model), {"respond_gpus": gpus})
        try:
            requests = [Request([{"role": "user", "content": "long " * 20_000}], seed) for seed in range(10)]
            found = dict(engine.answers(requests, Sampling(0.6, 1.0, 5)))
            return [found[place].text for place in range(10)]
        finally:
            engine.close()
            assert all(worker.process.poll() is not None for worker in engine.workers)

    return ask


@pytest.mark.parametrize("gpus", [0, 1, 3])
def test_each_answer_comes_back_to_its_request_whichever_worker_gave_it(ask, gpus):
    assert ask("answers", gpus) == [str(seed) for seed in range(10)]


@pytest.mark.parametrize(("model", "message"), [("refuses", "^why$"), ("dies", r"a vLLM worker has died \(exit code 7\)")])
def test_a_worker_that_ends_before_it_is_asked_says_why(ask, model, message):
    with pytest.raises(InputError, match=message):
        ask(model)
