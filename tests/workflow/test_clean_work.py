"""Which work folders are left over; what is not known is left alone, and what is shared frees nothing."""

import os

from distill.base.code_digest import code_digest
from distill.base.files import sha256_file, write_json
from distill.generation.responses import response_set
from distill.training.recipe import read_recipe, versions_of
from distill.workflow.clean_work import freed_bytes, patterns, unused_folders, unused_rows


def test_rows_of_a_training_set_that_is_no_more_are_left_over(tmp_path):
    data = tmp_path / "sft.jsonl"
    data.write_text("{}\n", encoding="utf-8")
    for name in (sha256_file(data)[:16], "f" * 16):
        (tmp_path / "work/rows" / name).mkdir(parents=True)
    asked = {"train": [{"data": str(data)}, {"data": str(tmp_path / "not made yet")}]}
    assert [leftover.folder.name for leftover in unused_rows(tmp_path / "work", asked)] == ["f" * 16]


def test_a_folder_fits_by_the_facts_that_are_known(tmp_path):
    for name, run in {"a": {"code": "1", "parent": "x"}, "b": {"code": "1", "parent": "y"}, "c": {"code": "2", "parent": "x"}}.items():
        (tmp_path / "train" / name).mkdir(parents=True)
        write_json(tmp_path / "train" / name / "run.json", run)
    (tmp_path / "train/no run").mkdir()

    def left(*patterns):
        return [leftover.folder.name for leftover in unused_folders(tmp_path, {"train": list(patterns)})]

    assert left({"code": "1"}) == ["c"]
    assert left({"code": "1", "parent": "x"}) == ["b", "c"]
    assert left({"code": "1", "parent": "x"}, {"code": "2"}) == ["b"]
    assert left() == ["a", "b", "c"]


def test_files_that_a_model_shares_free_nothing(tmp_path):
    (tmp_path / "kept").mkdir()
    for name in ("shared", "own"):
        (tmp_path / "kept" / name).write_bytes(b"1234")
    os.link(tmp_path / "kept/shared", tmp_path / "model")
    assert freed_bytes(tmp_path / "kept") == 4


def test_answers_of_a_model_behind_an_endpoint_are_kept_as_long_as_it_is_asked(tmp_path):
    sampling = {"n_samples": 1, "temperature": 0, "top_p": 1, "max_new_tokens": 8, "seed": 0}
    spec = {"engine": "openai", "endpoint": "here", "model": "r1", **sampling}
    response_set(tmp_path / "responses", "here r1", tmp_path / "mini_math/prompts.jsonl", spec, tmp_path / "out.jsonl")
    empty = ("train", "distill", "models", "respond", "ask", "attempt", "logits", "teacher", "judge", "fetch")
    nothing: dict = {step: [] for step in empty}
    asked = {**nothing, "ask": [{"benchmark": "mini_math", "spec": {**spec, "n_samples": 4}}]}
    assert list(unused_folders(tmp_path, patterns(asked))) == []
    assert len(list(unused_folders(tmp_path, patterns(nothing)))) == 1


def test_the_checkpoints_of_a_training_of_adapters_are_in_use(tmp_path):
    """Its versions hold that of peft; other trainings do not have it."""
    recipes = [read_recipe({"seed": seed, **more}) for seed, more in ((1, {}), (2, {"lora": {"r": 4}}))]
    planned = [{"recipe": recipe, "template": None, "until": None, "base": "", "data": ""} for recipe in recipes]
    for place, recipe in enumerate(recipes):
        run = {"code": code_digest("train.py"), "versions": versions_of(recipe), "recipe": recipe, "chat_template": None, "data": "d"}
        write_json(tmp_path / f"train/{place}/run.json", run)
    nothing: dict = {step: [] for step in ("distill", "models", "respond", "ask", "attempt", "logits", "teacher", "judge", "fetch")}
    assert list(unused_folders(tmp_path, patterns({**nothing, "train": planned}))) == []
    (left,) = unused_folders(tmp_path, patterns({**nothing, "train": planned[:1]}))
    assert left.folder.name == "1"
