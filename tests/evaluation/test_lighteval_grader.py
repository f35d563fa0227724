"""lighteval on recorded text: really called, and not to be hung."""

import json
import subprocess
import sys
import time

import grade_lighteval
import pytest
from checkout import PROJECT

from distill.base.errors import InputError
from distill.base.files import read_json, read_jsonl, write_jsonl
from distill.evaluation import lighteval_grader as engine
from distill.evaluation.lighteval_grader import LightevalRecord, Replayed, replay

MESSAGES = [{"role": "user", "content": "What is it?"}]


def recorded(text: str, gold: str = "7", kind: str = "math") -> LightevalRecord:
    return LightevalRecord(text, 0, kind, "What is it?", gold, 4, text)


def stand_in(pipe, runs, timed_out):
    """Behaves as the child does: says where it is, hangs at `hang`, dies at `die`, else calls `right` right."""
    for number, run in enumerate(runs):
        lost = timed_out if number == 0 else ()
        for place, response in enumerate(run):
            pipe.send(place)
            if response.text in ("hang", "die") and place not in lost:
                time.sleep(60 if response.text == "hang" else 0)
                return
        pipe.send(([response.text == "right" for response in run], {"run": len(run)}))


def test_a_response_that_hangs_or_kills_lighteval_counts_as_wrong_and_harms_no_other(monkeypatch):
    monkeypatch.setattr(engine, "_child", stand_in)
    runs = [[recorded(text) for text in texts] for texts in (["right", "wrong"], ["right", "hang", "right", "die", "right"], ["right"])]
    found = replay(runs, timeout_s=0.5)
    assert [run.correct for run in found] == [[True, False], [True, False, True, False, True], [True]]
    assert [run.timed_out for run in found] == [[], [1, 3], []]


def test_a_kind_without_a_metric_is_an_error_that_names_it():
    with pytest.raises(InputError, match="'exact'"):
        replay([[recorded("x", kind="exact")]])


@pytest.mark.slow
def test_lighteval_judges_as_released():
    math = ["ANSWER: $7$", "\\boxed{7}", "It is $\\frac{14}{2}$.", "<think>7</think> \\boxed{8}", "8</think> \\boxed{7}", "8", ""]
    letters = ["Answer: B", "the answer is (B)", "Answer: A", "<think>Answer: B</think> Answer: C", ""]
    runs = [[recorded(text) for text in math], [recorded(text, "B", "choice") for text in letters]]
    found = replay(runs)
    assert found[0].correct == [True, True, True, False, True, False, False]
    assert found[1].correct == [True, True, False, False, False]
    assert found[0].results["results"]["all"]["pass@k:k=1&n=1"] == pytest.approx(4 / 7)
    assert replay(runs[:1])[0] == found[0]  # no times, no addresses


def test_one_start_of_lighteval_judges_what_siblings_lack_and_no_run_is_judged_twice(monkeypatch, tmp_path):
    judged = []

    def counted(runs, timeout_s):
        judged.append([[response.text for response in run] for run in runs])
        return [Replayed([response.text == response.gold for response in run], {"n": len(run)}, []) for run in runs]

    def grade(name, *texts):
        folder = tmp_path / name
        write_jsonl(folder / "prompts.jsonl", [{"id": "1", "messages": MESSAGES, "gold": "7", "kind": "math", "choices": []}])
        write_jsonl(folder / "m" / f"{name}.jsonl", [{"id": "1", "sample": n, "text": text} for n, text in enumerate(texts)])
        asked = [{"prompts": str(tmp_path / one / "prompts.jsonl"), "output": str(tmp_path / one / "m" / f"{one}.jsonl")} for one in "abc"]
        places = {"prompts": folder / "prompts.jsonl", "responses": folder / "m" / f"{name}.jsonl", "siblings": json.dumps(asked)}
        places |= {"work": tmp_path / "work", "output": folder / "verdicts.jsonl", "results": folder / "results.json"}
        monkeypatch.setattr("sys.argv", ["grade_lighteval.py", *(f"--{key}={value}" for key, value in places.items())])
        grade_lighteval.main()
        return [row["correct"] for row in read_jsonl(folder / "verdicts.jsonl")]

    monkeypatch.setattr(grade_lighteval, "replay", counted)
    assert grade("b", "7", "8") == [True, False]  # a and c are not there yet
    assert grade("a", "8") == [False]
    assert grade("b", "7", "8") == [True, False]
    assert judged == [[["7", "8"]], [["8"]]]
    write_jsonl(tmp_path / "b" / "m" / "b.jsonl", [{"id": "1", "sample": 0, "text": "7 again"}])
    assert grade("c", "7") == [True]
    assert judged[2] == [["7"], ["7 again"]]


