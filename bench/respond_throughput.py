"""Throughput of the vllm engine, through its worker process and into the store of answers, against bare vllm.LLM on the same prompts.

    python bench/respond_throughput.py --model results/models/ours --prompts results/benchmarks/*/prompts.jsonl

Both hold the model at the same time, in separate processes, and generate in turn, so that other load affects both. On one GPU each takes
--gpu-memory of its memory; they load one after the other, since vLLM measures what is free. Prints the seconds until each has generated
its first token, then tokens a second of each round, which exclude them, and the ratio of the medians. Exit code 1: the ratio is below
0.95; 2: the two generated numbers of tokens that differ by more than 2 %, so that they did not do the same work.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from distill.base import manifest
from distill.base.cli import parser, run
from distill.base.errors import InputError
from distill.base.files import write_jsonl
from distill.generation import engines
from distill.generation.responses import ResponseSet, response_set

LEAST = 0.95
ALIKE = 0.02  # difference of the numbers of tokens; in bfloat16 an answer may change with its batch, and so its length


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--model", required=True, type=Path)
    options.add_argument("--prompts", required=True, nargs="+", type=Path)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--max-new-tokens", type=int, default=320)
    options.add_argument("--temperature", type=float, default=0.0, help="above 0 each request has its own seed, in bare vLLM too")
    options.add_argument("--gpu-memory", type=float, default=0.42, help="share of the GPU's memory for each (default: %(default)s)")
    options.add_argument("--bare", action="store_true", help="used internally: serve bare vLLM")
    args = options.parse_args()
    if args.bare:
        serve_bare(args)
        return
    spec = {"engine": "vllm", "n_samples": 1, "temperature": args.temperature, "top_p": 0.95 if args.temperature else 1.0}
    spec |= {"max_new_tokens": args.max_new_tokens, "seed": 0}
    speeds: dict[str, list[float]] = {"ours": [], "bare": []}
    with tempfile.TemporaryDirectory() as folder:
        first = [ask(args, spec | {"max_new_tokens": 1}, args.prompts[0], Path(folder), "first")]
        start = time.perf_counter()
        ours = engines.load("vllm", args.model, {"gpu_memory": args.gpu_memory})
        answer(ours, first[0])
        loaded = time.perf_counter()
        bare = subprocess.Popen([sys.executable, *sys.argv, "--bare"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        tell_bare(bare, first)
        print(f"start to first token: ours {loaded - start:.1f} s, bare {time.perf_counter() - loaded:.1f} s", flush=True)
        for name in ("warm-up", *map(str, range(1, args.rounds + 1))):
            response_sets = [ask(args, spec, path, Path(folder), name) for path in args.prompts]
            start, tokens = time.perf_counter(), sum(answer(ours, one) for one in response_sets)
            seconds, theirs = time.perf_counter() - start, tell_bare(bare, response_sets)
            if name == "warm-up":
                continue
            speeds["ours"].append(tokens / seconds)
            speeds["bare"].append(theirs["tokens"] / theirs["seconds"])
            print(f"round {name}: ours {speeds['ours'][-1]:,.0f} tokens/s, bare {speeds['bare'][-1]:,.0f}", flush=True)
        bare.stdin.close()
        bare.wait()
        ours.close()
    medians = {name: statistics.median(found) for name, found in speeds.items()}
    ratio = medians["ours"] / medians["bare"]
    print(f"{tokens:,} tokens a round; medians {medians['ours']:,.0f} and {medians['bare']:,.0f} tokens/s, ratio {ratio:.3f}", flush=True)
    if abs(theirs["tokens"] - tokens) > ALIKE * tokens:
        raise InputError(f"ours generated {tokens} tokens and bare vLLM {theirs['tokens']}: they did not do the same work")
    sys.exit(ratio < LEAST)


def ask(args: Any, spec: dict[str, Any], path: Path, folder: Path, name: str) -> ResponseSet:
    return response_set(folder / name, manifest.read(args.model)["digest"], path, spec, folder / name / f"{path.parent.name}.jsonl")


def answer(engine: Any, one: ResponseSet) -> int:
    """As scripts/respond.py does it: into the store, then the responses file. Returns the tokens."""
    missing, tokens = one.missing(), 0
    for place, given in engine.answers(one.requests(missing), one.sampling()):
        one.keep(missing[place], given)
        tokens += given.completion_tokens
    write_jsonl(one.output, one.rows())
    return tokens


def tell_bare(bare: subprocess.Popen, response_sets: list[ResponseSet]) -> dict[str, Any]:
    requests = [[vars(request) for request in one.requests(one.pairs)] for one in response_sets]
    try:
        print(json.dumps({"requests": requests, "sampling": vars(response_sets[0].sampling())}), file=bare.stdin, flush=True)
        return json.loads(bare.stdout.readline())
    except (BrokenPipeError, json.JSONDecodeError):
        raise InputError("bare vLLM has ended; its own messages are above. Where memory ran out, lower --gpu-memory") from None


def serve_bare(args: Any) -> None:
    """vllm.LLM(..).generate(..) and nothing else, with the engine's settings."""
    import os

    from distill.generation.engines.vllm_worker import ENVIRONMENT

    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    os.environ.update({name: os.environ.get(name, value) for name, value in ENVIRONMENT.items()})
    from vllm.platforms import current_platform

    on_cpu = current_platform.is_cpu()
    if on_cpu:
        os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    from vllm import LLM, SamplingParams

    chunked = {"enable_chunked_prefill": False} if on_cpu and args.temperature else {}  # vLLM 0.32 cannot seed requests with it on a CPU
    llm = LLM(
        str(args.model), dtype="float32" if on_cpu else "bfloat16", enforce_eager=on_cpu, gpu_memory_utilization=args.gpu_memory, **chunked
    )
    tokenizer = llm.get_tokenizer()
    for line in sys.stdin:
        job = json.loads(line)
        sampling = {name: value for name, value in job["sampling"].items() if name in ("temperature", "top_p")}
        sampling["max_tokens"] = job["sampling"]["max_new_tokens"]
        texts = [
            [tokenizer.apply_chat_template(one["messages"], add_generation_prompt=True, tokenize=False) for one in requests]
            for requests in job["requests"]
        ]
        params = [
            [SamplingParams(**sampling, seed=one["seed"] if sampling["temperature"] else None) for one in requests]
            for requests in job["requests"]
        ]
        start = time.perf_counter()
        done = [output for some, how in zip(texts, params, strict=True) for output in llm.generate(some, how, use_tqdm=False)]
        seconds = time.perf_counter() - start
        tokens = sum(len(output.outputs[0].token_ids) for output in done)
        print(json.dumps({"tokens": tokens, "seconds": seconds}), file=out, flush=True)


if __name__ == "__main__":
    run(main)
