"""A --spec is checked and filled from config/schema.yaml; one that is wrong is refused in one line that says what to write."""

import subprocess
import sys

import pytest

from distill.base.errors import InputError
from distill.base.paths import SCRIPTS
from distill.base.settings import Settings, find, whole_schema

SETTINGS = Settings(
    "$defs/dataset/filter/*",
    "$defs/dataset/thought_style",
    "$defs/recipe/eos_token",
    without=("verify",),
    required=("thought_style",),
    shuffle="$defs/benchmark/shuffle_seed",
    benchmarks={"type": "object", "default": {}, "additionalProperties": {"type": "array", "items": {"type": "string"}}},
)


def test_all_keys_of_a_mapping_single_keys_and_own_ones_make_a_spec():
    keys = {*find("$defs/dataset/filter")["properties"], "thought_style", "eos_token", "shuffle", "benchmarks"} - {"verify"}
    assert SETTINGS.schema["properties"].keys() == keys


def test_the_keys_of_an_entry_that_go_into_a_spec_are_picked_without_those_left_out_and_own_ones():
    entry = {"verify": True, "benchmarks": {}, "max_tokens": 5, "thought_style": "think", "label": "Stratos"}
    assert SETTINGS.pick(entry) == {"max_tokens": 5, "thought_style": "think"}


def test_what_is_left_out_is_filled_in_at_every_depth():
    made = SETTINGS.read({"thought_style": "think", "per_question": {"k": 2}})
    keys = find("$defs/dataset/filter")["properties"]
    assert made["max_tokens"] == keys["max_tokens"]["default"]
    assert made["per_question"] == {"rule": keys["per_question"]["properties"]["rule"]["default"], "k": 2}
    assert (made["shuffle"], made["benchmarks"]) == (find("$defs/benchmark/shuffle_seed")["default"], {})


def test_a_key_without_a_default_is_absent_where_it_is_left_out_or_null():
    assert "eos_token" not in SETTINGS.read({"thought_style": "think"})
    assert "eos_token" not in SETTINGS.read({"thought_style": "think", "eos_token": None})


def test_null_is_a_value_where_the_schema_has_it():
    assert SETTINGS.read({"thought_style": "think", "ngram": None})["ngram"] is None


def test_equal_numbers_are_written_alike():
    made = SETTINGS.read({"thought_style": "think", "near_duplicates": 1, "max_tokens": 8.0})
    assert (repr(made["near_duplicates"]), repr(made["max_tokens"])) == ("1.0", "8")


def test_what_is_given_is_left_as_it_was():
    given = {"thought_style": "think", "per_question": {}}
    SETTINGS.read(given)
    assert given == {"thought_style": "think", "per_question": {}}


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"max_token": 5}, "max_token: unknown key; did you mean max_tokens?"),
        ({"per_question": {"n": 5}}, "per_question.n: unknown key; known are k, rule"),
        ({"thought_style": None}, "thought_style: None is not known; write one of stratos, think"),
        ({"per_question": {"rule": "best"}}, "per_question.rule: 'best' is not known; write one of all, first, shortest, distinct"),
        ({"max_tokens": "8"}, "max_tokens: '8' is not a whole number or null; remove the quotes"),
        ({"max_tokens": True}, "max_tokens: True is not a whole number or null"),
        ({"max_tokens": 0}, "max_tokens: 0 is less than the minimum of 1"),
        ({"near_duplicates": float("nan")}, "near_duplicates: nan is not a finite number; write one"),
        ({"eos_token": 3}, "eos_token: 3 is not text"),
        ({"benchmarks": {"aime": ["x", 1]}}, "benchmarks.aime.1: 1 is not text"),
    ],
)
def test_an_error_is_one_line(given, line):
    with pytest.raises(InputError) as error:
        SETTINGS.read({"thought_style": "think", **given})
    assert str(error.value) == f"--spec: {line}"


def test_a_missing_key_is_named_with_its_option():
    with pytest.raises(InputError, match=r"^--runtime: thought_style: missing; add it$"):
        SETTINGS.read({}, "--runtime")


def test_keys_by_the_names_of_other_tools_are_named():
    recipe = Settings("$defs/recipe/*")
    for name, what in find("$defs/recipe")["x-other-names"].items():
        with pytest.raises(InputError) as error:
            recipe.read({name: 1})
        assert str(error.value) == f"--spec: {name}: unknown key; {what}"


def test_every_pattern_of_the_schema_says_what_to_write():
    def patterns(part):
        if isinstance(part, dict):
            if isinstance(part.get("pattern"), str) and "description" in part:
                yield part
            for below in part.values():
                yield from patterns(below)

    assert [part for part in patterns(whole_schema()) if "x-error" not in part] == []


def test_importing_it_reads_no_schema_and_loads_no_checker():
    code = (
        "import sys; from distill.base.settings import Settings; Settings('$defs/recipe/*'); print({'jsonschema', 'yaml'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
