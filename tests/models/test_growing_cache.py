"""A cache that has room changes no bit of what a model computes, and is copied once in many tokens."""

import weakref

import pytest

torch = pytest.importorskip("torch")

from transformers import AutoConfig, AutoModelForCausalLM  # noqa: E402
from transformers.cache_utils import DynamicLayer  # noqa: E402

from distill.models import growing_cache as module  # noqa: E402
from distill.models.growing_cache import ROOM, GrowingLayer, growing_cache  # noqa: E402

SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1}


def model(kind: str, **config) -> torch.nn.Module:
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, vocab_size=97, **SIZES | {"head_dim": 16} | config)).eval()


@pytest.mark.parametrize("kind", ["qwen2", "qwen3", "llama", "olmo2", "gpt2"])
def test_it_gives_the_logits_of_transformers_own(kind):
    network, ids = model(kind), torch.randint(1, 90, (3, 5), generator=torch.Generator().manual_seed(1))
    mask = torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 1, 1], [0, 1, 1, 1, 1]])
    how = {"attention_mask": mask, "max_new_tokens": 2 * ROOM + 5, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}
    how |= {"output_logits": True, "return_dict_in_generate": True}
    plain, grown = network.generate(ids, **how), network.generate(ids, **how, **growing_cache(network))
    assert torch.equal(plain.sequences, grown.sequences)
    assert all(torch.equal(one, other) for one, other in zip(plain.logits, grown.logits, strict=True))
    assert all(type(layer) is GrowingLayer for layer in grown.past_key_values.layers)


def test_all_is_copied_once_in_many_tokens(monkeypatch):
    copies, copied = [], module._with_room
    monkeypatch.setattr(module, "_with_room", lambda *given: copies.append(given) or copied(*given))
    layer = GrowingLayer()
    for _ in range(2 * ROOM):
        layer.update(torch.ones(1, 1, 1, 2), torch.ones(1, 1, 1, 2))
    assert len(copies) == 2 * 2  # keys and values


def test_rows_that_are_left_out_leave_the_memory():
    layer = GrowingLayer()
    layer.update(torch.ones(4, 1, 8, 2), torch.ones(4, 1, 8, 2))
    kept = [weakref.ref(room.untyped_storage()) for room in layer.room]
    layer.batch_select_indices(torch.tensor([1]))
    assert layer.keys.shape == (1, 1, 8, 2)
    assert layer.room == layer.shown == (None, None) and [one() for one in kept] == [None, None]


def test_what_others_do_with_a_layer_is_kept():
    seen = []
    for layer in (GrowingLayer(), DynamicLayer()):
        held = []
        for change in ("batch_repeat_interleave 2", "reorder_cache", "batch_select_indices", "crop -2", "reset"):
            for start in (0, 100):
                states = torch.arange(start, start + 12.0).view(2, 1, 3, 2)
                layer.update(states, -states)
                held += [layer.keys.tolist(), layer.values.tolist()]
            name, *number = change.split()
            if name == "batch_repeat_interleave":
                layer.batch_repeat_interleave(2)
                layer.batch_select_indices(torch.tensor([3, 0]))
            else:
                getattr(layer, name)(*(map(int, number) if number or name == "reset" else [torch.tensor([1, 0])]))
        seen.append(held)
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    ("kind", "config"),
    [("mistral", {"sliding_window": 8}), ("gemma3_text", {}), ("mamba", {})],
    ids=["a sliding window", "some windows", "no keys"],
)
def test_a_model_that_keeps_less_has_its_own(kind, config):
    assert growing_cache(model(kind, **config)) == {}