def test_where_lighteval_decides_it_is_tested_once_for_all_models(monkeypatch, tmp_path):
    judged = []

    def counted(runs, timeout_s):
        judged.extend([response.text for response in run] for run in runs)
        return [Replayed([response.gold in response.text for response in run], {"n": len(run)}, []) for run in runs]

    def grade(model, spec):
        write_jsonl(tmp_path / "prompts.jsonl", [{"id": "1", "messages": MESSAGES, "gold": "7", "kind": "math", "choices": []}])
        write_jsonl(tmp_path / model / "sums.jsonl", [{"id": "1", "sample": 0, "text": f"{model}: 8"}])
        places = {"prompts": tmp_path / "prompts.jsonl", "responses": tmp_path / model / "sums.jsonl", "spec": json.dumps(spec)}
        places |= {"work": tmp_path / "work", "output": tmp_path / "verdicts.jsonl", "results": tmp_path / "results.json"}
        monkeypatch.setattr("sys.argv", ["grade_lighteval.py", *(f"--{key}={value}" for key, value in places.items())])
        grade_lighteval.main()
        return read_json(tmp_path / "results.json")

    monkeypatch.setattr(grade_lighteval, "replay", counted)
    assert grade("a", {}) == {"n": 1}
    probes = ["ANSWER: 7", "What is it?", "<think>\nI get \\boxed{7}.\n</think>\n\nWhat is it?\nSo the answer is", "", "ANSWER: -987654321"]
    tested = {"n": 1, "self_test": {"gold": 1.0, "echo": 0.0, "cut": 1.0, "empty": 0.0, "wrong": 1.0}}
    asked = {"grader": "lighteval", "answer_form": "ANSWER: {answer}"}
    assert grade("a", asked) == grade("b", asked) == tested
    assert judged == [["a: 8"], probes, ["b: 8"]]
    assert grade("b", {**asked, "answer_form": "{answer}"}) == tested and judged[-1][0] == "7"


# What a solution says before its box is read as its answer: an equation's right side, a sentence's last number.
SOLUTIONS = [rf"There are {n} boys and {n} girls, so that ${n} + {n} = {2 * n}$. The answer is $\boxed{{{2 * n}}}$." for n in range(2, 6)]
CHOICE = {"kind": "choice", "choices": ["one", "two", "three", "four"], "messages": [{"role": "user", "content": "Which is the second?"}]}


