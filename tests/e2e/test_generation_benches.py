"""bench/respond_throughput.py, bench/batch_invariance.py and bench/transformers_engine.py run, on a trained model of the tiny miniature."""

import importlib.util
import os
import re
import subprocess
import sys

import pytest
from checkout import PROJECT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]


@pytest.fixture
def bench(finished):
    """bench(name, *options): what it did with the student and its questions."""
    results = finished.folder / "results"

    def bench(name: str, *options: str) -> subprocess.CompletedProcess[str]:
        given = ["--model", str(results / "models/ours"), "--prompts", str(results / "benchmarks/mini_aime/prompts.jsonl")]
        command = [sys.executable, str(PROJECT / "bench" / name), *given, "--max-new-tokens", "20", *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"})

    return bench


@pytest.mark.parametrize("temperature", ["0", "0.6"])
def test_both_engines_answer_the_same_and_the_ratio_is_printed(bench, temperature):
    done = bench("respond_throughput.py", "--rounds", "2", "--temperature", temperature)
    assert done.returncode in (0, 1), done.stderr[-3000:]  # 1: the ratio, which such a toy does not show
    start, *rounds, result = done.stdout.splitlines()
    assert re.fullmatch(r"start to first token: ours [\d.]+ s, bare [\d.]+ s", start)
    assert [line.partition(":")[0] for line in rounds] == ["round 1", "round 2"]
    ratio = re.fullmatch(r"[\d,]+ tokens a round; medians [\d,]+ and [\d,]+ tokens/s, ratio ([\d.]+)", result)[1]
    assert done.returncode == (float(ratio) < 0.95)


def test_the_transformers_engine_answers_as_transformers_alone(bench):
    done = bench("transformers_engine.py", "--rounds", "1", "--temperature", "1", "--batch-size", "7")
    assert done.returncode in (0, 1), done.stderr[-3000:]
    assert re.fullmatch(r"[\d,]+ tokens a round; medians [\d,]+ and [\d,]+ tokens/s, ratio [\d.]+", done.stdout.splitlines()[-1])


def test_an_engine_that_cannot_start_is_one_line(bench):
    done = bench("respond_throughput.py", "--gpu-memory", "7")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: ")


def test_answers_in_batches_are_compared_with_those_all_at_once(bench):
    done = bench("batch_invariance.py", "--batch", "5")
    assert done.returncode == 0, done.stderr[-3000:]
    again, batches, speed = done.stdout.splitlines()
    assert again == "all at once, and again: 0 of 12 greedy answers (0.0%) differ"
    assert re.fullmatch(r"all at once, and in batches of 5: \d+ of 12 greedy answers \([\d.]+%\) differ.*", batches)
    assert re.fullmatch(r"tokens/s: [\d,]+ all at once, [\d,]+ in batches", speed)


def test_batch_invariance_is_refused_where_there_is_none(bench):
    done = bench("batch_invariance.py", "--batch-invariant")
    assert done.returncode == 2
    assert "sampling.batch_invariant: this vLLM is built for CPUs" in done.stderr.splitlines()[-1]
