"""A whole run of the tiny miniature: each file is there in its format, and its sums are right."""

import csv
import hashlib
import json
import re
from pathlib import Path

import pytest
from checkout import checkout, configuration, digests

MODELS, BENCHMARKS, DATASETS = ("base", "r1-distill-mini", "ours"), ("mini_aime", "mini_math", "mini_gpqa"), ("mini_stratos", "mini_r1")


@pytest.fixture(scope="module")
def results(finished) -> Path:
    return finished.folder / "results"


@pytest.fixture(scope="module")
def items() -> dict[str, int]:
    return {name: configuration("tiny")["benchmarks"][name]["source"]["items"] for name in BENCHMARKS}


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def read(path: Path) -> dict:
    return json.loads(path.read_bytes())


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_row_is_trained_on_or_dropped_once_with_a_reason(results, dataset):
    folder = results / "data" / dataset
    traces, rejected, sft, dropped, funnel = (
        *(rows(folder / f"{name}.jsonl") for name in ("traces", "rejected", "sft", "dropped")),
        read(folder / "funnel.json"),
    )
    keys = ["id", "question", "gold", "thought", "solution", "source", "finish_reason"]
    assert all(list(row)[:7] == keys and set(row) - set(keys) <= {"system"} for row in traces)
    assert all(list(row) == ["id", "prompt", "completion"] for row in sft)
    assert all(list(row) == ["id", "reason", "detail"] for row in dropped)
    assert funnel["rows_in"] == len(traces) + len(rejected) == funnel["kept"] + sum(funnel["dropped"].values())
    assert (funnel["kept"], sum(funnel["dropped"].values())) == (len(sft), len(dropped))
    ids = [row["id"] for row in (*sft, *dropped)]
    assert sorted(ids) == sorted(row["id"] for row in (*traces, *rejected))
    order = [row["id"] for row in traces]
    assert [row["id"] for row in sft] == [name for name in order if name in {row["id"] for row in sft}]


def test_the_filter_finds_the_planted_defects(results):
    dropped = read(results / "data" / "mini_stratos" / "funnel.json")["dropped"]
    assert all(dropped[reason] > 0 for reason in ("malformed", "truncated", "wrong_answer", "duplicate", "contaminated", "too_long"))
    hits = read(results / "data" / "mini_stratos" / "contamination.json")
    questions = {
        row["problem"] for name in ("mini_aime", "mini_math") for row in rows(results / "sources" / "benchmarks" / name / "items.jsonl")
    }
    trained = [row["prompt"][-1]["content"] for row in rows(results / "data" / "mini_stratos" / "sft.jsonl")]
    assert hits
    assert not [text for text in trained if any(question in text for question in questions)]


def test_the_seal_holds_the_digest_of_each_training_set(results):
    assert read(results / "data" / "digests.json") == {name: sha256(results / "data" / name / "sft.jsonl") for name in sorted(DATASETS)}


@pytest.mark.parametrize("model", MODELS)
def test_a_model_folder_is_what_its_manifest_says(results, model):
    folder = results / "models" / model
    manifest = read(folder / "manifest.json")
    assert manifest["files"] == {name: sha256(folder / name) for name in manifest["files"]}
    assert {"model.safetensors", "config.json", "generation_config.json", "tokenizer.json"} <= set(manifest["files"])
    assert {path.name for path in folder.iterdir() if not path.name.startswith(".")} - set(manifest["files"]) <= {
        "manifest.json",
        "log.jsonl",
    }
    if model != "base":
        dataset = {"ours": "mini_stratos", "r1-distill-mini": "mini_r1"}[model]
        assert manifest["parent"] == read(results / "models" / "base" / "manifest.json")["digest"]
        assert manifest["data"] == read(results / "data" / "digests.json")[dataset]
        log = rows(folder / "log.jsonl")
        assert list(log[0]) == ["step", "epoch", "tokens", "attended", "loss", "lr", "grad_norm", "tokens_per_s", "mfu"]
        assert [row["step"] for row in log] == list(range(1, manifest["steps"] + 1))
        assert log[-1]["tokens"] == manifest["tokens_seen"] > 0
        assert log[-1]["loss"] < log[0]["loss"]


