"""Answers by transformers' generate, in batches of similar length. Each sample has its own generator, so batches change no draw."""

from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, StoppingCriteria, StoppingCriteriaList

from distill.generation.engines import Answer, Request, Sampling
from distill.generation.engines.chat import prompts, stop_tokens
from distill.models.growing_cache import growing_cache
from distill.models.gumbel import draws, of_rows
from distill.models.remote_code import remote_code_option


class Engine:
    """A model in memory. Runtime: device (auto, cpu, cuda), batch_size."""

    def __init__(self, model: Path, runtime: dict[str, Any]):
        device = runtime["device"]
        self.where = "cpu" if device == "cpu" or (device == "auto" and not torch.cuda.is_available()) else "cuda"
        self.batch_size = runtime["batch_size"]
        self.name = model
        dtype = torch.float32 if self.where == "cpu" else torch.bfloat16
        with remote_code_option(model) as code:
            self.tokenizer = AutoTokenizer.from_pretrained(model, **code)
            network = AutoModelForCausalLM.from_pretrained(model, dtype=dtype, use_safetensors=True, **code)
        self.network = network.to(self.where).eval()
        self.stops = stop_tokens(self.network.generation_config, self.tokenizer)
        # Any token pads, since padding is masked out; few models without a pad token lack an end of turn as well.
        pad = self.tokenizer.pad_token_id
        self.pad = pad if pad is not None else min(self.stops, default=0)
        # The model's own config would bring temperature, penalties and more: sampling is the protocol's.
        self.network.generation_config = GenerationConfig(eos_token_id=sorted(self.stops) or None, pad_token_id=self.pad)

    def answers(self, requests: list[Request], sampling: Sampling) -> Iterator[tuple[int, Answer]]:
        """Raises InputError where a prompt does not fit the model's context."""
        context = self.network.config.get_text_config().max_position_embeddings
        rendered = prompts(self.tokenizer, requests, sampling, context, self.name)
        # Long prompts first, so that a batch too large for the memory fails at once. A batch has one room.
        order = sorted(range(len(rendered)), key=lambda place: (-len(rendered[place].tokens), place))
        for room, places in groupby(order, key=lambda place: rendered[place].room):
            for batch in batched(places, self.batch_size):
                rows = self._generate(
                    [rendered[place].tokens for place in batch], [requests[place].seed for place in batch], sampling, room
                )
                for place, row in zip(batch, rows, strict=True):
                    end = next((index for index, token in enumerate(row) if token in self.stops), None)
                    text = rendered[place].opened + self.tokenizer.decode(row[:end], skip_special_tokens=True)
                    count = len(row) if end is None else end + 1
                    yield place, Answer(text, "length" if end is None else "stop", len(rendered[place].tokens), count)

    def _generate(self, tokens: list[list[int]], seeds: list[int], sampling: Sampling, room: int) -> list[list[int]]:
        """New tokens of each prompt, with padding after its end. Once a quarter of the rows have ended, the others go on without them."""
        width = max(map(len, tokens))
        ids = torch.tensor([[self.pad] * (width - len(row)) + row for row in tokens], device=self.where)
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in tokens], device=self.where)
        drawn = draws(sampling.temperature, sampling.top_p, seeds, self.where)
        cache = growing_cache(self.network)
        made, places = {}, list(range(len(tokens)))  # the rows of the batch are those of `places`
        while places:
            quarter = QuarterEnded(self.stops, len(places), self.where)
            with torch.inference_mode():
                ids = self.network.generate(
                    input_ids=ids,
                    attention_mask=mask,
                    max_new_tokens=width + room - ids.shape[1],
                    do_sample=False,
                    logits_processor=drawn,
                    stopping_criteria=StoppingCriteriaList([quarter] if cache else []),
                    **cache,
                )
            made |= dict(zip(places, ids[:, width:].tolist(), strict=True))
            going = (~quarter.ended).nonzero().flatten() if cache and ids.shape[1] < width + room else ids.new_empty(0)
            places = [places[row] for row in going.tolist()]
            if places:
                mask = torch.nn.functional.pad(mask, (0, ids.shape[1] - mask.shape[1]), value=1)[going]
                ids, drawn = ids[going], of_rows(drawn, going.tolist())
                cache["past_key_values"].batch_select_indices(going)
        return [made[place] for place in range(len(tokens))]


class QuarterEnded(StoppingCriteria):
    """Ends a call of `generate` as soon as a quarter of its rows have come to a stop. `ended`: (rows,), which have."""

    def __init__(self, stops: set[int], rows: int, device: str):
        self.stops = torch.tensor(sorted(stops), dtype=torch.long, device=device)
        self.ended = torch.zeros(rows, dtype=torch.bool, device=device)

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        """input_ids: (rows, tokens) up to the newest. Returns (rows,): all end, or none does."""
        self.ended |= torch.isin(input_ids[:, -1], self.stops)
        return (4 * self.ended.sum() >= len(self.ended)).expand(len(self.ended))


def batched(places: Iterable[int], size: int) -> Iterator[list[int]]:
    rest = iter(places)
    while batch := list(islice(rest, size)):
        yield batch
