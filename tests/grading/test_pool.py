"""math-verify in processes that can be killed: each answer has its time, and a process that dies takes no other answer with it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import hostile
import pytest

from distill.grading import pool, worker
from distill.grading.pool import GradingJob, Pool


def judged(pairs, workers=1, timeout_s=10.0):
    """The reasons for pairs of gold and answer, in their order."""
    made = Pool(workers, timeout_s, memory_mb=1024)
    found = {}
    jobs = [GradingJob(gold, answer, lambda job, reason: found.update({id(job): reason})) for gold, answer in pairs]
    try:
        for job in jobs:
            made.submit(job)
        while len(found) < len(jobs):
            made.step()
    finally:
        made.close()
    return [found[id(job)] for job in jobs]


HALVES = [("1/2", "0.5" + "0" * number) for number in range(30)]


def test_a_worker_that_has_answered_enough_is_replaced(monkeypatch):
    monkeypatch.setattr(pool, "_RECYCLE_AFTER", 4)
    assert judged(HALVES[:20]) == ["correct"] * 20


def test_a_worker_that_dies_is_no_verdict_on_the_others(monkeypatch, tmp_path):
    """A crash of the interpreter, which no try can catch."""
    crashing = tmp_path / "worker.py"
    source = Path(worker.__file__).read_text(encoding="utf-8")
    crashing.write_text(
        source.replace("gold, answer = json.loads(line)", "gold, answer = json.loads(line)\n        answer == '13.5' and os.abort()")
    )
    monkeypatch.setattr(worker, "__file__", str(crashing))
    monkeypatch.setattr(pool, "_fork_server", None)
    assert judged([("1/2", "0.5"), ("1/2", "13.5"), ("1/2", "0.50")]) == ["correct", "grader_error", "correct"]


def test_an_answer_that_is_too_deep_is_not_judged_by_a_part_of_it():
    """An even number of reciprocals of 2 is 2, and the innermost, of which math-verify 0.5.2 can read the value, is 1/2."""
    assert judged([("2", "4/2"), (r"\frac{1}{2}", r"\frac{1}{" * 150 + "2" + "}" * 150)]) == ["correct", "wrong"]


def judge_hostile(answers, tmp_path, timeout_s):
    """The reasons for hostile answers, each between two that are right; and that nothing was planted."""
    planted = tmp_path / "planted"
    answers = [answer.replace(hostile.PLANT, str(planted)) for answer in answers]
    pairs = [pair for number, answer in enumerate(answers) for pair in (HALVES[number % 30], (r"\frac{1}{2}", answer))]
    started = time.monotonic()
    found = judged([*pairs, HALVES[0]], workers=2, timeout_s=timeout_s)
    assert set(found[::2]) == {"correct"}
    assert "correct" not in found[1::2]
    assert not planted.exists()
    assert time.monotonic() - started < 60 + len(answers) * (timeout_s + 5)
    return found[1::2]


def test_no_answer_runs_code(tmp_path):
    assert set(judge_hostile(hostile.CODE[::5] + hostile._CONSTRUCTORS, tmp_path, timeout_s=10)) == {"wrong"}


def test_costly_answers_end_in_time(tmp_path):
    some = ["9**9**9", "1000000!", r"\binom{10^9}{5 \cdot 10^8}", "9" * 4_000, "\\begin{cases}" * 300]
    assert judge_hostile(some, tmp_path, timeout_s=5)[1:3] == ["grader_timeout", "grader_timeout"]


@pytest.mark.slow
def test_all_hostile_answers(tmp_path):
    """Minutes: those that only the clock ends have five seconds each; with two, right ones ran out of time on a busy machine."""
    answers = [answer for answer in hostile.ALL if len(answer) <= 5000]
    assert len(judge_hostile(answers, tmp_path, timeout_s=5)) == len(answers) >= 200


TRIES = """
import os, sys, sympy
from distill.grading.worker import forbid_side_effects

def tried(path):
    for statement in STATEMENTS:
        try:
            eval(statement, globals(), {"path": path})
        except Exception:
            print("refused")
        print(os.path.exists(path))
        if os.path.exists(path):
            os.remove(path)

tried(sys.argv[1])
forbid_side_effects()
tried(sys.argv[1])
"""
STATEMENTS = ["sympy.sympify('open(' + repr(path) + ', chr(119))')", "os.system('touch ' + path)", "open(path, 'w')"]


def test_a_process_refuses_the_side_effects_that_it_forbade(tmp_path):
    command = [sys.executable, "-c", f"STATEMENTS = {STATEMENTS!r}\n{TRIES}", str(tmp_path / "planted")]
    done = subprocess.run(command, env={"PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True, text=True)
    assert done.stdout.split() == ["True"] * 3 + ["refused", "False"] * 3, done.stderr
