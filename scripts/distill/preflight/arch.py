"""The shape of a decoder-only transformer, from its config.json, and what follows from it: parameters, bytes of a cached token, FLOPs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from distill.base.errors import InputError

# Families whose layers are counted below: whether the projections of q, k and v have biases, and whether q and k are normalised by head.
FAMILIES = {"qwen2": (True, False), "qwen3": (False, True), "llama": (False, False), "mistral": (False, False)}


@dataclass(frozen=True)
class Arch:
    """`q` and `kv`: width of all query heads and of all key (or value) heads, in numbers, not bytes."""

    family: str
    hidden: int
    intermediate: int
    layers: int
    q: int
    kv: int
    vocabulary: int
    tied: bool
    context: int
    head_dim: int

    @classmethod
    def of(cls, config: Mapping[str, Any], what: str = "config.json") -> "Arch":
        """Raises InputError for a family that is not known here, or where a number is missing."""
        family = config.get("model_type", "")
        if family not in FAMILIES:
            raise InputError(f"{what}: model_type {family!r} is unknown to preflight, which knows {', '.join(FAMILIES)}")
        try:
            heads = config["num_attention_heads"]
            head_dim = config.get("head_dim") or config["hidden_size"] // heads
            return cls(
                family=family,
                hidden=config["hidden_size"],
                intermediate=config["intermediate_size"],
                layers=config["num_hidden_layers"],
                q=heads * head_dim,
                kv=(config.get("num_key_value_heads") or heads) * head_dim,
                vocabulary=config["vocab_size"],
                tied=bool(config.get("tie_word_embeddings", False)),
                context=config["max_position_embeddings"],
                head_dim=head_dim,
            )
        except KeyError as error:
            raise InputError(f"{what}: no {error}: fetch the file again") from None

    @property
    def parameters(self) -> int:
        """Embeddings (twice where the output has its own); of each layer q, k, v, o, the MLP's three and two norms; a last norm."""
        biased, normed = FAMILIES[self.family]
        attention = 2 * self.hidden * self.q + 2 * self.hidden * self.kv
        attention += (self.q + 2 * self.kv) * biased + 2 * self.head_dim * normed
        layer = attention + 3 * self.hidden * self.intermediate + 2 * self.hidden
        return self.vocabulary * self.hidden * (1 if self.tied else 2) + self.layers * layer + self.hidden

    @property
    def linear(self) -> dict[str, tuple[int, int]]:
        """(inputs, outputs) of each linear layer of a decoder layer, by its name in transformers."""
        return {
            "q_proj": (self.hidden, self.q),
            "k_proj": (self.hidden, self.kv),
            "v_proj": (self.hidden, self.kv),
            "o_proj": (self.q, self.hidden),
            "gate_proj": (self.hidden, self.intermediate),
            "up_proj": (self.hidden, self.intermediate),
            "down_proj": (self.intermediate, self.hidden),
        }

    def cached_bytes(self, bytes_each: int = 2) -> int:
        """Key and value of one token in all layers."""
        return 2 * self.layers * self.kv * bytes_each

    def training_flops(self, sequence: int, frozen: bool = False) -> float:
        """Of one token: 6 a parameter (Kaplan et al. 2020, arXiv:2001.08361) and 6 · layers · sequence · q for causal attention.

        `frozen`: only adapters are trained; the gradient of each weight, 2 of the 6, is not computed.
        """
        return (4.0 if frozen else 6.0) * self.parameters + 6.0 * self.layers * sequence * self.q


@dataclass(frozen=True)
class Lora:
    """Adapters of rank `r` on the linear layers of these names, as `train.lora` has them."""

    r: int
    target: tuple[str, ...]

    @classmethod
    def of(cls, recipe: Mapping[str, Any], arch: Arch) -> "Lora | None":
        """None where all weights are trained."""
        if "lora" not in recipe:
            return None
        target = recipe["lora"]["target"]
        return cls(recipe["lora"]["r"], tuple(arch.linear if target == "all-linear" else [target] if isinstance(target, str) else target))

    def unknown(self, arch: Arch) -> list[str]:
        """Targets that are no linear layers of such a model."""
        return [name for name in self.target if name not in arch.linear]

    def parameters(self, arch: Arch) -> int:
        """Weights of all adapters: r · (inputs + outputs) of each layer that has one."""
        shapes = [arch.linear[name] for name in self.target if name in arch.linear]
        return arch.layers * sum(self.r * (inputs + outputs) for inputs, outputs in shapes)
