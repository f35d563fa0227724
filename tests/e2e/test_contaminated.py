"""A base whose texts hold a benchmark's questions: the protocol of kind completion finds that benchmark, and no other."""

import json

import pytest
import yaml
from checkout import PROJECT, Checkout, checkout, merged

OVERLAY = yaml.safe_load((PROJECT / "config" / "contaminated.yaml").read_text(encoding="utf-8"))
BENCHMARKS = ("mini_aime", "mini_math", "mini_gpqa")


@pytest.fixture(scope="module")
def completed(tmp_path_factory, warm_python) -> Checkout:
    """config/contaminated.yaml up to its base's completions."""
    here = checkout("tiny", tmp_path_factory.mktemp("contaminated") / "project", warm_python)
    miniature = yaml.safe_load((PROJECT / "config" / "config.yaml").read_text(encoding="utf-8"))
    here = Checkout(here.folder, merged(miniature, OVERLAY), here.python)
    here.jobs("--cores", "1", *(f"results/completions/base/{benchmark}@completion.json" for benchmark in BENCHMARKS))
    return here


def summary(here: Checkout, benchmark: str) -> dict:
    return json.loads((here.folder / f"results/completions/base/{benchmark}@completion.json").read_bytes())


@pytest.mark.slow
def test_the_planted_benchmark_is_found_and_its_controls_are_not(completed):
    found = {benchmark: summary(completed, benchmark) for benchmark in BENCHMARKS}
    assert found["mini_gpqa"]["word_for_word"] > 0.9
    assert all(found[control]["ci95"][1] < found["mini_gpqa"]["ci95"][0] for control in ("mini_aime", "mini_math"))
    assert found["mini_gpqa"]["rouge_l"] > max(found[control]["rouge_l"] for control in ("mini_aime", "mini_math"))


@pytest.mark.slow
def test_the_model_gets_the_beginning_of_the_question_and_nothing_else(completed):
    prompts = [json.loads(line) for line in (completed.folder / "results/benchmarks/mini_gpqa@completion/prompts.jsonl").open()]
    items = [json.loads(line) for line in (completed.folder / "results/sources/benchmarks/mini_gpqa/items.jsonl").open()]
    for prompt, item in zip(prompts, items, strict=True):
        (message,) = prompt["messages"]
        assert message["role"] == "completion" and f"{message['content']} {prompt['gold']}" == item["question"]
    responses = [json.loads(line) for line in (completed.folder / "results/responses/base/mini_gpqa@completion.jsonl").open()]
    assert max(row["prompt_tokens"] for row in responses) < 60  # a chat template adds more


@pytest.mark.slow
def test_the_report_of_a_run_with_completions_needs_them(completed):
    jobs = completed.jobs("--dry-run")
    assert {f"completion {model} {benchmark}@completion" for model in ("r1-distill-mini", "ours") for benchmark in BENCHMARKS} <= set(jobs)
    assert not [job for job in jobs if "@completion" in job and job.startswith("grade")]
