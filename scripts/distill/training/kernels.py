"""Attention kernels and compiled layers for packed sequences: the fastest available, used only after a proof that documents do not see each
other."""

import inspect
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface, AutoModelForCausalLM, PretrainedConfig, PreTrainedModel
from transformers.integrations.flash_attention import get_target_dtype
from transformers.masking_utils import flash_attention_mask
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.utils import is_flash_attn_2_available, is_flash_attn_3_available
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

TORCH_VARLEN = "torch_varlen"
LENGTHS = (37, 64, 5, 90)  # tokens of the documents in a proof
# Packed and alone differ by rounding only: bfloat16 has 8 bits.
GAP = {"float32": 1e-5, "bfloat16": 2**-8}
# A changed document must not change the others at all: what is masked out has weight 0. Documents that see each other differ by far more.
LEAK = 1e-5


@dataclass(frozen=True)
class Proof:
    """Losses and gradients of documents in one packed sequence, compared with those of each document alone."""

    gap: float  # largest difference between a document's loss packed and alone
    gradient_gap: float  # norm of the difference of the gradients, divided by their norm
    leak: float  # largest change of a document's loss when another document changes
    seconds: float  # forward and backward of the packed sequence

    def holds(self, dtype: str) -> bool:
        return self.gap <= GAP[dtype] and self.gradient_gap <= 10 * GAP[dtype] and self.leak <= LEAK


def candidates(device: torch.device, dtype: str, packed: bool) -> list[str]:
    """Kernels to try on a device, the fastest first; `sdpa`, the last, is always available."""
    if device.type == "cpu":
        return ["sdpa"]  # flex_attention (torch 2.13) has no backward there, the others no kernel
    half = dtype == "bfloat16"
    flash = [("flash_attention_3", half and is_flash_attn_3_available()), ("flash_attention_2", half and is_flash_attn_2_available())]
    torch_own = [(TORCH_VARLEN, half and packed and _has_varlen()), ("flex_attention", packed)]
    return [name for name, available in (*flash, *torch_own, ("sdpa", True)) if available]


def choose(config: PretrainedConfig, device: torch.device, dtype: str, packed: bool) -> tuple[str, str]:
    """The attention to train with, and a line that says which and why.

    Each candidate is proved on two random layers of the model's own shape; `sdpa` is the reference, which the tests prove on a CPU.
    """
    rejected = []
    for name in candidates(device, dtype, packed):
        why = reject_reason(config, name, device, dtype) if name != "sdpa" and packed else None
        if why is None:
            return name, f"attention: {name} on {device.type} in {dtype}" + "".join(f"; not {line}" for line in rejected)
        rejected.append(f"{name} ({why})")
    raise AssertionError("sdpa is never rejected")


def choose_layers(config: PretrainedConfig, attention: str, device: torch.device, dtype: str, requested: bool) -> tuple[bool, str]:
    """Whether to compile the decoder layers with torch.compile, and a line that says so, or why not where it was `requested`."""
    if not requested:
        return False, "layers: eager"
    why = reject_reason(config, attention, device, dtype, compiled=True)
    return why is None, "layers: compiled" if why is None else f"layers: eager; not compiled ({why})"


def reject_reason(config: PretrainedConfig, attention: str, device: torch.device, dtype: str, compiled: bool = False) -> str | None:
    """Why a kernel, or layers compiled with it, must not be used; None where the proof holds."""
    try:
        proof = prove(config, attention, device, dtype, checkpointing=True, compiled=compiled)
        return None if proof.holds(dtype) else f"documents packed differ from documents alone ({proof})"
    except Exception as error:  # the kernel's or compiler's own: not built for this device, not for this head size, no C++ compiler
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"


def prove(
    config: PretrainedConfig,
    attention: str,
    device: torch.device,
    dtype: str,
    checkpointing: bool,
    blind: bool = False,
    compiled: bool = False,
) -> Proof:
    """Train two random layers of the shape of `config` on documents packed and alone.

    `blind` leaves out where documents end: the proof of a kernel that lets them see each other. With `compiled`, packed documents go
    through compiled layers and documents alone through eager ones, so that the two are compared as well.
    """
    torch.manual_seed(0)
    model = small(config, attention).to(device).train()
    if checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    draw = torch.Generator().manual_seed(1)
    rows = [torch.randint(3, model.config.vocab_size, (length,), generator=draw).tolist() for length in LENGTHS]

    alone, gradient_alone = _losses(model, [[row] for row in rows], device, dtype, blind)
    if compiled:
        compile_layers(model)
    started = time.monotonic()
    packed, gradient = _losses(model, [rows], device, dtype, blind)
    seconds = time.monotonic() - started
    leak = 0.0
    for at in (0, len(rows) - 2):
        changed = [*rows[:at], rows[at][::-1], *rows[at + 1 :]]
        other, _ = _losses(model, [changed], device, dtype, blind)
        leak = max([leak, *(abs(other[i] - packed[i]) for i in range(len(rows)) if i != at)])
    norm = float(gradient_alone.norm())
    return Proof(
        gap=max(abs(a - b) for a, b in zip(packed, alone, strict=True)),
        gradient_gap=float((gradient - gradient_alone).norm()) / norm,
        leak=leak,
        seconds=round(seconds, 3),
    )


