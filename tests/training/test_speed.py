"""FLOPs of a token, what a token attends to, and the peak of a device by the name that torch has for it."""

import pytest

torch = pytest.importorskip("torch")
from transformers import LlamaConfig, LlamaForCausalLM  # noqa: E402

from distill.training.speed import count_attended, flops_per_token, matrix_weights, peak_flops  # noqa: E402

SHAPE = {"hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 3}
LAYER = 32 * 32 + 2 * 32 * 16 + 32 * 32 + 3 * 32 * 48


@pytest.mark.parametrize("tied", [True, False])
def test_every_matrix_counts_but_an_embedding_that_is_only_looked_up(tied):
    model = LlamaForCausalLM(LlamaConfig(**SHAPE, vocab_size=100, tie_word_embeddings=tied))
    assert matrix_weights(model) == 3 * LAYER + 100 * 32
    assert flops_per_token(model, attended=7.0) == 6 * (3 * LAYER + 100 * 32) + 12 * 3 * 32 * 7


@pytest.mark.parametrize(
    ("inputs", "attended"),
    [
        ({"position_ids": torch.tensor([[0, 1, 2, 0, 1]])}, 1 + 2 + 3 + 1 + 2),
        ({"attention_mask": torch.tensor([[1, 1, 1], [1, 1, 0]])}, 6 + 3),
        ({"input_ids": torch.zeros(2, 3)}, 12),
    ],
    ids=["documents of a packed row", "padded rows", "whole rows"],
)
def test_tokens_attended_to_are_counted(inputs, attended):
    assert int(count_attended(inputs)) == attended


@pytest.mark.parametrize(
    ("name", "devices", "tflops"),
    [
        ("NVIDIA H200", None, 989),
        ("NVIDIA H100 80GB HBM3", {}, 989),
        ("NVIDIA H100 PCIe", None, 756),
        ("NVIDIA H100 NVL", None, 835),
        ("NVIDIA H200 NVL", None, 835),
        ("NVIDIA GH200 480GB", None, None),
        ("NVIDIA A100-SXM4-80GB", None, 312),
        ("NVIDIA GeForce RTX 4090", None, 165),
        ("NVIDIA L4", None, 121),
        ("NVIDIA L40S", None, None),
        ("MetaX C500", None, None),
        ("MetaX C500", {"tflops": 280}, 280),
        ("somebody's", {"name": "A10"}, 125),
    ],
)
def test_the_peak_of_a_device(name, devices, tflops):
    assert peak_flops(name, devices) == (tflops and tflops * 1e12)
