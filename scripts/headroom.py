"""Check that a teacher has something to teach: student and teacher answer prompts that a distillation holds out, and are graded.

From two models and an sft.jsonl to a JSON file with both shares; fails where the teacher is not better by --min-headroom points. The gold
of a prompt is the last box of its completion, which the filter has held against the data's own gold.

    python scripts/headroom.py --student results/models/ours --teacher results/models/r1-distill-mini \\
        --prompts results/data/mini_r1/sft.jsonl --spec '{"steps": 400, "max_new_tokens": 200}' --output work/headroom/ours-on-policy.json
"""

import re
from pathlib import Path

from distill.base import manifest
from distill.base.cli import parser, run, spec
from distill.base.code_digest import code_digest
from distill.base.errors import InputError
from distill.base.files import read_json, write_json
from distill.base.settings import defaults
from distill.base.work import work_key
from distill.grading.extract import last_boxed
from distill.grading.grader import Grader, Task
from distill.training.prompts import Prompt, prompts_digest, read_prompts, split
from distill.training.recipe import DISTILLATION, RUNTIME

LETTER = re.compile("[A-J]")  # the gold of a choice question, as the filter tells one


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--student", required=True, type=Path, help="folder of the student")
    options.add_argument("--teacher", required=True, type=Path, help="folder of the teacher")
    options.add_argument("--prompts", required=True, type=Path, help="sft.jsonl: rows of id, prompt, completion")
    options.add_argument("--spec", default="{}", help="recipe as JSON: the keys of models.NAME.distill")
    least = defaults("$defs/distill")["min_headroom"]
    options.add_argument("--min-headroom", type=float, default=least, help="points that the teacher must be ahead (default: %(default)s)")
    options.add_argument("--chat-template", nargs="?", type=Path, help="jinja file; the student's own template if absent")
    options.add_argument("--runtime", default="{}", help="JSON of device, batch_size, ...: the keys of runtime")
    options.add_argument("--output", required=True, type=Path, help="JSON with the shares of right answers")
    args = options.parse_args()

    recipe, runtime = DISTILLATION.read(spec(args.spec)), RUNTIME.read(spec(args.runtime), "--runtime")
    template = args.chat_template.read_text(encoding="utf-8") if args.chat_template else None
    prompts = read_prompts(args.prompts)
    held_out = [prompt for prompt in split(prompts, recipe["held_out"], recipe["seed"])[1] if last_boxed(prompt.completion)]
    folders = {"student": args.student, "teacher": args.teacher}
    key = work_key(
        {
            **{name: manifest.read(folder)["digest"] for name, folder in folders.items()},
            "prompts": prompts_digest(held_out),
            "max_new_tokens": recipe["max_new_tokens"],
            "chat_template": template,
            "code": code_digest("headroom.py"),
        }
    )
    found = read_json(args.output) if args.output.exists() else {}
    if found.get("key") != key:
        shares = {name: share_of_right(folder, held_out, recipe["max_new_tokens"], template, runtime) for name, folder in folders.items()}
        found = {"key": key, "headroom": {"questions": len(held_out), **shares} if held_out else None}
        write_json(args.output, found)
    report(found["headroom"], args.min_headroom, str(args.teacher))


def share_of_right(folder: Path, held_out: list[Prompt], max_new_tokens: int, template: str | None, runtime: dict) -> float:
    """The share of prompts that a model answers right, greedily; 0 where there are none."""
    from distill.generation.engines import Request, Sampling
    from distill.generation.engines.transformers import Engine

    if not held_out:
        return 0.0
    engine = Engine(folder, runtime)
    engine.tokenizer.chat_template = template or engine.tokenizer.chat_template
    answers = dict(engine.answers([Request(prompt.messages, 0) for prompt in held_out], Sampling(0.0, 1.0, max_new_tokens)))
    golds = [last_boxed(prompt.completion) or "" for prompt in held_out]
    with Grader() as grader:
        tasks = [Task("choice" if LETTER.fullmatch(gold) else "math", gold, answers[place].text) for place, gold in enumerate(golds)]
        return sum(verdict.correct for verdict in grader.grade(tasks)) / len(tasks)


def report(headroom: dict | None, least: float, teacher: str) -> None:
    """Print what was found. Raises InputError where it is less than `least` points."""
    if headroom is None:
        print("headroom: no prompt is held out, or none has an answer in a box: not checked", flush=True)
        return
    student, better = 100 * headroom["student"], 100 * (headroom["teacher"] - headroom["student"])
    line = f"of {headroom['questions']} held-out questions the student answers {student:.1f} % right, the teacher {student + better:.1f} %"
    if better < least:
        raise InputError(
            f"distill.teacher: {line}: {teacher} has little to teach here; name harder prompts or a better teacher, "
            "or lower distill.min_headroom"
        )
    print(f"headroom: {line}", flush=True)


if __name__ == "__main__":
    run(main)
