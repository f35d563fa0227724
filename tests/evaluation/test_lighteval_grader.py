"""lighteval on recorded text: really called, and not to be hung."""

import json
import os
import subprocess
import sys
import time

import grade_lighteval
import psutil
import pytest
from checkout import PROJECT

from distill.base.errors import InputError
from distill.base.files import read_json, read_jsonl, write_json, write_jsonl
from distill.base.work import locked
from distill.evaluation import lighteval_grader as engine
from distill.evaluation.lighteval_grader import Lighteval, LightevalRecord, Replayed

MESSAGES = [{"role": "user", "content": "What is it?"}]


def recorded(text: str, gold: str = "7", kind: str = "math") -> LightevalRecord:
    return LightevalRecord(text, 0, kind, "What is it?", gold, 4, text)


def stand_in(pipe):
    """Behaves as the child does: says where it is, hangs at `hang`, dies at `die`, else calls `right` right."""
    while True:
        responses, timed_out = pipe.recv()
        for place, response in enumerate(responses):
            pipe.send(place)
            if response.text in ("hang", "die") and place not in timed_out:
                time.sleep(60 if response.text == "hang" else 0)
                return
        pipe.send(([response.text == "right" for response in responses], {"responses": len(responses)}))


def test_a_response_that_hangs_or_kills_lighteval_counts_as_wrong_and_harms_no_other(monkeypatch):
    monkeypatch.setattr(engine, "_serve", stand_in)
    files = [[recorded(text) for text in texts] for texts in (["right", "wrong"], ["right", "hang", "right", "die", "right"], ["right"])]
    with Lighteval(timeout_s=0.5) as lighteval:
        found = [lighteval.grade(file) for file in files]
    assert [graded.correct for graded in found] == [[True, False], [True, False, True, False, True], [True]]
    assert [graded.timed_out for graded in found] == [[], [1, 3], []]


def test_lighteval_that_fails_before_it_reaches_a_response_is_an_error(monkeypatch):
    monkeypatch.setattr(engine, "_serve", lambda pipe: pipe.recv())
    with Lighteval() as lighteval, pytest.raises(RuntimeError, match="lighteval failed"):
        lighteval.grade([recorded("right")])


def test_a_kind_without_a_metric_is_an_error_that_names_it():
    with Lighteval() as lighteval, pytest.raises(InputError, match="'exact'"):
        lighteval.grade([recorded("x", kind="exact")])


@pytest.mark.slow
def test_lighteval_judges_as_released():
    math = ["ANSWER: $7$", "\\boxed{7}", "It is $\\frac{14}{2}$.", "<think>7</think> \\boxed{8}", "8</think> \\boxed{7}", "8", ""]
    letters = ["Answer: B", "the answer is (B)", "Answer: A", "<think>Answer: B</think> Answer: C", ""]
    files = [[recorded(text) for text in math], [recorded(text, "B", "choice") for text in letters]]
    with Lighteval() as lighteval:
        found = [lighteval.grade(file) for file in files]
    with Lighteval() as again:
        assert again.grade(files[0]) == found[0]  # no times, no addresses
    assert found[0].correct == [True, True, True, False, True, False, False]
    assert found[1].correct == [True, True, False, False, False]
    assert found[0].results["results"]["all"]["pass@k:k=1&n=1"] == pytest.approx(4 / 7)


class StandIn:
    """Lighteval that calls right what holds the gold, and notes its starts: the texts of each file that it graded in one."""

    starts: list[list[list[str]]]

    def __init__(self, timeout_s):
        self.graded: list[list[str]] = []

    def __enter__(self):
        return self

    def __exit__(self, *_): ...

    @property
    def imported(self):
        return bool(self.graded)

    def grade(self, responses):
        if not self.graded:
            self.starts.append(self.graded)
        self.graded.append([response.text for response in responses])
        if "fail" in responses[0].text:
            raise RuntimeError("lighteval failed")
        return Replayed([response.gold in response.text for response in responses], {"n": len(responses)}, [])


@pytest.fixture
def starts(monkeypatch):
    monkeypatch.setattr(grade_lighteval, "Lighteval", StandIn)
    monkeypatch.setattr(StandIn, "starts", [], raising=False)
    return StandIn.starts


@pytest.fixture
def grade(monkeypatch, tmp_path):
    """Grade the responses of a model to a benchmark of one question; returns the verdicts and the results."""
    write_json(tmp_path / "others.json", [])

    def run(model, benchmark, *texts, spec=None):
        prompts, responses = tmp_path / benchmark / "prompts.jsonl", tmp_path / model / f"{benchmark}.jsonl"
        write_jsonl(prompts, [{"id": "1", "messages": MESSAGES, "gold": "7", "kind": "math", "choices": []}])
        write_jsonl(responses, [{"id": "1", "sample": n, "text": text} for n, text in enumerate(texts)])
        places = {"prompts": prompts, "responses": responses, "others": tmp_path / "others.json", "spec": json.dumps(spec or {})}
        places |= {"work": tmp_path / "work", "output": tmp_path / "verdicts.jsonl", "results": tmp_path / "results.json"}
        monkeypatch.setattr("sys.argv", ["grade_lighteval.py", *(f"--{key}={value}" for key, value in places.items())])
        grade_lighteval.main()
        return [row["correct"] for row in read_jsonl(tmp_path / "verdicts.jsonl")], read_json(tmp_path / "results.json")

    return run


