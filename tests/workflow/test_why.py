"""What is stale, told in words. Jobs are given as Snakemake describes them; tests/graph/test_why_of_a_run.py asks Snakemake itself."""

import json

import pytest

from distill.base.code_digest import code_digest, code_parts
from distill.workflow import why
from distill.workflow.snakemake_api import DryRun, PlannedJob
from distill.workflow.why import (
    ABSENT,
    causes,
    code_differences,
    differences,
    explain,
    format_value,
    full_key,
    record_code_digest,
    recorded_parts,
)

CONFIG = {
    "models": {
        "ours": {"train": {"learning_rate": 0.001, "adam_beta1": 0.98, "adam_beta2": 0.9}},
        "other": {"train": {"learning_rate": 0.001}},
    },
    "protocols": {"mini": {"sampling": {"temperature": 0.6}}},
}


def train(before: dict, now: dict, **more) -> PlannedJob:
    """A stale training job whose configuration was `before`."""
    parameters = tuple((repr(json.dumps(side)),) for side in (before, now))
    return PlannedJob("train", (("model", "ours"),), ("results/models/ours/manifest.json",), stale=True, parameters=parameters, **more)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [(("a",), 1, 2)]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, [(("a", "c"), 2, 3)]),
        ({"a": 1, "b": 2}, {"a": 2, "b": 1}, [(("a",), 1, 2), (("b",), 2, 1)]),
        ({"a": 1}, {}, [(("a",), 1, ABSENT)]),
        ({}, {"a": None}, [(("a",), ABSENT, None)]),
        ({"a": 1}, {"a": True}, [(("a",), 1, True)]),
        ({"a": [1, 2]}, {"a": [2, 1]}, [(("a",), [1, 2], [2, 1])]),
        ([{"name": "x", "n": 1}, {"name": "y"}], [{"name": "x", "n": 2}, {"name": "y"}], [(("x", "n"), 1, 2)]),
    ],
)
def test_each_key_that_differs_is_found_once(old, new, found):
    assert list(differences(old, new)) == found


@pytest.mark.parametrize(
    ("path", "value", "about", "key"),
    [
        (("temperature",), 0.6, ["ours"], "protocols.mini.sampling.temperature"),
        (("learning_rate",), 0.001, ["ours"], "models.ours.train.learning_rate"),
        (("learning_rate",), 0.001, [], "learning_rate"),  # two places fit: neither is named
        (("config", "models", "ours", "train", "adam_beta1"), 0.98, [], "models.ours.train.adam_beta1"),
        (("max_length",), ABSENT, ["ours"], "max_length"),
    ],
)
def test_a_key_is_named_as_in_the_configuration_where_that_is_certain(path, value, about, key):
    assert full_key(path, value, CONFIG, about) == key


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


def test_parts_of_two_code_digests_name_what_changed():
    before = {"a.py": "1", "b.py": "2", "gone.py": "3", "pin:trl": "1.15.0"}
    now = {"a.py": "1", "b.py": "5", "new.py": "4", "pin:trl": "1.16.0"}
    assert code_differences(before, now) == [
        "scripts/b.py changed",
        "scripts/gone.py is no longer used",
        "scripts/new.py is used now",
        "trl: 1.15.0 → 1.16.0 (envs/requirements.txt)",
    ]


def test_a_noted_digest_is_the_digest_and_its_parts_are_found_again(tmp_path):
    digest = record_code_digest("seal.py", tmp_path / "code")
    assert digest == code_digest("seal.py")
    assert recorded_parts(digest, tmp_path / "code") == code_parts("seal.py")
    assert recorded_parts("0" * 16, tmp_path / "code") is None


def test_a_folder_that_cannot_be_written_costs_the_note_alone(tmp_path):
    (tmp_path / "work").write_text("in the way", encoding="utf-8")
    assert record_code_digest("seal.py", tmp_path / "work" / "code") == code_digest("seal.py")


def test_a_module_is_named_where_both_digests_were_noted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    now = record_code_digest("seal.py")
    old = "0" * 16
    changed = code_parts("seal.py") | {"distill/base/files.py": "was another"}
    (tmp_path / why.CODE_NOTES / f"{old}.json").write_text(json.dumps(changed), encoding="utf-8")
    job = PlannedJob("seal", (), ("d",), stale=True, parameters=((repr(f"code {old}"),), (repr(f"code {now}"),)))
    assert causes(job, CONFIG) == ["scripts/distill/base/files.py changed"]
    (tmp_path / why.CODE_NOTES / f"{old}.json").unlink()
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


@pytest.mark.parametrize(
    ("value", "words"),
    [(ABSENT, "(not there)"), (0.001, "0.001"), (True, "true"), ("", '""'), ("a\nb", '"a\\nb"'), ("f" * 64, "f" * 12), ("x" * 200, None)],
)
def test_a_value_is_one_short_line(value, words):
    assert "\n" not in format_value(value) and len(format_value(value)) <= 100
    assert words is None or format_value(value) == words
