"""The table of a dry run, from jobs as Snakemake describes them; tests/graph/test_cost.py asks Snakemake itself."""

import logging

import pytest

from distill.workflow.cost import NONE, InWords, Step, shortened, steps, table
from distill.workflow.snakemake_api import PlannedJob

CONFIG = {"models": {"base": {}, "ours": {}, "mean": {}}}
ESTIMATED = {
    "trainings": [{"model": "ours", "hours": 2.0}],
    "distillations": [],
    "evaluations": [{"model": "ours", "run": "sums", "hours": 0.5}],
    "attempts": [],
    "logits": [],
}


def job(rule: str, *remade: str, **more) -> PlannedJob:
    names = more.pop("names")
    outputs = (" ".join([rule, *names.values()]),)
    return PlannedJob(rule, tuple(names.items()), outputs, stale=True, remade=remade, on_gpu=rule in ("train", "respond"), **more)


@pytest.fixture
def jobs() -> list[PlannedJob]:
    """Of a run whose raw data are new: what a mixture of them may change, model by model."""
    return [
        job("respond", "average mean", names={"model": "mean", "benchmark": "sums"}),
        job("respond", "train ours", names={"model": "ours", "benchmark": "sums"}),
        job("respond", "train ours", names={"model": "ours", "benchmark": "picks"}),
        job("average", "train ours", names={"model": "mean"}),
        job("train", "mix mixed", names={"model": "ours"}),
        job("seal", "mix mixed", names={}, checkpoint=True),
        job("mix", "filter raw", names={"dataset": "mixed"}),
        job("filter", names={"dataset": "raw"}, inputs=((), ("more.jsonl",))),
        PlannedJob("grade", (("model", "ours"),), ("s",)),
    ]


def test_what_follows_is_listed_from_the_data_on_and_is_certain_as_far_as_that_is_known(jobs, tmp_path):
    found = steps(jobs, CONFIG, ESTIMATED, tmp_path)
    assert [(step.name, step.rule, step.benchmark, step.why, step.certain) for step in found] == [
        ("mixed", "mix", "", "it is made from what is made again by filter raw", True),
        ("ours", "train", "", "only if the rows of mixed come out different", False),
        ("ours", "respond", "sums", "only if train ours runs", False),
        ("ours", "respond", "picks", "only if train ours runs", False),
        ("mean", "average", "", "only if train ours runs", False),
        ("mean", "respond", "sums", "only if average mean runs", False),
    ]


def test_a_time_is_preflights_or_what_it_took_here_last(jobs, tmp_path):
    timing = tmp_path / "respond/ours/picks.tsv"
    timing.parent.mkdir(parents=True)
    timing.write_text("s\th:m:s\n1800.0\t0:30:00\n", encoding="utf-8")
    (tmp_path / "average").mkdir()
    (tmp_path / "average/mean.tsv").write_text("cut off", encoding="utf-8")
    assert [step.hours for step in steps(jobs, CONFIG, ESTIMATED, tmp_path)] == [None, 2.0, 0.5, 0.5, None, None]


def test_answers_of_a_model_for_one_reason_are_one_row():
    found = [Step("ours", "train", "not there yet", True, 2.0)]
    found += [Step("ours", "respond", "not there yet", True, 0.25, name) for name in ("a", "b", "c")]
    found += [Step("base", "respond", "only if its prompts come out different", False, 1.0, name) for name in "abcd"]
    rows = [line.split("  ") for line in table(found).splitlines()[1:-1]]
    assert [[cell.strip() for cell in row if cell.strip()] for row in rows] == [
        ["model", "step", "why", "time"],
        ["ours", "train", "not there yet", "2.0 h"],
        ["ours", "respond a, b, c", "not there yet", "45 min"],
        ["base", "respond 4 benchmarks", "only if its prompts come out different", "4.0 h"],
    ]


@pytest.mark.parametrize(
    ("hours", "last"),
    [
        ([(1.0, True), (2.0, True)], "One after another: 3.0 h."),
        ([(1.0, True), (2.0, False)], "One after another: 3.0 h if all of it runs, 1.0 h for what is certain."),
        ([(1.0, True), (None, True)], "One after another: at least 1.0 h."),
        ([(None, False)], "One after another: at least 0 s if all of it runs, none of it certain."),
    ],
)
def test_the_last_line_adds_up(hours, last):
    assert table([Step("ours", "train", "", certain, value) for value, certain in hours]).splitlines()[-1] == last


def test_a_plan_that_trains_nothing_says_so():
    assert table([]) == NONE


def test_changed_parameters_are_logged_in_words_and_the_advice_to_ignore_them_is_not():
    filtered, logged = InWords(lambda jobid: [f"key {jobid}: 1 → 2"] if jobid < 8 else ["a", "b", "c"] * 3), []
    logger = logging.Logger("test")
    logger.addFilter(filtered)
    logger.addHandler(handler := logging.Handler())
    handler.emit = logged.append
    for jobid, reason in [
        (7, f"Code has changed; {InWords.PARAMETERS}before: '{{...}}'"),
        (8, InWords.PARAMETERS),
        (9, "Forced execution"),
    ]:
        logger.info(" Rule", extra={"jobid": jobid, "reason": reason})
    logger.info("Some jobs were triggered by provenance information, see 'reason' section")
    assert [record.reason for record in logged] == [
        f"Code has changed; {InWords.PARAMETERS}key 7: 1 → 2",
        f"{InWords.PARAMETERS}a; b; c; a; b; c, and 3 more",
        "Forced execution",
    ]


def test_a_long_list_is_cut():
    assert shortened(["a", "b", "c"], 1) == "a, and 2 more" and shortened(["a"]) == "a"
