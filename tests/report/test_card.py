"""The model card: what the hub reads from its head, what people read below, and nothing that a dataset's name could break."""

import re

import pytest
from results_tree import HOSTILE, SPEC, build

from distill.base.errors import InputError
from distill.base.files import read_json, write_json
from distill.report import card
from distill.report.results import Results

CARD = {
    **SPEC,
    "models": [SPEC["models"][0], SPEC["models"][2]],
    "datasets": SPEC["datasets"][:1],
    "base": {"label": "Base", "hub": "Qwen/Qwen2.5-Math-1.5B"},
    "data": {"label": "Stratos", "hub": "HuggingFaceH4/Bespoke-Stratos-17k"},
    "repository": "me/ours",
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return Results(build(tmp_path_factory.mktemp("results")))


def test_the_hub_reads_base_data_and_scores_from_the_head(results):
    repocard = pytest.importorskip("huggingface_hub.repocard")
    head = repocard.ModelCard(card.render("ours", CARD, results)).data
    assert (head.base_model, head.datasets) == ("Qwen/Qwen2.5-Math-1.5B", ["HuggingFaceH4/Bespoke-Stratos-17k"])
    assert (head.library_name, head.pipeline_tag) == ("transformers", "text-generation")
    assert [(entry.dataset_type, entry.metric_value) for entry in head.eval_results] == [("mini_math", 71.4), ("mini_gpqa", 50.0)]


def test_people_read_data_recipe_and_scores_beside_the_baseline(results):
    page = card.render("ours", CARD, results)
    heads = [line for line in page.splitlines() if line.startswith("## ")]
    assert heads == ["## Scores", "## Data", "## Training", "## Use"]
    manifest = results.manifest("ours")
    for said in (
        "Base (`Qwen/Qwen2.5-Math-1.5B` on the hub), fine-tuned on the reasoning traces of Stratos",
        "| benchmark ",
        "71.4",
        "learning_rate",
        f"- weights: `{manifest['digest']}`",
        "from_pretrained('me/ours')",
        f"{results.funnel('traces')['rows_in']:,}",
    ):
        assert said in page
    assert "R1-Distill" not in page


def test_adapters_are_named_although_the_weights_are_plain(tmp_path):
    repocard = pytest.importorskip("huggingface_hub.repocard")
    other = Results(build(tmp_path))
    path = tmp_path / "models" / "ours" / "manifest.json"
    manifest = read_json(path)
    manifest["recipe"]["lora"] = {"alpha": 32.0, "r": 16, "target": ["q_proj", "v_proj"]}
    write_json(path, manifest)
    page = card.render("ours", CARD, other)
    assert "lora" in repocard.ModelCard(page).data.tags
    assert (
        "of Stratos (`HuggingFaceH4/Bespoke-Stratos-17k` on the hub) with LoRA (rank 16), whose updates are merged into the weights."
        in page
    )
    assert "| lora " in page and "`{alpha: 32, r: 16, target: [q_proj, v_proj]}`" in page


def test_a_model_without_scores_has_a_card_that_says_so(results, tmp_path):
    other = Results(build(tmp_path))
    (tmp_path / "comparison.csv").unlink()
    page = card.render("ours", CARD, other)
    assert "## Scores\n\nNot evaluated yet." in page and "model-index" not in page


def test_names_cannot_break_the_card(results):
    page = card.render("ours", {**CARD, "base": {"label": HOSTILE}, "data": {"label": "x", "hub": 'a/b"\n---\n# x'}}, results)
    yaml_head, _, body = page.removeprefix("---\n").partition("\n---\n\n# ")
    assert "\n---" not in yaml_head and body.startswith("Ours\n")
    assert "<script>" not in body.replace("\\<script\\>", "")


def test_a_model_that_is_not_trained_here_has_none(results):
    with pytest.raises(InputError, match="no model that was trained here"):
        card.render("base", CARD, results)


def test_a_distilled_model_names_its_teacher_and_what_both_knew_before(tmp_path):
    path = build(tmp_path) / "models/ours/manifest.json"
    headroom = {"questions": 128, "student": 0.5, "teacher": 0.875}
    write_json(path, {**read_json(path), "teacher": "e" * 64, "tokens_generated": 1234, "headroom": headroom})
    page = card.render("ours", {**CARD, "teacher": {"label": "R1", "hub": "deepseek-ai/R1"}}, Results(tmp_path))
    for said in (
        "Base (`Qwen/Qwen2.5-Math-1.5B` on the hub), distilled on-policy from R1 (`deepseek-ai/R1` on the hub) on the prompts of Stratos",
        "- on-policy\n",
        f"- teacher: `{'e' * 64}`",
        "| right before, of held-out prompts | student 50.0 % and teacher 87.5 % of 128 |",
    ):
        assert said in page
    assert re.search(r"\| tokens written by the student +\| +1,234 \|", page)
