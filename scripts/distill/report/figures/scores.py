"""Figures of scores: by benchmark, and against the tokens that a model was trained on."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from distill.report.figures.style import INK, MANY, columns, line_color, looks, panels, title, token_unit, wrapped
from distill.report.names import ShownBenchmark, ShownModel, Names
from distill.report.results import Results, Score

_PUBLISHED = {"linestyle": "none", "marker": "D", "markersize": 5, "markerfacecolor": "white", "markeredgecolor": INK, "zorder": 4}


def scores(names: Names, results: Results) -> Figure | None:
    """Bars with 95 % intervals, a group a benchmark, a row of axes a protocol; a diamond is a published number. Many models: a row each."""
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
    """A panel a benchmark, a row a model: its score as a point with its interval, and the number beside it."""
    figure, look = Figure(layout="constrained"), looks(names.models)
    for axes, benchmark in panels(figure, names, width=3.0, height=0.24 * len(models) + 0.8):
        for place, model in enumerate(models):
            if score := results.score(model.name, benchmark.name):
                color = line_color(look[model.name][0]) if model.role in ("baseline", "reference") else INK
                arms = [[arm] for arm in _arms(score)]
                axes.errorbar([score.value], [place], xerr=arms, color=color, marker="o", markersize=4.5, linewidth=1.4, capsize=2.5)
                axes.annotate(
                    f"{score.value:.1f}", (1.02, place), xycoords=axes.get_yaxis_transform(), va="center", fontsize=7.5, color=INK
                )
                for published in results.published_of(model.name, benchmark.name):
                    axes.plot([published.value], [place], **_PUBLISHED)
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
        xs, values = [x for x, _ in points], [score.value for _, score in points]
        axes.bar(xs, values, width * 0.92, color=look[model.name][0], edgecolor=INK, linewidth=0.6, label=model.label)
    for place, model in enumerate(models):
        for group, benchmark in enumerate(benchmarks):
            if score := results.score(model.name, benchmark.name):
                x = group - 0.4 + (place + 0.5) * width
                _interval(axes, x, score)
                for published in results.published_of(model.name, benchmark.name):
                    axes.plot([x + 0.32 * width], [published.value], **_PUBLISHED)
    axes.set_xticks(range(len(benchmarks)), [wrapped(benchmark.label) for benchmark in benchmarks])
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="x", visible=False)
    axes.set_ylim(0, 106)
    axes.set_yticks(range(0, 101, 20))


def _interval(axes: Axes, x: float, score: Score) -> None:
    low, high = _arms(score)
    for color, points in (("white", 3.2), (INK, 1.4)):  # a light rim, so that the lower half shows on a dark bar
        axes.plot([x, x], [score.value - low, score.value + high], color=color, linewidth=points, solid_capstyle="butt")
    top = (x, score.value + high)
    axes.annotate(f"{score.value:.1f}", top, (0, 2), textcoords="offset points", ha="center", fontsize=7.5, color=INK)


def _arms(score: Score) -> tuple[float, float]:
    if score.low is None or score.high is None:
        return 0.0, 0.0
    return max(0.0, score.value - score.low), max(0.0, score.high - score.value)


def score_vs_tokens(names: Names, results: Results) -> Figure | None:
    """Score against tokens trained on, a panel a benchmark; the baseline as a line across, checkpoints of a training joined."""
    seen = {model.name: (results.manifest(model.name) or {}).get("tokens_seen") for model in (*names.models, *names.checkpoints)}
    trained = [model for model in _scored(names, results) if seen[model.name] and model.role != "baseline"]
    if not trained:
        return None
    curves = [sorted(filter(lambda one: seen[one.name], names.curve(model)), key=lambda one: seen[one.name]) for model in trained]
    figure, most = Figure(layout="constrained"), max(seen[model.name] for curve in curves for model in curve)
    size, unit = token_unit(most)
    for axes, benchmark in panels(figure, names, width=2.6, height=2.7):
        for model in names.of_role("baseline"):
            if score := results.score(model.name, benchmark.name):
                color = line_color(looks(names.models)[model.name][0])
                axes.axhline(score.value, color=color, linestyle="--", linewidth=1.2, label=model.label)
        for model, curve in zip(trained, curves, strict=True):
            points = [(seen[one.name] / size, score) for one in curve if (score := results.score(one.name, benchmark.name))]
            _curve(axes, points, model, names)
        title(axes, names, benchmark)
        axes.set_xlabel(unit)
        axes.set_xlim(0, 1.1 * most / size)
        axes.set_ylim(-4, 105)
    figure.axes[0].set_ylabel(names.labels.get("score_label", "pass@1 (%)"))
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=columns(figure, labels))
    return figure


def _curve(axes: Axes, points: Sequence[tuple[float, Score]], model: ShownModel, names: Names) -> None:
    """Points of (tokens, score) with intervals, joined, in the look of the model that the training ends in."""
    if not points:
        return
    color, marker = looks(names.models)[model.name]
    xs, values = [x for x, _ in points], [score.value for _, score in points]
    arms = list(zip(*(_arms(score) for _, score in points), strict=True))
    lines = {"color": line_color(color), "linewidth": 1.2, "capsize": 2.5}
    marks = {"marker": marker, "markersize": 6, "markeredgecolor": INK, "markeredgewidth": 0.6}
    axes.errorbar(xs, values, arms, **lines, **marks, label=model.label)
