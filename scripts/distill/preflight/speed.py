"""Tokens a second of one device, and where the number comes from: given, measured in this folder, in the table, or assumed from peaks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from distill.preflight.arch import Arch
from distill.preflight.memory import GB, USABLE, Batch

SIMILAR = 3.0  # a measured rate is used for models up to this many times larger or smaller, by their parameters
AT_ONCE = 256  # sequences that vLLM generates at once, its default; memory may allow fewer


@dataclass(frozen=True)
class Device:
    """One of `count` devices. Unknown numbers are None; `kind` is cpu or gpu."""

    kind: str
    count: int = 1
    name: str | None = None
    memory_gb: float | None = None
    tflops: float | None = None
    bandwidth_gb_s: float | None = None
    host_memory_gb: float | None = None
    price_per_hour: float | None = None

    @property
    def usable(self) -> float | None:
        """Bytes that a training or an evaluation may use."""
        return None if self.memory_gb is None else USABLE * self.memory_gb * GB

    def __str__(self) -> str:
        memory = "" if self.memory_gb is None else f" of {self.memory_gb:g} GB"
        return f"{self.count} x {self.name or ('CPU' if self.kind == 'cpu' else 'device')}{memory}"


@dataclass(frozen=True)
class Rate:
    """Tokens a second of one device; `how` says where the number comes from."""

    tokens_per_s: float
    how: str
    measured: bool


@dataclass(frozen=True)
class Sources:
    """Where rates come from, in order of precedence. `here`: (parameters, tokens a second) of trainings in this folder."""

    given: Mapping[str, float | None]
    here: Sequence[tuple[int, float]]
    table: Sequence[Mapping[str, Any]]
    assumed: Mapping[str, float]
    peaks: Mapping[str, float]


def training(arch: Arch, device: Device, batch: Batch, sequence: int, sources: Sources) -> Rate | None:
    """`sequence`: tokens that see each other, fewer than max_length where documents are kept apart. None for a CPU on which no model of a
    similar size was measured.

    Assumed: peak · mfu / operations of a token, which recomputing layers increase; but a forward and backward pass takes at least layer_ms
    for each layer, the time in which a CPU launches its kernels, which bounds small models.
    """
    if found := known("train", arch, device, sources):
        return found
    if device.kind == "cpu":
        return None
    peak, mfu = device.tflops or sources.peaks["tflops"], sources.assumed["mfu"]
    again = 1 + (sources.assumed["recompute"] - 1) * batch.recomputing(arch.layers) / arch.layers
    rate = peak * 1e12 * mfu / (arch.training_flops(sequence, frozen=batch.lora is not None) * again)
    launched = batch.tokens / (arch.layers * sources.assumed["layer_ms"] / 1000)
    if launched < rate:
        how = f"assumed: {sources.assumed['layer_ms']:g} ms a layer to launch its kernels, {batch.tokens:,} tokens at once"
        return Rate(launched, how, False)
    what = "peak" if device.tflops else "an assumed peak"
    return Rate(rate, f"assumed: {mfu:.0%} of {what} of {peak:g} TFLOPS", False)


def answering(arch: Arch, device: Device, engine: str, at_once: int, mean_tokens: float, sources: Sources) -> Rate | None:
    """Decoding reads the weights and all caches once for each token of each sequence, so bandwidth bounds it.

    Assumed: B · bandwidth · mbu / (weights + B · mean_tokens / 2 · cached bytes), with B sequences at once: for vLLM 256, or as many as
    fit, and no more than there are (`at_once`); for the transformers engine half a batch, since its sequences end at different times.
    """
    if found := known("answer", arch, device, sources):
        return found
    if device.kind == "cpu":
        return None
    weights, cached = 2 * arch.parameters, arch.cached_bytes()
    if engine == "vllm":
        room = (device.usable or float("inf")) - weights
        held = max(1.0, min(AT_ONCE, at_once, room / (max(mean_tokens, 1) * cached)))
    else:
        held = at_once / 2
    bandwidth, mbu = device.bandwidth_gb_s or sources.peaks["bandwidth_gb_s"], sources.assumed["mbu"]
    rate = held * bandwidth * GB * mbu / (weights + held * mean_tokens / 2 * cached)
    what = "bandwidth" if device.bandwidth_gb_s else "an assumed bandwidth"
    return Rate(rate, f"assumed: {mbu:.0%} of {what} of {bandwidth:g} GB/s, {held:.0f} answers at once", False)


def known(stage: str, arch: Arch, device: Device, sources: Sources) -> Rate | None:
    """A rate of `stage`, train or answer, that was given or measured of a model of a similar size."""
    if given := sources.given.get(f"{stage}_tokens_per_s"):
        return Rate(given, f"given: runtime.rates.{stage}_tokens_per_s", True)
    if stage == "train":
        for parameters, rate in sources.here:
            if _similar(parameters, arch):
                return Rate(rate * parameters / arch.parameters, "measured: a training in this folder", True)
    for row in sources.table:
        if row["stage"] == stage and row["device"] in (device.kind, device.name) and _similar(row["parameters"], arch):
            return Rate(row["tokens_per_s"] * row["parameters"] / arch.parameters, f"measured: {row['how']}", True)
    return None


def _similar(parameters: int, arch: Arch) -> bool:
    return 1 / SIMILAR <= parameters / arch.parameters <= SIMILAR
