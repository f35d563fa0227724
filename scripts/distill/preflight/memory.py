"""Memory of one device while a model trains or answers, in bytes, term by term.

Training holds, with P parameters, N processes and AdamW:

| launch | weights | gradients | optimizer |
|---|---|---|---|
| one process | 4P, and a 2P copy under bfloat16 autocast | 4P | 8P |
| DDP (MULTI_GPU) | the same | 4P, and 4P in buckets | 8P |
| ZeRO-1 | 2P | 2P | 12P/N |
| ZeRO-2 | 2P | 2P/N | 12P/N |
| ZeRO-3 | 2P/N, and one layer gathered | 2P/N | 12P/N |
| FSDP2 | 4P/N, and one layer gathered | 4P/N | 8P/N |

In float32 the 2P of ZeRO are 4P, and its optimizer is 8P/N: no master copy. What is offloaded is in the memory of the host (host.py).
(Rajbhandari et al., arXiv:1910.02054, figure 1.)

With LoRA the P weights are 2P (float32: 4P), shared out as above, and all else is of the L weights of the adapters alone.

Activations of one layer, for each of the T = micro batch x max_length tokens, in bytes:

| layers | bytes |
|---|---|
| PyTorch's, bfloat16 autocast | 26·hidden + 4·q + 8·intermediate + 4·kv |
| PyTorch's, float32 | 24·hidden + 8·q + 16·intermediate + 8·kv |
| Liger's, bfloat16 autocast | 18·hidden + 4·q + 6·intermediate + 4·kv |
| a layer that recomputes (gradient checkpointing) | 4·hidden, and one such layer in full while it is computed again |

With LoRA, under bfloat16 autocast over bfloat16 weights: 8·hidden + 4·q + 4·kv + 6·intermediate, and for each adapter 2·(its inputs + r).
In float32: 8·hidden + 8·q + 8·kv + 12·intermediate, 4·r for each adapter, and 4 times each input that adapters read. A layer that
recomputes keeps 2·hidden or 4·hidden.

PyTorch's are the tensors that autograd keeps for Qwen2 under sdpa (transformers 5.19, torch 2.13); tests/preflight/test_memory.py counts
them. Liger's norm keeps its input only, not the normalised copy in float32 (8·hidden less in two norms), and its MLP recomputes the
activation (2·intermediate less); with LoRA, 4·hidden and 2·intermediate less, by its source and not measured. Attention keeps no square of
the sequence, except on a CPU, where packed documents need a mask: MASK bytes for each pair of the T tokens.

Output head: TRL 1.16 never holds all logits (trl/kernels/chunked_logprob.py, add_fused_lm_head). It works in tiles of up to 4096 tokens
x 32768 words, at 2 bytes an entry where Triton folds them (a GPU), and at FOLDED where torch does (a CPU). It holds the gradient of its
weights in float32, 4·vocabulary·hidden (not with LoRA), and the last hidden state with its gradient, 8·T·hidden.

Loss kl holds all logits, of e bytes (2 in bfloat16): 2e·T·vocabulary, and WHOLE_TILE for an entry of a tile of up to KL_TOKENS tokens; or
3e·T·vocabulary in the backward pass, if that is more (training/trainer.py; tests/preflight/test_memory.py counts them).

The step of the optimizer needs up to 4P more at a time when activations are freed, so the larger of the two counts. A tenth of a device is
left for its runtime, for fragmentation and for what is not listed here. tests/preflight/test_measured.py holds the totals within 20 % of
what was measured on an H200 and on a CPU.
"""

from dataclasses import dataclass
from typing import Any

from distill.preflight.arch import Arch, Lora
from distill.training.sizes import KL_TOKENS

USABLE = 0.9
GB = 10**9
TILE = (4096, 32768)  # tokens and words that TRL 1.16 scores at once
FOLDED = 33  # bytes of a tile's entry on a CPU: 1.8 times the float32 logits of 4096 tokens x 151,936 words, measured in both precisions
WHOLE_TILE = 18  # bytes of an entry of a tile of KL_TOKENS tokens
MASK = 5.7  # bytes of a pair of tokens in sdpa's mask on a CPU: 5.2 to 6.1 were measured


@dataclass(frozen=True)
class Launch:
    """How a training is spread: `kind` is single, ddp, zero1 to zero3 or fsdp."""

    kind: str = "single"
    processes: int = 1
    offload_optimizer: bool = False
    offload_weights: bool = False

    @classmethod
    def of(cls, accelerate: dict[str, Any], processes: int) -> "Launch":
        """From the content of an accelerate file, and the number of processes."""
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
    """What one forward pass of a training holds, and in which precision.

    `checkpoint_layers`: layers that recompute their activations; None: all with gradient_checkpointing, else none. `liger`: Liger's layers
    are used. `cpu`: on a CPU. `separate`: documents are packed and do not see each other. `lora`: what is trained, if not all weights.
    `whole_logits`: the loss holds all logits, as kl does.
    """

    micro_batch: int
    max_length: int
    bfloat16: bool
    gradient_checkpointing: bool
    checkpoint_layers: int | None = None
    liger: bool = False
    cpu: bool = False
    separate: bool = False
    lora: Lora | None = None
    whole_logits: bool = False

    def trained(self, arch: Arch) -> int:
        """How many weights are trained."""
        return self.lora.parameters(arch) if self.lora else arch.parameters

    @property
    def tokens(self) -> int:
        return self.micro_batch * self.max_length

    def recomputing(self, layers: int) -> int:
        """How many of the model's layers recompute their activations."""
        if self.checkpoint_layers is None:
            return layers if self.gradient_checkpointing else 0
        return min(self.checkpoint_layers, layers)


