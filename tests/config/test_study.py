"""A study expands to models: whose names tell what they are and stay what they are when the study grows; the report tells seeds apart."""

from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from results_tree import SPEC, build

from distill.base.errors import InputError
from distill.base.files import write_json
from distill.config import report_part, study
from distill.config.load import load
from distill.config.plan import Plan
from distill.report import page
from distill.report.results import Results

CONFIG = Path(__file__).resolve().parents[2] / "config"
MINIATURE = yaml.safe_load((CONFIG / "config.yaml").read_text(encoding="utf-8"))


def given(**asked) -> dict:
    return {**deepcopy(MINIATURE), "study": {"bases": "base", "datasets": "mini_stratos", **asked}}


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({}, ["ours"]),
        ({"seeds": [1, 2]}, ["ours-s1", "ours-s2"]),
        ({"seeds": 1}, ["ours"]),
        ({"recipes": {"lr1e-5": {}}, "seeds": [1]}, ["ours-lr1e-5-s1"]),
        ({"name": "r1", "datasets": ["mini_stratos", "mini_r1"], "seeds": [0]}, ["r1-mini_stratos-s0", "r1-mini_r1-s0"]),
        ({"bases": ["base"], "recipes": {"a": {}, "b": {}}}, ["ours-base-a", "ours-base-b"]),
    ],
)
def test_names_hold_what_is_given_as_a_list(asked, names):
    config = {**given(**asked), "models": {name: model for name, model in MINIATURE["models"].items() if name != "ours"}}
    assert list(study.expand_study(config)["students"]) == names


def test_a_study_that_grows_keeps_the_students_that_it_has():
    small = given(recipes={"lr1e-3": {"learning_rate": 1e-3}}, seeds=[0])
    large = given(recipes={"lr1e-3": {"learning_rate": 1e-3}, "lr2e-3": {"learning_rate": 2e-3}}, seeds=[0, 1, 2])
    before, after = (Plan(load(config)) for config in (small, large))
    assert len(after.config["students"]) == 6
    assert before.recipe("ours-lr1e-3-s0") == after.recipe("ours-lr1e-3-s0")


def test_a_student_is_its_recipe_over_train_defaults_with_its_own_seed():
    config = load(given(label="Ours", recipes={"e2": {"epochs": 2}}, seeds=[7]))
    made, plain = config["models"]["ours-e2-s7"], config["models"]["ours"]
    assert made["train"] == {**plain["train"], "epochs": 2.0, "seed": 7}
    assert (made["role"], made["label"]) == ("student", "Ours e2, seed 7")
    assert "study" not in config


def test_what_is_given_is_left_as_it_was():
    config = given(seeds=[1, 2])
    kept = deepcopy(config)
    study.expand_study(config)
    assert config == kept


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ({"datasets": ["mini_strato"]}, "study.datasets: 'mini_strato' is not under datasets:; known are mini_stratos, mini_r1"),
        ({"bases": "bse"}, "study.bases: 'bse' is not under models:; known are base, r1-distill-mini, ours"),
        ({}, "study: makes a model 'ours', which is under models: too; rename one"),
        ({"recipes": {"a": {"seed": 3}}}, "study.recipes.a.seed: is the study's own; remove it and write it under study.seeds"),
        ({"recipes": {"a": {"learning_rte": 3}}}, "study.recipes.a.learning_rte: unknown key; did you mean learning_rate?"),
        ({"recipes": {"a-s1": {}, "a": {}}, "seeds": [1], "datasets": ["mini_r1"], "bases": []}, "study.bases: []"),
        ({"name": "base", "recipes": {"a": {}, "a-at1": {}}, "checkpoints": [1]}, "study: two of its models would be called 'base-a-at1'"),
        (
            {"recipes": {"e1": {"epochs": 1}, "e2": {"epochs": 2}}, "seeds": [0, 1], "checkpoints": [0.5, 2]},
            "study.checkpoints: 2 is beyond the 1 epochs of e1; remove it or raise epochs there",
        ),
        ({"seeds": [1, 1]}, "study.seeds: [1, 1] has non-unique elements"),
        ({"seed": [1]}, "study.seed: unknown key; did you mean seeds?"),
    ],
)
def test_a_mistake_in_a_study_is_one_line(asked, answer):
    with pytest.raises(InputError) as error:
        load(given(**asked))
    assert f"config: {answer}" in str(error.value)
    assert all(line.startswith("config: ") for line in str(error.value).splitlines())


