"""Whether a teacher can score what a student writes: the same token for every id, the same rendering of a prompt, room in both contexts.

TRL 1.16 compares `vocab_size` alone and never loads the teacher's tokenizer, so a teacher with other tokens is learned from without an
error; and it rejects one whose embedding has more padding rows, as Qwen2.5-7B's has over the 1.5B's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from transformers import AutoConfig, GenerationConfig, PreTrainedTokenizerBase

from distill.base.errors import InputError
from distill.models.remote_code import remote_code_option
from distill.models.vocabulary import first_difference
from distill.training.prompts import Prompt
from distill.training.tokenizer import load_tokenizer

RENDERED = 8  # prompts that are rendered under both chat templates


@dataclass(frozen=True)
class Side:
    """One of the two models: its folder, tokenizer and config."""

    folder: Path
    tokenizer: PreTrainedTokenizerBase
    config: Any

    @classmethod
    def of(cls, folder: Path, template: str | None = None, eos_token: str | None = None) -> "Side":
        """`template` and `eos_token` replace the tokenizer's own. Raises InputError where it has no such token."""
        tokenizer = load_tokenizer(folder, template)
        with remote_code_option(folder) as code:
            config = AutoConfig.from_pretrained(folder, **code)
        if eos_token is not None:
            if eos_token not in tokenizer.get_vocab():
                raise InputError(f"distill.eos_token: {eos_token} is no token of {folder}; name one that is")
            tokenizer.eos_token = eos_token
        return cls(folder, tokenizer, config.get_text_config())

    def render(self, prompt: Prompt) -> list[int]:
        """A prompt as tokens, up to where the assistant's turn begins."""
        return self.tokenizer.apply_chat_template(prompt.messages, add_generation_prompt=True, tokenize=True, return_dict=False)


def check_pair(student: Side, teacher: Side, prompts: Sequence[Prompt], max_new_tokens: int) -> None:
    """Raises InputError, in one line, for the first thing that keeps `teacher` from scoring what `student` writes."""
    _check_tokens(student, teacher)
    _check_rendering(student, teacher, prompts)
    _check_end(student, teacher)
    _check_room(student, teacher, prompts, max_new_tokens)


def _check_tokens(student: Side, teacher: Side) -> None:
    if text := first_difference(student.tokenizer.get_vocab(), teacher.tokenizer.get_vocab(), student.folder, teacher.folder):
        raise InputError(f"distill.teacher: {text}; name a teacher of the student's vocabulary")
    if teacher.config.vocab_size < student.config.vocab_size:
        raise InputError(
            f"distill.teacher: {teacher.folder} has {teacher.config.vocab_size:,} rows in its vocabulary, and {student.folder} has "
            f"{student.config.vocab_size:,}; name a teacher with as many or more"
        )


def _check_rendering(student: Side, teacher: Side, prompts: Sequence[Prompt]) -> None:
    for side in (student, teacher):
        if not side.tokenizer.chat_template:
            raise InputError(f"distill: {side.folder} has no chat template; give it one with prepare: {{chat_template: ..}}")
    for prompt in prompts[:RENDERED]:
        ours, theirs = student.render(prompt), teacher.render(prompt)
        if ours == theirs:
            continue
        at = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(ours, theirs, strict=False)))
        one, other = student.tokenizer.decode(ours[at : at + 8]), teacher.tokenizer.decode(theirs[at : at + 8])
        raise InputError(
            f"distill.teacher: the chat templates of {student.folder} and {teacher.folder} render a prompt differently from token {at} on: "
            f"{one!r} and {other!r}; give both the same with prepare: {{chat_template: ..}}"
        )


def _check_end(student: Side, teacher: Side) -> None:
    try:
        ends = GenerationConfig.from_pretrained(teacher.folder).eos_token_id
    except OSError:
        ends = None
    known = {teacher.tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])}
    if student.tokenizer.eos_token_id not in known:
        raise InputError(
            f"distill.teacher: {student.folder} ends its turns with {student.tokenizer.eos_token}, and {teacher.folder} with "
            f"{teacher.tokenizer.eos_token}; give one of them the other's with prepare: {{eos_token: ..}}"
        )


def _check_room(student: Side, teacher: Side, prompts: Sequence[Prompt], max_new_tokens: int) -> None:
    longest = max(len(student.render(prompt)) for prompt in prompts)
    for side in (student, teacher):
        context = side.config.max_position_embeddings
        if longest + max_new_tokens > context:
            fix = f"lower it to {context - longest}, or extend" if longest < context else "extend"
            raise InputError(
                f"distill.max_new_tokens: the longest prompt has {longest} tokens, and {max_new_tokens} more are beyond the context of "
                f"{side.folder}, {context}; {fix} the context with prepare: {{max_position_embeddings: ..}}"
            )
