#!/usr/bin/env bash
# TRL 1.16.0 with transformers 5.19.0, accelerate 1.15.0, torch 2.13.0: three things that DistillationTrainer does without a word.
#
# 1. bf16=True does not reach the loss. accelerate says mixed precision bf16, and the student's forward and backward pass run in float32: autocast
#    is put around model.forward, and the loss calls the layers below it. SFTTrainer under the same flags runs in bfloat16. On a GPU that is float32
#    arithmetic where bfloat16 was asked for.
# 2. Of the vocabularies only config.vocab_size is compared. A teacher whose tokenizer gives every id another token is accepted and learned from.
# 3. The order of prompts after a resume in the second epoch is that of the first: its sampler has no set_epoch.
#
# Seen on the CPU with random models of 2 layers, which are made here: nothing is downloaded but the packages.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 transformers==5.19.0 accelerate==1.15.0 trl==1.16.0 datasets==5.2.0
cd "$work"
HF_HUB_OFFLINE=1 CUDA_VISIBLE_DEVICES="" "$work/venv/bin/python" - <<'PY' 2>"$work/errors" | grep -v "^{'" || { tail -n 20 "$work/errors"; exit 1; }
from importlib.metadata import version

import torch
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM, TrainerCallback
from trl import DistillationConfig, DistillationTrainer, SFTConfig, SFTTrainer

print(", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "accelerate", "trl")))
WORDS = ["<eos>", *(f"w{number}" for number in range(31))]


def tokenizer(words):
    made = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="<eos>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<eos>", pad_token="<eos>", padding_side="left")


def model(seed):
    torch.manual_seed(seed)
    config = Qwen2Config(vocab_size=32, hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2)
    return Qwen2ForCausalLM(config)


COMMON = {"use_cpu": True, "report_to": [], "disable_tqdm": True, "per_device_train_batch_size": 2, "logging_steps": 1, "gradient_checkpointing": False}
prompts = Dataset.from_list([{"prompt": f"w{number} w{number + 1}"} for number in range(8)])
seen: set[torch.dtype] = set()
linear = torch.nn.functional.linear


def watched(*given):
    made = linear(*given)
    if torch.is_grad_enabled():  # generating does not count
        seen.add(made.dtype)
    return made


def precisions(trainer):
    seen.clear()
    torch.nn.functional.linear = watched
    trainer.train()
    torch.nn.functional.linear = linear
    return sorted(str(dtype) for dtype in seen)


given = {"bf16": True, "max_steps": 1, "save_strategy": "no", **COMMON}
texts = Dataset.from_list([{"text": f"w{number} w{number + 1} w{number + 2}"} for number in range(8)])
by_sft = precisions(SFTTrainer(model=model(0), args=SFTConfig(output_dir="sft", **given), train_dataset=texts, processing_class=tokenizer(WORDS)))
config = DistillationConfig(output_dir="bf16", max_completion_length=4, **given)
trainer = DistillationTrainer(model=model(0), teacher_model=model(1), args=config, train_dataset=prompts, processing_class=tokenizer(WORDS))
by_distillation = precisions(trainer)
print(f"1. mixed precision {trainer.accelerator.mixed_precision}: matrix products of SFTTrainer in {by_sft}, of DistillationTrainer in {by_distillation}")
assert (by_sft, by_distillation) == (["torch.bfloat16"], ["torch.float32"]), "the behaviour has changed"

backwards = [WORDS[0], *WORDS[:0:-1]]
teacher, theirs = model(1), tokenizer(backwards)
teacher.save_pretrained("teacher"), theirs.save_pretrained("teacher")
config = DistillationConfig(output_dir="words", max_completion_length=4, max_steps=1, save_strategy="no", bf16=False, **COMMON)
trainer = DistillationTrainer(model=model(0), teacher_model="teacher", args=config, train_dataset=prompts, processing_class=tokenizer(WORDS))
trainer.train()
differ = sum(tokenizer(WORDS).get_vocab()[word] != theirs.get_vocab()[word] for word in WORDS)
print(f"2. a teacher of whose 32 tokens {differ} have other ids was trained with, without an error or a warning")
assert differ == 30  # reached only if nothing was raised


class Stop(TrainerCallback):
    def on_step_end(self, args, state, control, **_):
        control.should_save = control.should_training_stop = state.global_step == 5


def order(folder, resume=False, stop=False):
    """The prompts in the order in which they are answered."""
    answered = []

    class Watched(DistillationTrainer):
        def _generate_and_score_completions(self, inputs):
            answered.append([row["prompt"] for row in inputs])
            return super()._generate_and_score_completions(inputs)

    config = DistillationConfig(output_dir=folder, max_completion_length=4, max_steps=8, save_strategy="steps", save_steps=100, bf16=False, **COMMON)
    trainer = Watched(
        model=model(0), teacher_model=model(1), args=config, train_dataset=prompts, processing_class=tokenizer(WORDS),
        callbacks=[Stop()] if stop else [],
    )
    trainer.train(resume_from_checkpoint=resume)
    return answered


whole = order("whole")
order("stopped", stop=True)
rest = order("stopped", resume=True)
print(f"3. steps 6 to 8 of two epochs of 4: unbroken {whole[5:]}, resumed after 5 {rest}")
assert whole[5:] != rest == whole[1:4], "the behaviour has changed"
PY
