"""Figures show the numbers of the results folder, in files of the same bytes each time."""

import colorsys
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import results_tree

from distill.base.files import read_json, write_json, write_jsonl
from distill.evaluation.rows import CurveRow, read_csv
from distill.report import figures
from distill.report.figures import style, training
from distill.report.figures.kept import Kept
from distill.report.names import names
from distill.report.results import Results

SCRIPT = Path(__file__).parents[2] / "scripts" / "figures.py"
NAMES = names(results_tree.SPEC)


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    return results_tree.build(tmp_path_factory.mktemp("results"))


def test_bars_are_as_high_as_the_scores_and_diamonds_as_the_published(tree):
    axes = figures.draw("scores", NAMES, Results(tree)).axes[0]
    heights = [bar.get_height() for group in axes.containers if hasattr(group, "patches") for bar in group.patches]
    assert heights == pytest.approx([12.5, 25.0, 99.0, 97.0, 71.4, 50.0])
    diamonds = [y for line in axes.lines if line.get_marker() == "D" for y in line.get_ydata()]
    assert diamonds == [98.5, 80.0]


def test_many_models_have_a_row_each_and_no_two_students_one_look(tmp_path):
    spec = results_tree.students(results_tree.build(tmp_path), 12)
    axes = figures.draw("scores", names(spec), Results(tmp_path)).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [model["label"] for model in spec["models"]]
    assert [points.lines[0].get_xdata()[0] for points in axes.containers] == pytest.approx(
        [12.5, 99.0, *(71.4 - place for place in range(12))]
    )
    assert len(set(style.looks(names(spec).models).values())) == 14


@pytest.mark.parametrize(("labels", "columns"), [(["Base", "Ours"], 4), (["Ours mini_stratos e2, seed 0"] * 13, 2), (["x" * 200], 1)])
def test_a_legend_is_no_wider_than_its_figure(labels, columns):
    assert style.columns(figures.style.Figure(figsize=(6.4, 3.4)), labels) == columns


@pytest.mark.parametrize(("name", "at", "percent"), [("token_budget", [100, 320], [35.7, 71.4]), ("pass_at_k", [1, 2], [71.4, 85.68])])
def test_curves_go_through_their_points(tree, name, at, percent):
    line = next(line for line in figures.draw(name, NAMES, Results(tree)).axes[0].lines if line.get_label() == "Ours")
    assert list(line.get_xdata()) == at
    assert list(line.get_ydata()) == pytest.approx(percent)


def test_a_benchmark_without_several_samples_has_no_panel_of_them(tree, tmp_path):
    folder = Path(shutil.copytree(tree, tmp_path / "results"))
    kept = [row for row in read_csv(CurveRow, folder / "curves.csv") if row.benchmark == "mini_math" or row.curve == "budget"]
    results_tree.write_table(folder / "curves.csv", kept)
    panels = {name: len(figures.draw(name, NAMES, Results(folder)).axes) for name in ("pass_at_k", "token_budget")}
    assert panels == {"pass_at_k": 1, "token_budget": 2}


def test_loss_ends_where_training_ended(tree):
    axes = figures.draw("loss", NAMES, Results(tree)).axes[0]
    ends = {line.get_label(): line.get_xdata()[-1] for line in axes.lines if not line.get_label().startswith("_")}
    assert ends == pytest.approx({"R1-Distill": 1.35, "Ours": 0.423})


