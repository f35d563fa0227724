"""A dry run ends with what it would train and generate, and hides nothing that a run may do."""

import re

import pytest
from checkout import Checkout, checkout

TITLE = "Trainings and generations of this plan"
OTHER_RATE = {"models": {"ours": {"train": {"learning_rate": 0.002}}}}
NEW_DATA = {
    "datasets": {"raw": {"filter": {"max_tokens": 319}}},
    "models": {"more": {"role": "student", "train": {"base": "ready", "dataset": "raw", "seed": 7}}},
}
TAUGHT = {
    "role": "student",
    "distill": {"student": "ours", "teacher": "given", "prompts": "raw", "steps": 2, "max_new_tokens": 4},
}
slow = pytest.mark.slow


def costs(here: Checkout, config=None) -> tuple[dict[str, str], str]:
    """{model and step: why} of the table that ends a dry run, which must be its very last lines, and the line below it."""
    done = here.snakemake("--dry-run", config=config)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = done.stdout.rstrip("\n").split("\n")
    starts = [at for at, line in enumerate(lines) if line.startswith(TITLE)]
    if not starts:
        return {}, lines[-1]
    head, *rows, total = lines[starts[0] + 1 :]
    assert len(starts) == 1 and re.split(r" {2,}", head.strip()) == ["model", "step", "why", "time"]
    cells = [re.split(r" {2,}", row.strip()) for row in rows]
    assert all(len(row) == 4 for row in cells), rows
    return {f"{model} {step}": why for model, step, why, _ in cells}, total


def test_a_first_dry_run_lists_each_training_and_each_generation_once(tmp_path, warm_python):
    found, total = costs(checkout("tiny", tmp_path / "project", warm_python))
    benchmarks = "respond mini_aime, mini_math, mini_gpqa"
    trained = [f"{model} {step}" for model in ("ours", "r1-distill-mini") for step in ("train", benchmarks)]
    assert sorted(found) == sorted(["base miniature_base", f"base {benchmarks}", *trained])
    assert set(found.values()) == {"not there yet"}
    assert total.startswith("One after another: ") and "certain" not in total


@pytest.mark.parametrize(
    ("world", "config", "expected"),
    [
        ("world", {"title": "Another"}, {}),
        (
            "world",
            OTHER_RATE,
            {
                "ours train": r"^models.ours.train.learning_rate: .* → 0.002$",
                "ours respond sums, picks": "^it is made from what is made again by train ours$",
            },
        ),
        (  # the audit looks at it too, so the seal is stale
            "world",
            {"models": {"ours": {"train": {"max_length": 256}}}},
            {"ours train": r"^models.ours.train.max_length: .* → 256$", "ours respond sums, picks": "made again by train ours$"},
        ),
        ("world", {"datasets": {"raw": {"audit": {"stop_above": {"rows_cut": 0.5}}}}}, {}),
        (
            "world",
            {"models": {"taught": TAUGHT, **OTHER_RATE["models"]}},
            {
                "ours train": r"^models.ours.train.learning_rate: .* → 0.002$",
                "ours respond sums, picks": "made again by train ours$",
                "taught distill": "^not there yet$",
                "taught respond sums, picks": "^not there yet$",
            },
        ),
        (
            "world",
            NEW_DATA,
            {
                "ours train": "^only if the rows of raw come out different$",
                "ours respond sums, picks": "^only if train ours runs$",
                "more train": "^not there yet$",
                "more respond sums, picks": "^not there yet$",
            },
        ),
        (
            "world",
            {"benchmarks": {"sums": {"optional": True}}},
            {
                "base respond sums": "^only if its prompts come out different$",
                "given respond sums": "^only if its prompts come out different$",
                "ours train": "^only if the rows of raw come out different$",
                "ours respond sums": "^only if its prompts come out different, and 1 more$",
                "ours respond picks": "^only if train ours runs$",
            },
        ),
        pytest.param(
            "wider",
            {"datasets": {"mixed": {"seed": 1}}},
            {
                "mixed mix": r"^datasets.mixed.seed: 0 → 1$",
                "mixes train": "^only if the rows of mixed come out different$",
                "mixes respond sums, picks": "^only if train mixes runs$",
            },
            marks=slow,
        ),
        pytest.param(
            "wider",
            {"datasets": {"table": {"filter": {"max_tokens": 150}}}},
            {
                "tabled train": "^only if the rows of table come out different$",
                "tabled respond sums, picks": "^only if train tabled runs$",
                "mean average": "^only if train tabled runs$",
                "mean respond sums, picks": "^only if average mean runs$",
                "taught distill": "^only if train tabled runs$",
                "taught respond sums, picks": "^only if distill taught runs$",
            },
            marks=slow,
        ),
    ],
)
def test_what_may_follow_is_listed_with_its_reason(world, config, expected, finished_run):
    found, total = costs(finished_run(world), config)
    assert found.keys() == expected.keys()
    assert all(re.search(pattern, found[step]) for step, pattern in expected.items()), found
    may = any(why.startswith("only if") for why in found.values())
    assert ("if all of it runs" in total) == may and (expected or total == "No model is trained and no response is generated.")


def test_snakemakes_own_reasons_are_words_too(finished_run):
    said = finished_run("world").snakemake("--dry-run", config=OTHER_RATE).stdout
    assert "Params have changed since last execution: models.ours.train.learning_rate: 0.001 → 0.002" in said
    assert '{"' not in said and "--rerun-triggers" not in said
