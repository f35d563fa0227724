"""scripts/headroom.py: a teacher that is no better than its student stops a distillation before it begins."""

import json
import sys

import headroom as script
import pytest
import tiny_chat
import tiny_distillation as tiny

from distill.base.errors import InputError
from distill.base.files import read_json, write_json

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tiny.world(tmp_path_factory.mktemp("pair") / "world")
    rows = tiny_chat.read_jsonl(folder / "sft.jsonl")
    for row in rows[:40]:
        row["completion"][0]["content"] = f"So \\boxed{{{row['completion'][0]['content']}}}."
    tiny_chat.write_jsonl(folder / "sft.jsonl", rows)
    return folder


@pytest.fixture
def check(pair, tmp_path, monkeypatch):
    """check(least, **recipe): run the script; what it wrote."""

    def check(least: float, **recipe) -> dict:
        words = ["headroom.py", "--student", pair / "student", "--teacher", pair / "teacher", "--prompts", pair / "sft.jsonl"]
        words += ["--spec", json.dumps(tiny.RECIPE | recipe), "--min-headroom", least, "--runtime", '{"device": "cpu"}']
        monkeypatch.setattr(sys, "argv", list(map(str, [*words, "--output", tmp_path / "headroom.json"])))
        script.main()
        return read_json(tmp_path / "headroom.json")

    return check


def test_two_models_that_know_nothing_leave_no_headroom(check, tmp_path, capsys):
    with pytest.raises(InputError) as error:
        check(3)
    said = str(error.value)
    assert "held-out questions the student answers 0.0 % right, the teacher 0.0 %" in said
    assert said.endswith("name harder prompts or a better teacher, or lower distill.min_headroom") and "\n" not in said
    found = check(-1)["headroom"]
    assert (found["student"], found["teacher"]) == (0.0, 0.0) and 1 <= found["questions"] <= 4
    assert "headroom: of " in capsys.readouterr().out


def test_what_is_known_is_not_found_out_again(check, tmp_path):
    known = check(-1)
    write_json(tmp_path / "headroom.json", {**known, "headroom": {"questions": 4, "student": 0.25, "teacher": 1.0}})
    assert check(70)["headroom"]["teacher"] == 1.0
    with pytest.raises(InputError, match=r"25\.0 % right, the teacher 100\.0 %"):
        check(76)
    assert check(-1, max_new_tokens=3)["headroom"]["teacher"] == 0.0, "asked otherwise"


def test_without_questions_that_have_an_answer_nothing_is_checked(check, capsys):
    assert check(3, held_out=0)["headroom"] is None
    assert "not checked" in capsys.readouterr().out


def test_a_right_answer_counts(pair, tmp_path, monkeypatch):
    """The share is the grader's, over the answers of the product's own engine."""
    from distill.generation.engines import Answer
    from distill.training.prompts import Prompt

    held_out = [Prompt([{"role": "user", "content": "?"}], f"\\boxed{{{gold}}}") for gold in ("7", "C", "1/2")]
    given = ["so \\boxed{7}", "(C), so \\boxed{C}", "\\boxed{0.6}"]
    answers = [(place, Answer(text, "stop", 1, 1)) for place, text in enumerate(given)]
    from distill.generation.engines import transformers

    monkeypatch.setattr(transformers.Engine, "answers", lambda *_: iter(answers))
    assert script.share_of_right(pair / "student", held_out, 5, None, {"device": "cpu", "batch_size": 4}) == pytest.approx(2 / 3)
