#!/usr/bin/env bash
# transformers 5.19.0, tokenizers 0.23.3: AutoTokenizer splits text by Qwen2's own pattern, whatever pattern the folder's tokenizer.json has.
#
# A byte-level BPE with a merge of 1 and 2 is saved with a pre-tokenizer that keeps the digits of a number together. `tokenizers` reads the file
# and makes one token of "12"; AutoTokenizer, told by tokenizer_class that it is a Qwen2Tokenizer, builds a pre-tokenizer of its own, which splits
# numbers into digits, and makes two. So a tokenizer that is trained with a pattern of its own and labelled as its model's family trains one
# vocabulary and uses another, and engines that read tokenizer.json themselves count other tokens than the trainer.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet transformers==5.19.0 tokenizers==0.23.3
cd "$work"
HF_HUB_OFFLINE=1 "$work/venv/bin/python" - <<'PY' 2>"$work/errors" || { tail -n 20 "$work/errors"; exit 1; }
import json
from importlib.metadata import version

from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

print(", ".join(f"{name} {version(name)}" for name in ("transformers", "tokenizers")))
vocabulary = {character: place for place, character in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
vocabulary |= {"12": len(vocabulary), "<|endoftext|>": len(vocabulary) + 1}
made = Tokenizer(models.BPE(vocabulary, [("1", "2")]))
made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # GPT-2's pattern: a number is one piece
made.decoder = decoders.ByteLevel()
PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<|endoftext|>").save_pretrained("folder")
with open("folder/tokenizer_config.json", encoding="utf-8") as file:
    config = json.load(file)
with open("folder/tokenizer_config.json", "w", encoding="utf-8") as file:
    json.dump(config | {"tokenizer_class": "Qwen2Tokenizer"}, file)

by_file = Tokenizer.from_file("folder/tokenizer.json").encode("12").tokens
loaded = AutoTokenizer.from_pretrained("folder")
print("tokenizers, from tokenizer.json:", by_file)
print(f"AutoTokenizer ({type(loaded).__name__}):", loaded.tokenize("12"))
assert by_file == ["12"] and loaded.tokenize("12") == ["1", "2"], "the behaviour has changed"
PY
