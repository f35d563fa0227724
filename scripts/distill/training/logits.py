"""A teacher's next-token distribution on the traces of a training set, as files: its top k log-probabilities at each token with loss.

A folder of logits holds these arrays, and manifest.json:

    ids.npy        (tokens) int32        the rows' tokens, one row after the other
    rows.npy       (rows, 3) int64       of each row: where its tokens begin, how many they are, and how many of them are the prompt
    top_ids.npy    (learned, k) int32    of each token of a completion, row after row: the teacher's k most probable tokens
    top_log_p.npy  (learned, k) float16  and their log-probabilities

Made in parts of ROWS rows under a work folder, so that a killed run loses one part; the same bytes however often it was killed.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib.format import open_memmap
from transformers import AutoModelForCausalLM, PreTrainedTokenizerBase
from trl.data_utils import common_prefix_length

from distill.base.errors import InputError
from distill.base.files import Row
from distill.base.progress import Progress
from distill.models.remote_code import remote_code_option
from distill.training.sizes import SCORED_ROWS, SCORED_TOKENS
from distill.training.tokenizer import load_tokenizer

ROWS = 64  # of a part


@dataclass(frozen=True)
class TokenizedRow:
    """A row as training sees it: its tokens, and how many of them are the prompt."""

    ids: list[int]
    prompt: int


def chat_tokenizer(folder: Path, template: str | None, eos_token: str | None) -> PreTrainedTokenizerBase:
    """The tokenizer of a base with the template and the end of turn that are trained with."""
    tokenizer = load_tokenizer(folder, template)
    if eos_token is not None:
        tokenizer.eos_token = eos_token
    return tokenizer


def tokenize(tokenizer: PreTrainedTokenizerBase, row: Row) -> TokenizedRow:
    """As TRL 1.16 does (SFTTrainer._prepare_dataset): a completion begins where prompt and whole differ first."""
    prompt = tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True, return_dict=False)
    whole = tokenizer.apply_chat_template(row["prompt"] + row["completion"], return_dict=False)
    return TokenizedRow(whole, common_prefix_length(prompt, whole))


def check_vocabulary(student: PreTrainedTokenizerBase, teacher: PreTrainedTokenizerBase, folder: Path) -> None:
    """Raises InputError where a token has another id for the teacher: its probabilities would be of other tokens."""
    ours, theirs = student.get_vocab(), teacher.get_vocab()
    if ours != theirs:
        token = min(token for token in ours.keys() | theirs.keys() if ours.get(token) != theirs.get(token))
        there = theirs.get(token, "missing")
        here = ours.get(token, "missing")
        raise InputError(f"logits.teacher: {folder}: token {token!r} is {there} and not {here}: name a teacher of the students' vocabulary")


class Teacher:
    """A model in memory that scores tokens. `size`: tokens of the vocabulary; rows of the head beyond them are padding."""

    def __init__(self, folder: Path, size: int, device: str) -> None:
        self.device = "cpu" if device == "cpu" or (device == "auto" and not torch.cuda.is_available()) else "cuda"
        dtype = torch.float32 if self.device == "cpu" else torch.bfloat16
        with remote_code_option(folder) as code:
            model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, use_safetensors=True, **code)
        self.model, self.size = model.to(self.device).eval(), size
        self.context = model.config.get_text_config().max_position_embeddings

    @torch.inference_mode()
    def top(self, rows: Sequence[TokenizedRow], k: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(top_ids, top_log_p) of each row: (tokens of the completion, k)."""
        width = max(len(row.ids) for row in rows)
        if width > self.context:
            raise InputError(f"logits.teacher: a row of {width} tokens does not fit its context of {self.context}: lower filter.max_tokens")
        ids = torch.tensor([row.ids + [0] * (width - len(row.ids)) for row in rows], device=self.device)
        mask = torch.tensor([[1] * len(row.ids) + [0] * (width - len(row.ids)) for row in rows], device=self.device)
        hidden = self.model.base_model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        head = self.model.get_output_embeddings()
        for row, states in zip(rows, hidden, strict=True):
            found = []
            for part in states[row.prompt - 1 : len(row.ids) - 1].split(SCORED_TOKENS):
                log_p = head(part)[:, : self.size].float().log_softmax(-1)
                found.append(log_p.topk(k, dim=-1))
            yield (
                torch.cat([part.indices for part in found]).to(torch.int32).cpu().numpy(),
                torch.cat([part.values for part in found]).to(torch.float16).cpu().numpy(),
            )


def score(rows: Sequence[TokenizedRow], teacher: Any, k: int, folder: Path) -> None:
    """Write the parts that a work folder lacks. `teacher()` loads the teacher, where any is lacking."""
    parts = list(_slices(rows, ROWS))
    missing = [number for number in range(len(parts)) if not _part(folder, number).exists()]
    model = teacher() if missing else None
    with Progress("logits", len(parts), "parts", initial=len(parts) - len(missing)) as progress:
        for number in missing:
            part = parts[number]
            order = sorted(range(len(part)), key=lambda place: (len(part[place].ids), place))
            found: dict[int, tuple[np.ndarray, np.ndarray]] = {}
            for places in _slices(order, SCORED_ROWS):
                found |= dict(zip(places, model.top([part[place] for place in places], k), strict=True))
            ids, log_p = (np.concatenate([found[place][which] for place in range(len(part))]) for which in (0, 1))
            _save(_part(folder, number), ids, log_p)
            progress.add()


def _slices(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[at : at + size] for at in range(0, len(items), size))