@pytest.mark.parametrize("model", [name for name in MODELS if name != "base"])
def test_only_the_completion_and_its_end_carry_loss(finished, model):
    log = (finished.folder / "results" / "logs" / "train" / f"{model}.log").read_text(encoding="utf-8")
    masked, learned = re.search(r"\[without loss\]:\n\[(.*?)\](<\|begin_of_thought\|>.*?)\n\n", log, re.DOTALL).groups()
    shown = log.split("[without loss]:\n")[1]
    assert masked.startswith("<|im_start|>user")
    assert masked.endswith("<|im_start|>assistant\n")
    assert learned
    assert "<|end_of_solution|><|im_end|>" in shown.split("train: ")[0]


@pytest.mark.parametrize("task", BENCHMARKS)
def test_every_model_answers_every_prompt_and_every_answer_is_judged(results, items, task):
    prompts = rows(results / "benchmarks" / task / "prompts.jsonl")
    assert len(prompts) == items[task]
    assert all(list(row) == ["id", "messages", "gold", "kind", "choices"] for row in prompts)
    for model in MODELS:
        responses = rows(results / "responses" / model / f"{task}.jsonl")
        scores, summary = rows(results / "scores" / model / f"{task}.jsonl"), read(results / "scores" / model / f"{task}.json")
        assert all(list(row) == ["id", "sample", "text", "finish_reason", "prompt_tokens", "completion_tokens"] for row in responses)
        wanted = [(row["id"], 0) for row in prompts]
        assert [(row["id"], row["sample"]) for row in responses] == [(row["id"], row["sample"]) for row in scores] == wanted
        assert {"id", "sample", "correct", "answer", "reason", "verdicts"} == set(scores[0])
        assert all("lighteval" in row["verdicts"] for row in scores)
        assert summary["pass@1"] == pytest.approx(sum(row["correct"] for row in scores) / len(scores))
        assert summary["ci95"][0] <= summary["pass@1"] <= summary["ci95"][1]
        assert (summary["n_items"], summary["n_samples"]) == (len(prompts), 1)
        assert summary["self_test"]["gold"] >= 0.995
        assert max(summary["self_test"][wrong] for wrong in ("echo", "cut", "empty", "wrong")) <= 0.01


def test_the_comparison_has_a_row_for_each_model_and_benchmark(results):
    with open(results / "comparison.csv", encoding="utf-8", newline="") as file:
        table = {(row["model"], row["benchmark"]): row for row in csv.DictReader(file)}
    assert set(table) == {(model, benchmark) for model in MODELS for benchmark in BENCHMARKS}
    for (model, benchmark), row in table.items():
        assert float(row["pass@1"]) == pytest.approx(read(results / "scores" / model / f"{benchmark}.json")["pass@1"])


def test_the_report_says_that_it_is_the_miniature_and_shows_its_figures(results):
    page = (results / "report.md").read_text(encoding="utf-8")
    assert "miniature" in page.splitlines()[0]
    shown = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page)
    assert {"figures/scores.png", "figures/loss.png"} <= set(shown)
    assert all((results / name).stat().st_size > 1000 for name in shown)
    assert str(results) not in page


def test_provenance_holds_versions_config_and_digests(results):
    told = read(results / "provenance.json")
    assert told["packages"]["trl"]
    assert told["config"]["models"]["ours"]["train"]["dataset"] == "mini_stratos"
    assert sha256(results / "data" / "mini_stratos" / "sft.jsonl") in json.dumps(told["digests"])


def test_a_second_run_has_nothing_to_do(finished):
    assert finished.jobs("--dry-run") == []


@pytest.mark.slow
def test_two_runs_from_nothing_give_the_same_bytes(finished, tmp_path):
    """The second under a plain Python and on one core, so that no other test need doubt what the warm one makes."""
    again = checkout("tiny", tmp_path / "again")
    again.jobs("--cores", "1")
    assert digests(again.folder) == digests(finished.folder)
