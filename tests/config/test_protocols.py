"""The benchmarks and protocols that come as data: what is asked is what their authors ask, and the grader reads the form they ask for."""

import csv
import json
import os
from collections import Counter
from pathlib import Path

import pytest
import yaml

from distill.benchmarks.items import BenchmarkItem, load_items
from distill.benchmarks.prompts import make_prompt
from distill.config.load import load
from distill.config.plan import Plan
from distill.evaluation.scoring import Grading, read_items
from distill.evaluation.self_test import flags_of, of_ours
from distill.sources.fetch import fetch_source

CONFIG = Path(__file__).resolve().parents[2] / "config"
NAMES = ("tutorial", "open_r1", "benchmarks")
DATA = Path(os.environ.get("DISTILL_REAL_DATA", ""))
real = pytest.mark.skipif(not os.environ.get("DISTILL_REAL_DATA"), reason="DISTILL_REAL_DATA is not set")
GPQA = {"Record ID": "r", "Question": "Which?\n", "Correct Answer": "this\n", "Incorrect Answer 1": "that", "Incorrect Answer 2": "it"}
GPQA |= {"Incorrect Answer 3": "none"}


def read(name: str) -> dict:
    return yaml.safe_load((CONFIG / f"{name}.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def plan() -> Plan:
    """All benchmarks under all protocols."""
    overlay, tutorial = read("benchmarks"), read("tutorial")
    protocols = {**overlay["protocols"], "tutorial": tutorial["protocols"]["tutorial"]}
    own = read("open_r1")["benchmarks"]["math_500"]["for_protocol"]
    benchmarks = {name: {**entry, "protocols": list(protocols)} for name, entry in overlay["benchmarks"].items()}
    benchmarks["math_500"]["for_protocol"] = own
    return Plan(load({"models": {"base": tutorial["models"]["base"]}, "datasets": {}, "benchmarks": benchmarks, "protocols": protocols}))


def row(plan: Plan, run: str, tmp_path: Path, given: dict) -> dict:
    spec = plan.prompts(run)
    (tmp_path / "items.jsonl").write_text(json.dumps(given) + "\n", encoding="utf-8")
    (item,) = load_items(tmp_path, spec["columns"])
    return make_prompt(item, spec)


def test_a_name_means_the_same_in_every_configuration():
    found: dict[tuple[str, str], object] = {}
    for name in NAMES:
        for benchmark, entry in read(name)["benchmarks"].items():
            about = {key: entry[key] for key in ("source", "kind", "columns")}
            assert found.setdefault(("benchmark", benchmark), about) == about
            for protocol, sampling in entry.get("sampling", {}).items():
                assert found.setdefault((benchmark, protocol), sampling) == sampling
        for protocol, entry in read(name)["protocols"].items():
            assert found.setdefault(("protocol", protocol), entry) == entry


@pytest.mark.parametrize(
    ("protocol", "sampling", "samples"),
    [
        ("tutorial", {"temperature": 0.0, "context": 4096}, (1, 1, 1)),
        ("deepseek", {"temperature": 0.6, "top_p": 0.95, "max_new_tokens": 32768}, (64, 4, 8)),
        ("open_r1", {"temperature": 0.6, "top_p": 0.95, "max_new_tokens": 32768, "context": 32768}, (64, 4, 8)),
        ("lighteval_0_13", {"temperature": 0.0, "max_new_tokens": 32768}, (1, 1, 1)),
    ],
)
def test_a_protocol_samples_as_published(plan, protocol, sampling, samples):
    asked = [plan.respond(f"{name}@{protocol}") for name in ("aime24", "math_500", "gpqa_diamond")]
    assert all(sampling.items() <= one.items() and one["engine"] == "vllm" for one in asked)
    assert tuple(one["n_samples"] for one in asked) == samples


@pytest.mark.parametrize(
    ("run", "given", "asked", "gold"),
    [
        ("aime24@tutorial", {"id": 1, "problem": "P", "answer": "023"}, "P", "023"),
        (
            "math_500@deepseek",
            {"unique_id": "1", "problem": "P", "answer": "7"},
            "P\nPlease reason step by step, and put your final answer within \\boxed{}.",
            "7",
        ),
        (
            "gsm8k@deepseek",
            {"question": "Q", "answer": "1 + 1 = <<1+1=2>>2\n#### 2,125"},
            "Q\nPlease reason step by step, and put your final answer within \\boxed{}.",
            "2125",
        ),
        (
            "math_500@lighteval_0_13",
            {"unique_id": "1", "problem": "P", "answer": "7", "solution": "So \\boxed{7}."},
            None,
            "So \\boxed{7}.",
        ),
    ],
)
def test_an_item_becomes_what_the_protocol_asks(plan, tmp_path, run, given, asked, gold):
    made = row(plan, run, tmp_path, given)
    assert made["gold"] == gold
    assert [message["role"] for message in made["messages"]] == ["user"]
    assert asked is None or made["messages"][0]["content"] == asked


def test_what_lighteval_is_asked_follows_the_protocol_only_where_it_decides(plan):
    assert plan.grade_lighteval("math_500@open_r1") == {}
    assert plan.grade_lighteval("math_500@lighteval_0_13") == {"grader": "lighteval", "answer_form": "ANSWER: $\\boxed{{answer}}$"}
    assert plan.grade_lighteval("gpqa_diamond@lighteval_0_13") == {"grader": "lighteval", "answer_form": "Answer: {answer}"}


def test_a_base_model_is_shown_four_solved_examples_and_qwen_s_own_system_prompt(plan, tmp_path):
    given = {"unique_id": "1", "problem": "P", "answer": "7"}
    few = row(plan, "math_500@few_shot", tmp_path, given)["messages"]
    assert [message["role"] for message in few] == ["user", "assistant"] * 4 + ["user"]
    assert few[-1]["content"] == "Problem:\nP"
    assert all("\\boxed{" in message["content"] for message in few if message["role"] == "assistant")
    own = row(plan, "math_500@qwen_boxed", tmp_path, given)["messages"]
    assert [(message["role"], message["content"]) for message in own] == [
        ("system", "Please reason step by step, and put your final answer within \\boxed{}."),
        ("user", "P"),
    ]


# A file of each source, and a row as it has it: column names and kinds, with made-up content; and the gold that it comes to.
SHAPES = {
    "aime24": ("data/train-00000-of-00001.parquet", {"id": 60, "problem": "P", "answer": "023", "url": "u", "year": "2024"}, "023"),
    "aime25": ("test.jsonl", {"problem": "P", "answer": "70", "id": "0"}, "70"),
    "aime26": ("data/train-00000-of-00001.parquet", {"problem_idx": 1, "answer": 277, "problem": "P"}, "277"),
    "amc23": ("test-00000-of-00001.parquet", {"id": 0, "answer": "27.0", "url": "u", "question": "P"}, "27.0"),
    "brumo25": ("data/train-00000-of-00001.parquet", {"problem_idx": 1, "problem": "P", "answer": "34", "problem_type": ["Algebra"]}, "34"),
    "cmimc25": ("data/train-00000-of-00001.parquet", {"problem_idx": 1, "problem": "P", "answer": "9", "problem_type": ["Geometry"]}, "9"),
    "gpqa_diamond": ("gpqa_diamond.csv", GPQA, None),
    "gsm8k": ("main/test-00000-of-00001.parquet", {"question": "P", "answer": "2+2=<<2+2=4>>4\n#### 1,004"}, "1004"),
    "hmmt_feb_25": ("data/train-00000-of-00001.parquet", {"problem_idx": 1, "answer": "103", "problem": "P"}, "103"),
    "hmmt_feb_26": (
        "data/train-00000-of-00001.parquet",
        {"problem_idx": 1, "answer": "\\frac{1}{2}", "problem_type": ["Algebra"], "problem": "P"},
        "\\frac{1}{2}",
    ),
    "math_500": ("test.jsonl", {"problem": "P", "solution": "S", "answer": "7", "subject": "Algebra", "level": 2, "unique_id": "1"}, "7"),
    "minerva": ("test.jsonl", {"question": "P", "answer": "4.5e33"}, "4.5e33"),
    "olympiadbench": (
        "OlympiadBench/OE_TO_maths_en_COMP/OE_TO_maths_en_COMP.parquet",
        {"id": 1606, "question": "P", "solution": ["S"], "final_answer": ["2", "3"], "context": None, "is_multiple_answer": True},
        "2, 3",
    ),
}  # fmt: skip


def write_shape(path: Path, rows: list[dict]) -> None:
    path.parent.mkdir(parents=True)
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".csv":
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.mark.parametrize("name", read("benchmarks")["benchmarks"])
def test_a_local_copy_of_each_benchmark_is_taken_and_read_whole(plan, tmp_path, name):
    """As many rows as the configuration says there are, in a file of the source's name: it is fetched, and each row becomes an item."""
    file, row, gold = SHAPES[name]
    entry, columns = read("benchmarks")["benchmarks"][name], plan.prompts(f"{name}@deepseek")["columns"]
    rows = [{**row, columns["question"]: f"P {number}"} for number in range(entry["items"])]
    if "id" in columns:
        rows = [{**one, columns["id"]: type(row[columns["id"]])(number)} for number, one in enumerate(rows)]
    write_shape(tmp_path / "hub" / file, rows)
    fetch_source({"files": entry["source"]["files"]}, tmp_path / "taken", tmp_path / "work", str(tmp_path / "hub"))
    items = list(load_items(tmp_path / "taken", columns))
    assert len({item.id for item in items}) == len(items) == entry["items"]
    assert gold is None or {make_prompt(item, plan.prompts(f"{name}@deepseek"))["gold"] for item in items} == {gold}
    assert entry["licence"] and entry["published_after"] and entry["source"]["hub"]


@real
@pytest.mark.parametrize(("name", "file"), [("aime24", "aime24.jsonl"), ("math_500", "math500.jsonl"), ("gsm8k", "gsm8k_test.jsonl")])
def test_a_benchmark_has_as_many_items_as_its_configuration_says(name, file):
    assert len((DATA / "benchmarks" / file).read_text(encoding="utf-8").splitlines()) == read("benchmarks")["benchmarks"][name]["items"]


@pytest.mark.slow
def test_lightevals_words_are_those_of_the_installed_lighteval(plan, tmp_path, monkeypatch):
    from lighteval.tasks.tasks import aime, gpqa, math_500

    given = {"id": 1, "unique_id": "1", "problem": "What is $x^{2}$?", "answer": "7", "solution": "So \\boxed{7}."}
    for run, task in (("aime24@lighteval_0_13", aime.aime_prompt), ("math_500@lighteval_0_13", math_500.math_500_prompt)):
        made, theirs = row(plan, run, tmp_path, given), task(given)
        assert made["messages"][0]["content"] == theirs.query
        assert made["gold"] in theirs.choices[0]
    made = row(plan, "gpqa_diamond@lighteval_0_13", tmp_path, GPQA)
    wrong = {f"Incorrect Answer {place}": text for place, text in enumerate([one for one in made["choices"] if one != "this"], 1)}
    monkeypatch.setattr(gpqa.random, "randint", lambda *_: "ABCD".index(made["gold"]))
    theirs = gpqa.gpqa_instruct_prompt({**GPQA, **wrong})
    assert made["messages"][0]["content"] == theirs.query
    assert "ABCD"[theirs.gold_index] == made["gold"]


def outcome(plan: Plan, run: str, items: list[BenchmarkItem], folder: Path) -> dict[str, float]:
    """The self-test of a benchmark as grade.py makes it."""
    path = folder / "prompts.jsonl"
    path.write_text("".join(json.dumps(make_prompt(item, plan.prompts(run))) + "\n" for item in items), encoding="utf-8")
    asked, how = read_items(path), Grading.of(plan.grade(run))
    found = of_ours(asked, how)
    assert flags_of(asked, found) == []
    return found


OURS = ("tutorial", "deepseek", "open_r1")


@pytest.mark.parametrize("protocol", OURS)
def test_the_grader_reads_the_letter_that_a_protocol_asks_for(plan, tmp_path, protocol):
    items = [BenchmarkItem(str(n), f"Which one, {n}?", f"this {n}", (f"that {n}", f"it {n}", f"none {n}")) for n in range(198)]
    found = outcome(plan, f"gpqa_diamond@{protocol}", items, tmp_path)
    assert found["gold"] >= 0.995
    assert max(found[name] for name in ("echo", "cut", "empty", "wrong")) <= 0.01
    golds = Counter(make_prompt(item, plan.prompts(f"gpqa_diamond@{protocol}"))["gold"] for item in items)
    # 198 draws of four letters: a standard deviation of 6.1, so 25 is four of them.
    assert set(golds) == set("ABCD") and all(abs(count - 49.5) <= 25 for count in golds.values())


@real
@pytest.mark.parametrize("protocol", ["deepseek", *(pytest.param(name, marks=pytest.mark.slow) for name in ("tutorial", "open_r1"))])
@pytest.mark.parametrize(
    ("name", "file", "columns", "count"),
    [
        ("aime24", "aime24.jsonl", {"question": "prompt", "gold": "answer"}, 30),
        ("math_500", "math500.jsonl", None, 500),
        ("gsm8k", "gsm8k_test.jsonl", None, 1319),
    ],
)
def test_the_grader_passes_its_self_test_on_the_real_benchmarks(plan, tmp_path, protocol, name, file, columns, count):
    items = list(load_items(DATA / "benchmarks" / file, columns or plan.prompts(f"{name}@{protocol}")["columns"]))
    assert len(items) == count
    found = outcome(plan, f"{name}@{protocol}", items, tmp_path)
    assert found["gold"] >= 0.995
    assert max(found[kind] for kind in ("echo", "cut", "empty", "wrong")) <= 0.01
