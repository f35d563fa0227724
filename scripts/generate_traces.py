"""Have a teacher answer questions, n times each.

From questions (jsonl, json, csv or parquet; columns by name) to a folder with traces.jsonl (the Bespoke-Stratos schema: system,
conversations; with gold and finish_reason) and, last, manifest.json, which scripts/normalise.py --format bespoke_stratos reads.
The teacher is a model on this machine (--model) or one behind an OpenAI-compatible endpoint (base_url in --runtime; its key only ever in
the environment variable that key_variable names). Answers are kept in the work folder as they come: a killed run, a budget that ran out
or a sample that failed cost only what is missing. Ends with 3 at the budget, with 4 where too many samples failed.

    python scripts/generate_traces.py --questions questions.jsonl --output results/sources/datasets/taught \\
        --spec '{"engine": "openai", "model": "deepseek-reasoner", "samples": 2, "max_new_tokens": 32768,
                 "columns": {"question": "problem", "gold": "answer"}}' \\
        --runtime '{"base_url": "https://api.deepseek.com/v1", "key_variable": "DEEPSEEK_API_KEY", "concurrency": 32,
                    "prices": {"prompt": 0.55, "completion": 2.19}, "budget": {"money": 20.0}}'
"""

import sys
from pathlib import Path
from typing import Any, NoReturn

from distill.base import manifest
from distill.base.cli import parser, run, spec
from distill.base.errors import InputError
from distill.base.files import write_jsonl
from distill.base.work import locked
from distill.generation import engines
from distill.generation.budget import Budget, Ledger
from distill.generation.responses import ResponseSet
from distill.generation.teacher import SPEC, all_requested, answer_missing, pairs, questions, run_folder, trace_rows, unanswered

OUT_OF_BUDGET, TOO_MANY_FAILED = 3, 4


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--questions", required=True, type=Path, metavar="FILE_OR_FOLDER", help="jsonl, json, csv or parquet")
    options.add_argument(
        "--spec", required=True, metavar="JSON", help="engine, model, max_new_tokens; samples, temperature, top_p, seed, ..."
    )
    options.add_argument(
        "--runtime", default="{}", metavar="JSON", help="what changes no answer: base_url, key_variable, budget; device, ..."
    )
    options.add_argument("--model", type=Path, metavar="DIR", help="folder of the teacher, where it is on this machine")
    options.add_argument("--system", type=Path, metavar="FILE", help="system prompt, such as config/templates/stratos_system.txt")
    options.add_argument("--work", default="work/teacher", type=Path, help="where answers are kept as they come")
    options.add_argument("--output", required=True, type=Path, metavar="FOLDER", help="traces.jsonl and manifest.json")
    args = options.parse_args()

    teacher_spec, runtime = SPEC.read(spec(args.spec)), spec(args.runtime)
    system = args.system.read_text(encoding="utf-8").removesuffix("\n") if args.system else None
    samples = pairs(questions(args.questions, teacher_spec["columns"]), system, teacher_spec)
    folder = run_folder(args.work, teacher_spec, teacher_identity(teacher_spec, runtime, args.model), args.output.resolve().name)
    with locked(folder):
        answers = ResponseSet(args.output / "traces.jsonl", folder, teacher_spec, samples)
        missing = answers.missing()
        print(f"{len(samples)} samples, {len(samples) - len(missing)} answered already", flush=True)
        if missing:
            answer(answers, runtime, args.model)
        write(answers, args.output)


def teacher_identity(teacher: dict[str, Any], runtime: dict[str, Any], model: Path | None) -> str:
    """What the teacher is known by: the digest of a local model, or the endpoint."""
    if teacher["engine"] != "openai":
        if model is None:
            raise InputError(f"--model: missing: give the folder of {teacher['model']}")
        if "budget" in runtime:
            raise InputError("--runtime: a budget is for endpoints; a local model costs time alone: remove it")
        return manifest.read(model)["digest"]
    if "base_url" not in runtime:
        raise InputError("--runtime: base_url is missing: give the address of the endpoint, such as https://api.deepseek.com/v1")
    if "@" in runtime["base_url"]:
        raise InputError("--runtime: base_url holds a name or a key: put the key into the environment variable that key_variable names")
    return teacher.get("endpoint") or runtime["base_url"]


def answer(answers: ResponseSet, runtime: dict[str, Any], model: Path | None) -> None:
    """Ask for what is missing. Ends the program at the budget."""
    by_endpoint = answers.spec["engine"] == "openai"
    ledger = Ledger(answers.folder / "ledger.jsonl", Budget.of(runtime)) if by_endpoint else None
    extra = {"extra": answers.spec["extra"]} if by_endpoint else {}
    engine = engines.load(answers.spec["engine"], answers.spec["model"] if by_endpoint else model, {**runtime, **extra})
    end = answer_missing(engine, answers, ledger)
    if ledger is not None:
        print(f"spent so far: {ledger}")
    if end is not None and end.ended == "refusal" and not all_requested(answers):
        raise InputError(str(end))
    if end is not None and end.ended == "budget":
        answered = f"{len(answers.pairs) - len(answers.missing())} of {len(answers.pairs)} samples are kept in {answers.folder}"
        stop(f"{end}: {answered}; raise the budget and run again to go on", OUT_OF_BUDGET)


def write(answers: ResponseSet, output: Path) -> None:
    """The output, unless more samples failed than may."""
    failed = unanswered(answers)
    if failed:
        line = f"{len(failed)} of {len(answers.pairs)} samples have no answer; the first: {failed[0]['id']}, sample {failed[0]['sample']}"
        line = f"{line}: {failed[0]['why']}"
        if len(failed) > answers.spec["max_failed"] * len(answers.pairs) or len(failed) == len(answers.pairs):
            stop(f"{line}; run again to ask for them once more, or raise max_failed", TOO_MANY_FAILED)
        print(f"warning: {line}; manifest.json lists all", file=sys.stderr)
    output.mkdir(parents=True, exist_ok=True)
    (output / manifest.NAME).unlink(missing_ok=True)
    count = write_jsonl(answers.output, trace_rows(answers))
    made = {name: answers.spec.get(name) for name in ("model", "endpoint", "samples", "temperature", "top_p", "max_new_tokens", "seed")}
    manifest.write(output, made_by="generate_traces", teacher=made, failed=failed)
    print(f"{output}: {count} traces")


def stop(line: str, code: int) -> NoReturn:
    print(line, file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    run(main)
