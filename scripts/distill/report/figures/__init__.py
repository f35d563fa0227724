"""The figures by name: the function that draws each from a results folder (None where its files do not exist), and those files."""

from collections.abc import Callable

import matplotlib
from matplotlib.figure import Figure

from distill.report.figures import answers, curves, data, scores, style, training
from distill.report.names import Names
from distill.report.results import Results

FIGURES: dict[str, tuple[Callable[[Names, Results], Figure | None], str]] = {
    "scores": (scores.scores, "comparison.csv"),
    "loss": (training.loss, "models/*/log.jsonl"),
    "on_policy": (training.on_policy, "models/*/log.jsonl of a model with distill:"),
    "score_vs_tokens": (scores.score_vs_tokens, "comparison.csv and tokens_seen in models/*/manifest.json"),
    "score_vs_compute": (scores.score_vs_compute, "comparison.csv, and made_from in --spec with the folders of those models"),
    "funnel": (data.funnel, "data/*/funnel.json"),
    "lengths": (data.lengths, "data/*/audit.json"),
    "answer_length": (answers.answer_length, "responses/ and scores/*/*.jsonl"),
    "token_budget": (curves.token_budget, "curves.csv with token counts"),
    "pass_at_k": (curves.pass_at_k, "curves.csv with several samples an item"),
}


def draw(name: str, names: Names, results: Results) -> Figure | None:
    with matplotlib.rc_context(style.STYLE):
        return FIGURES[name][0](names, results)
