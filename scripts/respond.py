"""Answer a benchmark's prompts with a model.

From prompts.jsonl to responses: id, sample, text, finish_reason (stop, length), prompt_tokens, completion_tokens. Answers are stored in
the work folder as they come, by the model's digest, the sampling, the prompt's bytes and the sample: after a kill, a changed prompt or with
more samples only what is missing is generated. With --siblings, missing answers to this model's other benchmarks are generated while it is
loaded, those that no other process generates at that time; their own jobs then find all answers and load nothing.

    python scripts/respond.py --model results/models/ours --prompts results/benchmarks/mini_math/prompts.jsonl \\
        --spec '{"engine": "transformers", "n_samples": 1, "temperature": 0.0, "top_p": 1.0, "max_new_tokens": 320, "seed": 0}' \\
        --output results/responses/ours/mini_math.jsonl
"""

import json
from pathlib import Path
from typing import Any

from distill.base import manifest
from distill.base.cli import parser, run, spec
from distill.base.errors import InputError
from distill.base.files import write_jsonl
from distill.base.machine import note_machine, print_machines
from distill.base.progress import Progress, TokenCounter
from distill.base.work import locked
from distill.generation import engines
from distill.generation.budget import Budget, Ledger
from distill.generation.responses import SPEC, ResponseSet, mark_complete, response_set
from distill.generation.runtime import read_runtime


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--model", type=Path, help="model folder with its manifest; without it spec names endpoint and model there")
    options.add_argument("--prompts", required=True, type=Path, help="prompts.jsonl")
    options.add_argument(
        "--spec", required=True, help="JSON of engine, n_samples, temperature, top_p, max_new_tokens, context, seed, batch_invariant"
    )
    options.add_argument("--runtime", default="{}", help="JSON of device, batch_size, ...: what changes speed and no answer")
    options.add_argument("--siblings", default="[]", help="JSON list of prompts, spec, output of this model's other benchmarks")
    options.add_argument("--work", default="work/responses", type=Path, help="where answers are stored as they come")
    options.add_argument("--output", required=True, type=Path, help="responses")
    args = options.parse_args()
    sampling = SPEC.read(spec(args.spec))
    digest = manifest.read(args.model)["digest"] if args.model else endpoint_identity(sampling)
    runtime = read_runtime(sampling["engine"], spec(args.runtime))

    own, engine = response_set(args.work, digest, args.prompts, sampling, args.output), None
    with locked(own.folder, wait=True):
        if own.missing():
            alike = {"batch_invariant": sampling.get("batch_invariant")}
            engine = engines.load(sampling["engine"], args.model or sampling["model"], runtime | alike)
            answer_missing(engine, own, runtime)
        write_jsonl(args.output, own.rows())
        mark_complete(own)
    if engine is not None:
        for entry in json.loads(args.siblings):
            answer_sibling(engine, args.work, digest, entry, own, runtime)
    print_machines(own.folder)
    print(f"{len(own.pairs)} answers")


def endpoint_identity(sampling: dict) -> str:
    """What stands for the digest of a model behind an endpoint: the names of both."""
    if sampling.get("engine") != "openai" or not sampling.get("endpoint") or not sampling.get("model"):
        raise InputError("--model: missing; name the model's folder, or give --spec engine openai, and the names endpoint and model")
    return f"{sampling['endpoint']} {sampling['model']}"


def answer_missing(engine: Any, wanted: ResponseSet, runtime: dict[str, Any]) -> None:
    """Put all missing answers into the store, as they come."""
    wanted.read_again()
    missing = wanted.missing()
    note_machine(wanted.folder)
    what = f"respond {wanted.output.parent.name} {wanted.output.stem}"
    with Progress(what, len(wanted.pairs), "answers", initial=len(wanted.pairs) - len(missing)) as progress:
        tokens = TokenCounter()
        within = [Ledger(wanted.folder / "ledger.jsonl", Budget.of(runtime))] if "budget" in runtime else []
        try:
            for place, given in engine.answers(wanted.requests(missing), wanted.sampling(), *within):
                wanted.keep(missing[place], given)
                progress.add(note=tokens.add(given.completion_tokens or 0))
        except engines.Unanswered as end:
            for place, response in end.unread.items():
                wanted.keep_unread(missing[place], response)
            raise


def answer_sibling(engine: Any, work: Path, model: str, entry: dict[str, Any], own: ResponseSet, runtime: dict[str, Any]) -> None:
    """Generate a sibling's missing answers, unless another process is generating them or it needs an engine of another kind.

    `entry` is its prompts, spec and output. What goes wrong is left to its own step: this one's answers are complete.
    """
    try:
        sibling = response_set(work, model, **entry)
        alike = all(sibling.spec.get(key) == own.spec.get(key) for key in ("engine", "batch_invariant"))
        if alike and sibling.output != own.output and not sibling.is_complete():
            with locked(sibling.folder):
                if sibling.missing():
                    answer_missing(engine, sibling, runtime)
    except Exception as error:
        print(f"{entry['output']}: left to its own step ({error})", flush=True)


if __name__ == "__main__":
    run(main)