def training(arch: Arch, launch: Launch, batch: Batch) -> dict[str, int]:
    """Bytes on one device: weights, gradients, optimizer, activations, head, total."""
    states = _adapter_states(arch, launch, batch) if batch.lora else _states(arch, launch, batch.bfloat16)
    activations, head = _activations(arch, batch), _head(arch, batch)
    step = 4 * batch.trained(arch) // (launch.processes if launch.kind not in ("single", "ddp") else 1)
    return {**states, "activations": activations, "head": head, "total": sum(states.values()) + max(activations + head, step)}


def _adapter_states(arch: Arch, launch: Launch, batch: Batch) -> dict[str, int]:
    count, trained, shared, each = arch.parameters, batch.trained(arch), launch.processes, 2 if batch.bfloat16 else 4
    if launch.kind in ("single", "ddp"):
        copies = 4 + (2 if batch.bfloat16 else 0)
        buckets = 4 * trained if launch.kind == "ddp" else 0
        return {"weights": each * count + copies * trained, "gradients": 4 * trained + buckets, "optimizer": 8 * trained}
    sharded = launch.kind in ("zero3", "fsdp")
    own = 4 if launch.kind == "fsdp" else each
    weights = (each * count + own * trained) // (shared if sharded else 1) + (_gathered(arch, each) if sharded else 0)
    if launch.offload_weights:
        weights = _gathered(arch, each)
    gradients = own * trained // (1 if launch.kind == "zero1" else shared)
    optimizer = (12 if batch.bfloat16 and launch.kind != "fsdp" else 8) * trained // shared
    return {"weights": weights, "gradients": gradients, "optimizer": 0 if launch.offload_optimizer else optimizer}


def _gathered(arch: Arch, each: int) -> int:
    """The largest layer, in one copy that is used and one that comes next."""
    layer = (arch.parameters - arch.vocabulary * arch.hidden * (1 if arch.tied else 2)) // arch.layers
    return each * 2 * max(layer, arch.vocabulary * arch.hidden)


def _states(arch: Arch, launch: Launch, bfloat16: bool) -> dict[str, int]:
    count, shared = arch.parameters, launch.processes
    gathered = _gathered(arch, 2 if bfloat16 else 4)
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
    layer, recomputing = layer_bytes(arch, batch.bfloat16, batch.liger, batch.lora), batch.recomputing(arch.layers)
    kept = (arch.layers - recomputing) * layer
    residual = 2 if batch.lora and batch.bfloat16 else 4
    checkpointed = recomputing * residual * arch.hidden + (layer if recomputing else 0)
    mask = round(MASK * batch.tokens**2) if batch.cpu and batch.separate else 0
    return batch.tokens * (kept + checkpointed) + mask


def layer_bytes(arch: Arch, bfloat16: bool, liger: bool = False, lora: Lora | None = None) -> int:
    """What autograd keeps of one layer for one token."""
    if lora:
        return _adapted_layer_bytes(arch, bfloat16, liger, lora)
    if not bfloat16:
        return 24 * arch.hidden + 8 * arch.q + 16 * arch.intermediate + 8 * arch.kv
    if liger:
        return 18 * arch.hidden + 4 * arch.q + 6 * arch.intermediate + 4 * arch.kv
    return 26 * arch.hidden + 4 * arch.q + 8 * arch.intermediate + 4 * arch.kv


def _adapted_layer_bytes(arch: Arch, bfloat16: bool, liger: bool, lora: Lora) -> int:
    inputs = {name: arch.linear[name][0] for name in lora.target if name in arch.linear}
    if bfloat16:
        layer = (4 if liger else 8) * arch.hidden + 4 * arch.q + 4 * arch.kv + (4 if liger else 6) * arch.intermediate
        return layer + sum(2 * (width + lora.r) for width in inputs.values())
    read = {"q_proj": "attention", "k_proj": "attention", "v_proj": "attention", "gate_proj": "mlp", "up_proj": "mlp", "down_proj": "down"}
    widths = {read[name]: width for name, width in inputs.items() if name in read}  # attention keeps what o_proj reads
    layer = 8 * arch.hidden + 8 * arch.q + 8 * arch.kv + 12 * arch.intermediate
    return layer + 4 * sum(widths.values()) + 4 * lora.r * len(inputs)


def _head(arch: Arch, batch: Batch) -> int:
    entry = FOLDED if batch.cpu else 2 if batch.bfloat16 else 4
    tile = entry * min(batch.tokens, TILE[0]) * min(arch.vocabulary, TILE[1])
    if batch.whole_logits:
        whole = (2 if batch.bfloat16 else 4) * batch.tokens * arch.vocabulary
        tile = max(2 * whole + WHOLE_TILE * min(batch.tokens, KL_TOKENS) * arch.vocabulary, 3 * whole)
    gradient = 0 if batch.lora else 4 * arch.vocabulary * arch.hidden
    return tile + gradient + 8 * batch.tokens * arch.hidden


def answering(arch: Arch, engine: str, at_once: int, tokens: int, cpu: bool = False) -> dict[str, int]:
    """Bytes on one device: weights, cache, total, for `at_once` sequences of up to `tokens`.

    The transformers engine allocates the cache of a whole batch at the length of its longest sequence. vLLM allocates its cache in pages
    and needs room for one such sequence; the remaining memory decides how many it generates at once.
    """
    each = 4 if cpu else 2
    weights = each * arch.parameters
    cache = (1 if engine == "vllm" else at_once) * tokens * arch.cached_bytes(each)
    return {"weights": weights, "cache": cache, "total": weights + cache}


def gb(value: Any) -> Any:
    """Bytes in GB to three significant figures, so that a tiny model is not 0. None stays None."""
    if value is None:
        return None
    amount = value / GB
    return round(amount, 1) if amount >= 10 else float(f"{amount:.3g}")
