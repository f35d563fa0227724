"""The miniature's tokenizer: byte-level BPE trained on the spot, built as Qwen2's, so that AutoTokenizer loads the same one."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from distill.miniature import traces
from distill.miniature.corpus import texts
from distill.miniature.teacher import SOLUTION, THOUGHT
from distill.miniature.world import AXES, COEFFICIENTS, LETTERS, MAX_PULSES, MAX_STEPS

END_OF_TEXT, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
MERGES = 280
SAMPLE = 2000  # texts of each sort to train on
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def atoms() -> list[str]:
    """What counts as one token each: a model this small has no layers to spare for putting them together."""
    made = [f" {letter}={digit}" for letter in "AB" for digit in range(10)]
    made += [f"{coefficient}{letter}" for letter in "ab" for coefficient in COEFFICIENTS]
    made += [f" is {letter}" for letter in LETTERS[2:]]
    made += [f"{number}:" for number in range(1, MAX_PULSES + 1)]
    made += [f" {axis}" for axis in AXES]
    made += [f"{letter}) {axis}" for letter in "ABCD" for axis in AXES]
    return [*THOUGHT, *SOLUTION, *made]


def sample(seed: int) -> Iterator[str]:
    """Texts of the world to train the tokenizer on."""
    for text in texts(seed, SAMPLE):
        yield from (text.user, text.assistant)
    for row in traces.rows(traces.Spec(seed, SAMPLE, clean=True, steps=MAX_STEPS, benchmarks={})):
        yield from (turn["value"] for turn in row["conversations"])


def save(seed: int, folder: Path) -> None:
    """Train and write tokenizer.json and tokenizer_config.json, the chat template (ChatML, no system prompt of its own) in the latter.

    transformers 5.19 rebuilds the pre-tokenizer of a Qwen2 tokenizer from its code, whatever the file says: so it is Qwen2's here too.
    """
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers
    from transformers import Qwen2Tokenizer

    specials = [END_OF_TEXT, START, END]
    plain = Qwen2Tokenizer()._tokenizer
    bpe = Tokenizer(models.BPE())
    bpe.normalizer, bpe.pre_tokenizer = plain.normalizer, plain.pre_tokenizer
    cut = re.compile("|".join(map(re.escape, sorted(atoms(), key=len, reverse=True))))
    pieces = [piece for text in sample(seed) for piece in cut.split(text) if piece]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bpe.train_from_iterator(pieces, trainers.BpeTrainer(vocab_size=256 + MERGES, initial_alphabet=alphabet, show_progress=False))
    learned = json.loads(bpe.to_str())["model"]
    made = Qwen2Tokenizer(vocab=learned["vocab"], merges=[tuple(merge) for merge in learned["merges"]], eos_token=END, pad_token=END_OF_TEXT)
    made.add_tokens([AddedToken(token, special=True, normalized=False) for token in specials], special_tokens=True)
    made.add_tokens([AddedToken(token, special=False, normalized=False) for token in atoms()])
    made.chat_template = CHAT_TEMPLATE
    folder.mkdir(parents=True, exist_ok=True)
    made.save_pretrained(folder, save_jinja_files=False)
