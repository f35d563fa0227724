"""The table of trainings shows the speed of a training on a GPU, and none of one on a CPU."""

from distill.report.training import speed


def test_speed_is_the_median_of_the_steps_that_were_measured():
    rows = [{"tokens_per_s": None, "mfu": None}, *({"tokens_per_s": 1000.0 * one, "mfu": one / 10} for one in (1, 3, 2))]
    assert speed(rows) == {"tokens/s (median)": "2,000", "MFU (median)": "20.0%"}


def test_a_training_on_a_cpu_has_no_speed_on_the_page():
    assert speed([{"tokens_per_s": 7.0, "mfu": None}, {"tokens_per_s": 8.0}]) == {}
