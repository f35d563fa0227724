"""Train the miniature's tokenizer: byte-level BPE in the form of Qwen2's, so that AutoTokenizer loads the same one."""

import re
from collections.abc import Iterator
from pathlib import Path

from distill.base.files import atomic_write, write_json
from distill.base.thoughts import SOLUTION, THOUGHT
from distill.miniature import traces
from distill.miniature.corpus import texts
from distill.miniature.teacher import CHOICES
from distill.miniature.world import AXES, COEFFICIENTS, MAX_PULSES, MAX_STEPS, MODULUS

END_OF_TEXT, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
MERGES = 280
SAMPLE = 2000  # texts of each sort to train on
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# transformers 5.19.0, models/qwen2/tokenization_qwen2.py: AutoTokenizer uses this pattern, whatever tokenizer.json has.
PRETOKENIZE = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def atoms() -> list[str]:
    """Strings that are one token each: a model this small has no layers to spare for composing them."""
    made = [f" {letter}={digit}" for letter in "AB" for digit in range(MODULUS)]
    made += [f"{first}{second}" for first in range(1, MODULUS) for second in range(MODULUS)]
    made += [f"{coefficient}{letter}" for letter in "ab" for coefficient in COEFFICIENTS]
    made += [f" {steps} times" for steps in range(1, MAX_STEPS + 1)]
    made += [f", {left} left" for left in range(MAX_STEPS)]
    made += ["\\boxed{"]
    made += [f"{number}:" for number in range(1, MAX_PULSES + 1)]
    made += [f" {axis}" for axis in AXES]
    made += [f"{letter}) {axis}" for letter in CHOICES for axis in AXES]
    return [*THOUGHT["stratos"], *SOLUTION["stratos"], *made]


def sample(seed: int) -> Iterator[str]:
    """Texts to train the tokenizer on."""
    for text in texts(seed, SAMPLE):
        yield from (text.user, text.assistant)
    for row in traces.rows(traces.TraceSetSpec(seed, SAMPLE, clean=True, steps=MAX_STEPS, benchmarks={})):
        yield from (turn["value"] for turn in row["conversations"])


def save(seed: int, folder: Path) -> None:
    """Train and write tokenizer.json and tokenizer_config.json, the latter with the chat template (ChatML, no default system prompt)."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer, tokenizer.decoder = normalizers.NFC(), decoders.ByteLevel()
    words = pre_tokenizers.Split(Regex(PRETOKENIZE), behavior="isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    cut = re.compile("|".join(map(re.escape, sorted(atoms(), key=len, reverse=True))))
    pieces = [piece for text in sample(seed) for piece in cut.split(text) if piece]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=len(alphabet) + MERGES, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(pieces, trainer)
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in (END_OF_TEXT, START, END)])
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in atoms()])
    with atomic_write(folder / "tokenizer.json") as file:
        file.write(tokenizer.to_str(pretty=True) + "\n")
    settings = {
        "tokenizer_class": "Qwen2Tokenizer",
        "eos_token": END,
        "pad_token": END_OF_TEXT,
        "unk_token": END_OF_TEXT,
        "bos_token": None,
    }
    write_json(folder / "tokenizer_config.json", settings | {"add_prefix_space": False, "chat_template": CHAT_TEMPLATE})
