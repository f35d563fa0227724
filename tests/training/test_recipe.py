"""Each key of a recipe reaches the argument of TRL and transformers that it stands for, from the schema of the configuration on."""

import pytest
from trainer_arguments import SHARED

from distill.base.code_digest import code_parts
from distill.base.errors import InputError
from distill.training import recipe as recipes
from distill.training.recipe import RECIPE, RUNTIME, check_rollouts, rollout_modules

KEYS = RECIPE.schema["properties"]

# value of the recipe, the arguments that follow
ARGUMENTS = [
    *SHARED,
    ({}, {"num_train_epochs": 1, "max_steps": -1, "optim": "adamw_torch", "packing": True, "packing_strategy": "bfd_split"}),
    ({"epochs": 2.5}, {"num_train_epochs": 2.5}),
    ({"max_steps": 7}, {"max_steps": 7}),
    ({"warmup_steps": 12, "warmup_ratio": 0.1}, {"warmup_steps": 12}),
    ({"max_length": 32768}, {"max_length": 32768}),
    ({"packing": "none"}, {"packing": False}),
    ({"packing": "bfd"}, {"packing": True, "packing_strategy": "bfd"}),
    ({"packing": "wrapped"}, {"packing": True, "packing_strategy": "wrapped"}),
    ({"loss_on": "completion"}, {"completion_only_loss": True}),
    ({"loss_on": "all"}, {"completion_only_loss": False}),
    ({"loss": "nll"}, {"loss_type": "nll"}),
    ({"loss": "dft"}, {"loss_type": "dft"}),
    ({"loss": "kl"}, {"loss_type": "nll"}),
    ({"eos_token": "<|im_end|>"}, {"eos_token": "<|im_end|>"}),
]
# Keys that reach the trainer elsewhere than through its arguments, and the test that shows it.
ELSEWHERE = {
    "group_by_length": "tests/e2e/test_resume.py",
    "lora": "tests/e2e/test_lora.py",
    "kl_weight": "tests/training/test_logits.py",
}


@pytest.fixture(scope="module")
def arguments(tmp_path_factory):
    pytest.importorskip("trl")
    from distill.training import sft

    return lambda **recipe: sft.arguments(
        RECIPE.read(recipe), tmp_path_factory.mktemp("run"), RUNTIME.read({"device": "cpu", "micro_batch": 3}), 1
    )


@pytest.mark.parametrize(("recipe", "expected"), ARGUMENTS, ids=lambda value: ", ".join(value))
def test_a_key_reaches_its_argument(arguments, recipe, expected):
    made = arguments(**{"global_batch": 3, **recipe})
    assert {name: getattr(made, name) for name in expected} == expected


def test_the_table_above_leaves_no_key_out():
    assert {key for recipe, _ in ARGUMENTS for key in recipe} | ELSEWHERE.keys() == KEYS.keys() - {"until"}


def test_every_choice_of_a_key_is_in_the_table():
    for key, part in KEYS.items():
        assert {recipe[key] for recipe, _ in ARGUMENTS if key in recipe} >= set(part.get("enum", ())) - {part.get("default")}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"learning_rte": 1.0}, "learning_rte: unknown key; did you mean learning_rate?"),
        ({"max_seq_length": 512}, "max_seq_length: unknown key; write max_length instead"),
        ({"dtype": "fp16"}, "dtype: 'fp16' is not known; write one of float32, bfloat16"),
        ({"packing": ["bfd"]}, "packing: ['bfd'] is not known; write one of none, bfd, bfd_split, wrapped"),
        ({"learning_rate": "2e-5"}, "learning_rate: '2e-5' is not a number"),
        ({"learning_rate": 0.0}, "learning_rate: 0.0 is less than or equal to the minimum of 0"),
        ({"epochs": True}, "epochs: True is not a number"),
        ({"max_steps": 2.5}, "max_steps: 2.5 is not a whole number"),
        ({"global_batch": None}, "global_batch: None is not a whole number"),
        ({"group_by_length": 1}, "group_by_length: 1 is not true or false"),
        ({"eos_token": 3}, "eos_token: 3 is not text"),
        ({"until": "0.5"}, "until: '0.5' is not a number"),
    ],
)
def test_a_recipe_with_an_error_is_refused_in_one_line(spec, said):
    with pytest.raises(InputError) as error:
        RECIPE.read(spec)
    assert str(error.value).startswith(f"--spec: {said}")
    assert "\n" not in str(error.value)


def test_equal_recipes_are_written_alike():
    made = RECIPE.read({"epochs": 2, "eos_token": None, "max_steps": 3.0})
    assert (repr(made["epochs"]), repr(made["max_steps"])) == ("2.0", "3")
    assert "eos_token" not in made, "null is the same as leaving it out"


@pytest.mark.parametrize("ratio", [1, 100, -0.1])
def test_a_warmup_ratio_that_is_no_share_is_refused_by_hand_too(ratio):
    """transformers takes 1 and more for steps."""
    with pytest.raises(InputError, match="warmup_ratio"):
        RECIPE.read({"warmup_ratio": ratio})


def test_vllm_is_part_of_the_code_of_those_distillations_alone_that_generate_with_it():
    (module,) = rollout_modules({"engine": "vllm"})
    assert rollout_modules({"engine": "transformers"}) == []
    assert "pin:vllm" in code_parts(module) and not {module, "pin:vllm"} & code_parts("distill_model.py").keys()


def test_rollouts_by_a_vllm_that_is_not_installed_are_one_line(monkeypatch):
    monkeypatch.setattr(recipes, "find_spec", lambda name: None)
    check_rollouts({"engine": "transformers"})
    with pytest.raises(InputError, match=r"^distill.engine: vLLM is not installed; pip install -r envs/requirements-cuda.txt, or write"):
        check_rollouts({"engine": "vllm"})
