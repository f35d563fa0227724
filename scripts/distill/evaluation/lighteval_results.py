"""Scores that are known only from lighteval's results files: which task and metric is pass@1 of a benchmark, and is it plausible."""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.base.files import Row, read_json
from distill.evaluation import stats

# The share of right answers, as versions of lighteval call it: extractive_match, math_pass@1:4_samples, pass@k:k=1&n=64, avg@n:n=64.
_PASS_AT_1 = re.compile(r"(?:extractive_match|exact_match|q?em|acc(?:uracy)?|(?:\w+_)?(?:pass@1|pass@k|avg@n|avg@\d+))(?::(?P<how>.*))?")
_SAME = 1e-9  # shares that differ by less are one
_K = re.compile(r"\bk=(\d+)")
_SAMPLES = re.compile(r"\bn=(\d+)|\b(\d+)_samples")


def summary(path: Path, benchmark: str) -> Row | None:
    """The summary of a benchmark's score in a results file, or in the newest by name of a folder; None where no task is the benchmark.

    Raises InputError for a file that is not lighteval's, and for a score that is not a share.
    """
    for file in sorted(path.rglob("*.json"), reverse=True) if path.is_dir() else [path]:
        results = read_json(file)
        tasks = results.get("results") if isinstance(results, dict) else None
        if not isinstance(tasks, dict) or not all(isinstance(metrics, dict) for metrics in tasks.values()):
            if path.is_dir():
                continue  # a folder may hold other files
            raise InputError(f"{file}: not a results file of lighteval ('results': {{task: {{metric: score}}}}): fix models.NAME.results")
        if found := _candidates(tasks, benchmark):
            task, metrics = found
            return _summary(file, results, task, *_choose(file, task, tasks[task], metrics))
    return None


def _candidates(tasks: Mapping[str, Mapping[str, Any]], benchmark: str) -> tuple[str, list[str]] | None:
    """The task with the name of the benchmark, else the one that averages samples (aime24_avg), and its metrics that are pass@1."""
    wanted = _plain(benchmark)
    for name in (wanted, f"{wanted}avg"):
        for task, metrics in tasks.items():
            parts = task.split("|")  # suite|task|shots, or task|shots
            if _plain(parts[1] if len(parts) > 2 else parts[0]) == name and (found := [one for one in metrics if _is_pass_at_1(one)]):
                return task, found
    return None


def _choose(file: Path, task: str, scores: Mapping[str, Any], metrics: Sequence[str]) -> tuple[str, list[str]]:
    """Of several pass@1 the one over most samples, which hold those of the others; and flags.

    Metrics over n samples of which there was one prediction come last: lighteval's PassAtK divides by n then (0.8 to 0.13). Where two over
    equally many samples differ, the first in the file counts, with a flag.
    """
    single = {one: _number(file, task, one, scores[one]) for one in metrics if _samples(one) == 1}
    ordered = sorted(metrics, key=lambda one: (_of_one_prediction(one, scores, single), -_samples(one)))
    chosen = ordered[0]
    if _of_one_prediction(chosen, scores, single):
        return chosen, [f"{chosen} is of one prediction an item, which lighteval divides by {_samples(chosen)}"]
    same = [one for one in ordered if _samples(one) == _samples(chosen) and not _of_one_prediction(one, scores, single)]
    values = {one: _number(file, task, one, scores[one]) for one in same}
    if max(values.values()) - min(values.values()) > _SAME:
        return chosen, ["its file has several pass@1: " + ", ".join(f"{one} {value:.4f}" for one, value in values.items())]
    return chosen, []


def _samples(metric: str) -> int:
    drawn = _SAMPLES.search(metric)
    return int(drawn[1] or drawn[2]) if drawn else 1


def _of_one_prediction(metric: str, scores: Mapping[str, Any], single: Mapping[str, float]) -> bool:
    """Whether each item's value is 0 or 1/n: the score is an n-th of that of one sample, or its standard error is that of such values.

    n true samples of which no two of one item are right look the same; they have a chance below 1 % where hits (hits - 1) > 9.2 items.
    """
    n, p, error = _samples(metric), scores[metric], scores.get(f"{metric}_stderr")
    if n == 1 or not isinstance(p, int | float) or not 0 < p <= 1 / n:
        return False
    if any(value and abs(p * n - value) < _SAME for value in single.values()):
        return True
    if not isinstance(error, int | float) or not math.isfinite(error) or error <= 0:
        return False
    # Values of 0 and 1/n with the mean p have the variance p (1/n - p); the number of items follows from it, and must be a whole one.
    items = 1 + p * (1 / n - p) / error**2
    hits = p * n * items
    return abs(items - round(items)) < 1e-3 and abs(hits - round(hits)) < 1e-3 and hits * (hits - 1) > 9.2 * items


def _plain(name: str) -> str:
    return re.sub(r"[_:-]", "", name.lower())


def _is_pass_at_1(metric: str) -> bool:
    found = _PASS_AT_1.fullmatch(metric)
    k = found and _K.search(found["how"] or "")
    return found is not None and not metric.endswith("_stderr") and (not k or k[1] == "1")


def _summary(file: Path, results: Mapping[str, Any], task: str, metric: str, flags: Sequence[str]) -> Row:
    metrics = results["results"][task]
    p, error = _number(file, task, metric, metrics[metric]), metrics.get(f"{metric}_stderr")
    if not 0 <= p <= 1:
        raise InputError(f"{file}: {task}: {metric} is {p:g}, and a score is a share from 0 to 1: fix the file")
    error = None if error is None else _number(file, task, f"{metric}_stderr", error)
    samples = _samples(metric)
    tasks = results.get("config_tasks") or {}
    config = tasks.get(task) or tasks.get(task.rsplit("|", 1)[0]) or {}
    n = int(config.get("effective_num_docs") or config.get("original_num_docs") or 0)
    flags = list(flags)
    if n < 2:
        flags, n = [*flags, "its file does not say over how many items it is"], max(n, 1)
    elif error is not None:
        one = math.sqrt(p * (1 - p) / (n - 1))  # for one sample an item; the mean of several is more certain
        if error - one > 0.001 or (samples == 1 and one - error > 0.001):
            flags.append(f"its standard error {error:.4f} does not fit {n} items")
    low, high = stats.wilson(p, n, stats.Z95)
    if samples > 1 and error:
        low, high = max(0.0, p - stats.Z95 * error), min(1.0, p + stats.Z95 * error)
    return {"pass@1": p, "n_items": n, "n_samples": samples, "ci95": [low, high], "ci95_sampling": None, "flags": flags}


def _number(file: Path, task: str, metric: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{file}: {task}: {metric} is {value!r}, which is no number: fix the file")
    return float(value)
