"""Results files of lighteval that other people have left: which number in them is a benchmark's score."""

import json
import math
from pathlib import Path

import pytest

from distill.base.errors import InputError
from distill.evaluation.lighteval_results import summary


def written(folder: Path, results: object, n: int = 30, name: str = "results.json") -> Path:
    tasks = results if isinstance(results, dict) else {}
    whole = {"results": results, "config_tasks": {task: {"effective_num_docs": n} for task in tasks}}
    (folder / name).write_text(json.dumps(whole), encoding="utf-8")
    return folder / name


def test_a_score_and_its_items(tmp_path):
    metrics = {"extractive_match": 0.8, "extractive_match_stderr": math.sqrt(0.16 / 499)}
    file = tmp_path / "results.json"
    file.write_text(
        json.dumps(
            {"results": {"custom|math_500|0": metrics, "all": metrics}, "config_tasks": {"custom|math_500": {"effective_num_docs": 500}}}
        )
    )
    found = summary(tmp_path, "math_500")
    assert (found["pass@1"], found["n_items"], found["n_samples"], found["flags"]) == (0.8, 500, 1, [])
    assert summary(tmp_path, "aime24") is None


def test_the_newest_file_of_a_folder_counts_and_others_in_it_do_not(tmp_path):
    written(tmp_path, {"a|aime24|0": {"pass@1": 0.1}}, name="results_2025.json")
    written(tmp_path, {"a|aime24|0": {"pass@1": 0.2}}, name="results_2026.json")
    (tmp_path / "run.json").write_text("[1]")
    assert summary(tmp_path, "aime24")["pass@1"] == 0.2


TASKS = [
    ({"lighteval|aime24_gpassk|0": {"G-Pass@16_0.0:k=16&n=48": 0.61}, "lighteval|aime24|0": {"pass@k:k=1": 0.2667}}, 0.2667, 1),
    ({"lighteval|aime24_gpassk|0": {"G-Pass@16_0.0:k=16&n=48": 0.61}}, None, None),
    ({"x|aime24_hard|0": {"extractive_match": 0.9}, "x|aime24|0": {"extractive_match": 0.1}}, 0.1, 1),
    ({"x|aime24_hard|0": {"extractive_match": 0.9}}, None, None),
    ({"lighteval|aime24_avg|0": {"avg@n:n=64": 0.289}}, 0.289, 64),
    ({"lighteval|aime24|0": {"math_pass@1:4_samples": 0.3, "maj@n:n=4": 0.5}}, 0.3, 4),
    ({"lighteval|aime24|0": {"pass@k:k=10&n=64": 0.7, "pass@k:k=1&n=64": 0.3}}, 0.3, 64),
    ({"aime24|0": {"em": 0.4}}, 0.4, 1),
]


@pytest.mark.parametrize(("results", "value", "samples"), TASKS)
def test_the_task_of_the_very_name_and_its_share_of_right_answers(tmp_path, results, value, samples):
    found = summary(written(tmp_path, results), "aime24")
    assert (found and found["pass@1"], found and found["n_samples"]) == (value, samples)


def stderr(values: list[float]) -> float:
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values))


def of_one_prediction(hits: int, items: int, n: int) -> dict[str, float]:
    """As PassAtK of lighteval 0.9.2 computes it, which divides by n whatever the number of predictions (metrics/metrics_sample.py)."""
    values = [1 / n] * hits + [0.0] * (items - hits)
    return {f"gpqa_pass@1:{n}_samples": sum(values) / items, f"gpqa_pass@1:{n}_samples_stderr": stderr(values)}


def test_of_several_pass_at_1_the_one_over_most_samples_counts_in_any_order(tmp_path):
    """The scores of lighteval's pull request 661 (aime24, version 2), and the file that gives .4667 or .2188 by its order."""
    by_samples = {1: 0.4667, 4: 0.2833, 8: 0.3, 16: 0.3187, 32: 0.3198, 64: 0.2188}
    for order in (1, -1):
        metrics = {f"math_pass@1:{n}_samples": value for n, value in sorted(by_samples.items(), reverse=order < 0)}
        found = summary(written(tmp_path, {"lighteval|aime24|0": metrics}), "aime24")
        assert (found["pass@1"], found["n_samples"], found["flags"]) == (0.2188, 64, [])


