"""Memory of one device while a model trains or answers, in bytes, term by term.

Training holds, with P parameters, N processes and AdamW:

| launch | weights | gradients | optimizer |
|---|---|---|---|
| one process | 4P, and a 2P copy under bfloat16 autocast | 4P | 8P |
| DDP (MULTI_GPU) | the same | 4P, and 4P in buckets | 8P |
| ZeRO-1 | 2P | 2P | 12P/N |
| ZeRO-2 | 2P | 2P/N | 12P/N |
| ZeRO-3 | 2P/N, and the layer at hand gathered | 2P/N | 12P/N |
| FSDP2 | 4P/N, and the layer at hand gathered | 4P/N | 8P/N |

In float32 the 2P of ZeRO are 4P, and its optimizer is 8P/N: no master copy. What is offloaded counts for the host. (Rajbhandari et al.,
arXiv:1910.02054, figure 1.)

Activations of one layer, for each of the T = micro batch x max_length tokens: under bfloat16 autocast 26·hidden + 4·q + 8·intermediate +
4·kv bytes, in float32 24·hidden + 8·q + 16·intermediate + 8·kv; with gradient checkpointing 4·hidden, and one layer in full while it is
computed again. These are the tensors that autograd keeps for Qwen2 under sdpa (transformers 5.19, torch 2.13): tests/unit/
test_preflight_measured.py counts them. Attention keeps no square of the sequence, which holds for sdpa's fused kernels only.

Output head: TRL 1.16 never holds all logits (trl/kernels/chunked_logprob.py, add_fused_lm_head). It works in tiles of up to 4096 tokens x
32768 words, 12 bytes each where torch folds them (2 where Triton does), and holds the head's gradient in float32, 4·vocabulary·hidden, and
the last hidden state with its gradient, 8·T·hidden.

The step of the optimizer needs up to 4P more at a moment at which activations are gone, so the larger of the two counts. A tenth of a
device is left for its runtime, for fragments and for what is not in here. None of this has been held against a GPU.
"""

from dataclasses import dataclass
from typing import Any

from distill.preflight.arch import Arch

USABLE = 0.9
GB = 10**9
TILE = (4096, 32768)  # tokens and words that TRL 1.16 scores at once


@dataclass(frozen=True)
class Launch:
    """How a training is spread: `kind` is single, ddp, zero1 to zero3 or fsdp."""

    kind: str = "single"
    processes: int = 1
    offload_optimizer: bool = False
    offload_weights: bool = False

    @classmethod
    def of(cls, accelerate: dict[str, Any], processes: int) -> "Launch":
        """From a file of accelerate's and the number of processes."""
        deepspeed = accelerate.get("deepspeed_config") or {}
        distributed = accelerate.get("distributed_type", "NO")
        if distributed == "DEEPSPEED":
            kind = f"zero{deepspeed.get('zero_stage', 2)}"
        else:
            kind = "fsdp" if distributed == "FSDP" else "ddp" if processes > 1 else "single"
        offloads = [deepspeed.get(f"offload_{what}_device", "none") not in (None, "none") for what in ("optimizer", "param")]
        fsdp = bool((accelerate.get("fsdp_config") or {}).get("fsdp_offload_params"))
        return cls(kind, processes, offloads[0] or fsdp, offloads[1] or fsdp)


@dataclass(frozen=True)
class Batch:
    """What one forward pass of a training holds, and in which precision."""

    micro_batch: int
    max_length: int
    bfloat16: bool
    gradient_checkpointing: bool


def training(arch: Arch, launch: Launch, batch: Batch) -> dict[str, int]:
    """Bytes on one device: weights, gradients, optimizer, activations, head, total."""
    states = _states(arch, launch, batch.bfloat16)
    activations, head = _activations(arch, batch), _head(arch, batch)
    step = 4 * arch.parameters // (launch.processes if launch.kind not in ("single", "ddp") else 1)
    return {**states, "activations": activations, "head": head, "total": sum(states.values()) + max(activations + head, step)}


def _states(arch: Arch, launch: Launch, bfloat16: bool) -> dict[str, int]:
    count, shared = arch.parameters, launch.processes
    layer = (count - arch.vocabulary * arch.hidden * (1 if arch.tied else 2)) // arch.layers
    gathered = (2 if bfloat16 else 4) * 2 * max(layer, arch.vocabulary * arch.hidden)
    if launch.kind in ("single", "ddp"):
        buckets = 4 * count if launch.kind == "ddp" else 0
        return {"weights": 4 * count + (2 * count if bfloat16 else 0), "gradients": 4 * count + buckets, "optimizer": 8 * count}
    if launch.kind == "fsdp":
        weights, gradients, optimizer = 4 * count // shared + gathered, 4 * count // shared, 8 * count // shared
    else:
        stage, each = int(launch.kind[-1]), 2 if bfloat16 else 4
        weights = each * count // shared + gathered if stage == 3 else each * count
        gradients = each * count // (shared if stage >= 2 else 1)
        optimizer = (12 if bfloat16 else 8) * count // shared
    if launch.offload_weights:
        weights = gathered
    return {"weights": weights, "gradients": gradients, "optimizer": 0 if launch.offload_optimizer else optimizer}


def _activations(arch: Arch, batch: Batch) -> int:
    tokens = batch.micro_batch * batch.max_length
    layer = layer_bytes(arch, batch.bfloat16)
    if batch.gradient_checkpointing:
        return tokens * (arch.layers * 4 * arch.hidden + layer)
    return tokens * arch.layers * layer


def layer_bytes(arch: Arch, bfloat16: bool) -> int:
    """What autograd keeps of one layer for one token."""
    if bfloat16:
        return 26 * arch.hidden + 4 * arch.q + 8 * arch.intermediate + 4 * arch.kv
    return 24 * arch.hidden + 8 * arch.q + 16 * arch.intermediate + 8 * arch.kv


def _head(arch: Arch, batch: Batch) -> int:
    tokens = batch.micro_batch * batch.max_length
    tile = 12 * min(tokens, TILE[0]) * min(arch.vocabulary, TILE[1])
    return tile + 4 * arch.vocabulary * arch.hidden + 8 * tokens * arch.hidden


def answering(arch: Arch, engine: str, at_once: int, tokens: int, cpu: bool = False) -> dict[str, int]:
    """Bytes on one device: weights, cache, total.

    `at_once` sequences of up to `tokens`. The transformers engine keeps the cache of a whole batch as long as its longest; vLLM hands its
    cache out in pages and needs room for one such sequence, the rest decides how many it answers at once.
    """
    each = 4 if cpu else 2
    weights = each * arch.parameters
    cache = (1 if engine == "vllm" else at_once) * tokens * arch.cached_bytes(each)
    return {"weights": weights, "cache": cache, "total": weights + cache}


def gb(value: Any) -> Any:
    """GB to three figures: a tiny model is not nothing. None stays None."""
    if value is None:
        return None
    amount = value / GB
    return round(amount, 1) if amount >= 10 else float(f"{amount:.3g}")
