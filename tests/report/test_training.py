"""The table of trainings, with the speed of one on a GPU and none of one on a CPU; and what the report says of an average."""

import pytest
import results_tree

from distill.base.files import read_json, write_json
from distill.report import training
from distill.report.names import names
from distill.report.results import Results

MEAN = {"name": "mean", "role": "student", "label": "Mean"}
SPEC = {**results_tree.SPEC, "models": [*results_tree.SPEC["models"], MEAN]}


@pytest.mark.parametrize(
    ("parents", "weights", "said"),
    [
        (["ours", "r1"], [1.0, 1.0], "Mean is the mean of the weights of Ours and R1-Distill; nothing was trained for it."),
        (
            ["ours", "r1"],
            [2.0, 1.5],
            "Mean is the mean of the weights of Ours and R1-Distill, weighted 2 : 1.5; nothing was trained for it.",
        ),
        (["ours", None], [1.0, 1.0], "Mean is the mean of the weights of Ours and `ffffffffffff`; nothing was trained for it."),
    ],
)
def test_an_average_is_named_by_the_models_that_it_is_of(tree, parents, weights, said):
    """A model that the report does not show, by its digest."""
    known = {name: read_json(tree / f"models/{name}/manifest.json")["digest"] for name in ("ours", "r1")}
    made = {"made_by": "average", "parents": [known.get(name, "f" * 64) for name in parents], "weights": weights}
    write_json(tree / "models/mean/manifest.json", {"digest": "e" * 64, **made, "files": {}})
    section = training.section(names(SPEC), Results(tree))
    assert said in section.split("\n\n")
    assert "Mean" not in section.split("\n\n")[0], "it is no column of the table of trainings"


def test_speed_is_the_median_of_the_steps_that_were_measured():
    rows = [{"tokens_per_s": None, "mfu": None}, *({"tokens_per_s": 1000.0 * one, "mfu": one / 10} for one in (1, 3, 2))]
    assert training.speed(rows) == {"tokens/s (median)": "2,000", "MFU (median)": "20.0%"}


def test_a_training_on_a_cpu_has_no_speed_on_the_page():
    assert training.speed([{"tokens_per_s": 7.0, "mfu": None}, {"tokens_per_s": 8.0}]) == {}
