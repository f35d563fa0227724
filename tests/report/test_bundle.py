"""A bundle holds enough to make each number again, tells which do not come out, and shows no text of a gated benchmark."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import bundle as script
import pytest
import results_tree

from distill.base.errors import InputError
from distill.base.files import read_jsonl, write_json, write_jsonl
from distill.evaluation import compare
from distill.evaluation.published import read_published
from distill.evaluation.summary import Summary
from distill.report import bundle, page
from distill.report.bundle import check
from distill.report.results import Results

RUNS = [benchmark["name"] for benchmark in results_tree.SPEC["benchmarks"]]
SPEC = {
    "compare": {
        "seed": 0,
        "models": [{"name": name, "role": role} for name, role in (("base", "baseline"), ("r1", "reference"), ("ours", "student"))],
        "benchmarks": [{"name": run} for run in RUNS],
    },
    "report": results_tree.SPEC,
    "grade": {run: {"grader": "boxed", "max_new_tokens": 110} for run in RUNS},
}
CANARY = "CANARY"


def settle(results: Path) -> None:
    """Summaries, tables and report as they follow from the verdicts."""
    for path in results.glob("scores/*/*.jsonl"):
        summary = Summary(110)
        for row, response in zip(read_jsonl(path), read_jsonl(results / "responses" / path.parent.name / path.name), strict=True):
            summary.add(row, response, unclosed=False)
        write_json(path.with_suffix(".json"), summary.result({"gold": 1.0, "echo": 0.0}))
    made = compare.tables(results / "scores", SPEC["compare"], read_published(published(results)), results / "responses")
    made["report.md"] = ""
    for name, text in made.items():
        (results / name).write_text(text, encoding="utf-8")
    (results / "report.md").write_text(page.render(SPEC["report"], Results(results)), encoding="utf-8")


def published(results: Path) -> Path:
    path = results.parent / "published.csv"
    path.write_text("model,benchmark,protocol,metric,value,samples,source\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A settled folder in which each text of the gated benchmark holds CANARY."""
    results = results_tree.build(tmp_path_factory.mktemp("run") / "results")
    gated = "mini_gpqa"
    for path in results.glob("responses/*/*.jsonl"):  # one stopped by the limit, one before it, by the context
        write_jsonl(
            path, [{**row, "finish_reason": "length" if row["completion_tokens"] > 100 else "stop"} for row in list(read_jsonl(path))]
        )
    for path in results.glob(f"responses/*/{gated}.jsonl"):
        write_jsonl(path, [{**row, "text": f"{CANARY} {row['text']}"} for row in list(read_jsonl(path))])
    for path in results.glob(f"scores/*/{gated}.jsonl"):
        write_jsonl(path, [{**row, "answer": CANARY} for row in list(read_jsonl(path))])
    prompts = results / f"benchmarks/{gated}/prompts.jsonl"
    asked = [{"role": "user", "content": CANARY}]
    write_jsonl(prompts, [{**row, "messages": asked, "gold": CANARY, "choices": [CANARY]} for row in list(read_jsonl(prompts))])
    write_jsonl(results / "data/traces/dropped.jsonl", [{"id": "1", "reason": "contaminated", "detail": CANARY}])
    write_jsonl(results / "responses/left-over/mini_math.jsonl", [{"text": CANARY}])
    settle(results)
    return results


@pytest.fixture
def results(built, tmp_path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "results"))


def made(results: Path, name: str = "bundle.zip") -> Path:
    path = results.parent / name
    bundle.write(path, bundle.files(results, SPEC, {bundle.PUBLISHED: published(results)}) | {bundle.SPEC: iter([json.dumps(SPEC)])})
    return path


def wrong(path: Path, folder: Path) -> dict[str, str]:
    bundle.extract(path, folder)
    return {name: said for name, said in check(folder) if said}


def test_every_number_comes_out_again(results, tmp_path):
    bundle.extract(made(results), tmp_path / "there")
    found = dict(check(tmp_path / "there"))
    summaries = {f"results/scores/{model}/{run}.json" for model in ("base", "r1", "ours") for run in RUNS}
    assert set(found) == summaries | {f"results/{name}" for name in (*bundle.TABLES, "report.md")}
    assert not any(found.values())


def test_equal_runs_are_equal_bytes_whatever_the_clock(results):
    first = made(results).read_bytes()
    log = results / "models/ours/log.jsonl"
    write_jsonl(log, [{**row, "tokens_per_s": 1.0, "mfu": 0.5} for row in list(read_jsonl(log))])
    found = json.loads((results / "provenance.json").read_text(encoding="utf-8"))
    write_json(results / "provenance.json", {**found, "made_at": "2033-01-01T00:00:00+00:00"})
    assert made(results, "again.zip").read_bytes() == first


def test_no_text_of_a_gated_benchmark_and_nothing_left_over(results):
    with zipfile.ZipFile(made(results)) as packed:
        texts = {name: packed.read(name).decode("utf-8", "replace") for name in packed.namelist()}
    assert [name for name, text in texts.items() if CANARY in text or "left-over" in name] == []
    assert "I think it is" in texts["results/responses/ours/mini_math.jsonl"]


def flip(results: Path) -> None:
    path = results / "scores/ours/mini_math.jsonl"
    rows = list(read_jsonl(path))
    write_jsonl(path, [{**rows[0], "correct": not rows[0]["correct"]}, *rows[1:]])


def edit(name: str, old: str, new: str):
    def change(results: Path) -> None:
        text = (results / name).read_text(encoding="utf-8")
        assert old in text
        (results / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


CHANGES = [
    (flip, "results/scores/ours/mini_math.json", "pass@1 is 0.75 and should be 0.625"),
    (edit("comparison.csv", "0.75", "0.85"), "results/comparison.csv", "line "),
    (edit("differences.csv", "no detectable difference", "better"), "results/differences.csv", "line "),
    (edit("report.md", "75.0", "85.0"), "results/report.md", "line "),
]


@pytest.mark.parametrize("change, file, said", CHANGES, ids=["verdict", "score", "difference", "report"])
def test_a_number_that_does_not_follow_is_named(change, file, said, results, tmp_path):
    change(results)
    assert said in wrong(made(results), tmp_path / "there")[file]


def test_a_damaged_bundle_is_refused(results, tmp_path):
    whole = made(results)
    broken = tmp_path / "broken.zip"
    with zipfile.ZipFile(whole) as packed, zipfile.ZipFile(broken, "w") as changed:
        for name in packed.namelist():
            changed.writestr(name, packed.read(name) + (b"\n" if name.endswith("comparison.csv") else b""))
    with pytest.raises(InputError, match=r"comparison.csv is not what SHA256SUMS says"):
        bundle.extract(broken, tmp_path / "there")
    broken.write_bytes(whole.read_bytes()[:1000])
    with pytest.raises(InputError, match="no zip file that can be read"):
        bundle.extract(broken, tmp_path / "there")
    with pytest.raises(InputError, match=r"nowhere.zip: no such file"):
        bundle.extract(tmp_path / "nowhere.zip", tmp_path / "there")


def test_script_makes_and_checks(results, tmp_path):
    command = [sys.executable, script.__file__]
    made_by = [
        "--spec",
        json.dumps(SPEC),
        "--results",
        str(results),
        "--published",
        str(published(results)),
        "--output",
        str(tmp_path / "b.zip"),
    ]
    subprocess.run([*command, *made_by], check=True)
    done = subprocess.run([*command, "--check", str(tmp_path / "b.zip")], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert {line.split()[0] for line in done.stdout.splitlines()} == {"same"}
