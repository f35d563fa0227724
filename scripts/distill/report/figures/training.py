"""Figures of training: the loss, and what a student wrote while it was distilled on-policy."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from distill.base.files import Row
from distill.report.figures.style import MANY, columns, line_color, looks, token_unit
from distill.report.names import Names, ShownModel
from distill.report.results import Results

SMOOTHED = 40  # a longer log is smoothed
WIDE = 20  # a loss that falls to less than this part is drawn on a logarithmic scale, or its end would be a line at zero


def loss(names: Names, results: Results) -> Figure | None:
    """Training loss against tokens: each logged value pale, its running mean on top; of many trainings the mean alone."""
    logs = _logs(names, results)
    if not logs:
        return None
    look = looks(names.models)
    size, unit = token_unit(max(rows[-1]["tokens"] for _, rows in logs))
    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    axes = figure.add_subplot()
    ends = []
    for model, logged in logs:
        rows = [row for row in logged if np.isfinite(row["loss"])]
        tokens = np.array([row["tokens"] for row in rows]) / size
        values = np.array([row["loss"] for row in rows])
        color, marker = line_color(look[model.name][0]), look[model.name][1]
        ends += [smooth(values).max(), smooth(values).min()] if len(values) else []
        if len(values) > SMOOTHED and len(logs) <= MANY:
            axes.plot(tokens, values, color=color, alpha=0.25, linewidth=0.8)
        axes.plot(
            tokens,
            smooth(values),
            color=color,
            linewidth=1.6,
            marker=marker,
            markevery=(0.1, 0.2),
            markersize=5,
            markeredgecolor="white",
            label=model.label,
        )
    axes.set_xlabel(unit)
    axes.set_ylabel(names.labels.get("loss_label", "training loss"))
    axes.set_xlim(left=0)
    if ends and max(ends) > WIDE * min(ends) > 0:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        axes.set_ylim(bottom=0)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=columns(figure, labels))
    return figure


# What is logged of the completions of each step of a distillation, with the label of its axis.
COMPLETIONS = {"entropy": "entropy (nats)", "mean_length": "tokens a completion", "cut": "share cut"}


def on_policy(names: Names, results: Results) -> Figure | None:
    """A panel each for entropy, length and share cut of the completions that a student learned from, by step; as for the loss."""
    logs = [(model, rows) for model, rows in _logs(names, results) if all(key in rows[0] for key in COMPLETIONS)]
    if not logs:
        return None
    look, figure = looks(names.models), Figure(figsize=(7.6, 2.6), layout="constrained")
    for axes, (key, label) in zip(figure.subplots(1, len(COMPLETIONS)), COMPLETIONS.items(), strict=True):
        for model, rows in logs:
            steps, values = (np.array([row[name] for row in rows], dtype=float) for name in ("step", key))
            color = line_color(look[model.name][0])
            if len(values) > SMOOTHED and len(logs) <= MANY:
                axes.plot(steps, values, color=color, alpha=0.25, linewidth=0.8)
            axes.plot(steps, smooth(values), color=color, linewidth=1.6, label=model.label)
        axes.set_xlabel("step")
        axes.set_ylabel(label)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=columns(figure, labels))
    return figure


def _logs(names: Names, results: Results) -> list[tuple[ShownModel, list[Row]]]:
    """The logs of whole trainings, whose checkpoints are parts of them."""
    shown = {model.name for model in names.models}
    whole = [model for model in names.models if model.curve in (None, model.name) or model.curve not in shown]
    return [(model, rows) for model in whole if (rows := results.log(model.name))]


def smooth(values: np.ndarray) -> np.ndarray:
    """Mean over a window around each value, a fifteenth of the series wide; a short series stays as it is.

    The window shrinks to its middle at the steep beginning and is cut off at the flat end.
    """
    if len(values) <= SMOOTHED:
        return values
    places, reach = np.arange(len(values)), len(values) // 30 + 1
    before = np.minimum(reach, places)
    after = np.minimum(before, len(values) - 1 - places)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return (sums[places + after + 1] - sums[places - before]) / (before + after + 1)
