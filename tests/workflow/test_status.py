"""What tools/status.py makes of logs: what is done, what runs and how fast, what is to come."""

from datetime import datetime

import pytest

from distill.base.progress import progress_line
from distill.workflow.status import Folder, facts, last_progress, parse_log, render

HEAD = """Building DAG of jobs...
Job stats:
job        count
-------  -------
filter         2
train          2
respond        4
all            1
total          9

Select jobs to execute...
"""
TWO_RUN = """[Tue Nov 24 09:00:00 2026]
localrule filter:
    input: traces.jsonl
    output: sft.jsonl
    log: results/logs/filter/a.log
    jobid: 3
    wildcards: dataset=a
[Tue Nov 24 09:00:00 2026]
localrule filter:
    log: results/logs/filter/b.log
    jobid: 4
    wildcards: dataset=b
[Tue Nov 24 09:01:00 2026]
Finished jobid: 3 (Rule: filter)
1 of 9 steps (11%) done
[Tue Nov 24 09:01:00 2026]
rule train:
    log: results/logs/train/ours.log
    jobid: 5
    reason: Missing output files: results/models/ours/manifest.json
    wildcards: model=ours
"""
FAILS = """[Tue Nov 24 09:02:00 2026]
Error in rule train:
    message: None
    jobid: 5
    log: results/logs/train/ours.log (check log file(s) for error details)
"""
STARTS_AGAIN = """Trying to restart job 5.
[Tue Nov 24 09:02:30 2026]
rule train:
    log: results/logs/train/ours.log
    jobid: 5
    wildcards: model=ours
"""
ENDS = "Complete log(s): /somewhere/.snakemake/log/x.log\n"
NOW = datetime(2026, 11, 24, 9, 3, 0)


def states(log: str) -> dict[str, str]:
    return {job.name: job.state for job in parse_log(log).jobs.values()}


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (HEAD, {}),
        (HEAD + TWO_RUN, {"filter a": "done", "filter b": "running", "train ours": "running"}),
        (HEAD + TWO_RUN + FAILS, {"filter a": "done", "filter b": "running", "train ours": "failed"}),
        (HEAD + TWO_RUN + FAILS + STARTS_AGAIN, {"filter a": "done", "filter b": "running", "train ours": "running"}),
    ],
)
def test_the_state_of_each_job_is_that_of_the_log(log, expected):
    assert states(log) == expected


def test_what_is_to_come_is_the_plan_without_what_has_begun():
    run = parse_log(HEAD + TWO_RUN)
    assert (run.done, run.total) == (1, 9)
    assert run.to_come() == {"train": 1, "respond": 4, "all": 1}
    assert parse_log(HEAD + TWO_RUN + ENDS).to_come() == {}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (progress_line("filter", 1200, 17000, "rows", 340.0), {"done": 1200, "total": 17000, "unit": "rows", "rate": 340.0, "left_s": 46}),
        (
            progress_line("train", 5, 10, "steps", 0.5, "loss 1.2, 3,000 tokens"),
            {"done": 5, "left_s": 10, "note": "loss 1.2, 3,000 tokens"},
        ),
        (progress_line("normalise", 1200, None, "rows", 1234.0), {"done": 1200, "total": None, "rate": 1234.0, "left_s": None}),
        (progress_line("respond base mini_math@tutorial", 7, 9, "answers", 0.01), {"done": 7, "left_s": 200}),
    ],
)
def test_the_last_line_of_progress_is_read_as_it_was_written(given, expected):
    told = last_progress(f"something else\n{progress_line('x', 1, 2, 'rows', 1.0)}\n{given}\nand a warning\n")
    assert {key: told[key] for key in expected} == expected


def test_a_log_without_progress_has_none():
    assert last_progress("Traceback: 3 of 4\nfoo: bar, 3 baz/s and more\n") is None


def test_the_page_tells_of_rate_and_time_to_go_and_of_what_has_no_progress():
    tail = progress_line("train", 50, 100, "steps", 0.5, "loss 1.5")
    logs = {"results/logs/train/ours.log": (tail, 40.0), "results/logs/filter/b.log": ("", 1.0)}
    told = facts(parse_log(HEAD + TWO_RUN), NOW, logs, {"respond": 95.0}, Folder(alive=True))
    assert told["state"] == "running"
    training = next(entry for entry in told["running"] if entry["job"] == "train ours")
    assert (training["for_s"], training["progress"]["left_s"]) == (120, 60)  # 100 s to go, 40 s ago
    text = render(told)
    assert text.startswith("running; 1 of 9 steps, 11 %; begun 2026-11-24 09:00:00\n")
    assert "train ours  for 2:00  50 of 100 steps (50 %)" in text and "1:00 to go" in text and "loss 1.5" in text
    assert "filter b    for 3:00  no progress line yet" in text
    assert "respond x 4  about 1:35 each, as measured here" in text


ORPHAN = ("work/train/0123", 77)


@pytest.mark.parametrize(
    ("log", "folder", "state", "advice"),
    [
        (HEAD + TWO_RUN, Folder(alive=True, locked=True), "running", ""),
        (HEAD + TWO_RUN, Folder(), "cut off", "to go on: the same command again"),
        (HEAD + TWO_RUN, Folder(locked=True), "cut off", "to go on: python tools/unlock.py, then the same command again"),
        (
            HEAD + TWO_RUN,
            Folder(locked=True, named="runs/my guide"),
            "cut off",
            "to go on: python tools/unlock.py --directory 'runs/my guide', then the same command again",
        ),
        (
            HEAD + TWO_RUN,
            Folder(locked=True, orphans=[ORPHAN]),
            "orphaned",
            "process 77 (work/train/0123) still works; to go on: python",
        ),
        (HEAD + TWO_RUN + ENDS, Folder(), "finished", ""),
        (HEAD + TWO_RUN + FAILS + ENDS, Folder(), "failed", ""),
    ],
)
def test_a_run_that_was_killed_says_how_to_go_on(log, folder, state, advice):
    told = facts(parse_log(log), NOW, {}, {}, folder)
    assert told["state"] == state
    assert advice in render(told) and ("to go on" in render(told)) is bool(advice)
    assert ("train ours  see results/logs/train/ours.log" in render(told)) is (state == "failed")
