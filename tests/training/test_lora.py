"""Adapters are added to the weights by the formula of their paper, and only layers of the model get one."""

import pytest

torch = pytest.importorskip("torch")
from distill.base.errors import InputError  # noqa: E402
from distill.training.lora import ALL, merged, targets_of  # noqa: E402

LAYERS = ["q_proj", "k_proj", "down_proj"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_merged_weights_are_the_base_and_the_scaled_product(dtype):
    draw = torch.Generator().manual_seed(0)
    base, a, b, other, bias = (torch.randn(shape, generator=draw) for shape in ((6, 4), (2, 4), (6, 2), (3, 3), (6,)))
    prefix = "base_model.model.model.layers.0"
    state = {
        f"{prefix}.q_proj.base_layer.weight": base.to(dtype),
        f"{prefix}.q_proj.base_layer.bias": bias,
        f"{prefix}.q_proj.lora_A.default.weight": a,
        f"{prefix}.q_proj.lora_B.default.weight": b,
        f"{prefix}.norm.weight": other,
    }
    found = merged(state, 32 / 2, dtype)
    assert list(found) == [f"model.layers.0.{name}" for name in ("q_proj.weight", "q_proj.bias", "norm.weight")]
    assert torch.equal(found["model.layers.0.q_proj.weight"], (base.to(dtype).float() + 16 * (b @ a)).to(dtype))
    assert torch.equal(found["model.layers.0.q_proj.bias"], bias) and torch.equal(found["model.layers.0.norm.weight"], other)


@pytest.mark.parametrize(("target", "layers"), [(ALL, LAYERS), ("k_proj", ["k_proj"]), (["down_proj", "q_proj"], ["down_proj", "q_proj"])])
def test_targets_are_names_of_layers(target, layers):
    assert targets_of(target, LAYERS) == layers


@pytest.mark.parametrize("target", ["qkv_proj", ["q_proj", "lm_head"]])
def test_a_target_that_is_no_layer_is_refused_with_those_that_are(target):
    with pytest.raises(InputError, match=r"target: '(qkv_proj|lm_head)' is no linear layer of this model; .* q_proj, k_proj, down_proj"):
        targets_of(target, LAYERS)