def evaluations(folder, *names):
    """What --others lists."""
    return [{"prompts": f"{folder}/{name.split('/')[1]}/prompts.jsonl", "responses": f"{folder}/{name}.jsonl"} for name in names]


def test_one_start_of_lighteval_grades_what_others_lack_and_no_file_is_graded_twice(starts, grade, tmp_path):
    write_json(tmp_path / "others.json", evaluations(tmp_path, "m/a", "m/b", "m/c", "n/a"))
    assert grade("m", "b", "7", "8")[0] == [True, False]  # the others are not there yet
    assert grade("m", "a", "8")[0] == [False]
    assert grade("m", "b", "7", "8")[0] == [True, False]
    assert starts == [[["7", "8"]], [["8"]]]
    write_jsonl(tmp_path / "m" / "b.jsonl", [{"id": "1", "sample": 0, "text": "7 again"}])
    write_jsonl(tmp_path / "n" / "a.jsonl", [{"id": "1", "sample": 0, "text": "of n"}])
    assert grade("m", "c", "7")[0] == [True]
    assert starts[2] == [["7"], ["7 again"], ["of n"]]


def test_what_another_process_grades_or_cannot_be_graded_is_left_to_its_own_step(starts, grade, tmp_path, capsys):
    write_json(tmp_path / "others.json", evaluations(tmp_path, "m/a", "m/b", "n/a", "n/b"))
    grade("n", "b", "7")
    grade("m", "b", "7")
    write_jsonl(tmp_path / "m" / "a.jsonl", [{"id": "1", "sample": 0, "text": "graded elsewhere"}])
    write_jsonl(tmp_path / "n" / "a.jsonl", [{"id": "unknown", "sample": 0, "text": "7"}])
    write_jsonl(tmp_path / "n" / "b.jsonl", [{"id": "1", "sample": 0, "text": "last"}])
    write_jsonl(tmp_path / "a" / "prompts.jsonl", read_jsonl(tmp_path / "b" / "prompts.jsonl"))
    recorded = grade_lighteval.read(tmp_path / "a" / "prompts.jsonl", tmp_path / "m" / "a.jsonl", "all")
    with locked(grade_lighteval.folder_of(recorded, tmp_path / "work")):
        grade("m", "b", "8")
    assert starts[-1] == [["8"], ["last"]]
    write_jsonl(tmp_path / "m" / "a.jsonl", [{"id": "1", "sample": 0, "text": "fail"}])
    assert grade("m", "b", "7 9")[0] == [True]
    assert starts[-1] == [["7 9"], ["fail"]]
    assert f"{tmp_path}/m/a.jsonl: left to its own step (lighteval failed)" in capsys.readouterr().out


def test_no_other_is_begun_when_the_time_is_over(starts, grade, tmp_path, monkeypatch):
    grade("m", "a", "7")
    write_json(tmp_path / "others.json", evaluations(tmp_path, "m/a"))
    write_jsonl(tmp_path / "m" / "a.jsonl", [{"id": "1", "sample": 0, "text": "later"}])
    monkeypatch.setattr(grade_lighteval, "HELP_S", -1)
    grade("m", "b", "8")
    assert starts[-1] == [["8"]]


def test_nothing_outlives_a_killed_process_and_its_lock_is_free(tmp_path):
    """The child is a fork: it has the lock open, too, and hangs as a computation in C does."""
    code = """
import sys, time
from pathlib import Path
from distill.base.work import locked
from distill.evaluation import lighteval_grader as engine

engine._pipeline = lambda *_: (print("grading", flush=True), time.sleep(600))
with locked(Path(sys.argv[1])), engine.Lighteval() as lighteval:
    lighteval.grade([engine.LightevalRecord("1", 0, "math", "?", "7", 4, "7")])
"""
    env = {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True, env=env)
    assert process.stdout.readline() == "grading\n"
    (child,) = psutil.Process(process.pid).children()
    process.kill()
    process.wait()
    child.wait(timeout=30)
    with locked(tmp_path):
        pass


def test_where_lighteval_decides_it_is_tested_once_for_all_models(starts, grade):
    assert grade("a", "sums", "a: 8")[1] == {"n": 1}
    probes = ["ANSWER: 7", "What is it?", "<think>\nI get \\boxed{7}.\n</think>\n\nWhat is it?\nSo the answer is", "", "ANSWER: -987654321"]
    tested = {"n": 1, "self_test": {"gold": 1.0, "echo": 0.0, "cut": 1.0, "empty": 0.0, "wrong": 1.0}}
    spec = {"grader": "lighteval", "answer_form": "ANSWER: {answer}"}
    assert grade("a", "sums", "a: 8", spec=spec)[1] == grade("b", "sums", "b: 8", spec=spec)[1] == tested
    assert starts == [[["a: 8"]], [probes], [["b: 8"]]]  # a's answers had their verdicts already
    assert grade("b", "sums", "b: 8", spec={**spec, "answer_form": "{answer}"})[1] == tested and starts[-1][0][0] == "7"


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
