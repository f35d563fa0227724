"""A judge behind an endpoint: killed and gone on with to the same bytes, within its budget, and without what fails for good."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import judge
import pytest
from checkout import PROJECT
from stand_in_server import StandIn, completion
from tiny_chat import read_jsonl, write_jsonl

from distill.base.errors import InputError
from distill.generation.collect import OUT_OF_BUDGET, TOO_MANY_FAILED

PROMPTS = [{"id": f"t{number}", "messages": [{"role": "user", "content": f"Judge {number}."}]} for number in range(12)]
SPEC = {"engine": "openai", "model": "teacher", "samples": 2, "max_new_tokens": 50}


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def arguments(folder, url, spec, runtime) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    runtime = ({"base_url": url, "backoff_s": 0.01, "retries": 1, "concurrency": 2} if url else {}) | runtime
    named = {
        "prompts": write_jsonl(folder / "prompts.jsonl", PROMPTS), "output": folder / "data/judge/responses.jsonl",
        "work": folder / "work", "spec": json.dumps(SPEC | spec), "runtime": json.dumps(runtime),
    }  # fmt: skip
    return [str(word) for name, value in named.items() for word in (f"--{name}", value)]


@pytest.fixture
def run(tmp_path, monkeypatch):
    def run(url, spec=None, **runtime):
        monkeypatch.setattr(sys, "argv", ["judge.py", *arguments(tmp_path, url, spec or {}, runtime)])
        judge.main()
        return read_jsonl(tmp_path / "data/judge/responses.jsonl")

    return run


def said(question: str, attempt: int) -> tuple[int, bytes]:
    return 200, completion(f"{question} is sound. Score: 4")


def test_each_trace_has_so_many_verdicts_and_no_prompt_is_sent_twice(run):
    with StandIn(said).running() as server:
        rows = run(server.url)
        assert [(row["id"], row["sample"]) for row in rows] == [(prompt["id"], sample) for prompt in PROMPTS for sample in range(2)]
        assert rows[0] == {
            "id": "t0",
            "sample": 0,
            "text": "Judge 0. is sound. Score: 4",
            "finish_reason": "stop",
            "prompt_tokens": 10,
            "completion_tokens": 20,
        }
        run(server.url)
        assert len(server.seen) == 24
        run(server.url, {"samples": 3})
        assert len(server.seen) == 36


def test_a_killed_judge_goes_on_to_the_same_bytes(tmp_path):
    def slowly(question, attempt):
        time.sleep(0.05)
        return said(question, attempt)

    def start(folder):
        words = [sys.executable, PROJECT / "scripts/judge.py", *arguments(folder, server.url, {}, {"concurrency": 1})]
        return subprocess.Popen(words, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    with StandIn(slowly).running() as server:
        process = start(tmp_path / "broken")
        while len(server.seen) < 6:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert not (tmp_path / "broken/data/judge/responses.jsonl").exists()
        before = len(server.seen)
        for folder in ("broken", "whole"):
            told, _ = (process := start(tmp_path / folder)).communicate(timeout=60)
            assert process.returncode == 0, told
        assert len(server.seen) <= before + 24 - (before - 1) + 24
    one, other = ((tmp_path / folder / "data/judge/responses.jsonl").read_bytes() for folder in ("broken", "whole"))
    assert one == other and one.count(b"\n") == 24


def test_the_budget_ends_a_run_with_3_and_a_larger_one_goes_on(run, capsys):
    with StandIn(said).running() as server:
        with pytest.raises(SystemExit) as end:
            run(server.url, budget={"tokens": 900})
        assert end.value.code == OUT_OF_BUDGET and "raise the budget and run again to go on" in capsys.readouterr().err
        assert 0 < (sent := len(server.seen)) < 24
        assert len(run(server.url, budget={"tokens": 1_000_000})) == 24
        assert len(server.seen) == 24 > sent


def test_a_trace_on_which_the_judge_fails_for_good_is_left_out_once_so_many_may_fail(run, capsys):
    def refuses_one(question, attempt):
        return (400, b'{"error": {"message": "content filter"}}') if question == "Judge 3." else said(question, attempt)

    with StandIn(refuses_one).running() as server:
        with pytest.raises(SystemExit) as end:
            run(server.url)
        assert end.value.code == TOO_MANY_FAILED and "2 of 24 samples have no answer; the first: t3, sample 0" in capsys.readouterr().err
        rows = run(server.url, {"max_failed": 0.1})
        assert len(rows) == 22 and "t3" not in {row["id"] for row in rows}


def test_nothing_to_judge_asks_nothing(run, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "PROMPTS", [])
    assert run("http://127.0.0.1:9/v1") == []


def test_a_local_judge_needs_its_folder(run):
    with pytest.raises(InputError, match="--model: missing: give the folder of base"):
        run("", {"engine": "transformers", "model": "base"})


@pytest.mark.parametrize(
    ("engine", "runtime", "says"),
    [
        ("openai", {}, "base_url: missing; add it"),
        ("openai", {"base_url": "https://me:s3cr3t@x/v1"}, "base_url: write http://HOST/v1 or https://HOST/v1, without a name or key"),
        ("openai", {"base_url": "http://x/v1", "retrys": 2}, "retrys: unknown key; did you mean retries?"),
        ("openai", {"base_url": "http://x/v1", "budget": {"tokens": -1}}, "budget.tokens: -1 is less than the minimum of 0"),
        ("transformers", {"budget": {"tokens": 5}}, "budget: unknown key; known are "),
        ("transformers", {"batchsize": 4}, "batchsize: unknown key; did you mean batch_size?"),
    ],
)
def test_an_error_in_the_runtime_is_one_line(run, engine, runtime, says):
    with pytest.raises(InputError, match=f"^--runtime: {re.escape(says)}"):
        run("", {"engine": engine}, **runtime)
