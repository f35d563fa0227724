"""A study on top of a finished tiny run: new students are trained and answered, and nothing that they share is made again."""

import json

import pytest
import tiny_training

STUDY = {
    "study": {"bases": "base", "datasets": "mini_stratos", "recipes": {"e1": {"epochs": 1}}, "seeds": [0, 1], "checkpoints": [0.5]},
    "models": {"ours": {"role": "none"}},
}
SHARED = {
    "miniature_questions",
    "miniature_tokenizer",
    "miniature_traces",
    "miniature_base",
    "normalise",
    "filter",
    "audit",
    "prepare_base",
}


@pytest.mark.slow
def test_a_study_shares_what_is_there_and_reports_mean_and_spread(finished, tmp_path):
    here = finished.copy(tmp_path / "here")
    jobs = here.jobs("--cores", "2", config=STUDY)
    assert [job for job in jobs if job.split()[0] == "train"] == [
        "train ours-e1-s0",
        "train ours-e1-s0-at0.5",
        "train ours-e1-s1",
        "train ours-e1-s1-at0.5",
    ]
    assert not SHARED & {job.split()[0] for job in jobs}
    assert not [job for job in jobs if job.startswith(("respond base ", "respond r1-distill-mini ", "train r1-distill-mini"))]
    models = here.folder / "results" / "models"
    tokens = [json.loads((models / f"ours-e1-s{seed}" / "manifest.json").read_bytes())["tokens_seen"] for seed in (0, 1)]
    assert tokens[0] == tokens[1]
    page = (here.folder / "results" / "report.md").read_text(encoding="utf-8")
    section = page.split("## Study\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("| ours")]
    assert [(row[0], row[3]) for row in rows] == [("ours e1, epoch 0.5", "2"), ("ours e1", "2")]
    assert rows[1][1] == f"{tokens[0]:,}" and rows[1][2] == "1.00"
    assert int(rows[0][1].replace(",", "")) < tokens[0]
    assert all("±" in cell for row in rows for cell in row[4:])


@pytest.mark.slow
def test_bases_with_unlike_tokenizers_and_unlike_recipes_share_a_dataset_and_each_is_audited(finished, tmp_path):
    """What training then saw of the rows, in tokens and in steps, is in each case what the audit of that way said."""
    here = finished.copy(tmp_path / "here")
    tiny_training.base(here.folder / "given")
    recipes = {"short": {"max_length": 192}, "packed": {"packing": "bfd", "group_by_length": False}}
    study = {"bases": ["base", "other"], "datasets": "mini_stratos", "recipes": recipes, "seeds": 0}
    models = {"ours": {"role": "none"}, "other": {"source": {"path": "given"}}}
    jobs = here.jobs("--cores", "2", config={"study": study, "models": models})
    students = [f"ours-{base}-{recipe}" for base in ("base", "other") for recipe in recipes]
    assert [job for job in jobs if job.split()[0] == "train"] == sorted(f"train {name}" for name in students)
    assert {job for job in jobs if job.split()[0] in SHARED} == {"audit mini_stratos", "prepare_base other"}
    page = (here.folder / "results" / "report.md").read_text(encoding="utf-8")
    section = page.split("## Estimates\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("| ours")]
    assert len(rows) == len(students)
    assert [row[3] for row in rows] == [row[4] for row in rows] and len({row[3] for row in rows}) == len(students), "tokens"
    assert [row[5] for row in rows] == [row[6] for row in rows], "steps"
