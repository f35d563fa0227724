"""Figures of scores, in percent: by benchmark, and against the tokens that a model was trained on or what it cost."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from distill.evaluation.rows import ScoreRow
from distill.report.budget import unit
from distill.report.figures.style import INK, MANY, columns, line_color, looks, panels, title, token_unit, wrapped
from distill.report.names import Names, ShownBenchmark, ShownModel
from distill.report.results import Results

_PUBLISHED = {"linestyle": "none", "marker": "D", "markersize": 5, "markerfacecolor": "white", "markeredgecolor": INK, "zorder": 4}


def scores(names: Names, results: Results) -> Figure | None:
    """Bars with 95 % intervals, a group per benchmark, axes per protocol; a diamond is a published score. Many models have a row each."""
    models = _scored(names, results)
    if not models:
        return None
    if len(models) > MANY:
        return _rows(models, names, results)
    rows = names.by_protocol()
    most = max(len(benchmarks) for benchmarks in rows.values())
    figure = Figure(figsize=(min(14, max(6.4, 0.5 * len(models) * most + 1.6)), 3.4 * len(rows) + 0.4), layout="constrained")
    for axes, (protocol, benchmarks) in zip(figure.subplots(len(rows), 1, squeeze=False)[:, 0], rows.items(), strict=True):
        _bars(axes, benchmarks, models, names, results)
        axes.set_title(f"protocol {protocol}" if len(rows) > 1 else "")
        axes.set_ylabel(names.labels.get("score_label", "pass@1 (%)"))
    handles = list(figure.axes[0].containers[: len(models)])
    handles += _published_handle(figure, models, names, results)
    figure.legend(handles=handles, loc="outside upper left", ncols=4)
    return figure


def _published_handle(figure: Figure, models: Sequence[ShownModel], names: Names, results: Results) -> list:
    shown = any(results.published_of(model.name, benchmark.name) for model in models for benchmark in names.benchmarks)
    return figure.axes[0].plot([], [], label="published", **_PUBLISHED) if shown else []


def _rows(models: Sequence[ShownModel], names: Names, results: Results) -> Figure:
    """A panel per benchmark, a row per model: its score as a point with its interval, and the number next to it."""
    figure, look = Figure(layout="constrained"), looks(names.models)
    for axes, benchmark in panels(figure, names, width=3.0, height=0.24 * len(models) + 0.8):
        for place, model in enumerate(models):
            if score := results.score(model.name, benchmark.name):
                color = line_color(look[model.name][0]) if model.role in ("baseline", "reference") else INK
                arms = [[arm] for arm in _arms(score)]
                axes.errorbar(
                    [100 * score.pass_at_1], [place], xerr=arms, color=color, marker="o", markersize=4.5, linewidth=1.4, capsize=2.5
                )
                axes.annotate(
                    f"{100 * score.pass_at_1:.1f}", (1.02, place), xycoords=axes.get_yaxis_transform(), va="center", fontsize=7.5, color=INK
                )
                for published in results.published_of(model.name, benchmark.name):
                    axes.plot([100 * published.published_share], [place], **_PUBLISHED)
        title(axes, names, benchmark)
        axes.set_xlabel(names.labels.get("score_label", "pass@1 (%)"))
        axes.set_xlim(-3, 103)
        axes.tick_params(axis="y", length=0)
        axes.set_yticks(range(len(models)), [model.label for model in models])
        axes.set_ylim(len(models) - 0.5, -0.5)
    if handles := _published_handle(figure, models, names, results):
        figure.legend(handles=handles, loc="outside upper left")
    return figure


def _scored(names: Names, results: Results) -> list[ShownModel]:
    return [model for model in names.models if any(results.score(model.name, benchmark.name) for benchmark in names.benchmarks)]


def _bars(axes: Axes, benchmarks: Sequence[ShownBenchmark], models: Sequence[ShownModel], names: Names, results: Results) -> None:
    look, width = looks(names.models), 0.8 / len(models)
    for place, model in enumerate(models):
        found = [(group, results.score(model.name, benchmark.name)) for group, benchmark in enumerate(benchmarks)]
        points = [(group - 0.4 + (place + 0.5) * width, score) for group, score in found if score]
        xs, values = [x for x, _ in points], [100 * score.pass_at_1 for _, score in points]
        axes.bar(xs, values, width * 0.92, color=look[model.name][0], edgecolor=INK, linewidth=0.6, label=model.label)
    for place, model in enumerate(models):
        for group, benchmark in enumerate(benchmarks):
            if score := results.score(model.name, benchmark.name):
                x = group - 0.4 + (place + 0.5) * width
                _interval(axes, x, score)
                for published in results.published_of(model.name, benchmark.name):
                    axes.plot([x + 0.32 * width], [100 * published.published_share], **_PUBLISHED)
    axes.set_xticks(range(len(benchmarks)), [wrapped(benchmark.label) for benchmark in benchmarks])
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="x", visible=False)
    axes.set_ylim(0, 106)
    axes.set_yticks(range(0, 101, 20))


def _interval(axes: Axes, x: float, score: ScoreRow) -> None:
    value, (low, high) = 100 * score.pass_at_1, _arms(score)
    for color, points in (("white", 3.2), (INK, 1.4)):  # a light rim, so that the lower half shows on a dark bar
        axes.plot([x, x], [value - low, value + high], color=color, linewidth=points, solid_capstyle="butt")
    top = (x, value + high)
    axes.annotate(f"{value:.1f}", top, (0, 2), textcoords="offset points", ha="center", fontsize=7.5, color=INK)


def _arms(score: ScoreRow) -> tuple[float, float]:
    """How far the whiskers reach below and above a score, in percent."""
    if score.ci95_low is None or score.ci95_high is None:
        return 0.0, 0.0
    value = 100 * score.pass_at_1
    return max(0.0, value - 100 * score.ci95_low), max(0.0, 100 * score.ci95_high - value)


def score_vs_tokens(names: Names, results: Results) -> Figure | None:
    """Score against tokens trained on, a panel per benchmark; the baseline as a line across.

    Checkpoints of one training on one data set are joined; whatever else differs between two points, no line says that it leads from one to
    the other.
    """
    manifests = {model.name: results.manifest(model.name) or {} for model in (*names.models, *names.checkpoints)}
    seen = {name: manifest.get("tokens_seen") for name, manifest in manifests.items()}
    trained = [model for model in _scored(names, results) if seen[model.name] and model.role != "baseline"]
    if not trained:
        return None
    curves = {model: sorted((one for one in names.curve(model) if seen[one.name]), key=lambda one: seen[one.name]) for model in trained}
    figure, most = Figure(layout="constrained"), max(seen[one.name] for curve in curves.values() for one in curve)
    size, tokens_label = token_unit(most)
    for axes, benchmark in panels(figure, names, width=2.6, height=2.7):
        for model in names.of_role("baseline"):
            if score := results.score(model.name, benchmark.name):
                color = line_color(looks(names.models)[model.name][0])
                axes.axhline(100 * score.pass_at_1, color=color, linestyle="--", linewidth=1.2, label=model.label)
        for model, curve in curves.items():
            by_data: dict[str | None, list[tuple[float, ScoreRow]]] = {}
            for one in curve:
                if score := results.score(one.name, benchmark.name):
                    by_data.setdefault(manifests[one.name].get("data"), []).append((seen[one.name] / size, score))
            for place, points in enumerate(by_data.values()):
                _points(axes, points, looks(names.models)[model.name], label="" if place else model.label)
        title(axes, names, benchmark)
        axes.set_xlabel(tokens_label)
        axes.set_xlim(0, 1.1 * most / size)
        axes.set_ylim(-4, 105)
    return _with_legend(figure, names)


def score_vs_compute(names: Names, results: Results) -> Figure | None:
    """Score against the operations of all that a model is made by here, a panel per benchmark; the baseline as a line across."""
    costs = {model.name: cost.flops for model in names.models if (cost := results.cost(model.name)) and cost.flops}
    models = [model for model in _scored(names, results) if model.name in costs]
    if not models:
        return None
    figure, look = Figure(layout="constrained"), looks(names.models)
    least, most = min(costs.values()), max(costs.values())
    size, name = unit(most)
    for axes, benchmark in panels(figure, names, width=2.6, height=2.7):
        for model in names.of_role("baseline"):
            if score := results.score(model.name, benchmark.name):
                color = line_color(look[model.name][0])
                axes.axhline(100 * score.pass_at_1, color=color, linestyle="--", linewidth=1.2, label=model.label)
        for model in models:
            if score := results.score(model.name, benchmark.name):
                _points(axes, [(costs[model.name] / size, score)], look[model.name], label=model.label)
        title(axes, names, benchmark)
        axes.set_xlabel(f"compute ({name})")
        if most > 20 * least:
            axes.set_xscale("log")
        else:
            axes.set_xlim(0, 1.1 * most / size)
        axes.set_ylim(-4, 105)
    return _with_legend(figure, names)


def _with_legend(figure: Figure, names: Names) -> Figure:
    """The figure with the name of its scores and a legend above the panels."""
    figure.axes[0].set_ylabel(names.labels.get("score_label", "pass@1 (%)"))
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=columns(figure, labels))
    return figure


def _points(axes: Axes, points: Sequence[tuple[float, ScoreRow]], look: tuple[str, str], label: str) -> None:
    """Points of (tokens, score) with their intervals, joined where there are several; `look` is colour and marker."""
    color, marker = look
    xs, values = [x for x, _ in points], [100 * score.pass_at_1 for _, score in points]
    arms = list(zip(*(_arms(score) for _, score in points), strict=True))
    lines = {"color": line_color(color), "linestyle": "-" if len(points) > 1 else "none", "linewidth": 1.2, "capsize": 2.5}
    marks = {"marker": marker, "markersize": 6, "markeredgecolor": INK, "markeredgewidth": 0.6}
    axes.errorbar(xs, values, arms, **lines, **marks, label=label)
