"""One look for all figures, the same bytes for the same numbers.

Colours differ in lightness too, so that colour-blind readers and grey prints can distinguish them.
"""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from distill.report.names import Names, ShownBenchmark, ShownModel

matplotlib.use("Agg")

INK, FAINT = "#222222", "#8a8a8a"
# Lightness 84, 66 and 26 of 100. Further students: Okabe and Ito's colours (https://jfly.uni-koeln.de/color/), with markers of their own.
_BASELINE = "#d2d2d2"
_REFERENCES = ("#56a8dc", "#8fd0f5", "#2f7fb3", "#c3e4f7")
_STUDENTS = ("#0b3f73", "#d55e00", "#009e73", "#cc79a7", "#7a4a00", "#e0c000")
_MARKERS = {"baseline": "s", "reference": "^"}
_REFERENCE_MARKERS = ("^", "<", ">", "2")
_STUDENT_MARKERS = ("o", "D", "v", "P", "X", "*")
MANY = 6  # models whose colours can be distinguished at a glance; more are drawn one below the other
RIGHT, WRONG = "#0b3f73", "#e9a33b"

STYLE = {
    "figure.dpi": 150,
    "figure.constrained_layout.w_pad": 0.09,
    "font.family": "DejaVu Sans",  # comes with matplotlib, so the same everywhere
    "font.size": 9,
    "text.parse_math": False,  # a "$" in a label is a "$"
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # where it would be found to fit, which takes long
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "hatch.linewidth": 0.6,
    "svg.hashsalt": "distill",
    "svg.fonttype": "path",
}


def looks(models: tuple[ShownModel, ...]) -> dict[str, tuple[str, str]]:
    """Colour and marker of each model, by its role and its place in it. No two of 36 students share both, and no two of 4 references."""
    students = [model.name for model in models if model.role not in _MARKERS]
    references = [model.name for model in models if model.role == "reference"]
    found = {}
    for model in models:
        if model.name in references:
            place = references.index(model.name) % len(_REFERENCES)
            found[model.name] = (model.color or _REFERENCES[place], _REFERENCE_MARKERS[place])
            continue
        place = students.index(model.name) if model.name in students else 0
        color = _BASELINE if model.role == "baseline" else _STUDENTS[place % len(_STUDENTS)]
        turn = place + place // len(_STUDENTS)
        found[model.name] = (model.color or color, _MARKERS.get(model.role, _STUDENT_MARKERS[turn % len(_STUDENT_MARKERS)]))
    return found


def line_color(color: str) -> str:
    """A bar may be pale, a line on white may not."""
    return FAINT if color == _BASELINE else color


def save(figure: Figure, path: Path) -> None:
    """Write path (.png) and the .svg next to it, each whole or not at all. Both have the png's layout, which takes half the time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context(STYLE):
        if layout := figure.get_layout_engine():
            layout.execute(figure)
        figure.set_layout_engine(None)
    for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
        held = io.BytesIO()
        with matplotlib.rc_context(STYLE):  # saving lays out texts and makes ids
            figure.savefig(held, format=kind, metadata=metadata)
        part = path.with_name(f".{path.stem}.{kind}.part")
        try:
            part.write_bytes(held.getvalue())
            part.replace(path.with_suffix(f".{kind}"))
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def thousands(axis: Axis, most: int = 5) -> None:
    """A few ticks with thousands separators."""
    axis.set_major_locator(MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def columns(figure: Figure, labels: Sequence[str]) -> int:
    """Columns of a legend that fit the width of a figure, four at most."""
    letter, handle = 0.075, 0.55  # inches, at the font size of STYLE
    return max(1, min(4, int(figure.get_figwidth() / (letter * max(map(len, labels), default=1) + handle))))


def panels(figure: Figure, names: Names, width: float, height: float) -> Iterator[tuple[Axes, ShownBenchmark]]:
    """Axes for each benchmark, a row per protocol; `width` and `height` of one in inches."""
    rows = list(names.by_protocol().values())
    columns = max(len(benchmarks) for benchmarks in rows)
    figure.set_size_inches(min(14, width * columns + 0.8), height * len(rows) + 0.4)
    grid = figure.subplots(len(rows), columns, sharey=True, squeeze=False)
    for row, benchmarks in zip(grid, rows, strict=True):
        for unused in row[len(benchmarks) :]:
            unused.remove()
        yield from zip(row, benchmarks, strict=False)


def token_unit(most: float) -> tuple[float, str]:
    """The divisor of tokens for an axis that reaches `most`, and the label of the axis."""
    size, name = (1e6, "million") if most >= 1e6 else (1e3, "thousand")
    return size, f"{name} tokens trained on"


def title(axes: Axes, names: Names, benchmark: ShownBenchmark) -> None:
    axes.set_title(wrapped(names.benchmark_label(benchmark.name)))


def wrapped(label: str) -> str:
    """A label on two lines where it ends in brackets."""
    return label.replace(" (", "\n(", 1)
