"""Answers by transformers' generate, in batches of like length. Each sample draws from a generator of its own, so batches change no draw."""

from collections.abc import Iterator
from pathlib import Path

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LogitsProcessor,
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopPLogitsWarper,
)

from distill.engines import Answer, Request, Sampling
from distill.errors import InputError


class Gumbel(LogitsProcessor):
    """Turns the arg max over logits into a draw from their softmax, row by row from generators of their own.

    The arg max of logits plus standard Gumbel noise is distributed as their softmax (Gumbel 1954; Maddison et al. 2014, arXiv:1411.0030).
    """

    def __init__(self, seeds: list[int]):
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """scores: (rows, vocabulary), already tempered and cut to the nucleus."""
        uniform = torch.stack([torch.rand(scores.shape[1], generator=generator) for generator in self.generators])
        return scores - torch.log(-torch.log(uniform.clamp_min(1e-20))).to(scores.device)


def answers(model: Path, requests: list[Request], sampling: Sampling, device: str, batch_size: int) -> Iterator[tuple[int, Answer]]:
    """Raises InputError where a prompt does not fit the model's context."""
    tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left")
    where = "cpu" if device == "cpu" or (device == "auto" and not torch.cuda.is_available()) else "cuda"
    network = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32 if where == "cpu" else torch.bfloat16).to(where).eval()
    context = network.config.max_position_embeddings
    prompts = [tokenizer.apply_chat_template(request.messages, add_generation_prompt=True, return_dict=False) for request in requests]
    for place, prompt in enumerate(prompts):
        if len(prompt) >= context:
            raise InputError(
                f"{model}: a prompt of {len(prompt)} tokens does not fit its context of {context}: {requests[place].messages[-1]['content'][:60]!r}"
            )
    stops = network.generation_config.eos_token_id
    stops = set(stops if isinstance(stops, list) else [stops])
    # Long prompts first, so that a batch too large for the memory fails at once.
    order = sorted(range(len(prompts)), key=lambda place: (-len(prompts[place]), place))
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        width = len(prompts[batch[0]])
        room = min(sampling.max_new_tokens, context - width)
        inputs = tokenizer.pad({"input_ids": [prompts[place] for place in batch]}, return_tensors="pt").to(where)
        draws = _draws(sampling, [requests[place].seed for place in batch])
        with torch.inference_mode():
            out = network.generate(
                **inputs, max_new_tokens=room, do_sample=False, logits_processor=draws, pad_token_id=tokenizer.pad_token_id
            )
        for place, row in zip(batch, out[:, width:].tolist(), strict=True):
            end = next((index for index, token in enumerate(row) if token in stops), None)
            tokens = row if end is None else row[:end]
            text = tokenizer.decode(tokens, skip_special_tokens=True)
            yield place, Answer(text, "length" if end is None else "stop", len(prompts[place]), len(tokens) + (end is not None))


def _draws(sampling: Sampling, seeds: list[int]) -> LogitsProcessorList:
    if sampling.temperature == 0:
        return LogitsProcessorList()
    nucleus = [TopPLogitsWarper(sampling.top_p)] if sampling.top_p < 1 else []
    return LogitsProcessorList([TemperatureLogitsWarper(sampling.temperature), *nucleus, Gumbel(seeds)])
