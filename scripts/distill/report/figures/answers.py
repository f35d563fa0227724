"""Figure of answers: the lengths of right and of wrong ones."""

from collections.abc import Callable, Sequence
from operator import itemgetter

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from distill.base.files import Row
from distill.report.figures.style import INK, RIGHT, WRONG, panels, thousands, title
from distill.report.names import Names
from distill.report.results import Results


def answer_length(names: Names, results: Results) -> Figure | None:
    """Tokens of right and of wrong answers, a panel per benchmark: boxes between the quartiles, whiskers to the 5th and 95th percentiles.

    Characters where no model's tokens are known, as for responses that were recorded elsewhere.
    """
    pairs = [(model.name, benchmark.name) for model in names.models for benchmark in names.benchmarks]
    unit, lengths = "tokens", {pair: split_lengths(results, *pair) for pair in pairs}
    if not any(any(split) for split in lengths.values()):
        unit, lengths = "characters", {pair: split_lengths(results, *pair, of=lambda row: len(row["text"])) for pair in pairs}
    models = [model for model in names.models if any(any(lengths[model.name, benchmark.name]) for benchmark in names.benchmarks)]
    if not models:
        return None
    figure = Figure(layout="constrained")
    for axes, benchmark in panels(figure, names, width=2.8, height=0.62 * len(models) + 1.0):
        for place, model in enumerate(models):
            right, wrong = lengths[model.name, benchmark.name]
            _box(axes, place - 0.18, right, RIGHT)
            _box(axes, place + 0.18, wrong, WRONG)
        title(axes, names, benchmark)
        axes.set_xlabel(f"{unit} per answer")
        axes.set_xlim(left=0)
        thousands(axes.xaxis)
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
        axes.set_yticks(range(len(models)), [model.label for model in models])
        axes.set_ylim(len(models) - 0.5, -0.5)
    handles = [Patch(facecolor=color, edgecolor=INK, linewidth=0.6, label=label) for color, label in ((RIGHT, "right"), (WRONG, "wrong"))]
    figure.legend(handles=handles, loc="outside upper left", ncols=2)
    return figure


def _box(axes: Axes, place: float, values: Sequence[int], color: str) -> None:
    if not values:
        return
    # The median is white on the dark box; a box of no width is drawn as a bar of its colour.
    flat = np.ptp(np.percentile(values, (25, 75))) == 0
    median = {"color": color, "linewidth": 3} if flat else {"color": "white" if color == RIGHT else INK, "linewidth": 1.2}
    thin = {"color": INK, "linewidth": 0.8}
    axes.boxplot(
        [values],
        positions=[place],
        widths=0.3,
        orientation="horizontal",
        whis=(5, 95),
        showfliers=False,
        patch_artist=True,
        boxprops={"facecolor": color, "edgecolor": color if flat else INK, "linewidth": 0.6},
        medianprops={**median, "solid_capstyle": "butt"},
        whiskerprops=thin,
        capprops=thin,
    )


def split_lengths(
    results: Results, model: str, benchmark: str, of: Callable[[Row], int | None] = itemgetter("completion_tokens")
) -> tuple[list[int], list[int]]:
    """Lengths of the right and of the wrong answers, of those whose length is known."""
    right = {(row["id"], row["sample"]): row["correct"] for row in results.verdicts(model, benchmark)}
    split: tuple[list[int], list[int]] = ([], [])
    for row in results.responses(model, benchmark) if right else ():
        if (row["id"], row["sample"]) in right and (length := of(row)) is not None:
            split[0 if right[row["id"], row["sample"]] else 1].append(length)
    return split
