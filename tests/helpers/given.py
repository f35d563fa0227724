"""given/ of the experiments `world` and `wider`: what a user would have downloaded, made by a first part of the miniature."""

import shutil
from typing import Any

from checkout import Checkout, read_rows, write_rows

TOY = {"source": {"miniature": "traces", "rows": 24, "clean": False, "steps": 3}, "format": "bespoke_stratos", "tokenizer": "base"}
TAGS = {
    "<|begin_of_thought|>": "<think>",
    "<|end_of_thought|>": "</think>",
    "<|begin_of_solution|>": "",
    "<|end_of_solution|>": "",
}


def write_given(here: Checkout) -> None:
    """Write given/ into a checkout in which nothing has run."""
    given = here.folder / "given"
    for name in ("model", "raw", "table", "golds", "questions", "answers", "exam", "sums"):
        (given / name).mkdir(parents=True)
    (given / "raw/traces.jsonl").touch()
    dated = "{{ strftime_now('%d %b %Y') }}" + (here.folder / "config/templates/chatml.jinja").read_text(encoding="utf-8")
    (given / "dated.jinja").write_text(dated, encoding="utf-8")
    (given / "judge.txt").write_text("Judge: {thought}", encoding="utf-8")
    (given / "other_judge.txt").write_text("Judge: {question} {thought}", encoding="utf-8")
    exam = [{"problem": f"How many corners have {count} hexagons?", "answer": str(6 * count)} for count in (7, 11)]
    write_rows(given / "exam/exam.jsonl", exam)
    sums = [{"problem": f"How many wheels have {count} carts?", "answer": str(4 * count)} for count in (3, 5)]
    write_rows(given / "sums/items.jsonl", sums)

    traces, prompts = "results/sources/datasets/toy/traces.jsonl", "results/benchmarks/{}/prompts.jsonl"
    targets = ("results/models/ready/manifest.json", traces, prompts.format("sums"), prompts.format("picks"))
    done = here.snakemake("--cores", "2", *targets, config={"datasets": {"toy": TOY}})
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    for path in (here.folder / "results/models/ready").iterdir():
        if path.name != "manifest.json":
            shutil.copy(path, given / "model")
    shutil.move(here.folder / traces, given / "raw/traces.jsonl")
    shutil.rmtree(here.folder / "results/sources/datasets/toy")

    table, golds, questions = [], [], []
    for place, row in enumerate(read_rows(given / "raw/traces.jsonl")):
        question, text, gold = row["conversations"][0]["value"], row["conversations"][1]["value"], row["gold"]
        for tag, other in TAGS.items():
            text = text.replace(tag, other)
        table.append({"question": question, "text": text})
        golds.append({"question": question, "answer": gold, "also": gold, "whole": f"\\boxed{{{gold}}}", "asked": question})
        questions.append({"problem": question, "answer": gold, "name": str(place)})
    write_rows(given / "table/rows.jsonl", table)
    write_rows(given / "golds/golds.jsonl", golds)
    write_rows(given / "questions/questions.jsonl", questions[:4])

    for name, column in (("sums", "problem"), ("picks", "question")):
        items = read_rows(here.folder / f"results/sources/benchmarks/{name}/items.jsonl")
        ids = [row["id"] for row in read_rows(here.folder / prompts.format(name))]
        answers = [_response(id_, item[column]) for id_, item in zip(ids, items, strict=True)]
        write_rows(given / f"answers/{name}.jsonl", answers)


def _response(id_: str, question: str) -> dict[str, Any]:
    """A row of recorded responses, each column once under distill's name and once under another."""
    row = {"id": id_, "sample": 0, "text": "\\boxed{1}", "finish_reason": "stop", "prompt_tokens": 9, "completion_tokens": 4}
    others = {"name": id_, "nr": 0, "again": "\\boxed{1}", "why": "stop", "before": 9, "after": 4, "problem": question}
    return {**row, "asked": question, **others}
