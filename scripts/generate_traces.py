"""Have a teacher answer questions, n times each.

From questions (jsonl, json, csv or parquet; columns by name) to a folder with traces.jsonl (the Bespoke-Stratos schema: system,
conversations; with gold and finish_reason) and, last, manifest.json, which scripts/normalise.py --format bespoke_stratos reads.
The teacher is a model on this machine (--model) or one behind an OpenAI-compatible endpoint (base_url in --runtime; its key only ever in
the environment variable that key_variable names). Answers are kept in the work folder as they come: a killed run, a budget that ran out
or a sample that failed cost only what is missing. Ends with 3 at the budget, with 4 where too many samples failed.

    python scripts/generate_traces.py --questions questions.jsonl --output results/sources/datasets/from_teacher \\
        --spec '{"engine": "openai", "model": "deepseek-reasoner", "samples": 2, "max_new_tokens": 32768,
                 "columns": {"question": "problem", "gold": "answer"}}' \\
        --runtime '{"base_url": "https://api.deepseek.com/v1", "key_variable": "DEEPSEEK_API_KEY", "concurrency": 32,
                    "prices": {"prompt": 0.55, "completion": 2.19}, "budget": {"money": 20.0}}'
"""

from pathlib import Path

from distill.base import manifest
from distill.base.cli import parser, run, spec
from distill.base.files import Row, write_jsonl
from distill.base.work import locked
from distill.generation.collect import collect, identity, run_folder
from distill.generation.responses import ResponseSet
from distill.generation.runtime import read_runtime
from distill.generation.teacher import SPEC, pairs, questions, trace_rows


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

    teacher_spec = SPEC.read(spec(args.spec))
    runtime = read_runtime(teacher_spec["engine"], spec(args.runtime))
    system = args.system.read_text(encoding="utf-8").removesuffix("\n") if args.system else None
    samples = pairs(questions(args.questions, teacher_spec["columns"]), system, teacher_spec)
    folder = run_folder(args.work, teacher_spec, identity(teacher_spec, runtime, args.model), args.output.resolve().name)
    with locked(folder):
        answers = ResponseSet(args.output / "traces.jsonl", folder, teacher_spec, samples)
        write(answers, collect(answers, runtime, args.model, "teacher"), args.output)


def write(answers: ResponseSet, failed: list[Row], output: Path) -> None:
    """The traces, and last the manifest, which lists the samples without an answer."""
    output.mkdir(parents=True, exist_ok=True)
    (output / manifest.NAME).unlink(missing_ok=True)
    count = write_jsonl(answers.output, trace_rows(answers))
    made = {name: answers.spec.get(name) for name in ("model", "endpoint", "samples", "temperature", "top_p", "max_new_tokens", "seed")}
    manifest.write(output, made_by="generate_traces", teacher=made, failed=failed)
    print(f"{output}: {count} traces")


if __name__ == "__main__":
    run(main)
