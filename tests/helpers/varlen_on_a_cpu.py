"""CPU kernels for torch's own varlen_attn (2.13), which has them for GPUs alone: what is around them, autograd and the shapes that
torch.compile sees too, is torch's. For causal attention, a document at a time, in float32."""

from collections.abc import Iterator

import torch
from torch.nn.attention import varlen


def register() -> None:
    varlen._varlen_attn.register_kernel("cpu")(forward)
    varlen._varlen_attn_backward.register_kernel("cpu")(backward)


def forward(
    query, key, value, bounds, bounds_k, longest, longest_k, is_causal=False, scale=None, window_size=None, enable_gqa=False, *more, **_
):
    assert is_causal and list(window_size) == [-1, 0] and longest == int(bounds.diff().max()), "as kernels.torch_varlen calls it"
    assert enable_gqa or query.shape[1] == key.shape[1]
    out, sums = torch.empty_like(query), torch.empty(query.shape[1], query.shape[0])
    for document, q, k, v in documents(query, key, value, bounds):
        scores = masked_scores(q, k, scale)
        sums[:, document] = scores.logsumexp(-1)
        out[document] = (scores.softmax(-1) @ v).transpose(0, 1).to(out.dtype)
    return out, sums, torch.zeros(2, dtype=torch.uint64)


def backward(grad, query, key, value, out, sums, bounds, bounds_k, longest, longest_k, is_causal, rng_state, scale=None, window_size=None):
    grads = [torch.empty_like(part) for part in (query, key, value)]
    for document, q, k, v in documents(query, key, value, bounds):
        weights = (masked_scores(q, k, scale) - sums[:, document, None]).exp()
        given, made = (part[document].transpose(0, 1).float() for part in (grad, out))
        of_scores = weights * (given @ v.transpose(1, 2) - (given * made).sum(-1, keepdim=True)) * scale
        for into, found in zip(grads, (of_scores @ k, of_scores.transpose(1, 2) @ q, weights.transpose(1, 2) @ given), strict=True):
            into[document] = found.unflatten(0, (into.shape[1], -1)).sum(1).transpose(0, 1).to(into.dtype)
    return tuple(grads)


def documents(query, key, value, bounds) -> Iterator[tuple[slice, torch.Tensor, torch.Tensor, torch.Tensor]]:
    """(place, query, key, value) of each document, (query heads, tokens, head size)."""
    shared = query.shape[1] // key.shape[1]
    for start, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        place = slice(start, end)
        q, k, v = (part[place].transpose(0, 1).float() for part in (query, key, value))
        yield place, q, k.repeat_interleave(shared, 0), v.repeat_interleave(shared, 0)


def masked_scores(query: torch.Tensor, key: torch.Tensor, scale: float) -> torch.Tensor:
    scores = query @ key.transpose(1, 2) * scale
    return scores.masked_fill(torch.ones(scores.shape[1:], dtype=torch.bool).triu(1), float("-inf"))
