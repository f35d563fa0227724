"""Preflight's estimates are within 20 % of what was measured: memory and speed on one NVIDIA H200, and memory on a CPU."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from distill.preflight import memory, speed
from distill.preflight.arch import Arch
from distill.preflight.memory import GB, Batch, Launch
from distill.preflight.speed import Device, Sources

KNOWN = yaml.safe_load((Path(__file__).resolve().parents[2] / "config" / "known.yaml").read_text(encoding="utf-8"))
WITHIN = 0.20
GIB = 2**30
QWEN, SMOLLM2 = "Qwen/Qwen2.5-1.5B", "HuggingFaceTB/SmolLM2-135M-Instruct"
DOCUMENT = 5900  # mean tokens of the documents of bench/sft_throughput.py


@dataclass(frozen=True)
class Training:
    """A training on one H200: 2026-11-28, torch 2.11.0+cu130, transformers 5.19.0, TRL 1.16.0, liger-kernel 0.8.5, at commit 6f33be9.

    The first three by bench/sft_throughput.py, whose `wrapped` recipe is without Liger's layers; the last is three epochs of GSM8K.
    """

    model: str
    batch: Batch
    tokens_per_s: float
    peak_bytes: float | None


MEASURED = [
    Training(QWEN, Batch(4, 4096, True, gradient_checkpointing=True), 27_542, 28.8 * GIB),
    Training(QWEN, Batch(8, 4096, True, gradient_checkpointing=False, liger=True, separate=True), 38_910, 101.8 * GIB),
    Training(QWEN, Batch(1, 32768, True, gradient_checkpointing=False, liger=True, separate=True), 32_260, 101.8 * GIB),
    Training(SMOLLM2, Batch(8, 1024, True, gradient_checkpointing=False, liger=True, separate=True), 55_000, None),
]


@pytest.mark.parametrize("measured", MEASURED, ids=lambda one: f"{one.model} {one.batch.micro_batch} x {one.batch.max_length}")
def test_a_training_on_an_h200(measured):
    arch = Arch.of(KNOWN["models"][measured.model])
    if measured.peak_bytes:
        assert memory.training(arch, Launch(), measured.batch)["total"] == pytest.approx(measured.peak_bytes, rel=WITHIN)
    device = Device("gpu", name="H200-141GB", **KNOWN["devices"]["H200-141GB"])
    sources = Sources({}, [], KNOWN["rates"], KNOWN["assumed"], KNOWN["devices"]["unknown"])
    document = 200 if measured.model == SMOLLM2 else DOCUMENT
    sequence = min(measured.batch.max_length, document) if measured.batch.separate else measured.batch.max_length
    assert speed.training(arch, device, measured.batch, sequence, sources).tokens_per_s == pytest.approx(measured.tokens_per_s, rel=WITHIN)


@pytest.mark.parametrize("bfloat16", [False, True])
def test_the_output_head_on_a_cpu(bfloat16):
    """TRL 1.16's head over 4,096 tokens x 151,936 words raised a process's memory by 1.8 times the float32 logits (torch 2.13)."""
    shape = {**KNOWN["models"]["miniature"], "hidden_size": 64, "vocab_size": 151_936}
    arch = Arch.of(shape)
    head = memory.training(arch, Launch(), Batch(1, 4096, bfloat16, gradient_checkpointing=True, cpu=True))["head"]
    assert head == pytest.approx(1.8 * 4 * 4096 * 151_936, rel=WITHIN)


@pytest.mark.parametrize(("tokens", "bytes_measured"), [(16_384, 1.4 * GB), (1, 5.5), (1, 6.1)])
def test_the_mask_of_packed_documents_on_a_cpu(tokens, bytes_measured):
    """16,384 tokens of packed documents took 1.4 GB for sdpa's mask (transformers 5.19); other lengths 5.5 to 6.1 bytes a pair."""
    arch = Arch.of(KNOWN["models"]["miniature"])
    packed, one_document = (
        memory.training(arch, Launch(), Batch(1, tokens, False, False, cpu=True, separate=separate))["activations"]
        for separate in (True, False)
    )
    assert packed - one_document == pytest.approx(bytes_measured, rel=WITHIN)
