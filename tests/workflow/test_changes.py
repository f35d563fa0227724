"""What changed in the parameters of a job, in words."""

import pytest

from distill.base.code_digest import code_digest, code_parts
from distill.workflow.changes import ABSENT, code_differences, differences, format_value, full_key, record_code_digest, recorded_parts

CONFIG = {
    "models": {
        "ours": {"train": {"learning_rate": 0.001, "adam_beta1": 0.98, "adam_beta2": 0.9}},
        "other": {"train": {"learning_rate": 0.001}},
    },
    "protocols": {"mini": {"sampling": {"temperature": 0.6}}},
}


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


@pytest.mark.parametrize(
    ("value", "words"),
    [(ABSENT, "(not there)"), (0.001, "0.001"), (True, "true"), ("", '""'), ("a\nb", '"a\\nb"'), ("f" * 64, "f" * 12), ("x" * 200, None)],
)
def test_a_value_is_one_short_line(value, words):
    assert "\n" not in format_value(value) and len(format_value(value)) <= 100
    assert words is None or format_value(value) == words
