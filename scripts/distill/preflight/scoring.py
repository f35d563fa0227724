"""Memory, time and disk of a teacher that scores a training set (scripts/logits.py).

With T parameters of the teacher, k probabilities a token and SCORED_ROWS rows of up to L tokens in a forward pass:

| what | bytes |
|---|---|
| teacher | 2T in bfloat16 on a GPU, 4T in float32 on a CPU |
| forward pass | one layer of SCORED_ROWS · L tokens; of SCORED_TOKENS tokens 8 a word, in float32 twice, and under bfloat16 2 more |
| disk, a token | 6k for its probabilities and 4 for its id, and the probabilities once more in work/logits/ |

Operations of a token: a third of a training's. All is by formula: no scoring has been measured on a GPU.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from distill.preflight import speed
from distill.preflight.arch import Arch
from distill.preflight.facts import Facts
from distill.preflight.memory import gb, layer_bytes
from distill.preflight.speed import Rate
from distill.training.sizes import SCORED_ROWS, SCORED_TOKENS


def needed(teacher: Arch, longest: int, cpu: bool) -> dict[str, int]:
    """Bytes on one device: weights, forward, total. `longest`: tokens of the longest row."""
    weights = (4 if cpu else 2) * teacher.parameters
    words = (8 if cpu else 10) * min(SCORED_TOKENS, longest) * teacher.vocabulary
    forward = SCORED_ROWS * longest * layer_bytes(teacher, not cpu) + words
    return {"weights": weights, "forward": forward, "total": weights + forward}


def rate(teacher: Arch, longest: int, facts: Facts) -> Rate | None:
    """Tokens a second of one device; None on a CPU on which no model of a similar size was measured."""
    known = speed.known("train", teacher, facts.device, facts.rates)
    if known:
        return Rate(3 * known.tokens_per_s, f"assumed: three times the speed of a training, {known.how}", False)
    if facts.device.kind == "cpu":
        return None
    peak, mfu = facts.device.tflops or facts.rates.peaks["tflops"], facts.rates.assumed["mfu"]
    what = "peak" if facts.device.tflops else "an assumed peak"
    return Rate(peak * 1e12 * mfu / (teacher.training_flops(longest) / 3), f"assumed: {mfu:.0%} of {what} of {peak:g} TFLOPS", False)


def disk(tokens: int, top_k: int) -> int:
    """Bytes under results/ and work/ together; at most, for prompts have no probabilities."""
    return tokens * (2 * 6 * top_k + 4)


def problems(entry: Mapping[str, Any], student: Arch | None, teacher: Arch) -> Iterator[tuple[str, str]]:
    """(stop or warning, text) of what keeps a teacher from scoring, as far as it is known; scripts/logits.py compares every token."""
    if student and teacher.vocabulary < student.vocabulary:
        yield (
            "stop",
            f"{entry['teacher']} has {teacher.vocabulary:,} rows in its vocabulary, and the students have {student.vocabulary:,}; "
            "name a teacher with as many or more",
        )
    context = entry["context"] or teacher.context
    if entry["longest"] > context:
        text = f"rows of up to {entry['longest']:,} tokens exceed the context of {entry['teacher']}, {context:,}, and one stops it"
        yield "warning", f"{text}: set datasets.{entry['dataset']}.filter.max_tokens: {context}"


def too_large(entry: Mapping[str, Any], found: Mapping[str, int], usable: float) -> str:
    """What to change where it does not fit."""
    needs = f"needs {gb(found['total'])} GB of a device, of which {gb(int(usable))} can be used"
    if found["weights"] > usable:
        return f"{needs}: the teacher alone takes {gb(found['weights'])} GB; name a smaller one"
    return f"{needs}: {SCORED_ROWS} rows of up to {entry['longest']:,} tokens at once; lower datasets.{entry['dataset']}.filter.max_tokens"
