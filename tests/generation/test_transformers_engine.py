"""The transformers engine: noise is drawn on the model's device, and a tokenizer needs no pad token."""

import shutil

import pytest

torch = pytest.importorskip("torch")

from distill.base.files import read_json, write_json  # noqa: E402
from distill.generation.engines import Request, Sampling, load  # noqa: E402
from distill.models.gumbel import Gumbel  # noqa: E402

REQUESTS = [Request([{"role": "user", "content": "+".join("123456"[: count + 1])}], seed) for count in range(4) for seed in range(3)]
SAMPLED = Sampling(0.8, 0.9, 12)


def answers(folder, **runtime) -> list:
    engine = load("transformers", folder, {"device": "cpu", **runtime})
    return [answer for _, answer in sorted(engine.answers(REQUESTS, SAMPLED))]


def test_a_tokenizer_without_a_pad_token_gives_the_same_answers(tiny_world, tmp_path):
    bare = shutil.copytree(tiny_world / "base", tmp_path / "bare")
    for name, key in (("tokenizer_config.json", "pad_token"), ("config.json", "pad_token_id"), ("generation_config.json", "pad_token_id")):
        write_json(bare / name, {**read_json(bare / name), key: None})
    assert load("transformers", bare, {"device": "cpu"}).tokenizer.pad_token is None
    expected = answers(tiny_world / "base")
    assert answers(bare) == expected
    assert len({answer.text for answer in expected}) > 3


@pytest.mark.parametrize("batch_size", [1, 5])
def test_a_sample_is_the_same_in_every_batch(tiny_world, batch_size):
    assert answers(tiny_world / "base", batch_size=batch_size) == answers(tiny_world / "base")


def test_rows_that_have_ended_leave_the_batch_and_change_no_answer(tiny_world, monkeypatch):
    """As without a growing cache, where all rows of a batch go on to the end of the longest."""
    requests = [Request(request.messages, seed) for seed, request in enumerate(REQUESTS)]
    engine, sizes = load("transformers", tiny_world / "base", {"device": "cpu"}), []
    engine.stops = set(range(0, len(engine.tokenizer), 30))  # this model never comes to an end of its own
    engine.network.generation_config.eos_token_id = sorted(engine.stops)
    generate = engine.network.generate
    engine.network.generate = lambda **given: sizes.append(len(given["input_ids"])) or generate(**given)
    shrinking = sorted(engine.answers(requests, Sampling(1.2, 1.0, 100)))
    assert sizes[0] == len(requests) and sizes == sorted(sizes, reverse=True) and len(sizes) > 1
    monkeypatch.setattr("distill.generation.engines.transformers.growing_cache", lambda network: {})
    sizes.clear()
    assert sorted(engine.answers(requests, Sampling(1.2, 1.0, 100))) == shrinking
    assert sizes == [len(requests)]
    assert len({answer.completion_tokens for _, answer in shrinking}) > 4


def test_noise_is_that_of_each_rows_own_seed():
    scores = torch.zeros(2, 1000)
    both = Gumbel([3, 4], "cpu")(None, scores)
    for row, seed in zip(both, (3, 4), strict=True):
        uniform = torch.rand(1000, generator=torch.Generator().manual_seed(seed))
        assert torch.equal(row, 0 - torch.log(-torch.log(uniform.clamp_min(1e-20))))
