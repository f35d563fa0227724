"""Times of steps are read from the files that Snakemake leaves."""

import pytest

from distill.base.timing import Timing, timings

HEAD = "s\th:m:s\tmax_rss\tcpu_time\n"


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        (f"{HEAD}51.9\t0:00:51\t1347.2\t98.7\n", [Timing(51.9, 98.7, 1347.2)]),
        (f"{HEAD}0.1\t0:00:00\t-\t0.00\n2.5\t0:00:02\tNA\tNA\n", [Timing(0.1, 0.0, None), Timing(2.5, None, None)]),
        ("s\tmax_rss\n9\t1\n", [Timing(9.0, None, 1.0)]),
        ("", []),
        (HEAD, []),
        (f"{HEAD}51.9\t0:00:51\t13", []),
        (f"{HEAD}\t0:00\t1\t1", []),
        (f"{HEAD}{'x' * 200_000}", []),
    ],
    ids=["whole", "over before it was looked at", "of another version", "empty", "no run", "cut short", "without a time", "no table"],
)
def test_a_file_has_the_runs_of_a_step(tmp_path, text, runs):
    (tmp_path / "step.tsv").write_text(text, encoding="utf-8")
    assert timings(tmp_path / "step.tsv") == runs


def test_a_step_that_has_not_run_has_none(tmp_path):
    assert timings(tmp_path / "step.tsv") == []
