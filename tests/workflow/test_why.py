"""What is stale, told in words. Jobs are given as Snakemake describes them; tests/graph/test_why_of_a_run.py asks Snakemake itself."""

import json

import pytest

from distill.base.code_digest import code_parts
from distill.workflow.changes import CODE_NOTES, record_code_digest
from distill.workflow.snakemake_api import DryRun, PlannedJob
from distill.workflow.why import causes, explain

CONFIG = {
    "models": {
        "ours": {"train": {"learning_rate": 0.001, "adam_beta1": 0.98, "adam_beta2": 0.9}},
    },
}


def train(before: dict, now: dict, **more) -> PlannedJob:
    """A stale training job whose configuration was `before`."""
    parameters = tuple((repr(json.dumps(side)),) for side in (before, now))
    return PlannedJob("train", (("model", "ours"),), ("results/models/ours/manifest.json",), stale=True, parameters=parameters, **more)


def test_values_swapped_between_two_keys_are_two_changes():
    job = train({"adam_beta1": 0.9, "adam_beta2": 0.98}, {"adam_beta1": 0.98, "adam_beta2": 0.9})
    assert causes(job, CONFIG) == ["models.ours.train.adam_beta1: 0.9 → 0.98", "models.ours.train.adam_beta2: 0.98 → 0.9"]


@pytest.mark.parametrize(
    ("job", "cause"),
    [
        (PlannedJob("seal", (), ("d",), stale=True, missing=("d",)), "d is missing"),
        (PlannedJob("seal", (), ("d",), stale=True, incomplete=("d",)), "d is incomplete: the run that made it was interrupted"),
        (PlannedJob("seal", (), ("d",), stale=True, updated=(("s", "a" * 64, "b" * 64),)), f"s changed: sha256 {'a' * 12} → {'b' * 12}"),
        (PlannedJob("seal", (), ("d",), stale=True, updated=(("s", None, "b" * 64),)), "s is newer, and its earlier content is not known"),
        (PlannedJob("seal", (), ("d",), stale=True, inputs=(("x",), ())), "it is no longer made from x"),
        (PlannedJob("seal", (), ("d",), stale=True, inputs=((), ("x",))), "it is now made from x too"),
        (PlannedJob("seal", (), ("d",), stale=True, command_changed=True), "the command of rule seal changed (rules/*.smk)"),
        (
            PlannedJob("train", (), ("d",), stale=True, parameters=((repr("a" * 64),), (repr("b" * 64),))),
            f"the training data (sha256): {'a' * 12} → {'b' * 12}",
        ),
        (PlannedJob("seal", (), ("d",), stale=True, parameters=((), ("'x'",))), "a parameter is now x"),
    ],
)
def test_each_kind_of_cause_has_its_words(job, cause):
    assert causes(job, CONFIG) == [cause]


def test_a_module_is_named_where_both_digests_were_noted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    now = record_code_digest("seal.py")
    old = "0" * 16
    changed = code_parts("seal.py") | {"distill/base/files.py": "was another"}
    (tmp_path / CODE_NOTES / f"{old}.json").write_text(json.dumps(changed), encoding="utf-8")
    job = PlannedJob("seal", (), ("d",), stale=True, parameters=((repr(f"code {old}"),), (repr(f"code {now}"),)))
    assert causes(job, CONFIG) == ["scripts/distill/base/files.py changed"]
    (tmp_path / CODE_NOTES / f"{old}.json").unlink()
    assert causes(job, CONFIG) == [f"the code changed, and work/code/{old}.json, which would say where, is missing"]


def test_a_chain_is_told_from_its_end_and_its_start():
    trained = train({"learning_rate": 0.0015}, {"learning_rate": 0.001})
    answered = PlannedJob("respond", (("model", "ours"),), ("r",), stale=True, remade=trained.outputs)
    graded = PlannedJob("grade", (("model", "ours"),), ("s", "t"), stale=True, remade=("r",))
    fresh = PlannedJob("grade", (("model", "base"),), ("u",))
    assert explain(DryRun([trained, answered, graded, fresh], [], CONFIG), [graded, fresh]) == [
        "s (and 1 more) will be made again by grade ours:",
        "  it is made from what is made again by respond ours",
        "",
        "What starts it:",
        "  train ours:",
        "    models.ours.train.learning_rate: 0.0015 → 0.001",
        "u: up to date (grade base)",
    ]


def test_after_a_seal_that_is_yet_to_run_only_content_decides():
    filtered = PlannedJob("filter", (("dataset", "raw"),), ("f",), stale=True, missing=("f",))
    seal = PlannedJob("seal", (), ("d",), checkpoint=True, stale=True, remade=("f",))
    trained = PlannedJob("train", (("model", "ours"),), ("m",), stale=True, remade=("f",), on_gpu=True)
    answered = PlannedJob("respond", (("model", "ours"),), ("r",), stale=True, remade=("m",))
    plan = DryRun([filtered, seal, trained, answered], [], CONFIG)
    lines = explain(plan, [trained, answered])
    assert lines[:4] == [
        "m may be made again by train ours:",
        "  only if the rows of raw come out different",
        "r may be made again by respond ours:",
        "  only if train ours runs",
    ]
    assert lines[-2:] == ["  filter raw:", "    f is missing"]
    assert explain(DryRun([filtered, trained, answered], [], CONFIG), [trained, answered])[:4] == lines[:4]  # the plan of a model alone


def test_rows_that_a_model_of_the_run_decides_are_not_sealed():
    teacher = PlannedJob("train", (("model", "teacher"),), ("t",), stale=True, missing=("t",), on_gpu=True)
    filtered = PlannedJob("filter", (("dataset", "raw"),), ("f",), stale=True, remade=("t",))
    trained = PlannedJob("train", (("model", "ours"),), ("m",), stale=True, remade=("f",), on_gpu=True)
    assert explain(DryRun([teacher, filtered, trained], [], CONFIG), [trained])[:2] == [
        "m will be made again by train ours:",
        "  it is made from what is made again by filter raw",
    ]
