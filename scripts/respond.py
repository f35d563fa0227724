"""Answer a benchmark's prompts with a model.

From prompts.jsonl to responses: id, sample, text, finish_reason (stop, length), prompt_tokens, completion_tokens. Answers are stored in
the work folder as they come, by the model's digest, the sampling, the prompt's bytes and the sample: after a kill, a changed prompt or with
more samples only what is missing is generated. With --siblings, missing answers to this model's other benchmarks are generated while it is
loaded; their own jobs then find all answers and load nothing.

    python scripts/respond.py --model results/models/ours --prompts results/benchmarks/mini_math/prompts.jsonl \\
        --spec '{"engine": "transformers", "n_samples": 1, "temperature": 0.0, "top_p": 1.0, "max_new_tokens": 320, "seed": 0}' \\
        --output results/responses/ours/mini_math.jsonl
"""

import json
from contextlib import ExitStack
from pathlib import Path

from distill.base import manifest
from distill.base.cli import parser, run, spec
from distill.base.errors import InputError
from distill.base.files import write_jsonl
from distill.base.machine import note_machine, print_machines
from distill.base.progress import Progress, TokenCounter
from distill.base.work import locked
from distill.generation import engines
from distill.generation.budget import Budget, Ledger
from distill.generation.responses import ResponseSet, mark_complete, response_set


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
    sampling = spec(args.spec)
    digest = manifest.read(args.model)["digest"] if args.model else endpoint_identity(sampling)

    own = response_set(args.work, digest, args.prompts, sampling, args.output)
    with ExitStack() as held:
        held.enter_context(locked(own.folder, wait=True))
        missing = [own] if own.missing() else []
        if missing:
            missing += lock_siblings(held, [response_set(args.work, digest, **entry) for entry in json.loads(args.siblings)], own)
            generate(args.model or sampling["model"], missing, spec(args.runtime))
        write_jsonl(args.output, own.rows())
        mark_complete(own)
    print_machines(own.folder)
    print(f"{len(own.pairs)} answers")


def lock_siblings(held: ExitStack, siblings: list[ResponseSet], own: ResponseSet) -> list[ResponseSet]:
    """The siblings with missing answers that this load of the model can generate and no other process works on; locked until the end."""
    locked_ones = []
    for sibling in siblings:
        alike = all(sibling.spec.get(key) == own.spec.get(key) for key in ("engine", "batch_invariant"))
        if sibling.output == own.output or sibling.is_complete() or not alike:
            continue
        try:
            held.enter_context(locked(sibling.folder))
        except InputError:
            continue
        if sibling.missing():
            locked_ones.append(sibling)
    return locked_ones


def endpoint_identity(sampling: dict) -> str:
    """What stands for the digest of a model behind an endpoint: the names of both."""
    if sampling.get("engine") != "openai" or not sampling.get("endpoint") or not sampling.get("model"):
        raise InputError("--model: missing; name the model's folder, or give --spec engine openai, and the names endpoint and model")
    return f"{sampling['endpoint']} {sampling['model']}"


def generate(model: Path | str, todo: list[ResponseSet], runtime: dict) -> None:
    """Load the model once and put all missing answers into their stores, batch by batch."""
    first = todo[0].spec
    engine = engines.load(first["engine"], model, {**runtime, "batch_invariant": first.get("batch_invariant", False)})
    for one in todo:
        one.read_again()
        missing = one.missing()
        note_machine(one.folder)
        what = f"respond {one.output.parent.name} {one.output.stem}"
        with Progress(what, len(one.pairs), "answers", initial=len(one.pairs) - len(missing)) as progress:
            tokens = TokenCounter()
            within = [Ledger(one.folder / "ledger.jsonl", Budget.of(runtime))] if "budget" in runtime else []
            try:
                for place, given in engine.answers(one.requests(missing), one.sampling(), *within):
                    one.keep(missing[place], given)
                    progress.add(note=tokens.add(given.completion_tokens or 0))
            except engines.Unanswered as end:
                for place, response in end.unread.items():
                    one.keep_unread(missing[place], response)
                raise


if __name__ == "__main__":
    run(main)