def _part(folder: Path, number: int) -> Path:
    return folder / f"part-{number:06d}.npz"


def _save(path: Path, ids: np.ndarray, log_p: np.ndarray) -> None:
    """A part, whole or not at all."""
    unfinished = path.with_suffix(".unfinished")
    with open(unfinished, "wb") as file:
        np.savez(file, ids=ids, log_p=log_p)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def write(rows: Sequence[TokenizedRow], k: int, folder: Path, output: Path) -> None:
    """Put the parts together into a folder of logits, without its manifest."""
    lengths = [len(row.ids) for row in rows]
    starts = np.cumsum([0, *lengths])
    _array(output / "rows.npy", (len(rows), 3), np.int64)[:] = np.stack([starts[:-1], lengths, [row.prompt for row in rows]], axis=1)
    _array(output / "ids.npy", (int(starts[-1]),), np.int32)[:] = np.fromiter(chain.from_iterable(row.ids for row in rows), np.int32)
    learned = sum(len(row.ids) - row.prompt for row in rows)
    top_ids, top_log_p = _array(output / "top_ids.npy", (learned, k), np.int32), _array(output / "top_log_p.npy", (learned, k), np.float16)
    at = 0
    for number in range(-(-len(rows) // ROWS)):
        with np.load(_part(folder, number)) as part:
            end = at + len(part["ids"])
            top_ids[at:end], top_log_p[at:end] = part["ids"], part["log_p"]
            at = end
    if at != learned:
        raise InputError(f"{folder}: its parts hold {at} tokens and not {learned}: remove it and run again")


def _array(path: Path, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    return open_memmap(path, mode="w+", dtype=dtype, shape=shape)


class TeacherLogits:
    """A folder of logits, memory-mapped, found by a row's tokens."""

    def __init__(self, folder: Path, max_length: int) -> None:
        """Training cuts rows at `max_length`; what is left has the same probabilities."""
        rows, *arrays = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("rows", "ids", "top_ids", "top_log_p"))
        self.ids, self.top_ids, self.top_log_p = arrays
        learned = np.cumsum([0, *(rows[:, 1] - rows[:, 2])])
        self.k = self.top_ids.shape[1]
        self._places = {
            _key(self.ids[start : start + min(length, max_length)]): (int(prompt), int(first))
            for (start, length, prompt), first in zip(rows, learned, strict=False)
        }

    def of(self, ids: Sequence[int]) -> tuple[int, np.ndarray, np.ndarray]:
        """(tokens of the prompt, top_ids, top_log_p) of a row. Raises InputError for one that the teacher has not scored."""
        if (found := self._places.get(_key(np.asarray(ids, dtype=np.int32)))) is None:
            raise InputError(
                "train.loss kl: a row is tokenized in another way than the teacher scored it; "
                "give all students of this dataset's logits one base, chat_template and eos_token"
            )
        prompt, first = found
        last = first + len(ids) - prompt
        return prompt, self.top_ids[first:last], self.top_log_p[first:last]


def _key(ids: np.ndarray) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(ids, dtype=np.int32).tobytes(), digest_size=8).digest()


class LogitsCollator:
    """A collator whose batches also hold `teacher_ids` (rows, tokens, k) and `teacher_log_p`: at each token with loss what the teacher
    expects there; zeros elsewhere."""

    def __init__(self, collator: Any, logits: TeacherLogits) -> None:
        self.collator, self.logits = collator, logits

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        batch = self.collator(rows)
        shape = (*batch["labels"].shape, self.logits.k)
        ids, log_p = torch.zeros(shape, dtype=torch.int64), torch.zeros(shape)
        for place, row in enumerate(rows):
            prompt, top_ids, top_log_p = self.logits.of(row["input_ids"])
            learned = slice(prompt, prompt + len(top_ids))
            ids[place, learned] = torch.from_numpy(top_ids.astype(np.int64))
            log_p[place, learned] = torch.from_numpy(top_log_p.astype(np.float32))
        return {**batch, "teacher_ids": ids, "teacher_log_p": log_p}


def divergence(log_q: torch.Tensor, teacher_ids: torch.Tensor, teacher_log_p: torch.Tensor) -> torch.Tensor:
    """Forward Kullback-Leibler divergence of each token, with all but the teacher's top k tokens as one outcome.

    log_q: (tokens, vocabulary), the student's log-probabilities; teacher_ids, teacher_log_p: (tokens, k). Merging outcomes can only lower
    a divergence, so this is a lower bound of that over the whole vocabulary, and equal to it where k is the vocabulary.
    """
    p, chosen = teacher_log_p.exp(), log_q.gather(-1, teacher_ids)
    top = (p * (teacher_log_p - chosen)).sum(-1)
    if teacher_ids.shape[-1] == log_q.shape[-1]:
        return top
    rest_q = log_q.scatter(-1, teacher_ids, float("-inf")).logsumexp(-1)
    rest_p = (1 - p.sum(-1)).clamp(min=0)
    return top + torch.special.xlogy(rest_p, rest_p) - rest_p * rest_q


def kl_losses(
    logits: torch.Tensor, labels: torch.Tensor, teacher_ids: torch.Tensor, teacher_log_p: torch.Tensor, kl_weight: float
) -> torch.Tensor:
    """The loss of each token: its divergence, mixed with its negative log-likelihood. logits: (tokens, vocabulary); labels: (tokens)."""
    log_q = logits.float().log_softmax(-1)
    nll = -log_q.gather(-1, labels[:, None])[:, 0]
    return kl_weight * divergence(log_q, teacher_ids, teacher_log_p) + (1 - kl_weight) * nll
