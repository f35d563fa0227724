"""Answer a benchmark's prompts with a model: from prompts.jsonl to responses (id, sample, text, finish_reason, prompt_tokens, completion_tokens).

Answers are kept in the work folder as they come, by the model's digest, the sampling, the prompt's bytes and the sample: a killed run, a changed
prompt or more samples cost only what is missing.

    python scripts/respond.py --model results/models/ours --prompts results/benchmarks/mini_math/prompts.jsonl \\
        --spec '{"engine": "transformers", "n_samples": 1, "temperature": 0.0, "top_p": 1.0, "max_new_tokens": 320, "seed": 0}' \\
        --output results/responses/ours/mini_math.jsonl
"""

import json
import time
from pathlib import Path

from distill import engines, manifest
from distill.answer_store import AnswerStore
from distill.cli import parser, run, spec
from distill.files import Row, read_jsonl, sha256_text, write_jsonl
from distill.runs import locked, open_run

ANSWER = ("text", "finish_reason", "prompt_tokens", "completion_tokens")


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--model", required=True, type=Path, help="model folder with its manifest")
    options.add_argument("--prompts", required=True, type=Path, help="prompts.jsonl")
    options.add_argument("--spec", required=True, help="JSON of engine, n_samples, temperature, top_p, max_new_tokens, seed")
    options.add_argument("--runtime", default="{}", help="JSON of device, batch_size: what changes speed and not the answers")
    options.add_argument("--work", default="work/responses", type=Path, help="where answers are kept as they come")
    options.add_argument("--output", required=True, type=Path, help="responses")
    args = options.parse_args()
    asked, runtime = spec(args.spec), spec(args.runtime)
    prompts = list(read_jsonl(args.prompts))
    samples = asked.pop("n_samples")
    folder = open_run(args.work, {"model": manifest.read(args.model)["digest"], "benchmark": args.prompts.parent.name, **asked})
    with locked(folder):
        store = AnswerStore(folder / "answers.jsonl")
        wanted = [(prompt, sample) for prompt in prompts for sample in range(samples)]
        missing = [(prompt, sample) for prompt, sample in wanted if (key(prompt), sample) not in store.answers]
        print(f"{len(wanted)} answers wanted, {len(wanted) - len(missing)} at hand", flush=True)
        if missing:
            generate(args.model, missing, asked, runtime, store)
        rows = ({"id": prompt["id"], "sample": sample, **_answer(store.answers[key(prompt), sample])} for prompt, sample in wanted)
        write_jsonl(args.output, rows)


def generate(model: Path, missing: list[tuple[Row, int]], asked: Row, runtime: Row, store: AnswerStore) -> None:
    """Have the engine write the missing answers into the store."""
    requests = [engines.Request(prompt["messages"], seed_of(asked["seed"], prompt, sample)) for prompt, sample in missing]
    sampling = engines.Sampling(asked["temperature"], asked["top_p"], asked["max_new_tokens"])
    answers = engines.load(asked["engine"])(
        model, requests, sampling, device=runtime.get("device", "auto"), batch_size=runtime.get("batch_size", 100)
    )
    start, tokens, shown = time.monotonic(), 0, time.monotonic()
    for done, (place, answer) in enumerate(answers, 1):
        prompt, sample = missing[place]
        store.append([{"key": key(prompt), "sample": sample, **vars(answer)}])
        tokens += answer.completion_tokens
        if time.monotonic() - shown > 5 or done == len(missing):
            shown = time.monotonic()
            print(f"{done}/{len(missing)} answers, {tokens / (shown - start):,.0f} tokens/s", flush=True)


def key(prompt: Row) -> str:
    """The digest of a prompt's bytes: what the model is shown, and nothing else."""
    return sha256_text(json.dumps(prompt["messages"], sort_keys=True))[:32]


def seed_of(seed: int, prompt: Row, sample: int) -> int:
    """A sample's own seed, from the run's seed, the prompt and the sample's number: more samples leave the earlier ones as they were."""
    return int(sha256_text(f"{seed}\n{key(prompt)}\n{sample}")[:15], 16)


def _answer(row: Row) -> Row:
    return {name: row[name] for name in ANSWER}


if __name__ == "__main__":
    run(main)
