"""Figures of the data: what the filter kept, and what max_length does to the rows."""

from itertools import zip_longest

from matplotlib.figure import Figure

from distill.base.files import Row
from distill.data.audit import COUNTED, describe_differences, each_audit
from distill.report.figures.style import FAINT, INK, RIGHT, WRONG, thousands
from distill.report.names import Names
from distill.report.results import Results


def funnel(names: Names, results: Results) -> Figure | None:
    """Rows of each data set, from top to bottom: all, those dropped by each reason, those kept."""
    found = [(dataset, row) for dataset in names.datasets if (row := results.funnel(dataset.name)) and row["rows_in"]]
    if not found:
        return None
    reasons = [
        reason
        for reason in dict.fromkeys(reason for _, row in found for reason in row["dropped"])
        if any(row["dropped"].get(reason) for _, row in found)
    ]
    figure = Figure(figsize=(min(14, 3.6 * len(found) + 1.4), 0.3 * (len(reasons) + 2) + 1.0), layout="constrained")
    for axes, (dataset, row) in zip(figure.subplots(1, len(found), sharey=True, squeeze=False)[0], found, strict=True):
        left = row["rows_in"]
        bars = [("rows in", 0, left, FAINT)]
        for reason in reasons:
            count = row["dropped"].get(reason, 0)
            left -= count
            bars.append((reason.replace("_", " "), left, count, WRONG))
        bars.append(("kept", 0, row["kept"], RIGHT))
        for place, (_, start, count, color) in enumerate(bars):
            axes.barh(place, count, left=start, color=color, edgecolor=INK, linewidth=0.5 if count else 0, height=0.7)
            note = {"color": INK if count else FAINT, "va": "center", "fontsize": 7.5}
            axes.annotate(f"{count:,}", (start + count, place), (3, 0), textcoords="offset points", **note)
        axes.set_yticks(range(len(bars)), [name for name, *_ in bars])
        axes.set_title(dataset.label)
        axes.set_xlim(0, row["rows_in"] * 1.18)
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
        thousands(axes.xaxis, 4)
        axes.set_xlabel("rows")
        if not axes.yaxis_inverted():
            axes.invert_yaxis()
    return figure


def lengths(names: Names, results: Results) -> Figure | None:
    """Histogram of tokens per row, a panel for each count and max_length of a data set; what lies beyond has the other colour."""
    found = [panel for dataset in names.datasets for panel in _panels(dataset.label, results.audit(dataset.name))]
    if not found:
        return None
    columns = min(4, len(found))
    rows = -(-len(found) // columns)
    figure = Figure(figsize=(3.4 * columns + 0.8, 2.8 * rows), layout="constrained")
    places = figure.subplots(rows, columns, squeeze=False).flat
    for axes, (label, audit) in zip_longest(places, found, fillvalue=("", None)):
        if audit is None:
            axes.set_axis_off()
            continue
        bins, limit = audit["tokens"]["histogram"], audit["settings"]["max_length"]
        for part in bins:
            edges = [part["from"], min(max(limit, part["from"]), part["to"]), part["to"]]
            for start, end, color in zip(edges, edges[1:], (RIGHT, WRONG), strict=False):
                if end > start:
                    axes.bar(start, part["rows"], end - start, align="edge", color=color, edgecolor="white", linewidth=0.4)
        near = limit <= 2.5 * bins[-1]["to"]  # a limit far beyond all rows would press them together
        if near:
            axes.axvline(limit, color=INK, linestyle="--", linewidth=1.2)
        axes.set_title(label)
        axes.set_title(f"max_length {limit:,}" + ("" if near else " →"), loc="right", fontweight="normal", fontsize=8)
        axes.set_xlabel("tokens per row")
        axes.set_xlim(left=0)
        axes.grid(axis="x", visible=False)
        thousands(axes.xaxis)
        thousands(axes.yaxis)
    figure.axes[0].set_ylabel("rows")
    return figure


def _panels(label: str, audit: Row | None) -> list[tuple[str, Row]]:
    """The audits of a dataset whose panels differ, each with the settings other than max_length in which they differ."""
    drawn: list[Row] = []
    for found in each_audit(audit) if audit else []:
        same = [(one["tokens"], one["settings"]["max_length"]) for one in drawn]
        drawn += [] if (found["tokens"], found["settings"]["max_length"]) in same else [found]
    counted = [{key: value for key, value in one["settings"].items() if key in COUNTED} for one in drawn]
    return [(f"{label}, {way}" if way else label, one) for one, way in zip(drawn, describe_differences(counted), strict=True)]
