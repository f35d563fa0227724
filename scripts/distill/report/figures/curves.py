"""Figures of what more tokens and more samples buy: the score by token budget, and pass@k with maj@k."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from distill.evaluation.answers import BUDGET, MAJORITY, PASS
from distill.evaluation.rows import CurveRow
from distill.report.figures.style import columns, line_color, looks, panels, title
from distill.report.names import Names, ShownModel
from distill.report.results import Results


def token_budget(names: Names, results: Results) -> Figure | None:
    """Score in percent against the tokens by which an answer must be finished, a panel per benchmark, a line per model."""
    return _figure(names, results, {BUDGET: "-"}, "tokens by which an answer is finished", "score (%)")


def pass_at_k(names: Names, results: Results) -> Figure | None:
    return _figure(names, results, {PASS: "-", MAJORITY: "--"}, "k samples", "pass@k and maj@k (%)")


def _figure(names: Names, results: Results, curves: Mapping[str, str], x: str, y: str) -> Figure | None:
    """A panel for each benchmark that has such a curve. `curves`: the style of line of each."""
    there = [
        (model, benchmark)
        for model in names.models
        for benchmark in names.benchmarks
        if any(results.curve(model.name, benchmark.name, curve) for curve in curves)
    ]
    if not there:
        return None
    models = list(dict.fromkeys(model for model, _ in there))
    with_curves = tuple(benchmark for benchmark in names.benchmarks if any(benchmark == one for _, one in there))
    figure = Figure(layout="constrained")
    for place, (axes, benchmark) in enumerate(panels(figure, replace(names, benchmarks=with_curves), width=2.8, height=2.8)):
        drawn = {
            (model.name, curve): list(points.values())
            for model in models
            for curve in curves
            if (points := results.curve(model.name, benchmark.name, curve))
        }
        _lines(axes, models, drawn, curves, names)
        title(axes, names, benchmark)
        axes.set_xlabel(x)
        axes.set_ylabel("" if place else y)
        axes.set_ylim(-2, 103)
        _doubling(axes, sorted({row.at for rows in drawn.values() for row in rows}))
    handles = {label: line for axes in figure.axes for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside upper left", ncols=columns(figure, list(handles)))
    return figure


def _lines(
    axes: Axes, models: Sequence[ShownModel], drawn: Mapping[tuple[str, str], list[CurveRow]], curves: Mapping[str, str], names: Names
) -> None:
    look = looks(names.models)
    for model in models:
        color, marker = look[model.name]
        for number, (curve, style) in enumerate(curves.items()):
            rows = drawn.get((model.name, curve), [])
            xs = [row.at for row in rows]
            look_here = {"color": line_color(color), "marker": marker, "markersize": 3.5, "linewidth": 1.3, "linestyle": style}
            axes.plot(xs, [100 * row.share for row in rows], label=None if number else model.label, **look_here)
            low, high = [100 * row.ci95_low for row in rows], [100 * row.ci95_high for row in rows]
            axes.fill_between(xs, low, high, color=line_color(color), alpha=0.12, linewidth=0)


def _doubling(axes: Axes, points: Sequence[int]) -> None:
    """A scale on which each doubling is a step, with a few of the points as ticks."""
    axes.set_xscale("log", base=2)
    ticks = [points[-1]]
    for point in reversed(points):  # the labels need room
        if ticks[-1] >= 1.6 * point:
            ticks.append(point)
    every = -(-len(ticks) // 5)
    axes.xaxis.set_major_locator(FixedLocator(sorted(ticks[::every])))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
