"""config/doubts.yaml over a finished miniature: what readers doubt is answered from more answers of the same models."""

import csv

import pytest
import yaml
from checkout import PROJECT, Checkout

DOUBTS = yaml.safe_load((PROJECT / "config" / "doubts.yaml").read_text(encoding="utf-8"))
MODELS = ("base", "r1-distill-mini", "ours")
GRADED = tuple(f"mini_math@{protocol}" for protocol in ("mini", "sheet", "few_shot", "sampled"))
COMPLETED = ("mini_aime@completion", "mini_math@completion")


def of_each_model(rule: str, tasks: tuple[str, ...]) -> list[str]:
    return [f"{rule} {model} {task}" for model in MODELS for task in tasks]


def test_nothing_is_trained_for_them(finished):
    expected = [f"prompts {task}" for task in (*GRADED, *COMPLETED)]
    expected += [*of_each_model("respond", (*GRADED, *COMPLETED)), *of_each_model("completion", COMPLETED)]
    expected += [*of_each_model("grade", GRADED), *of_each_model("grade_lighteval", GRADED), "compare", "figures", "provenance", "report"]
    assert finished.jobs("--dry-run", config=DOUBTS) == sorted(expected)


@pytest.fixture(scope="module")
def doubted(finished, tmp_path_factory) -> Checkout:
    made = finished.copy(tmp_path_factory.mktemp("doubted") / "project")
    made.jobs("--cores", "1", config=DOUBTS)
    return made


@pytest.mark.slow
def test_the_report_answers_each(doubted):
    page = (doubted.folder / "results/report.md").read_text(encoding="utf-8")
    for said in (
        "Ours against Base under the prompt that suits Base best: ",
        "evaluators, of whom 95 % are expected from",
        "## Seen before",
        "- Base, released 2026-01-31: no item of mini_aime is older than the model",
        "pass@4",
        "maj@4",
        "agreement",
    ):
        assert said in page, said
    with open(doubted.folder / "results/curves.csv", encoding="utf-8", newline="") as file:
        found = {(row["curve"], int(row["at"])) for row in csv.DictReader(file) if row["benchmark"] == "mini_math@sampled"}
    assert {(curve, k) for curve in ("pass@k", "maj@k") for k in (1, 2, 3, 4)} <= found