def test_what_a_student_wrote_on_policy_is_drawn_step_by_step(tree, tmp_path):
    """Of two trainings one is a distillation; the other has no lengths."""
    folder = Path(shutil.copytree(tree, tmp_path / "results"))
    rows = [
        {"step": step, "tokens": 9 * step, "loss": 1, "entropy": 0.5, "mean_length": 100 + step, "cut": step / 8} for step in range(1, 5)
    ]
    write_jsonl(folder / "models/ours/log.jsonl", rows)
    panels = {axes.get_ylabel(): axes for axes in figures.draw("on_policy", NAMES, Results(folder)).axes}
    drawn = {
        label: [(line.get_label(), list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines] for label, axes in panels.items()
    }
    assert drawn == {
        "entropy (nats)": [("Ours", [1, 2, 3, 4], [0.5] * 4)],
        "tokens a completion": [("Ours", [1, 2, 3, 4], [101, 102, 103, 104])],
        "share cut": [("Ours", [1, 2, 3, 4], [0.125, 0.25, 0.375, 0.5])],
    }
    assert figures.draw("on_policy", NAMES, Results(tree)) is None


def test_the_loss_of_a_checkpoint_is_part_of_its_training_s_and_drawn_once(tree, tmp_path):
    folder = Path(shutil.copytree(tree, tmp_path / "results"))
    results_tree.checkpoint(folder, "ours-100", 100_000, 0.4)
    shutil.copy(folder / "models/ours/log.jsonl", folder / "models/ours-100/log.jsonl")
    models = [*results_tree.SPEC["models"], {"name": "ours-100", "label": "Step 100", "curve": "ours"}]
    axes = figures.draw("loss", names({**results_tree.SPEC, "models": models}), Results(folder)).axes[0]
    assert "Step 100" not in {line.get_label() for line in axes.lines}


def test_a_curve_joins_the_checkpoints_in_order_of_tokens(tree, tmp_path):
    folder = Path(shutil.copytree(tree, tmp_path / "results"))
    results_tree.checkpoint(folder, "ours-100", 100_000, 0.4)
    models = [*results_tree.SPEC["models"], {"name": "ours-100", "label": "Step 100", "curve": "ours"}]
    axes = figures.draw("score_vs_tokens", names({**results_tree.SPEC, "models": models}), Results(folder)).axes[0]
    curve = axes.containers[-1].lines[0]
    assert (list(curve.get_xdata()), list(curve.get_ydata())) == (pytest.approx([0.1, 0.46]), pytest.approx([40.0, 71.4]))


def joined(axes) -> list[list[float]]:
    """The scores that a line joins, of each line that joins several."""
    lines = [container.lines[0] for container in axes.containers]
    return [list(line.get_ydata()) for line in lines if line.get_linestyle() != "None" and len(line.get_ydata()) > 1]


def test_no_line_leads_from_one_data_set_to_another(tree, tmp_path):
    """Of three checkpoints one has seen other data, as after a change of the data set: it stands alone."""
    folder = Path(shutil.copytree(tree, tmp_path / "results"))
    results_tree.checkpoint(folder, "ours-100", 100_000, 0.4)
    results_tree.checkpoint(folder, "ours-200", 200_000, 0.5, data="2" * 64)
    earlier = [{"name": f"ours-{step}", "curve": "ours"} for step in (100, 200)]
    spec = {**results_tree.SPEC, "models": [*results_tree.SPEC["models"], *earlier]}
    axes = figures.draw("score_vs_tokens", names(spec), Results(folder)).axes[0]
    assert joined(axes) == [pytest.approx([40.0, 71.4])]
    labels = axes.get_legend_handles_labels()[1]
    assert labels == ["Base", "R1-Distill", "Ours"]


def test_without_checkpoints_nothing_is_joined_in_the_legend_either(tree):
    """Two trainings on two data sets are two points, and neither axes nor legend show a line but the baseline's."""
    axes = figures.draw("score_vs_tokens", NAMES, Results(tree)).axes[0]
    handles, labels = axes.get_legend_handles_labels()
    lines = {label: handle.lines[0].get_linestyle() for label, handle in zip(labels, handles, strict=True) if hasattr(handle, "lines")}
    assert lines == {"R1-Distill": "None", "Ours": "None"} and joined(axes) == []


def test_a_loss_that_falls_far_is_drawn_on_a_logarithmic_scale(tree, tmp_path):
    assert figures.draw("loss", NAMES, Results(tree)).axes[0].get_yscale() == "linear"
    rows = [{"step": step, "tokens": 1000 * step, "loss": 4 * 0.98**step} for step in range(1, 200)]
    write_jsonl(tmp_path / "models/ours/log.jsonl", rows)
    assert figures.draw("loss", NAMES, Results(tmp_path)).axes[0].get_yscale() == "log"


def test_funnel_bars_add_up(tree):
    axes = figures.draw("funnel", NAMES, Results(tree)).axes[0]
    labels, widths = [label.get_text() for label in axes.get_yticklabels()], [bar.get_width() for bar in axes.patches]
    assert labels == ["rows in", "malformed", "wrong answer", "duplicate", "contaminated", "too long", "kept"]
    assert widths[0] == sum(widths[1:])


@pytest.mark.parametrize("name", figures.FIGURES)
def test_every_figure_has_a_caption(name):
    assert (SCRIPT.parents[1] / "rules" / "captions" / f"{name}.rst").read_text(encoding="utf-8").strip()


@pytest.mark.parametrize("name", figures.FIGURES)
def test_nothing_to_draw_from_is_no_figure(name, tmp_path):
    assert figures.draw(name, NAMES, Results(tmp_path)) is None


def test_rows_beyond_max_length_stand_out(tree):
    axes = figures.draw("lengths", NAMES, Results(tree)).axes[0]
    _, beyond = dict.fromkeys(bar.get_facecolor() for bar in axes.patches)
    assert all((bar.get_x() >= 4096) == (bar.get_facecolor() == beyond) for bar in axes.patches)
    assert axes.lines[0].get_xdata()[0] == 4096
    rows = {bar.get_x() // 264: bar.get_height() for bar in axes.patches}  # bins of 264 tokens, one of them in both colours
    assert sum(rows.values()) == 500


def test_lengths_has_a_panel_for_each_count_and_max_length(tmp_path):
    """Six ways in which rows are taken, of which two differ in what this figure does not show."""
    file = results_tree.build(tmp_path) / "data/traces/audit.json"
    first = read_json(file)
    other = {**first["tokens"], "total": 1 + first["tokens"]["total"]}

    def taken(tokens=first["tokens"], **settings):
        return {**first, "tokens": tokens, "settings": {**first["settings"], "tokenizer": "base", **settings}}

    ways = [
        taken(),
        taken(loss_on="all"),
        taken(max_length=8192),
        taken(other, tokenizer="more"),
        taken(other, tokenizer="more", max_length=1),
    ]
    write_json(file, {**ways[0], "others": [*ways[1:], taken(max_length=300)]})
    axes = figures.draw("lengths", NAMES, Results(tmp_path)).axes
    titles = [(panel.get_title(loc="left"), panel.get_title(loc="right")) for panel in axes if panel.axison]
    assert titles == [
        ("Stratos, tokenizer base", "max_length 4,096"),
        ("Stratos, tokenizer base", "max_length 8,192"),
        ("Stratos, tokenizer more", "max_length 4,096"),
        ("Stratos, tokenizer more", "max_length 1"),
        ("Stratos, tokenizer base", "max_length 300"),
    ]
    assert len(axes) == 8, "two rows of four"


def test_same_results_same_bytes(tree, tmp_path):
    for folder in ("one", "two"):
        style.save(figures.draw("scores", NAMES, Results(tree)), tmp_path / folder / "scores.png")
    for kind in ("png", "svg"):
        assert (tmp_path / "one" / f"scores.{kind}").read_bytes() == (tmp_path / "two" / f"scores.{kind}").read_bytes()


def test_roles_differ_in_lightness_and_students_in_marker():
    looks = style.looks(NAMES.models)
    lightness = sorted(luminance(color) for color, _ in looks.values())
    assert min(np.diff(lightness)) > 0.15
    assert len({marker for _, marker in looks.values()}) == len(looks)


def luminance(color: str) -> float:
    """Grey value of "#rrggbb", by Rec. 601 as printers do it: Y of YIQ."""
    return colorsys.rgb_to_yiq(*(int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)))[0]


def test_any_label_can_be_drawn(tree, tmp_path):
    labels = {"base": "$x^2", "r1": "$\\nope{$", "ours": "a_b & c < d, 100 % \\frac"}
    models = [{"name": name, "role": "student", "label": label} for name, label in labels.items()]
    style.save(figures.draw("loss", names({"models": models}), Results(tree)), tmp_path / "loss.png")
    assert (tmp_path / "loss.png").stat().st_size > 5000


def test_a_short_series_is_not_smoothed_and_a_constant_stays_constant():
    assert training.smooth(np.arange(10.0)).tolist() == list(range(10))
    assert training.smooth(np.full(200, 3.0)) == pytest.approx(np.full(200, 3.0))


def test_smoothing_keeps_a_line_a_line_and_calms_noise():
    line = np.linspace(5, 1, 300)
    noise = np.where(np.arange(300) % 2, 0.5, -0.5)
    assert training.smooth(line)[:-15] == pytest.approx(line[:-15])
    assert np.abs(training.smooth(line + noise) - line)[15:].max() < 0.2


@pytest.mark.parametrize("name", figures.FIGURES)
def test_what_a_figure_is_drawn_from_is_noted(tmp_path, name):
    """The other files of the results can go, and it looks the same."""
    tree = results_tree.build(tmp_path / "results")
    pictures = []
    for _ in range(2):
        results = Results(tree, {})
        if (figure := figures.draw(name, NAMES, results)) is not None:
            style.save(figure, tmp_path / f"{name}.png")
            pictures.append((tmp_path / f"{name}.svg").read_bytes())
        for path in tree.rglob("*"):
            if path.is_file() and path.relative_to(tree).as_posix() not in results.used:
                path.unlink()
    assert pictures[:1] == pictures[1:]


def test_a_figure_is_copied_as_long_as_it_would_look_the_same(tmp_path):
    tree, path = results_tree.build(tmp_path / "results"), tmp_path / "loss.png"
    log = tree / "models/ours/log.jsonl"

    def copied(drawn_by: str = "this code") -> bool:
        path.unlink(missing_ok=True)
        return Kept(tmp_path / "kept", drawn_by).copy(path, Results(tree))

    assert not copied()
    results = Results(tree)
    style.save(figures.draw("loss", NAMES, results), path)
    drawn = path.read_bytes()
    Kept(tmp_path / "kept", "this code").keep(path, results)
    (tree / "comparison.csv").unlink()  # which it does not show
    assert copied() and path.read_bytes() == drawn
    assert not copied("other code")
    rows = log.read_bytes()
    log.write_bytes(rows + rows.splitlines(keepends=True)[-1])
    assert not copied()
    log.write_bytes(rows)
    (tmp_path / "kept/picture.svg").write_bytes(b"cut off")
    assert not copied()


def test_script_writes_what_is_asked_for_and_names_what_is_missing(tree, tmp_path):
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps(results_tree.SPEC), encoding="utf-8")
    base = [sys.executable, str(SCRIPT), "--spec", str(spec), "--output-dir", str(tmp_path / "figures")]
    base += ["--work", str(tmp_path / "work")]
    subprocess.run([*base, "--results", str(tree), "--figure", "loss"], check=True)
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["loss.png", "loss.svg"]
    done = subprocess.run([*base, "--results", str(tmp_path), "--figure", "lengths"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == f"error: {tmp_path}: nothing to draw figure lengths from: it needs data/*/audit.json\n"
