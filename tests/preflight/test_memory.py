"""The activations that preflight counts are those that autograd keeps: each tensor saved for backward, of a real model on the CPU."""

import pytest

from distill.preflight.arch import Arch, Lora
from distill.preflight.memory import Batch, Launch, layer_bytes, training

CONFIG = {
    "model_type": "qwen2",
    "hidden_size": 128,
    "intermediate_size": 384,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 512,
    "tie_word_embeddings": True,
    "max_position_embeddings": 512,
}
ROWS, LENGTH = 2, 200


def kept(layers: int, bfloat16: bool, checkpointing: bool, lora: Lora | None = None) -> int:
    """Bytes that one forward pass leaves for the backward pass, without weights and their copies in bfloat16."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    config = Qwen2Config(**{key: value for key, value in CONFIG.items() if key != "model_type"}, num_hidden_layers=layers)
    dtype = torch.bfloat16 if lora and bfloat16 else torch.float32  # as sft.build loads a base
    model = Qwen2ForCausalLM._from_config(config, attn_implementation="sdpa", dtype=dtype).train()
    model.config.use_cache = False
    if lora:
        from peft import LoraConfig, get_peft_model

        model = get_peft_model(model, LoraConfig(r=lora.r, target_modules=list(lora.target), task_type="CAUSAL_LM"))
        model.enable_input_require_grads()
    if checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    shapes = {tuple(parameter.shape) for parameter in model.parameters()} | {
        tuple(reversed(parameter.shape)) for parameter in model.parameters()
    }
    saved, alive = {}, []

    def pack(tensor):
        copy = bfloat16 and tensor.dtype == torch.bfloat16 and tuple(tensor.shape) in shapes
        if tensor.untyped_storage().data_ptr() not in weights and not copy:
            saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        alive.append(tensor)
        return tensor

    ids = torch.randint(0, CONFIG["vocab_size"], (ROWS, LENGTH))
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        model(input_ids=ids, labels=ids)
    return sum(saved.values())


@pytest.mark.slow
@pytest.mark.parametrize("bfloat16", [True, False])
@pytest.mark.parametrize("checkpointing", [True, False])
@pytest.mark.parametrize("target", ["all-linear", ["q_proj", "v_proj"], ["o_proj", "down_proj"]], ids=str)
def test_activations_of_a_layer_with_adapters_are_what_autograd_keeps(bfloat16, checkpointing, target):
    arch = Arch.of({**CONFIG, "num_hidden_layers": 2})
    lora = Lora.of({"lora": {"r": 8, "target": target}}, arch)
    a_layer = (kept(4, bfloat16, checkpointing, lora) - kept(2, bfloat16, checkpointing, lora)) / 2 / (ROWS * LENGTH)
    estimated = (2 if bfloat16 else 4) * arch.hidden if checkpointing else layer_bytes(arch, bfloat16, lora=lora)
    assert estimated == pytest.approx(a_layer, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("bfloat16", [True, False])
@pytest.mark.parametrize("checkpointing", [True, False])
def test_activations_of_a_layer_are_what_autograd_keeps(bfloat16, checkpointing):
    arch = Arch.of({**CONFIG, "num_hidden_layers": 2})
    a_layer = (kept(4, bfloat16, checkpointing) - kept(2, bfloat16, checkpointing)) / 2 / (ROWS * LENGTH)
    estimated = 4 * arch.hidden if checkpointing else layer_bytes(arch, bfloat16)
    assert estimated == pytest.approx(a_layer, rel=0.02)


def most_held(bfloat16: bool, tokens: int, words: int) -> int:
    """Bytes of all tensors at the worst moment of a step of loss kl, without those of the model and its gradients."""
    import weakref
    from types import SimpleNamespace

    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from distill.training.trainer import Trainer

    class Held(TorchDispatchMode):
        def __init__(self):
            super().__init__()
            self.sizes: dict[int, int] = {}
            self.most = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            made = function(*args, **(kwargs or {}))
            for tensor in tree_leaves(made):
                if isinstance(tensor, torch.Tensor) and (key := (storage := tensor.untyped_storage())._cdata) not in self.sizes:
                    self.sizes[key] = storage.nbytes()
                    weakref.finalize(storage, self.sizes.pop, key, None)
            self.most = max(self.most, sum(self.sizes.values()))
            return made

    model = Qwen2ForCausalLM(Qwen2Config(**{**CONFIG, **SMALL, "vocab_size": words}))
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    ids = torch.randint(0, words, (1, tokens))
    taught = {"teacher_ids": torch.zeros(1, tokens, 1, dtype=torch.int64), "teacher_log_p": torch.full((1, tokens, 1), -1.0)}
    sums = SimpleNamespace(_counts=torch.zeros(4, dtype=torch.int64), _entropy=torch.zeros(()), kl_weight=0.9)
    with Held() as held:
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            losses = Trainer._kl_losses(sums, model, {"input_ids": ids, "labels": ids, **taught})
        losses.sum().backward()
    return held.most


SMALL = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "num_key_value_heads": 1}


@pytest.mark.parametrize("bfloat16", [True, False])
@pytest.mark.parametrize("tokens", [1024, 3000])
def test_loss_kl_holds_the_logits_that_are_counted(bfloat16, tokens):
    words = 4000
    arch = Arch.of({**CONFIG, **SMALL, "vocab_size": words})
    by_head = {kl: training(arch, Launch(), Batch(1, tokens, bfloat16, False, whole_logits=kl))["head"] for kl in (True, False)}
    tile = (2 if bfloat16 else 4) * tokens * words  # of the other losses
    assert by_head[True] - by_head[False] + tile == pytest.approx(most_held(bfloat16, tokens, words), rel=0.1)
