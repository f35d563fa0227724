"""What the report says of benchmarks that a model may have seen."""

import pytest
import results_tree

from distill.base.files import write_json
from distill.report.completions import caution, section
from distill.report.names import names
from distill.report.page import render
from distill.report.results import Results

MODEL = {"name": "base", "role": "baseline", "label": "Base", "released": "2026-01-31"}
OLD = {"name": "math@completion", "label": "MATH", "share": 0.6, "published_after": "2021-03-01"}
YOUNG = {"name": "aime@completion", "label": "AIME 2026", "share": 0.6, "published_after": "2026-02-01"}


def said(tmp_path, old: tuple, young: tuple | None, model: dict = MODEL) -> str | None:
    for entry, found in ((OLD, old), (YOUNG, young)):
        if found:
            share, low, high = found
            made = {"n_items": 500, "word_for_word": share, "ci95": [low, high], "rouge_l": share}
            write_json(tmp_path / f"completions/base/{entry['name']}.json", made)
    return section([OLD, YOUNG], names({"models": [model], "benchmarks": ["math"]}), Results(tmp_path))


@pytest.mark.parametrize(
    ("old", "young", "model", "sentence"),
    [
        (
            (0.546, 0.5, 0.59),
            (0.0, 0.0, 0.11),
            MODEL,
            "**Base has seen MATH:** it completes 54.6 % of MATH word for word, and 0.0 % of AIME 2026, which it cannot have seen.",
        ),
        ((0.1, 0.05, 0.2), (0.0, 0.0, 0.11), MODEL, "Base completes no benchmark more often than those that are younger than it"),
        ((0.546, 0.5, 0.59), None, MODEL, "Base: no benchmark younger than it is among these"),
        ((0.546, 0.5, 0.59), (0.0, 0.0, 0.11), {**MODEL, "released": None}, "Base: no benchmark younger than it is among these"),
    ],
)
def test_a_model_has_seen_what_it_completes_more_often_than_what_it_cannot_have_seen(tmp_path, old, young, model, sentence):
    found = said(tmp_path, old, young, {key: value for key, value in model.items() if value is not None})
    assert f"- {sentence}" in found
    assert "54.6 (50.0 to 59.0); 0.55" in found or "10.0 (5.0 to 20.0); 0.10" in found
    assert ("0.0 (0.0 to 11.0); 0.00, control" in found) == ("released" in model and model["released"] is not None and young is not None)


def test_the_verdict_warns_of_what_a_model_has_seen(tmp_path):
    """Models that have seen the same are named together; nothing is said where nothing was seen."""
    models = [{**MODEL, "name": name, "label": name} for name in ("base", "ours", "theirs", "clean")]
    spec = {**results_tree.SPEC, "models": models, "completions": [OLD, {**OLD, "name": "sums@completion", "label": "Sums"}, YOUNG]}
    shares = {"base": (0.5, 0.0), "ours": (0.5, 0.0), "theirs": (0.5, 0.9), "clean": (0.0, 0.0)}
    for model, found in shares.items():
        for name, share in zip(("math", "sums", "aime"), (*found, 0.0), strict=True):
            made = {"n_items": 500, "word_for_word": share, "ci95": [max(0.0, share - 0.05), share + 0.05], "rouge_l": share}
            write_json(tmp_path / f"results/completions/{model}/{name}@completion.json", made)
    said = "**Seen before:** base and ours have seen MATH; theirs has seen MATH and Sums, so that a score there may be memory."
    root = results_tree.build(tmp_path / "results")
    assert caution(spec["completions"], names(spec), Results(root)) == said
    assert f"\n- {said}\n" in render(spec, Results(root)).split("## Scores")[0]
    assert caution(spec["completions"], names({**spec, "models": models[3:]}), Results(root)) is None


def test_without_completions_there_is_no_section(tmp_path):
    assert section([], names(results_tree.SPEC), Results(tmp_path)) is None
    assert said(tmp_path, None, None) is None
    page = render(results_tree.SPEC, Results(results_tree.build(tmp_path / "results")))
    assert "## Seen before" not in page
