#!/usr/bin/env bash
# TRL 1.16.0 with transformers 5.19.0, torch 2.13.0: a training that is resumed from the checkpoint of its last step goes on training.
#
# With max_steps=2 and four steps an epoch, checkpoint-2 is the end. `trainer.train(resume_from_checkpoint="checkpoint-2")` under the same
# max_steps=2 does a third step and saves checkpoint-3: whether the training is over is looked at after a step only. So a job that was killed
# between its last checkpoint and the export ends in other weights than one that was not.
# The column num_tokens ("total number of tokens processed so far") of a resumed run starts from 0 again, next to steps that go on.
#
# Seen on the CPU with a random model of 2 layers, which is made here: nothing is downloaded but the packages.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 transformers==5.19.0 accelerate==1.15.0 trl==1.16.0 datasets==5.2.0
cd "$work"
HF_HUB_OFFLINE=1 CUDA_VISIBLE_DEVICES="" "$work/venv/bin/python" - <<'PY' 2>"$work/errors" || { tail -n 20 "$work/errors"; exit 1; }
from importlib.metadata import version

import torch
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM
from trl import SFTConfig, SFTTrainer

print(", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "trl")))
WORDS = ["<eos>", *(f"w{number}" for number in range(31))]
made = Tokenizer(models.WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token="<eos>"))
made.pre_tokenizer = pre_tokenizers.Whitespace()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<eos>", pad_token="<eos>")
rows = Dataset.from_list([{"prompt": f"w{number}", "completion": f" w{number + 1} w{number + 2}"} for number in range(16)])
SIZE = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2}
COMMON = {"output_dir": "out", "use_cpu": True, "report_to": [], "disable_tqdm": True, "per_device_train_batch_size": 4}
COMMON |= {"logging_steps": 1, "save_steps": 1, "gradient_checkpointing": False}


def steps(max_steps, resume=None):
    """(step, num_tokens) of each line of the log."""
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(Qwen2Config(vocab_size=32, **SIZE))
    trainer = SFTTrainer(model, SFTConfig(max_steps=max_steps, **COMMON), train_dataset=rows, processing_class=tokenizer)
    trainer.train(resume_from_checkpoint=resume)
    return [(row["step"], int(row["num_tokens"])) for row in trainer.state.log_history if "loss" in row]


whole = steps(2)
print("max_steps 2, from nothing:", whole)
again = steps(2, resume="out/checkpoint-2")
print("max_steps 2, resumed from checkpoint-2:", again)
assert whole == [(1, 16), (2, 32)], "the behaviour has changed"
assert again == [*whole, (3, 16)], "the behaviour has changed"
PY
