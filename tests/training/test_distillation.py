"""Each key of a distillation reaches the argument of TRL and transformers that it stands for, from the schema of the configuration on."""

import pytest
from trainer_arguments import SHARED

from distill.base.errors import InputError
from distill.training.recipe import DISTILLATION, RUNTIME, WATCH, WATCHED

KEYS = DISTILLATION.schema["properties"]
LEAST = {"steps": 3, "max_new_tokens": 5}

# value of the recipe, the arguments that follow
ARGUMENTS = [
    *SHARED,
    ({}, {"max_steps": 3, "max_completion_length": 5, "optim": "adamw_torch", "use_vllm": False, "logging_steps": 1}),
    ({"steps": 7}, {"max_steps": 7}),
    ({"max_new_tokens": 9}, {"max_completion_length": 9}),
    ({"beta": 0.3}, {"beta": 0.3}),
    ({"temperature": 0.7}, {"temperature": 0.7}),
    ({"top_p": 0.9}, {"top_p": 0.9}),
    ({"gradient_checkpointing": False}, {"gradient_checkpointing": False}),
    ({"engine": "transformers"}, {"use_vllm": False}),
    ({"engine": "vllm"}, {"use_vllm": False}),  # TRL's own; vllm_rollouts.py takes its place
]
# Keys that reach the trainer elsewhere than through its arguments, and the test that shows it.
ELSEWHERE = {
    "steps_per_rollout": "tests/training/test_on_policy.py",
    "held_out": "tests/training/test_prompts.py",
    "eos_token": "tests/training/test_pair.py",
}


@pytest.fixture(scope="module")
def arguments(tmp_path_factory):
    pytest.importorskip("trl")
    from distill.training import distillation

    runtime = RUNTIME.read({"device": "cpu", "micro_batch": 3})
    return lambda **recipe: distillation.arguments(DISTILLATION.read(LEAST | recipe), tmp_path_factory.mktemp("run"), runtime, 1)


@pytest.mark.parametrize(("recipe", "expected"), ARGUMENTS, ids=lambda value: ", ".join(value))
def test_a_key_reaches_its_argument(arguments, recipe, expected):
    made = arguments(**{"global_batch": 3, **recipe})
    assert {name: getattr(made, name) for name in expected} == expected


def test_the_table_above_leaves_no_key_and_no_choice_out():
    assert {key for recipe, _ in ARGUMENTS for key in recipe} | ELSEWHERE.keys() == KEYS.keys()
    for key, part in KEYS.items():
        assert {recipe[key] for recipe, _ in ARGUMENTS if key in recipe} >= set(part.get("enum", ()))


def test_what_stops_it_is_read_apart_from_the_recipe():
    assert set(WATCH.schema["properties"]) | {"min_headroom"} == set(WATCHED)
    assert not set(WATCHED) & KEYS.keys()
    with pytest.raises(InputError, match=r"--spec: max_cut: unknown key"):
        DISTILLATION.read({**LEAST, "max_cut": 1})


def test_a_recipe_without_steps_is_refused_in_one_line():
    with pytest.raises(InputError, match="--spec: steps: missing; add it"):
        DISTILLATION.read({"max_new_tokens": 5})