@pytest.mark.parametrize(
    ("items", "form", "failed"),
    [
        (
            [{"gold": text, "kind": "math", "choices": [], "messages": MESSAGES} for text in SOLUTIONS],
            "ANSWER: $\\boxed{{answer}}$",
            ["cut"],
        ),
        ([{"gold": letter, **CHOICE} for letter in "BCD"], "Answer: {answer}", []),
    ],
    ids=["math", "choice"],
)
def test_a_score_that_lighteval_decides_has_lightevals_self_test_and_is_flagged_where_that_fails(
    warm_python, tmp_path, items, form, failed
):
    def program(name, *more):
        files = [f"--prompts={tmp_path / 'prompts.jsonl'}", f"--responses={tmp_path / 'm' / 'responses.jsonl'}"]
        command = [
            warm_python,
            PROJECT / "scripts" / name,
            *files,
            "--spec",
            json.dumps({"grader": "lighteval", "answer_form": form}),
            *more,
        ]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    write_jsonl(tmp_path / "prompts.jsonl", [{"id": str(n), **item} for n, item in enumerate(items)])
    write_jsonl(tmp_path / "m" / "responses.jsonl", [{"id": str(n), "sample": 0, "text": "-1"} for n in range(len(items))])
    program("grade_lighteval.py", "--output=lighteval.jsonl", "--results=lighteval.json")
    verdicts = ["--verdicts=lighteval=lighteval.jsonl", "--self-test=lighteval=lighteval.json"]
    said = program("grade.py", *verdicts, "--output=scores.jsonl", "--summary=scores.json")
    summary = read_json(tmp_path / "scores.json")
    expected = {"gold": 1.0, "echo": 0.0, "cut": 1.0 if failed else 0.0, "empty": 0.0, "wrong": 0.0}
    assert summary["self_test"] == read_json(tmp_path / "lighteval.json")["self_test"] == expected
    assert "self-test: gold 100.0%, echo 0.0%, cut" in said
    wanted = "where all are wrong ({}; at most 1% wanted)"
    assert [wanted.format(kind) in flag for kind, flag in zip(failed, summary["flags"], strict=True)] == [True] * len(failed)


def test_where_lighteval_is_not_installed_its_step_leaves_empty_files_unless_it_decides(monkeypatch, tmp_path):
    monkeypatch.setattr(grade_lighteval.importlib.util, "find_spec", lambda name: None)
    write_jsonl(tmp_path / "prompts.jsonl", [{"id": "a", "messages": [{"role": "user", "content": "?"}], "gold": "7", "kind": "math"}])
    write_jsonl(
        tmp_path / "responses.jsonl", [{"id": "a", "sample": 0, "text": "\\boxed{7}", "finish_reason": None, "completion_tokens": None}]
    )
    files = [f"--{name}={tmp_path / name}.jsonl" for name in ("prompts", "responses", "output")]
    arguments = ["grade_lighteval.py", *files, f"--results={tmp_path / 'results.json'}", f"--work={tmp_path / 'work'}"]
    monkeypatch.setattr(sys, "argv", arguments)
    grade_lighteval.main()
    assert ((tmp_path / "output.jsonl").read_text(), read_json(tmp_path / "results.json")) == ("", {})
    monkeypatch.setattr(sys, "argv", [*arguments, '--spec={"grader": "lighteval"}'])
    with pytest.raises(InputError, match="not installed"):
        grade_lighteval.main()


@pytest.mark.slow
def test_lighteval_reads_letters_in_the_order_in_which_the_model_saw_the_choices(monkeypatch, tmp_path):
    """The gold is our B, which a model that was shown BADC has as its A; really graded."""
    write_jsonl(tmp_path / "prompts.jsonl", [{"id": "a", "gold": "B", **CHOICE}])
    answers = [("Answer: A", "BADC"), ("Answer: B", "BADC"), ("Answer: B", ""), ("Answer: A", "")]
    rows = [{"id": "a", "sample": n, "text": text, **({"shown": shown} if shown else {})} for n, (text, shown) in enumerate(answers)]
    write_jsonl(tmp_path / "m" / "responses.jsonl", rows)
    files = {"prompts": "prompts.jsonl", "responses": "m/responses.jsonl", "output": "out.jsonl", "results": "out.json", "work": "work"}
    monkeypatch.setattr(sys, "argv", ["grade_lighteval.py", *(f"--{name}={tmp_path / file}" for name, file in files.items())])
    grade_lighteval.main()
    assert [row["correct"] for row in read_jsonl(tmp_path / "out.jsonl")] == [True, False, True, False]
