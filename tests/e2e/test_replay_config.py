"""Models that are known by what they wrote or scored elsewhere, next to trained ones and on their own."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from checkout import PROJECT, Checkout, checkout

REPLAY = yaml.safe_load((PROJECT / "config" / "replay.yaml").read_text(encoding="utf-8"))
REPORT = ["compare", "figures", "provenance", "report"]
BENCHMARKS = ("mini_aime", "mini_math", "mini_gpqa")


def of_each_benchmark(model: str, *rules: str) -> list[str]:
    return [f"{rule} {model} {benchmark}" for rule in (*rules, "grade_lighteval", "grade") for benchmark in BENCHMARKS]


TAKEN_IN = of_each_benchmark("replayed", "import_responses")


def test_a_replayed_model_asks_for_no_training_and_no_answer(finished):
    assert finished.jobs("--dry-run", config=REPLAY) == sorted([*TAKEN_IN, *REPORT])


@pytest.fixture(scope="module")
def replayed(finished, tmp_path_factory) -> Checkout:
    made = finished.copy(tmp_path_factory.mktemp("replayed") / "project")
    assert made.jobs("--cores", "1", config=REPLAY) == sorted([*TAKEN_IN, *REPORT])
    return made


@pytest.mark.slow
def test_a_replayed_model_has_the_scores_of_the_one_that_wrote(replayed):
    results = replayed.folder / "results"
    for kind in ("responses", "lighteval", "scores"):
        for benchmark in BENCHMARKS:
            assert (results / kind / "replayed" / f"{benchmark}.jsonl").read_bytes() == (
                results / kind / "r1-distill-mini" / f"{benchmark}.jsonl"
            ).read_bytes()
    page = (results / "report.md").read_text(encoding="utf-8")
    assert "R1-Distill-mini, replayed" in page and "a manifest of" not in page
    assert not (results / "models" / "replayed").exists()
    assert "replayed/mini_math" in json.loads((results / "provenance.json").read_bytes())["digests"]["responses"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "reruns"),
    [
        ({}, []),
        ({"models": {"replayed": {**REPLAY["models"]["replayed"], "label": "Another"}}}, ["figures", "report"]),
        (
            {"models": {**REPLAY["models"], "r1-distill-mini": {"train": {"learning_rate": 1.0e-3}}}},
            ["train r1-distill-mini", *of_each_benchmark("r1-distill-mini", "respond"), *TAKEN_IN, *REPORT],
        ),
        (
            {"models": {**REPLAY["models"], "ours": {"train": {"learning_rate": 1.0e-3}}}},
            ["train ours", *of_each_benchmark("ours", "respond"), *REPORT],
        ),
    ],
    ids=["nothing", "its label", "the model that wrote", "another model"],
)
def test_exactly_the_stale_jobs_are_planned(replayed, change, reruns):
    assert replayed.jobs("--dry-run", config={**REPLAY, **change}) == sorted(reruns)


ITEMS = [{"problem": f"What is {n} + {n}?", "answer": str(2 * n)} for n in range(1, 13)]
SUMS = {"source": {"path": "items.jsonl"}, "kind": "math", "columns": {"question": "problem", "gold": "answer"}, "protocols": ["one"]}
TABLE = {"path": "answers.csv", "format": "table", "columns": {"question": "q", "response": "out"}, "files": {"sums": "*"}}
ELSEWHERE = {
    "models": {
        "base": {"role": "baseline", "responses": TABLE},
        "reference": {"role": "reference", "results": "results_2026.json"},
        "theirs": {"role": "student", "responses": {"path": "reviews/m", "format": "evalscope", "files": {"sums": "sums_*.jsonl"}}},
    },
    "datasets": {},
    "benchmarks": {
        "sums": SUMS,
        "more": SUMS,  # which nobody has answered
    },
    "protocols": {
        "one": {
            "math": "{question}",
            "choice": "{question} {choices}",
            "sampling": {"n_samples": 1, "temperature": 0.0, "top_p": 1.0, "max_new_tokens": 9, "seed": 0},
        }
    },
}  # fmt: skip


def snakemake(project: Path, folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """A run in a folder that is not the project's."""
    (folder / "config.yaml").write_text(json.dumps(ELSEWHERE), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(project / "Snakefile"), "--configfile", "config.yaml", *args]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)


def write_elsewhere(folder: Path) -> None:
    """What three other programs have left: a CSV, EvalScope's reviews, lighteval's results."""
    (folder / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ITEMS), encoding="utf-8")
    with open(folder / "answers.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [("q", "out"), *((row["problem"], f"\\boxed{{{int(row['answer']) + n % 2}}}") for n, row in enumerate(ITEMS))]
        )
    (folder / "reviews" / "m").mkdir(parents=True)
    score = [{"prediction": f"It is \\boxed{{{int(row['answer']) + (n % 4 == 0)}}}.", "value": {"acc": 1.0}} for n, row in enumerate(ITEMS)]
    reviews = [
        {"index": n, "input": f"**User**: \n{row['problem']} Think.", "target": row["answer"], "sample_score": {"score": score[n]}}
        for n, row in enumerate(ITEMS)
    ]
    (folder / "reviews" / "m" / "sums_default.jsonl").write_text("".join(json.dumps(row) + "\n" for row in reviews), encoding="utf-8")
    results = {
        "results": {"sums|0": {"pass@k": 0.5, "pass@k_stderr": (0.25 / 11) ** 0.5}},
        "config_tasks": {"sums|0": {"effective_num_docs": 12}},
    }
    (folder / "results_2026.json").write_text(json.dumps(results), encoding="utf-8")


@pytest.mark.slow
def test_a_run_of_nothing_but_recorded_models(tmp_path):
    project, here = checkout("tiny", tmp_path / "project").folder, tmp_path / "here"
    here.mkdir()
    done = snakemake(project, here, "--dry-run")
    assert done.returncode != 0
    assert "config: models.base.responses.path: 'answers.csv' does not exist; fix the path" in done.stderr.split("\n")
    assert "Traceback" not in done.stderr
    write_elsewhere(here)
    done = snakemake(project, here, "--cores", "1")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    with open(here / "results" / "comparison.csv", encoding="utf-8", newline="") as file:
        table = {(row["model"], row["benchmark"]): row for row in csv.DictReader(file)}
    assert {pair: float(row["pass@1"]) for pair, row in table.items()} == {
        ("base", "sums"): 0.5,
        ("reference", "sums"): 0.5,
        ("theirs", "sums"): 0.75,
    }
    assert {(row["truncated"], row["mean_completion_tokens"], row["flags"]) for row in table.values()} == {("", "", "")}
    page = (here / "results" / "report.md").read_text(encoding="utf-8")
    assert "theirs against base: **no detectable difference**" in page
    assert {path.name for path in (here / "results" / "figures").glob("*.png")} == {"scores.png", "answer_length.png"}
    assert "Nothing to be done" in (done := snakemake(project, here, "--cores", "1")).stdout + done.stderr
