"""The transformers engine against transformers' own cache, with which each token copies it and rows that have ended go on, in turn.

    python bench/transformers_engine.py --model results/models/ours --prompts results/benchmarks/*/prompts.jsonl --temperature 1

Prints tokens a second of each round and the ratio of the medians. Exit code 1: the ratio is below 1; 2: the answers differ.
"""

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from distill.base.cli import parser, run
from distill.base.errors import InputError
from distill.base.files import read_jsonl
from distill.generation.engines import Request, Sampling, load
from distill.generation.engines import transformers as engine_module


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--model", required=True, type=Path)
    options.add_argument("--prompts", required=True, nargs="+", type=Path)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--max-new-tokens", type=int, default=320)
    options.add_argument("--temperature", type=float, default=0.0)
    options.add_argument("--batch-size", type=int, default=100)
    args = options.parse_args()
    rows = [row for path in args.prompts for row in read_jsonl(path)]
    requests = [Request(row["messages"], seed) for seed, row in enumerate(rows)]
    sampling = Sampling(args.temperature, 1.0, args.max_new_tokens)
    engine = load("transformers", args.model, {"batch_size": args.batch_size})
    growing, speeds = engine_module.growing_cache, {"ours": [], "plain": []}
    for number in range(args.rounds + 1):
        answers = {}
        for name, cache in (("ours", growing), ("plain", lambda _: {})):
            engine_module.growing_cache = cache
            start = time.perf_counter()
            answers[name] = dict(engine.answers(requests, sampling))
            tokens = sum(answer.completion_tokens for answer in answers[name].values())
            speeds[name].append(tokens / (time.perf_counter() - start))
        if answers["ours"] != answers["plain"]:
            raise InputError("answers differ")
        if number:  # the first warms up
            print(f"round {number}: ours {speeds['ours'][-1]:,.0f} tokens/s, plain {speeds['plain'][-1]:,.0f}", flush=True)
    medians = {name: statistics.median(found[1:]) for name, found in speeds.items()}
    ratio = medians["ours"] / medians["plain"]
    print(f"{tokens:,} tokens a round; medians {medians['ours']:,.0f} and {medians['plain']:,.0f} tokens/s, ratio {ratio:.3f}", flush=True)
    sys.exit(ratio < 1)


if __name__ == "__main__":
    run(main)
