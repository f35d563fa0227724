"""vLLM for real, on a CPU, with a trained model of the tiny miniature: it answers as transformers does and goes on after a kill."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from distill.base.files import read_jsonl

PROJECT = Path(__file__).resolve().parents[2]
BENCHMARKS = ("mini_aime", "mini_math", "mini_gpqa")
GREEDY = {"engine": "vllm", "n_samples": 1, "temperature": 0.0, "top_p": 1.0, "max_new_tokens": 40, "seed": 0}
SAMPLED = GREEDY | {"n_samples": 2, "temperature": 0.6, "top_p": 0.95, "seed": 3}

pytestmark = pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed")


class Asked:
    """scripts/respond.py on a model of the finished run, with a work folder of its own."""

    def __init__(self, results: Path, folder: Path):
        self.results, self.folder = results, folder
        folder.mkdir(exist_ok=True)

    def start(self, benchmark: str, spec: dict, siblings: tuple[str, ...] = (), runtime: str = "{}") -> subprocess.Popen:
        others = [{"prompts": self.prompts(name), "spec": spec, "output": str(self.output(name))} for name in siblings]
        command = [sys.executable, PROJECT / "scripts/respond.py", "--model", self.results / "models/ours", "--runtime", runtime]
        command += ["--prompts", self.prompts(benchmark), "--spec", json.dumps(spec), "--siblings", json.dumps(others)]
        command += ["--work", self.folder / "work", "--output", self.output(benchmark)]
        env = os.environ | {"OMP_NUM_THREADS": "1"}
        with open(self.folder / "log", "w") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=env, start_new_session=True)

    def said(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8")

    def run(self, *args, **kwargs) -> str:
        """What it said."""
        assert self.start(*args, **kwargs).wait(timeout=600) == 0, self.said()[-3000:]
        return self.said()

    def prompts(self, benchmark: str) -> str:
        return str(self.results / "benchmarks" / benchmark / "prompts.jsonl")

    def output(self, benchmark: str) -> Path:
        return self.folder / "responses" / f"{benchmark}.jsonl"

    def rows(self, benchmark: str) -> list[dict]:
        return list(read_jsonl(self.output(benchmark)))

    def kept(self) -> int:
        """Answers in the store."""
        return sum(path.read_bytes().count(b"\n") for path in self.folder.glob("work/*/answers.jsonl"))


@pytest.fixture
def asked(finished, tmp_path) -> Asked:
    return Asked(finished.folder / "results", tmp_path)


def workers(model: Path) -> list[int]:
    """Processes that hold a model of this test in vLLM."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"distill.generation.engines.vllm_worker" in words and str(model).encode() in words:
            found.append(int(path.parent.name))
    return found


def gone(pids: list[int], within_s: float = 60) -> bool:
    end = time.monotonic() + within_s
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < end:
        time.sleep(0.2)
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_one_load_answers_all_benchmarks_greedily_as_transformers_did(asked):
    said = asked.run("mini_math", GREEDY, siblings=BENCHMARKS)
    assert said.count("vLLM loads ") == 1
    for benchmark in BENCHMARKS:
        if benchmark != "mini_math":
            assert "vLLM loads " not in asked.run(benchmark, GREEDY, siblings=BENCHMARKS)  # all are there: nothing is loaded
        theirs = list(read_jsonl(asked.results / "responses/ours" / f"{benchmark}.jsonl"))
        assert asked.rows(benchmark) == theirs
        assert len({row["text"] for row in theirs}) > len(theirs) / 2
    assert workers(asked.results / "models/ours") == []


@pytest.mark.slow
def test_more_samples_keep_the_earlier_ones_and_workers_share_the_work_without_a_change(asked, tmp_path):
    asked.run("mini_math", SAMPLED)
    first = asked.rows("mini_math")
    asked.run("mini_math", SAMPLED | {"n_samples": 4})
    more = asked.rows("mini_math")
    assert [row for row in more if row["sample"] < 2] == first
    assert len({row["text"] for row in more}) > len(more) / 2
    again = Asked(asked.results, tmp_path / "again")
    said = again.run("mini_math", SAMPLED | {"n_samples": 4}, runtime='{"respond_gpus": 2}')
    assert said.count("vLLM loads ") == 2
    assert again.rows("mini_math") == more


LONG = SAMPLED | {"n_samples": 60, "max_new_tokens": 150}
ANSWERS = 15 * LONG["n_samples"]


def until_kept(asked: Asked, process: subprocess.Popen, at_least: int) -> None:
    end = time.monotonic() + 300
    while asked.kept() < at_least:
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.slow
def test_a_killed_run_leaves_no_worker_and_goes_on_where_it_was(asked, tmp_path):
    killed = asked.start("mini_math", LONG)
    until_kept(asked, killed, 20)
    pids = workers(asked.results / "models/ours")
    assert len(pids) == 1
    killed.kill()
    killed.wait()
    assert gone(pids)
    at_hand = asked.kept()
    assert 20 <= at_hand < ANSWERS
    asked.run("mini_math", LONG)
    assert asked.kept() == ANSWERS  # nothing was answered twice
    whole = Asked(asked.results, tmp_path / "whole")
    whole.run("mini_math", LONG)
    assert asked.output("mini_math").read_bytes() == whole.output("mini_math").read_bytes()


@pytest.mark.slow
def test_a_worker_that_dies_is_one_clear_line_and_its_answers_are_kept(asked):
    running = asked.start("mini_math", LONG)
    until_kept(asked, running, 20)
    (pid,) = workers(asked.results / "models/ours")
    os.kill(pid, signal.SIGKILL)
    assert running.wait(timeout=60) == 2
    assert "a vLLM worker has died (signal SIGKILL)" in asked.said().splitlines()[-1]
    assert asked.kept() >= 20
    assert not asked.output("mini_math").exists()
