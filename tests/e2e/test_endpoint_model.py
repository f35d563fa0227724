"""A model behind an endpoint is asked like any other: its answers are kept, more samples ask for no more than those."""

import json
import subprocess
import sys

import pytest
from checkout import checkout
from stand_in_server import StandIn, completion

from distill.base.files import read_jsonl

SAMPLING = {"n_samples": 2, "temperature": 0.6, "top_p": 0.95, "max_new_tokens": 9, "seed": 0}


def config(url: str, **sampling) -> dict:
    return {
        "models": {"theirs": {"role": "reference", "endpoint": {"name": "shop", "model": "teacher"}}},
        "datasets": {},
        "benchmarks": {
            "sums": {
                "source": {"path": "items.jsonl"},
                "kind": "math",
                "columns": {"question": "problem", "gold": "answer"},
                "protocols": ["one"],
            }
        },
        "protocols": {"one": {"math": "{question}", "choice": "{question} {choices}", "sampling": SAMPLING | sampling}},
        "runtime": {"endpoints": {"shop": {"base_url": url}}},
    }


@pytest.fixture
def run(tmp_path):
    project, here = checkout("tiny", tmp_path / "project").folder, tmp_path / "here"
    here.mkdir()
    items = [{"problem": f"What is {n} + {n}?", "answer": str(2 * n)} for n in range(3)]
    (here / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in items), encoding="utf-8")

    def run(given: dict, *args: str) -> str:
        (here / "config.yaml").write_text(json.dumps(given), encoding="utf-8")
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(project / "Snakefile"), "--configfile", "config.yaml"]
        command += ["--cores", "1", *args]
        done = subprocess.run(command, cwd=here, capture_output=True, text=True, timeout=120, check=False)
        return done.stdout + done.stderr

    run.responses = here / "results/responses/theirs/sums.jsonl"
    return run


@pytest.mark.slow
def test_a_model_behind_an_endpoint_is_evaluated(run):
    with StandIn(lambda question, attempt: (200, completion(f"\\boxed{{{len(question)}}}"))).running() as server:
        run(config(server.url), "results/responses/theirs/sums.jsonl")
        rows = list(read_jsonl(run.responses))
        assert [(row["sample"], row["text"]) for row in rows] == [(sample, "\\boxed{14}") for _ in range(3) for sample in range(2)]
        assert len(server.seen) == 6
        assert "Nothing to be done" in run(config(server.url), "results/responses/theirs/sums.jsonl")
        run(config(server.url, n_samples=3), "results/responses/theirs/sums.jsonl")
        assert len(list(read_jsonl(run.responses))) == len(server.seen) == 9
        assert "context: cannot be kept by models.theirs.endpoint" in run(config(server.url, context=50))
        wrong = config(server.url)
        wrong["models"]["theirs"]["endpoint"]["name"] = "shpo"
        assert "models.theirs.endpoint.name: 'shpo' does not exist; did you mean shop?" in run(wrong)
