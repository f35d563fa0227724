"""What older tools and tutorials call the keys of a recipe, and what is to be written today."""

TODAY = {
    "max_seq_length": "max_length",
    "model_max_length": "max_length",
    "torch_dtype": "dtype",
    "fp16": "dtype",
    "bf16": "dtype: bfloat16",
    "num_train_epochs": "epochs",
    "num_epochs": "epochs",
    "lr": "learning_rate",
    "lr_scheduler": "lr_scheduler_type",
    "lr_scheduler_kwargs": "min_lr_rate (with lr_scheduler_type: cosine_with_min_lr)",
    "min_lr": "min_lr_rate (as a share of learning_rate)",
    "warmup": "warmup_steps",
    "betas": "adam_beta1 and adam_beta2",
    "gradient_clipping": "max_grad_norm",
    "per_device_train_batch_size": "global_batch here and runtime.micro_batch",
    "train_batch_size": "global_batch",
    "gradient_accumulation_steps": "global_batch: accumulation is derived",
    "packing_strategy": "packing",
    "train_sampling_strategy": "group_by_length: true",
    "completion_only_loss": "loss_on: completion",
    "assistant_only_loss": "loss_on: completion",
    "gradient_checkpointing_kwargs": "gradient_checkpointing",
    "data_seed": "seed",
    "eos": "eos_token",
    "chat_template_path": "chat_template",
    "model_name_or_path": "base",
    "dataset_name": "dataset",
}
# Keys that have moved out of the recipe.
ELSEWHERE = {
    "save_steps": "runtime.save_steps",
    "micro_batch": "runtime.micro_batch",
    "report_to": "runtime.report_to",
    "use_cpu": "runtime.device",
    "no_cuda": "runtime.device",
    "deepspeed": "runtime.accelerate",
    "fsdp": "runtime.accelerate",
}
# Keys that nothing takes the place of, and why.
GONE = {
    "overwrite_output_dir": "a changed recipe trains anew by itself",
    "output_dir": "a model is made in results/models/NAME",
    "resume_from_checkpoint": "a run resumes by itself where it was broken off, and nowhere else",
    "do_train": "what is declared is trained",
    "do_eval": "models are judged on benchmarks:",
    "evaluation_strategy": "models are judged on benchmarks:, on the way by train.save and checkpoint:",
    "eval_strategy": "models are judged on benchmarks:, on the way by train.save and checkpoint:",
    "eval_steps": "models are judged on benchmarks:, on the way by train.save and checkpoint:",
    "per_device_eval_batch_size": "models are judged on benchmarks:",
    "logging_steps": "every step is logged",
    "logging_strategy": "every step is logged",
    "save_strategy": "checkpoints to resume from are kept every runtime.save_steps",
    "save_total_limit": "the last two checkpoints are kept to resume from; train.save names those to keep for good",
    "push_to_hub": "push: beside train: says where, and snakemake results/pushed/NAME.json pushes",
    "hub_model_id": "push: beside train: says where, and snakemake results/pushed/NAME.json pushes",
    "optim": "AdamW it is",
    "attn_implementation": "the fastest kernel at hand is taken",
    "use_liger": "the fastest kernel at hand is taken",
    "use_liger_kernel": "the fastest kernel at hand is taken",
    "dataset_text_field": "traces are trained on as prompt and completion",
    "remove_unused_columns": "traces are trained on as prompt and completion",
}


def answer(key: str, known: list[str]) -> str | None:
    """What to write in place of an old key where `known` are allowed; None for what is none, or is none here."""
    if key in TODAY and TODAY[key].split(":")[0].split(" ")[0] in known:
        return f"today's name is {TODAY[key]}"
    if "learning_rate" not in known:
        return None
    if key in ELSEWHERE:
        return f"this is {ELSEWHERE[key]} now"
    return f"remove it; {GONE[key]}" if key in GONE else None
