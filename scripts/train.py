"""Train a model on traces: from a base model and an sft.jsonl to a model folder with its log and, written last, its manifest.

Started by scripts/launch.py, in one or several processes. When the same command is given again, a killed training resumes from its last
checkpoint in the work folder, and ends in the same weights. Exit code 75: it was stopped by SIGTERM and can be resumed.

    python scripts/launch.py --accelerate config/accelerate/single.yaml scripts/train.py --base results/models/base \\
        --data results/data/mini_stratos/sft.jsonl --spec '{"learning_rate": 0.0015, "packing": "none"}' --output results/models/ours
"""

import json
import signal
from functools import partial
from pathlib import Path

from distill.base import manifest
from distill.base.cli import parser, run, spec
from distill.base.code_digest import code_digest
from distill.base.errors import InputError
from distill.base.files import count_rows, read_jsonl, sha256_file, sha256_text, write_jsonl
from distill.base.machine import print_machines
from distill.base.processes import end_with_parent
from distill.base.work import open_work_folder, work_key
from distill.models.remote_code import KEY
from distill.training.attempt import attempt
from distill.training.checkpoints import copy_kept, kept_folder, publish
from distill.training.launch import world
from distill.training.recipe import RUNTIME, check_lora, read_recipe, versions_of


def main() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # scripts/launch.py lets it be ignored; the training handles it later
    end_with_parent()
    options = parser(__doc__)
    options.add_argument("--base", required=True, type=Path, help="folder of the model to train")
    options.add_argument("--data", required=True, type=Path, help="sft.jsonl: rows of id, prompt, completion")
    options.add_argument("--spec", default="{}", help="recipe as JSON: the keys of models.NAME.train; until: the epoch to end at")
    options.add_argument("--chat-template", nargs="?", type=Path, help="jinja file; the base's own template if absent")
    options.add_argument("--logits", type=Path, help="folder of a teacher's probabilities (scripts/logits.py), for loss kl")
    options.add_argument("--runtime", default="{}", help="JSON of device, micro_batch, ...: the keys of runtime")
    options.add_argument("--save", nargs="*", type=float, default=[], help="epochs at which the model is kept in the work folder")
    options.add_argument("--work", default="work/train", type=Path, help="where checkpoints are kept")
    options.add_argument("--output", required=True, type=Path, help="folder of the trained model")
    args = options.parse_args()

    recipe, runtime = read_recipe(spec(args.spec)), RUNTIME.read(spec(args.runtime), "--runtime")
    until = recipe.pop("until", None)
    check_lora(recipe, runtime)
    template = args.chat_template.read_text(encoding="utf-8") if args.chat_template else None
    first, count, digest = next(read_jsonl(args.data), None), count_rows(args.data), sha256_file(args.data)
    if first is None:
        raise InputError(f"{args.data}: holds no rows to train on; see funnel.json next to it for why they were dropped")
    if (args.logits is not None) != (recipe["loss"] == "kl"):
        raise InputError("--logits: belongs to train.loss kl; give both or neither")
    world_size, rank, sharing = world()
    base = manifest.read(args.base)
    facts = {
        "made_by": "train",
        "parent": base["digest"],
        "data": digest,
        "rows": count,
        "recipe": json.loads(json.dumps(recipe, sort_keys=True)),
        "recipe_digest": sha256_text(json.dumps(recipe, sort_keys=True)),
        "chat_template": template,
        **({"logits": manifest.read(args.logits)["digest"]} if args.logits else {}),
        "world_size": world_size,
        "versions": versions_of(recipe),
        **({KEY: True} if base.get(KEY) else {}),
    }
    # A checkpoint can only be resumed with the micro batch and sharding that it was saved with; the finished model depends on neither.
    defines = {**facts, "micro_batch": runtime["micro_batch"], "sharing": sharing, "code": code_digest("train.py")}
    if until is not None:
        whole, defines["until"] = work_key(defines), until
        for key in (whole, work_key(defines)):  # by the whole training, or by this one before it was killed
            kept = args.work / key / kept_folder(until)
            if (kept / manifest.NAME).exists():
                if rank == 0:
                    publish(kept, args.output)
                    print_machines(args.work / key)
                return
    folder = open_work_folder(args.work, defines)

    def fit(part: Path) -> None:
        from distill.training import keep_callback, sft
        from distill.training.ending import exit_stopped
        from distill.training.masks import check_mask, notes
        from distill.training.resumable import Stopped, train_to_end
        from distill.training.rows import training_rows

        arguments = sft.arguments(recipe, folder, runtime, world_size, args.output.name)
        rows = training_rows(args.data, args.work.parent / "rows" / digest[:16])
        trainer = sft.build(args.base, rows, recipe, template, arguments, runtime, args.logits)
        shown = check_mask(trainer, first, recipe)
        if rank == 0:
            print("".join(f"{line}\n" for line in notes(trainer, first, recipe)), end="")
            print(f"{count} rows; the first batch begins, [without loss]:\n{shown}\n", flush=True)
        epochs = args.save if until is None else [until]
        keep = keep_callback.KeepAtEpochs(trainer, folder, epochs, partial(export, trainer, facts), until is not None)
        try:
            train_to_end(trainer, folder, [keep])
        except Stopped:
            exit_stopped()
        if until is None:
            export(trainer, facts, part)

    with attempt(folder, args.output, world_size, rank) as part:
        fit(part)
        if rank == 0 and until is not None:
            copy_kept(folder / kept_folder(until), part)

    from distill.training.ending import exit_together

    exit_together()


def export(trainer, facts, part, epoch=None) -> None:
    """Write the current model, its log and, last, its manifest into `part`. All processes call this."""
    from distill.training import sft
    from distill.training.export import save

    save(trainer, part)
    if trainer.args.should_save:
        log = sft.log(trainer)
        write_jsonl(part / "log.jsonl", log)
        manifest.write(part, **facts, epoch=epoch or log[-1]["epoch"], tokens_seen=log[-1]["tokens"], steps=log[-1]["step"])


if __name__ == "__main__":
    run(main)
