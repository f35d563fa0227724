"""tools/why.py on a finished tiny run: what Snakemake finds stale, told by key, module and file."""

import pytest
from checkout import Checkout

WHY = "tools/why.py"


@pytest.fixture
def here(finished, tmp_path):
    return finished.copy(tmp_path / "here")


def append(here: Checkout, file: str, text: str) -> None:
    with open(here.folder / file, "a", encoding="utf-8") as opened:
        opened.write(text)


def test_nothing_is_stale_on_a_finished_run(here):
    done = here.run(WHY, "results/report.md")
    assert (done.stdout, done.returncode) == ("results/report.md (and 2 more): up to date (report)\n", 0), done.stderr


def test_key_module_published_number_and_missing_file_are_named(here):
    append(here, "scripts/distill/report/figures/style.py", "CHANGED = 1\n")
    append(here, "config/published.csv", "some-model,mini_math,mini,pass@1,1.0,1,nowhere\n")
    (here.folder / "results/scores/base/mini_math.json").unlink()
    done = here.run(WHY, "results/report.md", config={"models": {"ours": {"train": {"learning_rate": 0.001}}}})
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("results/report.md (and 2 more) will be made again by report:\n")
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert lines[lines.index("train ours:") + 1] == "models.ours.train.learning_rate: 0.0015 → 0.001"
    assert lines[lines.index("figures:") + 1] == "scripts/distill/report/figures/style.py changed"
    assert lines[lines.index("compare:") + 1].startswith("config/published.csv changed: sha256 ")
    assert lines[lines.index("grade base mini_math:") + 1] == "results/scores/base/mini_math.json is missing"


def test_below_a_filter_that_is_yet_to_run_training_is_not_promised(here):
    done = here.run(WHY, "results/models/ours", config={"datasets": {"mini_stratos": {"filter": {"max_tokens": 150}}}})
    assert "results/models/ours/manifest.json (and 1 more) may be made again by train ours:" in done.stdout, done.stderr
    assert "    datasets.mini_stratos.filter.max_tokens: 320 → 150\n" in done.stdout