def test_a_checkpoint_takes_no_name_of_a_model_that_is_there():
    config = given(name="mine", checkpoints=[1])
    config["models"]["mine-at1"] = deepcopy(config["models"]["ours"])
    with pytest.raises(InputError, match="study: makes a model 'mine-at1', which is under models: too; rename one"):
        load(config)


def test_groups_are_students_that_differ_in_their_seed_alone():
    plan = Plan(load(given(recipes={"e1": {}, "e2": {"epochs": 2}}, seeds=[0, 1])))
    assert report_part.report(plan)["study"] == [
        {"label": "ours e1", "models": ["ours-e1-s0", "ours-e1-s1"], "seeds": [0, 1]},
        {"label": "ours e2", "models": ["ours-e2-s0", "ours-e2-s1"], "seeds": [0, 1]},
    ]
    assert "study" not in report_part.report(Plan(load(deepcopy(MINIATURE))))


def test_checkpoints_of_all_students_are_points_of_their_learning_curves():
    plan = Plan(load(given(recipes={"e2": {"epochs": 2}}, seeds=[0, 1], checkpoints=[1, 0.5])))
    assert plan.config["models"]["ours-e2-s1-at0.5"]["checkpoint"] == {"of": "ours-e2-s1", "epoch": 0.5}
    assert plan.config["models"]["ours-e2-s1"]["train"]["save"] == [0.5, 1.0]
    assert [(group["label"], group["models"][0]) for group in report_part.report(plan)["study"]] == [
        ("ours e2, epoch 0.5", "ours-e2-s0-at0.5"),
        ("ours e2, epoch 1", "ours-e2-s0-at1"),
        ("ours e2", "ours-e2-s0"),
    ]
    assert plan.recipe("ours-e2-s0") == Plan(load(given(recipes={"e2": {"epochs": 2}}, seeds=[0, 1]))).recipe("ours-e2-s0")


def test_the_example_is_twelve_students_on_two_sets():
    overlay = yaml.safe_load((CONFIG / "study.yaml").read_text(encoding="utf-8"))
    merged = deepcopy(MINIATURE)
    for key, value in overlay.items():
        merged[key] = {**merged.get(key, {}), **value} if isinstance(value, dict) else value
    merged["models"]["ours"] = {**MINIATURE["models"]["ours"], **overlay["models"]["ours"]}
    plan = Plan(load(merged))
    assert len(plan.config["students"]) == 12
    assert plan.students() == ["r1-distill-mini", *plan.config["students"]]
    assert plan.trained_on() == ["mini_half", "mini_r1", "mini_stratos"]


def test_mean_and_spread_are_over_the_seeds_of_a_group(tmp_path):
    root = build(tmp_path)
    groups = [{"label": "Ours", "models": ["ours", "r1"], "seeds": [0, 1]}, {"label": "Alone", "models": ["base"], "seeds": [0]}]
    for model, tokens in (("ours", 1000), ("r1", 3000)):
        manifest = Results(root).manifest(model)
        write_json(root / "models" / model / "manifest.json", {**manifest, "tokens_seen": tokens})
    spec = {**SPEC, "study": groups}
    body = page.render(spec, Results(root))
    section = body.split("## Study\n")[1].split("\n## ")[0]
    ours = next(line for line in section.splitlines() if line.startswith("| Ours "))
    cells = [cell.strip() for cell in ours.strip("|").split("|")]
    assert cells[1] == "2,000" and cells[3] == "2"
    scores = {(score.model, score.benchmark): 100 * score.pass_at_1 for score in Results(root).scores}
    low, high = sorted(scores[model, "mini_math"] for model in ("ours", "r1"))
    assert cells[4] == f"{(low + high) / 2:.1f} ± {(high - low) / 2**0.5:.1f} ({low:.1f} to {high:.1f})"
    alone = next(line for line in section.splitlines() if line.startswith("| Alone "))
    assert "±" not in alone
    assert "## Study" not in page.render(SPEC, Results(root))