def test_a_metric_over_more_samples_than_there_were_predictions_never_counts_as_it_is(tmp_path):
    broken, task = of_one_prediction(48, 198, 8), "lighteval|gpqa:diamond|0"
    assert round(broken["gpqa_pass@1:8_samples"], 4) == 0.0303
    alone = summary(written(tmp_path, {task: broken}, n=198), "gpqa_diamond")
    assert alone["flags"] == ["gpqa_pass@1:8_samples is of one prediction an item, which lighteval divides by 8"]
    both = summary(written(tmp_path, {task: {**broken, "gpqa_pass@1:1_samples": 48 / 198}}, n=198), "gpqa_diamond")
    assert (both["pass@1"], both["n_samples"], both["flags"]) == (48 / 198, 1, [])


@pytest.mark.parametrize("rights", [[1] * 2 + [0] * 28, [3, 2, 1, 1] + [0] * 26, [1] * 20 + [2] * 10])
def test_a_low_score_of_real_samples_is_no_such_metric(tmp_path, rights):
    values = [right / 64 for right in rights]
    metrics = {"math_pass@1:64_samples": sum(values) / 30, "math_pass@1:64_samples_stderr": stderr(values)}
    assert summary(written(tmp_path, {"lighteval|aime24|0": metrics}), "aime24")["flags"] == []


def test_two_pass_at_1_over_equally_many_samples_that_differ_are_flagged(tmp_path):
    metrics = {"extractive_match": 0.5, "pass@k:k=1": 0.4}
    found = summary(written(tmp_path, {"lighteval|aime24|0": metrics}), "aime24")
    assert found["pass@1"] == 0.5
    assert found["flags"] == ["its file has several pass@1: extractive_match 0.5000, pass@k:k=1 0.4000"]


def test_the_hub_s_spelling_of_a_subset_is_the_same_task(tmp_path):
    assert summary(written(tmp_path, {"lighteval|gpqa:diamond|0": {"gpqa_pass@k:k=1": 0.3}}), "gpqa_diamond")["pass@1"] == 0.3


ERRORS = [
    ("extractive_match", 0.8, math.sqrt(0.16 / 49), 500, ["its standard error 0.0571 does not fit 500 items"]),
    ("extractive_match", 0.8, math.sqrt(0.16 / 999), 500, ["its standard error 0.0127 does not fit 500 items"]),
    ("avg@n:n=64", 0.289, 0.067, 30, []),  # of one sample an item it would be 0.084
    ("avg@n:n=64", 0.289, 0.2, 30, ["its standard error 0.2000 does not fit 30 items"]),
]


@pytest.mark.parametrize(("metric", "value", "error", "n", "flags"), ERRORS)
def test_a_standard_error_that_does_not_fit_its_n_is_flagged(tmp_path, metric, value, error, n, flags):
    found = summary(written(tmp_path, {"a|aime24|0": {metric: value, f"{metric}_stderr": error}}, n=n), "aime24")
    assert found["flags"] == flags
    assert found["ci95"][0] < value < found["ci95"][1]


BAD = [
    ([1], "not a results file of lighteval"),
    (None, "not a results file of lighteval"),
    ({"a|aime24|0": [1]}, "not a results file of lighteval"),
    ({"a|aime24|0": {"em": "abc"}}, "em is 'abc', which is no number"),
    ({"a|aime24|0": {"em": 0.5, "em_stderr": True}}, "em_stderr is True, which is no number"),
    ({"a|aime24|0": {"em": math.nan}}, "em is nan, which is no number"),
    ({"a|aime24|0": {"em": 55.0}}, "em is 55, and a score is a share from 0 to 1"),
    ({"a|aime24|0": {"em": -1}}, "em is -1, and a score"),
]


@pytest.mark.parametrize(("results", "message"), BAD)
def test_what_is_no_score_is_one_line_that_names_the_file(tmp_path, results, message):
    file = written(tmp_path, results)
    with pytest.raises(InputError, match=message) as error:
        summary(file, "aime24")
    assert str(error.value).startswith(f"{file}: ") and "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["[1]", '"x"', "{}", "title: x"])
def test_any_other_file_is_one_line(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InputError, match=r"x\.json: no"):
        summary(tmp_path / "x.json", "aime24")
