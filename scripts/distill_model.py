"""Distill a student on-policy: from a student, a teacher and the prompts of an sft.jsonl to a model folder, as scripts/train.py makes one.

The student answers the prompts, the teacher scores each token of its answers, and the student learns from the difference. Started by
scripts/launch.py, in one or several processes. When the same command is given again, a killed distillation resumes from its last checkpoint
in the work folder, and ends in the same weights. Exit code 75: it was stopped by SIGTERM and can be resumed.

    python scripts/launch.py --accelerate config/accelerate/single.yaml scripts/distill_model.py --student results/models/ours \\
        --teacher results/models/r1-distill-mini --prompts results/data/mini_r1/sft.jsonl \\
        --spec '{"steps": 400, "max_new_tokens": 200, "learning_rate": 0.0015, "dtype": "float32"}' --output results/models/ours-on-policy
"""

import json
import signal
from pathlib import Path

from distill.base import manifest
from distill.base.cli import parser, run, spec
from distill.base.code_digest import code_digest
from distill.base.files import read_json, sha256_text, write_jsonl
from distill.base.processes import end_with_parent
from distill.base.work import open_work_folder
from distill.models.remote_code import KEY
from distill.training.attempt import attempt
from distill.training.launch import world
from distill.training.prompts import prompts_digest, read_prompts, split
from distill.training.recipe import DISTILLATION, RUNTIME, WATCH, check_rollouts, rollout_modules, versions_of


def main() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # scripts/launch.py lets it be ignored; the training handles it later
    end_with_parent()
    options = parser(__doc__)
    options.add_argument("--student", required=True, type=Path, help="folder of the model that goes on learning")
    options.add_argument("--teacher", required=True, type=Path, help="folder of the model that scores its answers")
    options.add_argument("--prompts", required=True, type=Path, help="sft.jsonl: rows of id, prompt, completion")
    options.add_argument("--spec", default="{}", help="recipe as JSON: the keys of models.NAME.distill")
    options.add_argument("--chat-template", nargs="?", type=Path, help="jinja file; the student's own template if absent")
    options.add_argument("--watch", default="{}", help="JSON of min_length and max_cut: when it is stopped")
    options.add_argument("--headroom", type=Path, help="what scripts/headroom.py wrote; noted in the manifest")
    options.add_argument("--runtime", default="{}", help="JSON of device, micro_batch, ...: the keys of runtime")
    options.add_argument("--work", default="work/distill", type=Path, help="where checkpoints are kept")
    options.add_argument("--output", required=True, type=Path, help="folder of the distilled model")
    args = options.parse_args()

    recipe, runtime = DISTILLATION.read(spec(args.spec)), RUNTIME.read(spec(args.runtime), "--runtime")
    check_rollouts(recipe)
    watch = WATCH.read(spec(args.watch), "--watch")
    template = args.chat_template.read_text(encoding="utf-8") if args.chat_template else None
    prompts = read_prompts(args.prompts)
    world_size, rank, sharing = world()
    student, teacher = manifest.read(args.student), manifest.read(args.teacher)
    facts = {
        "made_by": "distill_model",
        "parent": student["digest"],
        "teacher": teacher["digest"],
        "data": prompts_digest(prompts),
        "rows": len(prompts),
        "recipe": dict(sorted(recipe.items())),
        "recipe_digest": sha256_text(json.dumps(recipe, sort_keys=True)),
        "chat_template": template,
        "world_size": world_size,
        "versions": versions_of(recipe),
        **({KEY: True} if student.get(KEY) else {}),
    }
    # A checkpoint can only be resumed with the micro batch and sharding that it was saved with.
    defines = {**facts, "micro_batch": runtime["micro_batch"], "sharing": sharing, "code": code_digest("distill_model.py")}
    defines |= {name: code_digest(name) for name in rollout_modules(recipe)}
    folder = open_work_folder(args.work, defines)
    if args.headroom:
        facts["headroom"] = read_json(args.headroom)["headroom"]

    def fit(part: Path) -> None:
        from distill.training import distillation
        from distill.training.ending import exit_stopped
        from distill.training.export import save
        from distill.training.on_policy import LengthWatch
        from distill.training.pair import Side, check_pair
        from distill.training.resumable import Stopped, train_to_end

        sides = Side.of(args.student, template, recipe.get("eos_token")), Side.of(args.teacher)
        check_pair(*sides, prompts, recipe["max_new_tokens"])
        arguments = distillation.arguments(recipe, folder, runtime, world_size, args.output.name)
        trained, held_out = split(prompts, recipe["held_out"], recipe["seed"])
        if rank == 0:
            print(f"{len(trained)} prompts, and {len(held_out)} held out", flush=True)
        trainer = distillation.build(*sides, trained, recipe, arguments, runtime)
        try:
            train_to_end(trainer, folder, [LengthWatch(**watch, recipe=recipe)])
        except Stopped:
            exit_stopped()
        save(trainer, part)
        if rank == 0:
            log = distillation.log(trainer)
            write_jsonl(part / "log.jsonl", log)
            counts = {"tokens_seen": log[-1]["tokens"], "tokens_generated": log[-1]["generated_tokens"], "steps": log[-1]["step"]}
            manifest.write(part, **facts, epoch=log[-1]["epoch"], **counts)

    with attempt(folder, args.output, world_size, rank) as part:
        fit(part)

    from distill.training.ending import exit_together

    exit_together()


if __name__ == "__main__":
    run(main)
