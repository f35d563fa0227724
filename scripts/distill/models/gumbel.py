"""Sampling in which each row of a batch has its own generator, so that no batch changes what is drawn for a row."""

import torch
from transformers import LogitsProcessor, LogitsProcessorList, TemperatureLogitsWarper, TopPLogitsWarper


class Gumbel(LogitsProcessor):
    """Turns the arg max over logits into a draw from their softmax, each row with its own generator.

    The arg max of logits plus standard Gumbel noise is distributed as their softmax (Gumbel 1954; Maddison et al. 2014, arXiv:1411.0030).
    """

    def __init__(self, seeds: list[int], device: torch.device | str):
        self.generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """scores: (rows, vocabulary), with temperature and nucleus applied. The noise is drawn on their device."""
        noise = torch.empty(scores.shape, device=scores.device)
        for row, generator in zip(noise, self.generators, strict=True):
            row.uniform_(generator=generator)
        return scores - torch.log(-torch.log(noise.clamp_min(1e-20)))


def draws(temperature: float, top_p: float, seeds: list[int], device: torch.device | str) -> LogitsProcessorList:
    """What makes `generate(do_sample=False)` a sampling with a seed a row; nothing at temperature 0, which is greedy."""
    if temperature == 0:
        return LogitsProcessorList()
    nucleus = [TopPLogitsWarper(top_p)] if top_p < 1 else []
    return LogitsProcessorList([TemperatureLogitsWarper(temperature), *nucleus, Gumbel(seeds, device)])


def of_rows(drawn: LogitsProcessorList, rows: list[int]) -> LogitsProcessorList:
    """What `draws` made, for some rows of its batch: their generators go on from where they are."""
    for gumbel in drawn:
        if isinstance(gumbel, Gumbel):
            gumbel.generators = [gumbel.generators[row] for row in rows]
    return drawn
