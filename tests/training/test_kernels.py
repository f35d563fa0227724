"""Kernels and compiled layers are used once they are proved, and the wrapper round torch's varlen attention is right in each torch."""

import inspect

import pytest

torch = pytest.importorskip("torch")
from torch._dynamo.utils import counters  # noqa: E402
from transformers import AutoConfig, LlamaConfig  # noqa: E402

from distill.training import kernels  # noqa: E402

CPU = torch.device("cpu")
# Nine query heads over three of key and value, as SmolLM2-135M has.
GROUPED = LlamaConfig(
    hidden_size=144, intermediate_size=96, num_attention_heads=9, num_key_value_heads=3, head_dim=16, vocab_size=512, num_hidden_layers=2
)


def a_document_at_a_time(q, k, v, bounds, longest, scale, enable_gqa):
    """What varlen_attn computes, which has no kernel on a CPU: causal attention within each document."""
    assert longest == int(bounds.diff().max())
    pieces = []
    for start, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        one = (part[start:end].transpose(0, 1)[None] for part in (q, k, v))
        attended = torch.nn.functional.scaled_dot_product_attention(*one, is_causal=True, scale=scale, enable_gqa=enable_gqa)
        pieces.append(attended[0].transpose(0, 1))
    return torch.cat(pieces)


def of_torch_2_13(q, k, v, bounds, bounds_k, longest, longest_k, *, scale=None, window_size=(-1, -1), enable_gqa=False):
    assert window_size == (-1, 0)
    if not enable_gqa and q.shape[1] != k.shape[1]:
        raise ValueError("Try setting enable_gqa=True for GQA.")
    return a_document_at_a_time(q, k, v, bounds, longest, scale, enable_gqa)


def of_torch_2_11(q, k, v, bounds, bounds_k, longest, longest_k, *, scale=None, window_size=(-1, -1)):
    assert window_size == (-1, 0)
    assert q.shape == k.shape == v.shape
    return a_document_at_a_time(q, k, v, bounds, longest, scale, enable_gqa=False)


@pytest.mark.parametrize("varlen_attn", [of_torch_2_13, of_torch_2_11])
@pytest.mark.parametrize("dtype", list(kernels.GAP))
def test_torchs_varlen_attention_is_proved_with_and_without_enable_gqa(varlen_attn, dtype, monkeypatch):
    monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", varlen_attn)
    proof = kernels.prove(GROUPED, kernels.TORCH_VARLEN, CPU, dtype, checkpointing=False)
    assert proof.holds(dtype), proof
    assert proof.leak == 0


def test_both_forms_of_varlen_attention_give_equal_numbers(monkeypatch):
    draw = torch.Generator().manual_seed(0)
    heads = {name: torch.randn(1, count, 100, 16, generator=draw) for name, count in (("q", 9), ("k", 3), ("v", 3))}
    bounds = torch.tensor([0, 37, 100], dtype=torch.int32)
    module, found = torch.nn.Linear(1, 1), []
    module.config = GROUPED
    for varlen_attn in (of_torch_2_13, of_torch_2_11):
        monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", varlen_attn)
        given = {name: part.clone().requires_grad_() for name, part in heads.items()}
        out, _ = kernels.torch_varlen(module, *given.values(), None, cu_seq_lens_q=bounds, max_length_q=63)
        out.square().sum().backward()
        found.append([out, *(part.grad for part in given.values())])
    for with_gqa, repeated in zip(*found, strict=True):
        torch.testing.assert_close(with_gqa, repeated, rtol=1e-5, atol=1e-5)


@pytest.fixture
def varlen_on_a_cpu():
    """torch's varlen attention, with kernels for a CPU."""
    varlen = pytest.importorskip("torch.nn.attention.varlen")
    if "enable_gqa" not in inspect.signature(varlen.varlen_attn).parameters:
        pytest.skip("the CPU kernels have the arguments of torch 2.13")
    import varlen_on_a_cpu

    varlen_on_a_cpu.register()
    return varlen


