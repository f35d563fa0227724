"""Supervised fine-tuning of a model on traces by TRL's SFTTrainer, resumable to the byte."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PrinterCallback, TrainerCallback
from transformers.trainer_utils import get_last_checkpoint
from transformers.utils import is_liger_kernel_available
from transformers.utils.logging import disable_progress_bar
from trl import SFTConfig

from distill.base.errors import InputError
from distill.base.files import read_json, write_json
from distill.base.template_date import freeze_date
from distill.models.remote_code import remote_code_option
from distill.models.tokenizer_files import write_for_older_transformers
from distill.training import kernels
from distill.training.launch import accumulation, world
from distill.training.recipe import Recipe
from distill.training.trackers import trackers
from distill.training.trainer import ProgressLog, StopOnSignal, Stopped, Trainer, full_disk_told

disable_progress_bar()


def arguments(
    recipe: Recipe,
    run: Path,
    device: str,
    micro_batch: int,
    save_steps: int,
    world_size: int,
    report_to: Sequence[str] = (),
    name: str | None = None,
) -> SFTConfig:
    """The recipe as TRL and transformers take it; `name` is what trackers call the run."""
    micro, steps = accumulation(recipe["global_batch"], world_size, micro_batch)
    use_cpu = device == "cpu" or (device == "auto" and not torch.cuda.is_available())
    # Keys that TRL and transformers know by the same name, and then those that they have another name or form for.
    made = {key: value for key, value in recipe.items() if key in SFTConfig.__dataclass_fields__}
    made |= {
        "num_train_epochs": recipe["epochs"],
        "lr_scheduler_kwargs": {"min_lr_rate": recipe["min_lr_rate"]} if recipe["lr_scheduler_type"] == "cosine_with_min_lr" else {},
        "warmup_steps": recipe["warmup_steps"] or recipe["warmup_ratio"],  # transformers 5 takes a share below 1 here too
        "packing": recipe["packing"] != "none",
        "completion_only_loss": recipe["loss_on"] == "completion",
        "bf16": recipe["dtype"] == "bfloat16",
        "data_seed": recipe["seed"],
    }
    if made["packing"]:
        made["packing_strategy"] = recipe["packing"]
    return SFTConfig(
        **made,
        output_dir=str(run),
        optim="adamw_torch",
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=steps,
        use_cpu=use_cpu,
        # Liger's layers only: TRL 1.16 refuses its fused linear cross-entropy for a chunked one of its own, which is always on.
        use_liger_kernel=not use_cpu and is_liger_kernel_available(),
        logging_steps=1,
        save_strategy="steps",
        save_steps=save_steps,
        disable_tqdm=True,
        report_to=trackers(report_to, run),
        run_name=name,
        dataloader_num_workers=0,
        ddp_find_unused_parameters=False,
    )


def build(base: Path, rows: Dataset, recipe: Recipe, template: str | None, args: SFTConfig) -> Trainer:
    """The trainer over prompt/completion rows. Raises InputError where its first rows would teach the wrong thing."""
    with remote_code_option(base) as code:
        tokenizer = AutoTokenizer.from_pretrained(base, **code)
        config = AutoConfig.from_pretrained(base, **code)
    if template is not None:
        tokenizer.chat_template = template
    if isinstance(tokenizer.chat_template, str):
        tokenizer.chat_template = freeze_date(tokenizer.chat_template)
    if "eos_token" in recipe and recipe["eos_token"] not in tokenizer.get_vocab():
        raise InputError(f"train.eos_token: {recipe['eos_token']} is no token of {base}; name one that is")
    attention, why = kernels.choose(config, args.device, recipe["dtype"], packed=recipe["packing"] in ("bfd", "bfd_split"))
    if args.should_log:
        print(f"{why}; layers: {'Liger' if args.use_liger_kernel else 'PyTorch'}; loss: in chunks, by TRL", flush=True)
    with remote_code_option(base) as code:
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, attn_implementation=attention, use_safetensors=True, **code)
    model.config.use_cache = False
    if args.world_size != world()[0]:
        raise InputError(f"{world()[0]} processes were started, and accelerate joins {args.world_size}: check runtime.accelerate")
    trainer = Trainer(model=model, args=args, train_dataset=rows, processing_class=tokenizer)
    if len(trainer.train_dataset) == 0:
        raise InputError(f"train.max_length: no row has a token to learn within {recipe['max_length']} tokens; raise it")
    trainer.group_by_length = recipe["group_by_length"]
    trainer.lines = ProgressLog(trainer)
    return trainer


def finetune(trainer: Trainer, run: Path, further: Sequence[TrainerCallback] = ()) -> None:
    """Train to the end, from the last checkpoint in `run` if there is one, with `further` callbacks.

    Raises Stopped after SIGTERM.
    """
    stop = StopOnSignal(trainer)
    trainer.remove_callback(PrinterCallback)
    for callback in (stop, trainer.lines, *further):
        trainer.add_callback(callback)
    last = get_last_checkpoint(str(run))
    if last:
        print(f"resuming from {last}", flush=True)
    trainer.train(resume_from_checkpoint=last)
    if stop.asked and trainer.state.global_step < trainer.state.max_steps:
        raise Stopped


def log(trainer: Trainer) -> list[dict[str, Any]]:
    """The rows of log.jsonl up to now."""
    return [
        {
            "step": row["step"],
            "epoch": round(row["epoch"], 6),
            "tokens": int(row.get("num_tokens", 0)),
            "loss": row["loss"],
            "lr": row["learning_rate"],
            "grad_norm": row.get("grad_norm"),
            "tokens_per_s": trainer.lines.tokens_per_s.get(row["step"]),
        }
        for row in trainer.state.log_history
        if "loss" in row
    ]


def save(trainer: Trainer, folder: Path) -> None:
    """Write the model, its tokenizer and a generation config that stops where the training taught it to. All processes must call this."""
    model, tokenizer = trainer.accelerator.unwrap_model(trainer.model), trainer.processing_class
    model.config.use_cache = True  # for who loads it
    model.generation_config.eos_token_id = model.config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    with full_disk_told(folder, "the trained model; all its checkpoints are still good"):
        if trainer.is_fsdp_enabled:  # where checkpoints are sharded, transformers 5.19 would write no weights and say nothing
            weights = trainer.accelerator.get_state_dict(trainer.model)
            if trainer.args.should_save:
                trainer._save(str(folder), state_dict=weights)
        else:
            trainer.save_model(str(folder))
    model.config.use_cache = False  # the training may go on
    if trainer.args.should_save:
        as_declared(folder, torch.bfloat16 if trainer.args.bf16 else torch.float32, tied=model.all_tied_weights_keys)
        tokenizer.save_pretrained(folder)
        write_for_older_transformers(folder)
        (folder / "training_args.bin").unlink(missing_ok=True)


def as_declared(folder: Path, dtype: torch.dtype, tied: Collection[str]) -> None:
    """Write the weights in `folder` alike under every launcher: in the recipe's precision, and each once.

    DeepSpeed exports bfloat16, the others the float32 that they train; under ZeRO-2 it unties weights that are `tied` to others.
    """
    for path in sorted(folder.glob("*.safetensors")):
        tensors = load_file(path)
        kept = {name: tensor.to(dtype) for name, tensor in tensors.items() if name not in tied}
        if kept.keys() != tensors.keys() or any(tensor.dtype != dtype for tensor in tensors.values()):
            save_file(kept, path, metadata={"format": "pt"})
        path.chmod((folder / "config.json").stat().st_mode)  # safetensors 0.8 lets nobody but the owner read them
    config = read_json(folder / "config.json")
    write_json(folder / "config.json", {**config, "dtype": str(dtype).removeprefix("torch.")})
