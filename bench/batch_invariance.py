"""Whether greedy answers of the vllm engine depend on what else is in the batch: all prompts at once, and the same in batches of 64.

    python bench/batch_invariance.py --model results/models/ours --prompts results/benchmarks/gsm8k@greedy/prompts.jsonl
    python bench/batch_invariance.py ... --batch-invariant      # as protocols.NAME.sampling.batch_invariant: true asks for

Prints the share of answers that differ, where they first differ, and tokens a second of both ways, whose start-up is not counted. All at
once is generated three times: the first finds no prompt in vLLM's prefix cache, and the other two tell how many answers differ although
the batches are equal.
"""

import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from distill.base.cli import parser, run
from distill.base.files import read_jsonl
from distill.generation import engines
from distill.generation.engines import Answer, Request, Sampling


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--model", required=True, type=Path)
    options.add_argument("--prompts", required=True, type=Path)
    options.add_argument("--batch", type=int, default=64, help="prompts at once (default: %(default)s)")
    options.add_argument("--max-new-tokens", type=int, default=320)
    options.add_argument("--gpu-memory", type=float, default=0.9, help="share of the GPU's memory (default: %(default)s)")
    options.add_argument("--batch-invariant", action="store_true")
    args = options.parse_args()

    requests = [Request(row["messages"], 0) for row in read_jsonl(args.prompts)]
    engine = engines.load("vllm", args.model, {"gpu_memory": args.gpu_memory, "batch_invariant": args.batch_invariant})
    generate(engine, requests[:1], 1)  # loads the model
    generate(engine, requests, args.max_new_tokens)
    whole, speed = generate(engine, requests, args.max_new_tokens)
    again, _ = generate(engine, requests, args.max_new_tokens)
    batched: list[Answer] = []
    start = time.perf_counter()
    for first in range(0, len(requests), args.batch):
        batched += generate(engine, requests[first : first + args.batch], args.max_new_tokens)[0]
    batched_speed = sum(answer.completion_tokens for answer in batched) / (time.perf_counter() - start)
    engine.close()
    print(f"all at once, and again: {describe_differences(whole, again)}")
    print(f"all at once, and in batches of {args.batch}: {describe_differences(whole, batched)}")
    print(f"tokens/s: {speed:,.0f} all at once, {batched_speed:,.0f} in batches")


def describe_differences(some: list[Answer], others: list[Answer]) -> str:
    places = [common_prefix(one.text, other.text) for one, other in zip(some, others, strict=True) if one.text != other.text]
    where = f", first after {median(places):.0f} characters in the median" if places else ""
    return f"{len(places)} of {len(some)} greedy answers ({len(places) / len(some):.1%}) differ{where}"


def generate(engine: Any, requests: list[Request], max_new_tokens: int) -> tuple[list[Answer], float]:
    """Answers in the order of the requests, and tokens a second."""
    start = time.perf_counter()
    found = dict(engine.answers(requests, Sampling(0.0, 1.0, max_new_tokens)))
    seconds = time.perf_counter() - start
    return [found[place] for place in range(len(requests))], sum(answer.completion_tokens for answer in found.values()) / seconds


def common_prefix(one: str, other: str) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


if __name__ == "__main__":
    run(main)