def decoder_layers(model: PreTrainedModel) -> list[GradientCheckpointingLayer]:
    """The layers that transformers can checkpoint, in their order."""
    return [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]


def compile_layers(model: PreTrainedModel) -> None:
    """Compile each decoder layer in place; names of weights stay. All layers share one compiled graph for each kind of input shape."""
    for layer in decoder_layers(model):
        layer.compile()


def compiled_graphs() -> int:
    """How many graphs torch.compile has made in this process: one for each shape that it could not make dynamic."""
    from torch._dynamo.utils import counters

    return counters["stats"]["unique_graphs"]


def small(config: PretrainedConfig, attention: str, layers: int = 2, vocabulary: int = 1024) -> PreTrainedModel:
    """Random layers of the shape of `config`."""
    config = deepcopy(config)
    config.num_hidden_layers, config.vocab_size = layers, vocabulary
    config.pad_token_id = config.bos_token_id = config.eos_token_id = None
    if getattr(config, "layer_types", None):
        config.layer_types = config.layer_types[:layers]
    config.use_cache, config.dtype, config._attn_implementation = False, torch.float32, attention
    # By its class: AutoModel would shard the weights under ZeRO-3.
    return AutoModelForCausalLM._model_mapping[type(config)](config)


def _losses(
    model: PreTrainedModel, sequences: list[list[list[int]]], device: torch.device, dtype: str, blind: bool
) -> tuple[list[float], torch.Tensor]:
    """The mean loss of each document, and the gradient of their sum, from one forward and backward pass over each sequence."""
    collate = DataCollatorForLanguageModeling(pad_token_id=0, padding_free=True)
    model.zero_grad()
    found: list[float] = []
    for rows in sequences:
        ids = [token for row in rows for token in row]
        batch = collate([{"input_ids": ids, "labels": ids, "seq_lengths": [len(ids)] if blind else [len(row) for row in rows]}])
        batch = {key: value.to(device) if isinstance(value, torch.Tensor) else value for key, value in batch.items()}
        labels = batch.pop("labels")[0]
        with torch.autocast(device.type, torch.bfloat16, enabled=dtype == "bfloat16"):
            logits = model(**batch, use_cache=False).logits[0].float()
        start, losses = 0, []
        for row in rows:
            end = start + len(row)
            losses.append(torch.nn.functional.cross_entropy(logits[start : end - 1], labels[start + 1 : end]))
            start = end
        torch.stack(losses).sum().backward()
        found += [float(loss.detach()) for loss in losses]
    return found, torch.cat([weight.grad.flatten() for weight in model.parameters()]).cpu()


def _has_varlen() -> bool:
    try:
        from torch.nn.attention.varlen import varlen_attn  # noqa: F401
    except ImportError:
        return False
    return True


def torch_varlen(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    cu_seq_lens_q: torch.Tensor | None = None,
    max_length_q: int | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """torch's own flash attention over documents of different lengths, with the signature of transformers' attention functions.

    query, key and value are (1, heads, tokens, head size); `cu_seq_lens_q` holds where documents begin and end. torch 2.11's varlen_attn
    has no enable_gqa (2.13's has it); there each key and value head is repeated for the query heads that share it.
    """
    from torch.nn.attention.varlen import varlen_attn

    dtype = get_target_dtype(query, module) or query.dtype
    q, k, v = (part[0].transpose(0, 1).to(dtype) for part in (query, key, value))
    gqa = {"enable_gqa": True} if _takes_gqa(varlen_attn) else {}
    if not gqa and (shared := q.shape[1] // k.shape[1]) > 1:
        k, v = (part.repeat_interleave(shared, dim=1) for part in (k, v))
    out = varlen_attn(q, k, v, cu_seq_lens_q, cu_seq_lens_q, max_length_q, max_length_q, scale=scaling, window_size=(-1, 0), **gqa)
    return out[None], None


@torch.compiler.assume_constant_result  # torch.compile need not trace it
def _takes_gqa(function: Callable[..., Any]) -> bool:
    return "enable_gqa" in inspect.signature(function).parameters


AttentionInterface.register(TORCH_VARLEN, torch_varlen)
AttentionMaskInterface.register(TORCH_VARLEN, flash_attention_mask)
