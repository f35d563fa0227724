"""A dry run ends with what it would train and generate, also where Snakemake itself cannot know it yet."""

import re

import pytest
from checkout import checkout

TITLE = "Trainings and generations of this plan"
NEW_DATA = {
    "datasets": {"raw": {"filter": {"max_tokens": 319}}},
    "models": {"more": {"role": "student", "train": {"base": "ready", "dataset": "raw", "seed": 7}}},
}
TAUGHT = {
    "role": "student",
    "distill": {"student": "ours", "teacher": "given", "prompts": "raw", "steps": 2, "max_new_tokens": 4},
}


def costs(here, config=None) -> dict[str, str]:
    """{model and step: why} of the table that ends a dry run, which must be its very last lines."""
    done = here.snakemake("--dry-run", config=config)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = done.stdout.rstrip("\n").split("\n")
    starts = [at for at, line in enumerate(lines) if line.startswith(TITLE)]
    if not starts:
        return {}
    head, *rows = lines[starts[0] + 1 :]
    assert len(starts) == 1 and re.split(r" {2,}", head.strip()) == ["model", "step", "why", "time"]
    cells = [re.split(r" {2,}", row.strip()) for row in rows]
    assert all(len(row) == 4 for row in cells), rows
    return {f"{model} {step}": why for model, step, why, _ in cells}


def test_a_first_dry_run_lists_each_training_and_each_generation_once(tmp_path, warm_python):
    found = costs(checkout("tiny", tmp_path / "project", warm_python))
    steps = [
        f"{model} {step}" for model in ("base", "ours", "r1-distill-mini") for step in ("respond mini_aime, mini_math, mini_gpqa", "train")
    ]
    assert sorted(found) == steps[:1] + steps[2:]
    assert set(found.values()) == {"not there yet"}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"title": "Another"}, {}),
        (
            {"models": {"ours": {"train": {"learning_rate": 0.002}}}},
            {
                "ours train": r"models.ours.train.learning_rate: .* → 0.002",
                "ours respond sums, picks": "made from what is made again",
            },
        ),
        (  # the audit looks at it too, so the seal is stale and Snakemake lists no training
            {"models": {"ours": {"train": {"max_length": 256}}}},
            {"ours train": r"models.ours.train.max_length: .* → 256", "ours respond sums, picks": "^ours is trained again"},
        ),
        (
            {"models": {"taught": TAUGHT, "ours": {"train": {"learning_rate": 0.002}}}},
            {
                "ours train": r"models.ours.train.learning_rate: .* → 0.002",
                "ours respond sums, picks": "^ours is trained again",
                "taught distill": "not there yet",
                "taught respond sums, picks": "not there yet",
            },
        ),
        (
            NEW_DATA,
            {
                "ours train": "only if the rows of raw come out different",
                "ours respond sums, picks": "only if ours is trained again",
                "more train": "not there yet",
                "more respond sums, picks": "not there yet",
            },
        ),
    ],
)
def test_what_may_follow_is_listed_with_its_reason(config, expected, finished_run):
    found = costs(finished_run("world"), config)
    assert found.keys() == expected.keys()
    assert all(re.search(pattern, found[step]) for step, pattern in expected.items()), found
