"""On-policy distillation of a student from a teacher with local weights, resumable to the byte."""

from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers.utils.logging import disable_progress_bar
from trl.trainer.distillation_config import DistillationConfig

from distill.base.errors import InputError
from distill.models.remote_code import remote_code_option
from distill.training.arguments import shared_arguments
from distill.training.launch import world
from distill.training.on_policy import OnPolicyTrainer
from distill.training.pair import Side
from distill.training.prompts import Prompt
from distill.training.recipe import VLLM, Recipe, Runtime
from distill.training.resumable import ProgressLog

disable_progress_bar()


def arguments(recipe: Recipe, folder: Path, runtime: Runtime, world_size: int, name: str | None = None) -> DistillationConfig:
    """The recipe in the terms of TRL and transformers; `folder` is the work folder, `name` what trackers call the training."""
    return DistillationConfig(
        **shared_arguments(DistillationConfig, recipe, folder, runtime, world_size, name, "distill")
        | {"max_steps": recipe["steps"], "max_completion_length": recipe["max_new_tokens"]}
    )


def build(
    student: Side, teacher: Side, prompts: list[Prompt], recipe: Recipe, args: DistillationConfig, runtime: Runtime
) -> OnPolicyTrainer:
    """The trainer, for a pair that check_pair has passed. Raises InputError where the prompts fill no rollout."""
    rollout = recipe["global_batch"] * recipe["steps_per_rollout"]
    if len(prompts) < rollout:
        raise InputError(
            f"distill.prompts: {len(prompts)} prompts are fewer than the {rollout} of a rollout (global_batch times steps_per_rollout); "
            "lower distill.steps_per_rollout"
        )
    network = _load(student, torch.float32)
    scorer = _load(teacher, torch.bfloat16 if args.bf16 else torch.float32)
    # Padding rows, which are no token of either; the divergence needs distributions of one length.
    if scorer.config.get_text_config().vocab_size > student.config.vocab_size:
        scorer.resize_token_embeddings(student.config.vocab_size, mean_resizing=False)
    scorer.requires_grad_(False)
    # accelerate 1.15 places no model that is only evaluated under FSDP; DeepSpeed places its own.
    if not world()[2].startswith("zero"):
        scorer.to(args.device)
    if args.world_size != world()[0]:
        raise InputError(f"{world()[0]} processes were started, and accelerate joins {args.world_size}: check runtime.accelerate")
    rows = Dataset.from_list([{"prompt": prompt.messages} for prompt in prompts])
    trainer = OnPolicyTrainer(model=network, teacher_model=scorer, args=args, train_dataset=rows, processing_class=student.tokenizer)
    trainer.steps_per_rollout = recipe["steps_per_rollout"]
    if recipe["engine"] == "vllm":
        trainer.vllm = _vllm(trainer, recipe, runtime, max(len(student.render(prompt)) for prompt in prompts))
    trainer.progress_log = ProgressLog(trainer, what="distill")
    return trainer


def _vllm(trainer: OnPolicyTrainer, recipe: Recipe, runtime: Runtime, longest_prompt: int) -> Any:
    """An engine next to the student. Its module is imported by name: with transformers, vLLM is no part of a distillation's code."""
    return import_module(f"distill.training.{VLLM}").Rollouts(
        trainer.model,
        trainer.accelerator,
        trainer.processing_class,
        gpu_memory_utilization=runtime["rollout_memory"],
        max_model_length=longest_prompt + recipe["max_new_tokens"],
        temperature=recipe["temperature"],
        top_p=recipe["top_p"],
        max_completion_length=recipe["max_new_tokens"],
    )


def _load(side: Side, dtype: torch.dtype) -> PreTrainedModel:
    with remote_code_option(side.folder) as code:
        return AutoModelForCausalLM.from_pretrained(side.folder, dtype=dtype, attn_implementation="sdpa", use_safetensors=True, **code)


def log(trainer: OnPolicyTrainer) -> list[dict[str, Any]]:
    """The rows of log.jsonl.

    Summed over all steps so far: tokens of the prompts and completions that were learned from, which the teacher reads too; attended,
    how many tokens these attend to; generated_tokens, those of completions alone. Of a step's completions: entropy of the student in nats,
    lengths in tokens, and the share that was cut.
    """
    return [
        {
            "step": row["step"],
            "epoch": round(row["epoch"], 6),
            "tokens": int(row["num_tokens"]),
            "attended": row["num_attended"],
            "generated_tokens": row["generated_tokens"],
            "teacher_tokens": int(row["num_tokens"]),
            "loss": row["loss"],
            "lr": row["learning_rate"],
            "grad_norm": row.get("grad_norm"),
            "entropy": row["entropy"],
            "mean_length": row["mean_length"],
            "max_length": row["max_length"],
            "cut": row["cut"],
            "tokens_per_s": trainer.progress_log.tokens_per_s.get(row["step"]),
        }
        for row in trainer.state.log_history
        if "loss" in row
    ]