@pytest.mark.parametrize("takes_gqa", [True, False], ids=["enable_gqa", "repeated heads"])
@pytest.mark.parametrize("dtype", list(kernels.GAP))
def test_torchs_own_function_and_its_gradient_are_proved_in_both_forms(varlen_on_a_cpu, takes_gqa, dtype, monkeypatch):
    monkeypatch.setattr(kernels, "_takes_gqa", lambda function: takes_gqa)
    proof = kernels.prove(GROUPED, kernels.TORCH_VARLEN, CPU, dtype, checkpointing=True)
    assert proof.holds(dtype), proof
    assert proof.leak == 0


def test_the_installed_varlen_attention_is_called_with_arguments_that_it_has():
    varlen = pytest.importorskip("torch.nn.attention.varlen")
    names = inspect.signature(varlen.varlen_attn).parameters
    assert {"scale", "window_size"} <= set(names)
    assert kernels._takes_gqa(varlen.varlen_attn) == ("enable_gqa" in names)


def test_a_kernel_that_fails_its_proof_is_not_used_and_the_log_says_so(monkeypatch):
    def not_built(*_, **__):
        raise RuntimeError("no kernel for this device")

    monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", not_built)
    monkeypatch.setattr(kernels, "candidates", lambda *_: [kernels.TORCH_VARLEN, "sdpa"])
    name, line = kernels.choose(GROUPED, CPU, "bfloat16", packed=True)
    assert name == "sdpa"
    assert line == "attention: sdpa on cpu in bfloat16; not torch_varlen (RuntimeError: no kernel for this device)"


def test_layers_are_compiled_on_request_only():
    assert kernels.choose_layers(GROUPED, "sdpa", CPU, "float32", requested=False) == (False, "layers: eager")


def test_layers_that_cannot_be_compiled_stay_eager_and_the_log_says_why(monkeypatch):
    def no_compiler(model):
        raise RuntimeError("no C++ compiler")

    monkeypatch.setattr(kernels, "compile_layers", no_compiler)
    compiled, line = kernels.choose_layers(GROUPED, "sdpa", CPU, "float32", requested=True)
    assert (compiled, line) == (False, "layers: eager; not compiled (RuntimeError: no C++ compiler)")


def compile_without_code(model):
    """Layers whose graphs torch.compile captures, and runs as they are: no compiler is needed."""
    for layer in kernels.decoder_layers(model):
        layer.compile(backend="eager")


@pytest.mark.parametrize("attention", ["sdpa", kernels.TORCH_VARLEN])
def test_the_proof_of_compiled_layers_compiles_them_whole(attention, varlen_on_a_cpu, monkeypatch):
    """With gradient checkpointing, as all proofs are."""
    torch._dynamo.reset()  # forgets graphs that another test has made
    monkeypatch.setattr(kernels, "compile_layers", compile_without_code)
    graphs, breaks = kernels.compiled_graphs(), sum(counters["graph_break"].values())
    assert kernels.choose_layers(GROUPED, attention, CPU, "bfloat16", requested=True) == (True, "layers: compiled")
    assert kernels.compiled_graphs() > graphs
    assert sum(counters["graph_break"].values()) == breaks, "a layer is one graph"


@pytest.mark.slow
@pytest.mark.parametrize("attention", ["sdpa", kernels.TORCH_VARLEN])
@pytest.mark.parametrize("dtype", list(kernels.GAP))
def test_compiled_layers_are_proved_against_eager_ones_and_do_not_recompile_for_each_batch(attention, dtype, varlen_on_a_cpu):
    compiled, line = kernels.choose_layers(GROUPED, attention, CPU, dtype, requested=True)
    assert (compiled, line) == (True, "layers: compiled")
    torch._dynamo.reset()
    model = kernels.small(GROUPED, attention).train()
    kernels.compile_layers(model)
    before, seen = kernels.compiled_graphs(), []
    for number in range(8):  # documents of other lengths, and another number of tokens, in each batch
        lengths = [20 + 7 * number, 50, 10 + number]
        kernels._losses(model, [[list(range(3, 3 + length)) for length in lengths]], CPU, dtype, blind=False)
        seen.append(kernels.compiled_graphs() - before)
    assert 0 < seen[-1] == seen[-2] <= 4


def test_decoder_layers_are_those_of_the_model(tiny_world):
    model = kernels.small(AutoConfig.from_pretrained(tiny_world / "base"), "sdpa")
    assert kernels.decoder_layers(model) == list(model.get_decoder().layers)
