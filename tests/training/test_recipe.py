"""Each key of a recipe reaches the argument of TRL and transformers that it stands for, from the configuration's schema on."""

from pathlib import Path

import pytest
import yaml

from distill.base.errors import InputError
from distill.training.recipe import CHOICES, Recipe

SCHEMA = yaml.safe_load((Path(__file__).resolve().parents[2] / "config/schema.yaml").read_text(encoding="utf-8"))
KEYS = SCHEMA["$defs"]["recipe"]["properties"]
# What a key of the configuration is beside an argument of the trainer: what it trains from and on, and what is kept on the way.
NOT_A_FIELD = {"base", "dataset", "chat_template", "save"}

# value of the recipe, the arguments that follow
ARGUMENTS = [
    ({}, {"num_train_epochs": 1, "max_steps": -1, "optim": "adamw_torch", "packing": True, "packing_strategy": "bfd_split"}),
    ({"epochs": 2.5}, {"num_train_epochs": 2.5}),
    ({"max_steps": 7}, {"max_steps": 7}),
    ({"learning_rate": 3e-4}, {"learning_rate": 3e-4}),
    ({"lr_scheduler_type": "cosine"}, {"lr_scheduler_type": "cosine", "lr_scheduler_kwargs": {}}),
    (
        {"lr_scheduler_type": "cosine_with_min_lr", "min_lr_rate": 0.2},
        {"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr_rate": 0.2}},
    ),
    ({"lr_scheduler_type": "linear"}, {"lr_scheduler_type": "linear"}),
    ({"lr_scheduler_type": "constant"}, {"lr_scheduler_type": "constant"}),
    ({"lr_scheduler_type": "constant_with_warmup"}, {"lr_scheduler_type": "constant_with_warmup"}),
    ({"warmup_steps": 12}, {"warmup_steps": 12}),
    ({"warmup_ratio": 0.1}, {"warmup_steps": 0.1}),
    ({"warmup_steps": 12, "warmup_ratio": 0.1}, {"warmup_steps": 12}),
    ({"weight_decay": 0.05}, {"weight_decay": 0.05}),
    ({"max_grad_norm": 0.2}, {"max_grad_norm": 0.2}),
    ({"adam_beta1": 0.8, "adam_beta2": 0.95}, {"adam_beta1": 0.8, "adam_beta2": 0.95}),
    ({"max_length": 32768}, {"max_length": 32768}),
    ({"packing": "none"}, {"packing": False}),
    ({"packing": "bfd"}, {"packing": True, "packing_strategy": "bfd"}),
    ({"packing": "wrapped"}, {"packing": True, "packing_strategy": "wrapped"}),
    ({"loss_on": "completion"}, {"completion_only_loss": True}),
    ({"loss_on": "all"}, {"completion_only_loss": False}),
    ({"dtype": "bfloat16"}, {"bf16": True, "fp16": False}),
    ({"dtype": "float32"}, {"bf16": False, "fp16": False}),
    ({"gradient_checkpointing": True}, {"gradient_checkpointing": True}),
    ({"seed": 5}, {"seed": 5, "data_seed": 5}),
    ({"eos_token": "<|im_end|>"}, {"eos_token": "<|im_end|>"}),
    ({"global_batch": 6}, {"per_device_train_batch_size": 3, "gradient_accumulation_steps": 2}),
]
# Keys that reach the trainer elsewhere than through its arguments, and the test that shows it.
ELSEWHERE = {"group_by_length": "tests/e2e/test_resume.py"}


@pytest.fixture(scope="module")
def arguments(tmp_path_factory):
    pytest.importorskip("trl")
    from distill.training import sft

    return lambda **recipe: sft.arguments(Recipe(**recipe), tmp_path_factory.mktemp("run"), "cpu", 3, 100, 1)


@pytest.mark.parametrize(("recipe", "expected"), ARGUMENTS, ids=lambda value: ", ".join(value))
def test_a_key_reaches_its_argument(arguments, recipe, expected):
    made = arguments(**{"global_batch": 3, **recipe})
    assert {name: getattr(made, name) for name in expected} == expected


def test_the_table_above_leaves_no_key_out():
    fields = set(Recipe.__dataclass_fields__)
    assert set(KEYS) - NOT_A_FIELD == fields
    assert {key for recipe, _ in ARGUMENTS for key in recipe} | ELSEWHERE.keys() == fields


def test_defaults_are_those_of_the_schema():
    made = Recipe()
    assert {key: KEYS[key]["default"] for key in KEYS if "default" in KEYS[key] and key != "save"} == {
        key: getattr(made, key) for key in Recipe.__dataclass_fields__ if "default" in KEYS[key]
    }


def test_every_schedule_and_packing_of_the_schema_is_in_the_table():
    for key in ("lr_scheduler_type", "packing", "loss_on", "dtype"):
        assert {recipe[key] for recipe, _ in ARGUMENTS if key in recipe} >= set(KEYS[key]["enum"]) - {Recipe().packing}


def test_the_choices_are_those_of_the_schema():
    assert {key: list(values) for key, values in CHOICES.items()} == {key: entry["enum"] for key, entry in KEYS.items() if "enum" in entry}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"learning_rte": 1.0}, "learning_rte is no key of a recipe; known are "),
        ({"dtype": "fp16"}, "dtype: 'fp16' is unknown: use one of float32, bfloat16"),
        ({"packing": "foo"}, "packing: 'foo' is unknown: use one of none, bfd, bfd_split, wrapped"),
        ({"packing": ["bfd"]}, "packing: ['bfd'] is unknown: use one of "),
        ({"learning_rate": "2e-5"}, "learning_rate: '2e-5': give a number"),
        ({"epochs": True}, "epochs: True: give a number"),
        ({"max_steps": 2.5}, "max_steps: 2.5: give a whole number"),
        ({"global_batch": None}, "global_batch: None: give a whole number"),
        ({"group_by_length": 1}, "group_by_length: 1: give true or false"),
        ({"eos_token": 3}, "eos_token: 3: give a text"),
    ],
)
def test_a_recipe_written_by_hand_that_means_nothing_is_one_line(spec, said):
    with pytest.raises(InputError) as error:
        Recipe.of(spec)
    assert str(error.value).startswith(f"--spec: {said}")


def test_a_recipe_is_taken_as_the_schema_has_it():
    made = Recipe.of({"epochs": 2, "learning_rate": 1e-3, "eos_token": None, "max_steps": 3.0})
    assert (made.epochs, made.learning_rate, made.eos_token, made.max_steps) == (2, 1e-3, None, 3)
