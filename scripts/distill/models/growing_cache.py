"""A cache of keys and values that is not copied for each token."""

import inspect
from typing import Any

import torch
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

ROOM = 64  # tokens


class GrowingLayer(DynamicLayer):
    """Holds what DynamicLayer (transformers 5.19) holds, and has room for ROOM tokens more: it copies all only where that is full."""

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Add states of (rows, heads, tokens, size). Returns those of all tokens, as views of the room."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self.shown: tuple[torch.Tensor | None, ...] = (None, None)
        held = self.get_seq_length()
        until = held + key_states.shape[-2]
        if self.keys is not self.shown[0] or until > self.room[0].shape[-2]:
            self.room = _with_room(self.keys, key_states, held, until), _with_room(self.values, value_states, held, until)
        for room, states in zip(self.room, (key_states, value_states), strict=True):
            room[..., held:until, :] = states
        self.shown = self.keys, self.values = self.room[0][..., :until, :], self.room[1][..., :until, :]
        return self.shown

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep some rows; what held all of them is let go at once, so that no more is in memory than before."""
        super().batch_select_indices(indices)
        self.room = self.shown = (None, None)


def _with_room(old: torch.Tensor, states: torch.Tensor, held: int, until: int) -> torch.Tensor:
    room = states.new_empty((*states.shape[:-2], until + ROOM, states.shape[-1]))
    if held:
        room[..., :held, :] = old
    return room


def growing_cache(model: PreTrainedModel) -> dict[str, DynamicCache]:
    """Arguments of `generate`, for one call: a growing cache where each layer of the model attends to all tokens, else nothing."""
    cache = DynamicCache(config=model.config)
    whole = all(type(layer) is DynamicLayer for layer in cache.layers)
    if not whole or "past_key_values" not in inspect.signature(model.forward).parameters:
        return {}
    cache.layers = [GrowingLayer() for _ in cache.layers]
    return {"past_key_values": cache}
