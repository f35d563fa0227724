"""Supervised fine-tuning of a model on traces by TRL's SFTTrainer, resumable to the byte."""

from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoConfig, AutoModelForCausalLM, TrainerCallback
from transformers.training_args import OptimizerNames
from transformers.utils import is_liger_kernel_available
from transformers.utils.logging import disable_progress_bar
from trl import SFTConfig

from distill.base.errors import InputError
from distill.base.packing import PACKINGS
from distill.models.remote_code import remote_code_option
from distill.training import kernels, lora
from distill.training.arguments import shared_arguments
from distill.training.launch import world
from distill.training.logits import LogitsCollator, TeacherLogits
from distill.training.recipe import APART, Recipe, Runtime
from distill.training.resumable import ProgressLog
from distill.training.speed import peak_of
from distill.training.tokenizer import load_tokenizer
from distill.training.trainer import Trainer

disable_progress_bar()


def arguments(recipe: Recipe, folder: Path, runtime: Runtime, world_size: int, name: str | None = None) -> SFTConfig:
    """The recipe in the terms of TRL and transformers; `folder` is the work folder, `name` what trackers call the training."""
    shared = shared_arguments(SFTConfig, recipe, folder, runtime, world_size, name, "train")
    checkpointing = {} if runtime["checkpoint_layers"] is None else {"gradient_checkpointing": runtime["checkpoint_layers"] > 0}
    packed = PACKINGS[recipe["packing"]].packed
    return SFTConfig(
        **shared
        | checkpointing
        | {
            "num_train_epochs": recipe["epochs"],
            "packing": packed,
            **({"packing_strategy": recipe["packing"]} if packed else {}),
            "completion_only_loss": recipe["loss_on"] == "completion",
            "loss_type": "nll" if recipe["loss"] == "kl" else recipe["loss"],
        },
        # Liger's layers only: TRL 1.16 rejects its fused linear cross-entropy in favour of its own fused head, which is always on.
        # Compiled layers are fused by the compiler, which cannot look into Liger's kernels.
        use_liger_kernel=not shared["use_cpu"] and not runtime["compile_layers"] and is_liger_kernel_available(),
    )


def build(
    base: Path, rows: Dataset, recipe: Recipe, template: str | None, args: SFTConfig, runtime: Runtime, logits: Path | None = None
) -> Trainer:
    """The trainer over prompt/completion rows; `logits` is the folder of a teacher's probabilities, for loss kl.

    Raises InputError where its first rows would teach the wrong thing.
    """
    tokenizer = load_tokenizer(base, template)
    with remote_code_option(base) as code:
        config = AutoConfig.from_pretrained(base, **code)
    if "eos_token" in recipe and recipe["eos_token"] not in tokenizer.get_vocab():
        raise InputError(f"train.eos_token: {recipe['eos_token']} is no token of {base}; name one that is")
    dtype, packed = recipe["dtype"], recipe["packing"] in APART
    attention, why = kernels.choose(config, args.device, dtype, packed)
    compiled, layers = kernels.choose_layers(config, attention, args.device, dtype, runtime["compile_layers"])
    if args.should_log:
        layers += ", Liger" if args.use_liger_kernel else ""
        print(f"{why}; {layers}; loss: TRL's fused head; optimizer: {OptimizerNames(args.optim).value}", flush=True)
    # Weights that are trained need float32; those below adapters stay as they are, and the precision of a step is enough.
    loaded = torch.bfloat16 if "lora" in recipe and args.bf16 else torch.float32
    with remote_code_option(base) as code:
        model = AutoModelForCausalLM.from_pretrained(base, dtype=loaded, attn_implementation=attention, use_safetensors=True, **code)
    model.config.use_cache = False
    if args.world_size != world()[0]:
        raise InputError(f"{world()[0]} processes were started, and accelerate joins {args.world_size}: check runtime.accelerate")
    adapter = lora.adapter_config(recipe, model)
    trainer = Trainer(model=model, args=args, train_dataset=rows, processing_class=tokenizer, peft_config=adapter)
    if adapter and args.should_log:
        print(lora.describe(trainer.model, recipe), flush=True)
    if len(trainer.train_dataset) == 0:
        raise InputError(f"train.max_length: no row has a token to learn within {recipe['max_length']} tokens; raise it")
    if compiled:
        kernels.compile_layers(model)
    if runtime["checkpoint_layers"] is not None:
        trainer.add_callback(CheckpointLayers(model, runtime["checkpoint_layers"]))
    if logits is not None:
        trainer.kl_weight = recipe["kl_weight"]
        trainer.data_collator = LogitsCollator(trainer.data_collator, TeacherLogits(logits, recipe["max_length"]))
    trainer.group_by_length = recipe["group_by_length"]
    trainer.progress_log = ProgressLog(trainer, peak_of(args, runtime))
    return trainer


class CheckpointLayers(TrainerCallback):
    """Gradient checkpointing of the first `count` layers: they recompute their activations, the others keep them. No result changes."""

    def __init__(self, model: torch.nn.Module, count: int) -> None:
        self.layers, self.count = kernels.decoder_layers(model), count

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        for layer in self.layers[self.count :]:
            layer.gradient_checkpointing = False  # transformers has just switched all of them on


def log(trainer: Trainer) -> list[dict[str, Any]]:
    """The rows of log.jsonl so far."""
    return [
        {
            "step": row["step"],
            "epoch": round(row["epoch"], 6),
            "tokens": int(row.get("num_tokens", 0)),
            "attended": int(row.get("num_attended", 0)),
            "loss": row["loss"],
            "lr": row["learning_rate"],
            "grad_norm": row.get("grad_norm"),
            "tokens_per_s": trainer.progress_log.tokens_per_s.get(row["step"]),
            "mfu": trainer.progress_log.mfu.get(row["step"]),
        }
        for row in trainer.state.log_history
        if "loss" in row
    ]
