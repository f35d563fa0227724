"""Keys that every recipe has, and the arguments of TRL and transformers that they stand for."""

# value of the recipe, the arguments that follow
SHARED = [
    ({"learning_rate": 3e-4}, {"learning_rate": 3e-4}),
    ({"lr_scheduler_type": "cosine"}, {"lr_scheduler_type": "cosine", "lr_scheduler_kwargs": {}}),
    (
        {"lr_scheduler_type": "cosine_with_min_lr", "min_lr_rate": 0.2},
        {"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr_rate": 0.2}},
    ),
    ({"lr_scheduler_type": "linear"}, {"lr_scheduler_type": "linear"}),
    ({"lr_scheduler_type": "constant"}, {"lr_scheduler_type": "constant"}),
    ({"lr_scheduler_type": "constant_with_warmup"}, {"lr_scheduler_type": "constant_with_warmup"}),
    ({"warmup_steps": 12}, {"warmup_steps": 12}),
    ({"warmup_ratio": 0.1}, {"warmup_steps": 0.1}),
    ({"weight_decay": 0.05}, {"weight_decay": 0.05}),
    ({"max_grad_norm": 0.2}, {"max_grad_norm": 0.2}),
    ({"adam_beta1": 0.8, "adam_beta2": 0.95}, {"adam_beta1": 0.8, "adam_beta2": 0.95}),
    ({"dtype": "bfloat16"}, {"bf16": True, "fp16": False}),
    ({"dtype": "float32"}, {"bf16": False, "fp16": False}),
    ({"gradient_checkpointing": True}, {"gradient_checkpointing": True}),
    ({"seed": 5}, {"seed": 5, "data_seed": 5}),
    ({"global_batch": 6}, {"per_device_train_batch_size": 3, "gradient_accumulation_steps": 2}),
]
