"""Recorded responses: whatever wrote them, they come out as ours; and what does not fit the prompts is one line that names file and fix."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from distill.base.errors import InputError
from distill.base.files import read_json, read_jsonl, write_jsonl
from distill.benchmarks.items import load_items
from distill.benchmarks.prompts import make_prompt
from distill.config import report_part
from distill.config.load import load
from distill.config.plan import Plan
from distill.evaluation.summary import Summary
from distill.generation.import_recorded import SPEC, PromptedItems, answer_files, join_responses, questions
from distill.generation.recorded import read

PROJECT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("DISTILL_REAL_DATA", ""))
COLUMNS = {"question": "problem", "gold": "answer"}
SUMS = [{"problem": f"What is {n} plus\n{n}?", "answer": str(2 * n)} for n in (1, 2, 11)]
TEXTS = ["\\boxed{2}", "I think of\u2028\\boxed{4}", ""]
COLOURS = [
    {"problem": f"Which colour is {n}?", "answer": f"red {n}", "a": "blue", "b": "green 1", "c": "green 10"} for n in ("first", "second")
]


FORMATS_MESSAGE = "write one of distill, lighteval_details, evalscope, evalchemy, opencompass, inspect, table"


class World:
    """A benchmark in a folder: its own file and its prompts."""

    def __init__(self, folder: Path, rows: list[dict], kind: str = "math") -> None:
        self.folder, self.source, self.prompts = folder, folder / "items.jsonl", folder / "prompts.jsonl"
        columns = COLUMNS | ({"wrong": ["a", "b", "c"]} if kind == "choice" else {})
        asked = {"kind": kind, "user": "Put it in \\boxed{}. {question}" + ("\n{choices}" if kind == "choice" else ""), "shuffle_seed": 3}
        write_jsonl(self.source, rows)
        write_jsonl(self.prompts, (make_prompt(item, asked) for item in load_items(self.source, columns)))
        self.items = list(read_jsonl(self.prompts))

    def taken_in(self, path: Path, form: str = "table", columns: dict | None = None) -> list[dict]:
        items = PromptedItems(self.prompts, questions(self.source, COLUMNS))
        return list(join_responses(read([path], form, columns or {}), items, str(path), may_count_from_1=form == "table"))

    def written(self, name: str, rows: Iterable[dict]) -> Path:
        path = self.folder / name
        if path.suffix == ".csv":
            with open(path, "w", newline="", encoding="utf-8") as file:
                rows = list(rows)
                table = csv.DictWriter(file, list(rows[0]))
                table.writeheader()
                table.writerows(rows)
        elif path.suffix == ".parquet":
            import pyarrow as pa
            import pyarrow.parquet as pq

            pq.write_table(pa.Table.from_pylist(list(rows)), path)
        else:
            write_jsonl(path, rows)
        return path


@pytest.fixture
def sums(tmp_path) -> World:
    return World(tmp_path, SUMS)


@pytest.fixture
def colours(tmp_path) -> World:
    return World(tmp_path, COLOURS, "choice")


def review(question, prediction) -> dict:
    """A row of EvalScope's reviews."""
    score = {"value": {"acc": 1.0}, "extracted_prediction": "7", "prediction": prediction, "main_score_name": "acc"}
    return {"index": 0, "input": question, "target": "7", "sample_score": {"score": score, "sample_id": 0, "group_id": 0}}


def detail(query: str, *texts: str, tokens: int = 5, longest: int = 8, reasonings=()) -> dict:
    """A row of lighteval's details, with the fields that are read and some that are not."""
    doc = {"query": query, "choices": ["ANSWER: 7"], "gold_index": [0], "id": "0", "generation_size": longest, "num_samples": len(texts)}
    response = {"input": query, "input_tokens": [1, 2, 3], "text": list(texts), "output_tokens": [[0] * tokens for _ in texts]}
    return {"doc": doc, "metric": {"pass@k": 1.0}, "model_response": {**response, "reasonings": list(reasonings), "logprobs": []}}


def other_words(row: dict) -> str:
    """A question as another program puts it."""
    return f"**User**: \nSolve this.\n\n{row['problem']}\n\nThink first."


UNKNOWN = {"finish_reason": None, "prompt_tokens": None, "completion_tokens": None}
KNOWN = {"finish_reason": "stop", "prompt_tokens": 3, "completion_tokens": 5}

# file name, format, what a row is made of, and what is known beside the text
FORMATS: dict[str, tuple[str, str, Callable[[dict, dict, str], dict], dict]] = {
    "ours": ("r.jsonl", "distill", lambda row, asked, text: {"id": asked["id"], "sample": 0, "text": text, **KNOWN}, KNOWN),
    "table by id": ("r.jsonl", "table", lambda row, asked, text: {"id": asked["id"], "response": text}, UNKNOWN),
    "csv by question": ("r.csv", "table", lambda row, asked, text: {"question": row["problem"], "response": text}, UNKNOWN),
    "parquet with strange ids": (
        "r.parquet",
        "table",
        lambda row, asked, text: {"id": 7, "question": f" {row['problem']}\t", "response": text, "sample": 0.0, **KNOWN},
        KNOWN,
    ),
    "table of whole prompts": (
        "r.jsonl",
        "table",
        lambda row, asked, text: {"question": asked["messages"][-1]["content"], "response": [text]},
        UNKNOWN,
    ),
    "lighteval": ("r.parquet", "lighteval_details", lambda row, asked, text: detail(other_words(row), text), KNOWN),
    "evalscope": ("r.jsonl", "evalscope", lambda row, asked, text: review(other_words(row), text), UNKNOWN),
    "evalscope 1.0": (
        "r.jsonl",
        "evalscope",
        lambda row, asked, text: review([{"role": "system", "content": "x"}, {"role": "user", "content": other_words(row)}], text),
        UNKNOWN,
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_comes_out_as_ours_in_the_order_of_the_prompts(sums, name):
    file, form, row_of, known = FORMATS[name]
    rows = [row_of(row, asked, text) for row, asked, text in zip(SUMS, sums.items, TEXTS, strict=True)]
    path = sums.written(file, reversed(rows))
    wanted = [{"id": asked["id"], "sample": 0, "text": text, **known} for asked, text in zip(sums.items, TEXTS, strict=True)]
    found = sums.taken_in(path, form)
    assert found == wanted
    assert list(found[0]) == ["id", "sample", "text", "finish_reason", "prompt_tokens", "completion_tokens"]


@pytest.mark.parametrize(
    ("form", "rows"),
    [
        ("table", [{"question": row["problem"], "response": [f"{n} of {row['answer']}" for n in range(3)]} for row in SUMS]),
        ("table", [{"question": row["problem"], "response": f"{n} of {row['answer']}"} for n in range(3) for row in SUMS]),
        ("table", [{"question": row["problem"], "response": f"{n} of {row['answer']}", "sample": n} for row in SUMS for n in (2, 0, 1)]),
        (
            "table",
            [{"question": row["problem"], "response": f"{n} of {row['answer']}", "sample": n + 1} for row in SUMS for n in (2, 0, 1)],
        ),
        ("evalscope", [review(other_words(row), f"{n} of {row['answer']}") for n in range(3) for row in SUMS]),
    ],
    ids=["a list an item", "rows in order", "rows with numbers", "rows with numbers from 1", "repeats"],
)
def test_several_answers_to_an_item_are_its_samples(sums, form, rows):
    found = sums.taken_in(sums.written("r.jsonl", rows), form)
    assert [(row["sample"], row["text"]) for row in found] == [(n, f"{n} of {row['answer']}") for row in SUMS for n in range(3)]


def test_lighteval_tells_what_was_cut_and_gets_its_thought_back(sums):
    rows = [
        detail(SUMS[0]["problem"], "x", "y", tokens=8, longest=8),
        detail(SUMS[1]["problem"], "x", "y", tokens=0),
        detail(SUMS[2]["problem"], "x", "y", reasonings=["deep", None]),
    ]
    found = sums.taken_in(sums.written("details_t_2026.parquet", rows), "lighteval_details")
    assert [row["finish_reason"] for row in found] == ["length", "length", None, None, "stop", "stop"]
    assert [row["completion_tokens"] for row in found] == [8, 8, None, None, 5, 5]
    assert [row["text"] for row in found[4:]] == ["<think>\ndeep\n</think>\n\nx", "y"]


def test_the_longest_question_that_stands_in_a_text_is_meant(tmp_path):
    world = World(tmp_path, [{"problem": "What is 1?", "answer": "1"}, {"problem": "Now: What is 1? And twice?", "answer": "2"}])
    rows = [review(f"Q. {question} A.", question) for question in ("Now: What is 1? And twice?", "What is 1?")]
    found = world.taken_in(world.written("r.jsonl", rows), "evalscope")
    assert [row["text"] for row in found] == ["What is 1?", "Now: What is 1? And twice?"]


def shown(asked: dict, row: dict, style: str, turn: int) -> str:
    """A choice question with its choices in the order of the prompts, turned by so many places."""
    choices = asked["choices"][turn:] + asked["choices"][:turn]
    return row["problem"] + "".join(f"\n{style.format(letter)} {choice}" for letter, choice in zip("ABCD", choices, strict=True))


@pytest.mark.parametrize("style", ["{})", "{}.", "({})", "**{}**:"])
def test_choices_may_be_shown_in_any_order_which_the_response_keeps(colours, style):
    for turn, order in enumerate((None, "BCDA", "CDAB", "DABC")):
        rows = [review(shown(asked, row, style, turn), "B") for asked, row in zip(colours.items, COLOURS, strict=True)]
        path = colours.written("r.jsonl", rows)
        assert [(row["text"], row.get("shown")) for row in colours.taken_in(path, "evalscope")] == [("B", order)] * 2
        again = colours.written("again.jsonl", colours.taken_in(path, "evalscope"))
        assert colours.taken_in(again, "distill") == colours.taken_in(path, "evalscope")


@pytest.mark.parametrize("version", ["0.6 to 0.10", "0.11 to 0.13"])
def test_lighteval_s_letters_are_of_the_choices_that_its_question_shows(colours, version):
    """As its gpqa_instruct_prompt asks: the gold of a row is a letter of that row's own order, which no other row need share."""
    rows, orders = [], []
    for turn, (asked, row) in enumerate(zip(colours.items, COLOURS, strict=True), 1):
        query = f"Answer the following multiple choice question.\n\n{shown(asked, row, '{})', turn)}"
        old = {"example": query, "choices": list("ABCD"), "gold": ["B"], "gold_index": [1], "predictions": ["Answer: B"]}
        rows.append(old if version == "0.6 to 0.10" else detail(query, "Answer: B"))
        orders.append("ABCD"[turn:] + "ABCD"[:turn])
    found = colours.taken_in(colours.written("details_gpqa_2026.parquet", rows), "lighteval_details")
    assert [(row["text"], row["shown"]) for row in found] == [("Answer: B", order) for order in orders]


@pytest.mark.parametrize(("ours", "theirs"), [("5", "-5"), ("5", "5.2"), ("5", "15"), ("x", "x^2")])
def test_a_choice_is_shown_whole_or_not_at_all(tmp_path, ours, theirs):
    world = World(tmp_path, [{"problem": "How long?", "answer": "q", "a": ours, "b": "r", "c": "s"}], "choice")
    asked = world.items[0]
    for choices, fits in ((asked["choices"], True), ([theirs if choice == ours else choice for choice in asked["choices"]], False)):
        row = review(shown({"choices": choices}, {"problem": "How long?"}, "{})", 0), "B")
        path = world.written("r.jsonl", [row])
        if fits:
            assert len(world.taken_in(path, "evalscope")) == 1
        else:
            with pytest.raises(InputError, match="does not show the choices"):
                world.taken_in(path, "evalscope")


def test_a_choice_question_without_its_choices_is_refused_but_an_id_is_believed(colours):
    with pytest.raises(InputError, match="does not show the choices"):
        colours.taken_in(colours.written("r.jsonl", [{"question": row["problem"], "response": "B"} for row in COLOURS]))
    assert len(colours.taken_in(colours.written("r.jsonl", [{"id": row["id"], "response": "B"} for row in colours.items]))) == 2


Q = [row["problem"] for row in SUMS]
ALL = [{"question": question, "response": "x"} for question in Q]
IDS = [{"id": f"<{n}>", "sample": 0, "text": "x", **UNKNOWN} for n in range(3)]  # <n> stands for the id of item n

# what is wrong, format, columns, rows (or the bytes of the file), what the line must hold
MISTAKES = [
    ("unknown question", "table", {}, [*ALL, {"question": "Who?", "response": "x"}], "row 4: its question is none of"),
    ("unknown id", "distill", {}, [*IDS, {**IDS[0], "id": "zz"}], "row 4: item 'zz' is not in"),
    ("no answer", "table", {}, ALL[:2], "sample 0 of 1 numbered from 0 (1 are missing of 3): add them"),
    ("no rows", "table", {}, b"\n", "(3 are missing of 3)"),
    ("one item twice", "table", {}, [*ALL, ALL[0]], "sample 1 of 2 numbered from 0 (2 are missing of 6)"),
    ("numbered by row", "table", {"sample": "n"}, [{**row, "n": n} for n, row in enumerate(ALL)], "sample 1 of 3 numbered from 0"),
    ("ours, from 1", "distill", {}, [{**row, "sample": 1} for row in IDS], "sample 0 of 2 numbered from 0"),
    ("a far number", "table", {}, [{**row, "sample": 10**9} for row in ALL], "sample 0 of 1000000001"),
    ("doubled", "distill", {}, [*IDS, IDS[1]], "sample 0 stands in {path}: row 2 too: remove one"),
    ("broken line", "distill", {}, b'{"id": "a", "sam', "line 1 is not JSON"),
    ("not an object", "distill", {}, b"[1]\n", "line 1 is not a JSON object"),
    ("no text", "distill", {}, [{"id": "<0>", "sample": 0}], "row 1 has no 'text' (found: id, sample)"),
    ("text is no text", "distill", {}, [{**IDS[0], "text": None}], "row 1: 'text' is no text"),
    ("no sample", "distill", {}, [{**IDS[0], "sample": None}], "'sample' is empty: number the answers"),
    ("half a sample", "distill", {}, [{**IDS[0], "sample": 0.5}], "'sample' is 0.5: write a whole number"),
    ("negative tokens", "distill", {}, [{**IDS[0], "prompt_tokens": -1}], "'prompt_tokens' is -1: write a whole number"),
    ("finish", "table", {}, [{**ALL[0], "finish_reason": "eos"}], "finish_reason is 'eos': write stop, length or nothing"),
    ("no such column", "table", {"response": "output"}, ALL, "row 1 has no 'output' (found: question, response)"),
    ("neither id nor question", "table", {}, [{"q": "x", "response": "x"}], "row 1 has neither id nor question"),
    ("a numbered list", "table", {}, [{**ALL[0], "response": ["x"], "sample": 0}], "leave the column sample out"),
    ("other details", "lighteval_details", {}, [{"query": Q[0], "texts": ["x"]}], "has no 'doc' (found: query, texts)"),
    ("details without text", "lighteval_details", {}, [detail(Q[0])], "row 1 holds no text"),
    ("other reviews", "evalscope", {}, [{"raw_input": Q[0], "choices": []}], "has no 'sample_score'"),
    ("a review of a failure", "evalscope", {}, [review(Q[0], None)], "'sample_score.score.prediction' is no text"),
]


@pytest.mark.parametrize(("form", "columns", "rows", "answer"), [case[1:] for case in MISTAKES], ids=[case[0] for case in MISTAKES])
def test_what_does_not_fit_is_one_line_that_names_the_file_and_shows_no_question(sums, form, columns, rows, answer):
    path = sums.folder / "r.jsonl"
    if isinstance(rows, bytes):
        path.write_bytes(rows)
    else:
        ids = {f"<{n}>": asked["id"] for n, asked in enumerate(sums.items)}
        write_jsonl(path, [{key: ids.get(cell, cell) if key == "id" else cell for key, cell in row.items()} for row in rows])
    with pytest.raises(InputError) as error:
        sums.taken_in(path, form, columns)
    line = str(error.value)
    assert answer.replace("{path}", str(path)) in line
    assert "\n" not in line and not any(question in line for question in Q)
    assert str(path) in line or form == "csv" or "answer" in columns


def test_a_path_that_does_not_exist_is_one_line(sums):
    with pytest.raises(InputError, match=r"nowhere\.jsonl: no such file or folder: check the path"):
        sums.taken_in(sums.folder / "nowhere.jsonl")


def test_two_runs_in_one_folder_are_not_two_samples(sums):
    folder = sums.folder / "runs"
    for name in ("first.jsonl", "second.jsonl"):
        sums.written(f"runs/{name}", ALL)
    with pytest.raises(InputError, match=r"second\.jsonl: row 1: .*first\.jsonl has answers to item .* too: name the files of one run"):
        sums.taken_in(folder)


@pytest.mark.parametrize(("reasons", "share"), [([None, None], None), (["stop", None], 0.0), (["length", "stop"], 0.5)])
def test_a_score_does_not_say_of_answers_how_they_ended_where_nobody_knows(reasons, share):
    summary = Summary()
    for name, reason in zip("ab", reasons, strict=True):
        row = {"id": name, "sample": 0, "correct": True, "answer": "1", "reason": "correct", "verdicts": {"boxed": True}}
        summary.add(row, {"finish_reason": reason, "completion_tokens": None}, unclosed=False)
    made = summary.result({})
    assert (made["truncated"], made["mean_completion_tokens"], made["unclosed_thought"]) == (share, None, 0.0)


@pytest.mark.parametrize(
    ("path", "pattern", "found"),
    [
        ("a/m@p.csv", None, ["a/m@p.csv"]),
        ("a", None, ["a/m@p.csv"]),
        ("b", None, ["b/m.jsonl"]),
        ("b", "m_*.jsonl", ["b/m_1.jsonl", "b/m_2.jsonl"]),
        ("b", "**/*.parquet", ["b/c/details.parquet"]),
        ("b", "x_*", ["b/x_*"]),
        ("c", None, ["c/m@p.jsonl"]),
        ("c.csv", None, ["c.csv"]),
    ],
)
def test_the_files_of_a_benchmark_are_the_path_itself_or_found_below_it(tmp_path, monkeypatch, path, pattern, found):
    monkeypatch.chdir(tmp_path)
    for name in ("a/m@p.csv", "b/m.jsonl", "b/m_1.jsonl", "b/m_2.jsonl", "b/c/details.parquet"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    assert answer_files(path, pattern, ["m@p", "m"]) == found


MINIATURE = yaml.safe_load((PROJECT / "config" / "config.yaml").read_text(encoding="utf-8"))


def configured(**models: dict) -> dict:
    given = deepcopy(MINIATURE)
    given["models"] |= models
    return given


def test_a_recorded_model_has_no_weights_and_answers_what_its_files_are_of():
    plan = Plan(
        load(
            configured(
                theirs={"role": "student", "responses": {"path": "x", "format": "evalscope", "files": {"mini_math": "m_*.jsonl"}}},
                again={"role": "student", "responses": {"path": "results/responses/ours"}},
                scored={"role": "student", "results": "results.json"},
            )
        )
    )
    assert plan.with_weights() == ["base", "r1-distill-mini", "ours"]
    assert [run for model, run in plan.answered() if model == "theirs"] == ["mini_math"]
    assert [run for model, run in plan.answered() if model == "again"] == ["mini_aime", "mini_math", "mini_gpqa"]
    assert "scored" not in {model for model, _ in plan.answered()}
    assert plan.recorded("theirs", "mini_math") == ("x", "m_*.jsonl", ["mini_math"])
    assert plan.import_responses("theirs", "mini_math") == {
        "format": "evalscope",
        "columns": {},
        "prefilled_thought": False,
        "answered": "all",
        "items": {"question": "problem"},
    }
    assert (plan.below_seal("theirs"), plan.below_seal("again")) == (False, True)
    assert [model["results"] for model in plan.compare()["models"] if "results" in model] == ["results.json"]
    assert [model["name"] for model in report_part.labels(plan)["models"] if not model.get("weights", True)] == [
        "theirs",
        "again",
        "scored",
    ]


@pytest.mark.parametrize(
    ("models", "answer"),
    [
        ({"x": {"responses": {}}}, "models.x.responses.path: missing; add it"),
        (
            {"x": {"responses": {"path": "a", "format": "csv"}}},
            FORMATS_MESSAGE,
        ),
        ({"x": {"responses": {"path": "a", "columns": {"id": "b"}}}}, "columns: has no meaning with format distill; remove it"),
        (
            {"x": {"responses": {"path": "a", "files": {"mini_maths": "b"}}}},
            "'mini_maths' is not under benchmarks:; did you mean mini_math?",
        ),
        ({"x": {"responses": {"path": "a", "files": {"mini_math@other": "b"}}}}, "'mini_math@other' is not under benchmarks:"),
        ({"x": {"responses": {"path": "results/responses/x"}}}, "is where this model's answers are written to; name another folder"),
        ({"x": {"responses": {"path": "a"}, "source": {"path": "b"}}}, "has source and responses of"),
        ({"x": {"responses": {"path": "a"}}, "y": {"prepare": {"base": "x"}}}, "models.y.prepare.base: 'x' has no weights; name a model"),
    ],
)
def test_a_mistake_in_the_configuration_names_the_key(models, answer):
    with pytest.raises(InputError) as error:
        load(configured(**models))
    assert answer in str(error.value)


def by_hand(script: str, *args: object) -> None:
    done = subprocess.run(
        [sys.executable, str(PROJECT / "scripts" / script), *map(str, args)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr


def gsm8k(folder: Path) -> tuple[list[dict], list[dict], list[bool | None]]:
    """GSM8K, the answers of one of its first models, and the verdicts that were published with them."""
    rows = list(read_jsonl(DATA / "outputs" / "gsm8k_gpt3_4models.jsonl"))
    answers = [row["175b_verification"] for row in rows]
    golds = [row["ground_truth"].rpartition("A:")[2].strip() for row in rows]
    texts = [f"{answer['solution']}\n\\boxed{{{answer['solution'].rpartition('A:')[2].strip()}}}" for answer in answers]
    return (
        [{"problem": row["question"], "answer": gold} for row, gold in zip(rows, golds, strict=True)],
        [{"question": row["question"], "response": text} for row, text in zip(rows, texts, strict=True)],
        [answer["is_correct"] for answer in answers],
    )


def qwen_math(folder: Path) -> tuple[list[dict], list[dict], list[bool | None]]:
    """A hundred problems with eight answers each."""
    rows = list(read_jsonl(DATA / "outputs" / "math100x8_qwenmath_cot.jsonl"))
    return (
        [{"problem": row["question"], "answer": row["answer"]} for row in rows],
        [{"question": row["query"], "response": row["code"]} for row in rows],
        [right for row in rows for right in row["score"]],
    )


def math_500(folder: Path) -> tuple[list[dict], list[dict], list[bool | None]]:
    """MATH-500 and one boxed answer each, in its order; how many are right was published, not which."""
    items = list(read_jsonl(DATA / "benchmarks" / "math500.jsonl"))
    rows = read_json(DATA / "outputs" / "math500_qwen3_boxed.json")
    assert [row["answer"] for row in rows] == [item["answer"] for item in items]
    answers = [{"question": item["problem"], "response": row["prediction"]} for item, row in zip(items, rows, strict=True)]
    return items, answers, [True if row["prediction"] == f"\\boxed{{{row['answer']}}}" else None for row in rows]


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("DISTILL_REAL_DATA"), reason="DISTILL_REAL_DATA is not set")
@pytest.mark.parametrize(("material", "right", "differs"), [(gsm8k, 742, 0), (qwen_math, 737, 9), (math_500, 298, 0)])
def test_published_answers_replayed_get_the_published_verdicts(tmp_path, material, right, differs):
    """But for nine of Qwen2.5-Math's, which docs/grading_evidence.md has one by one."""
    items, answers, verdicts = material(tmp_path)
    write_jsonl(tmp_path / "items.jsonl", items)
    write_jsonl(tmp_path / "answers.jsonl", answers)
    spec = {"kind": "math", "columns": COLUMNS, "system": None, "user": "{question}\nPut your final answer within \\boxed{}."}
    prompts, responses = tmp_path / "prompts.jsonl", tmp_path / "responses.jsonl"
    by_hand("prompts.py", "--benchmark", tmp_path / "items.jsonl", "--spec", json.dumps(spec), "--output", prompts)
    spec = json.dumps({"format": "table", "items": COLUMNS})
    given = ("--responses", tmp_path / "answers.jsonl", "--benchmark", tmp_path / "items.jsonl")
    by_hand("import_responses.py", *given, "--prompts", prompts, "--spec", spec, "--output", responses)
    files = ("--output", tmp_path / "scores.jsonl", "--summary", tmp_path / "scores.json")
    by_hand("grade.py", "--prompts", prompts, "--responses", responses, *files)
    found = [row["correct"] for row in read_jsonl(tmp_path / "scores.jsonl")]
    assert sum(found) == right
    assert sum(ours != theirs for ours, theirs in zip(found, verdicts, strict=True) if theirs is not None) == differs
    summary = read_json(tmp_path / "scores.json")
    assert (summary["truncated"], summary["mean_completion_tokens"]) == (None, None)


@pytest.mark.slow
def test_details_that_lighteval_itself_has_written_are_read(sums):
    from dataclasses import asdict

    from datasets import Dataset
    from lighteval.logging.info_loggers import DetailsLogger
    from lighteval.models.model_output import ModelResponse
    from lighteval.tasks.requests import Doc
    from lighteval.tasks.tasks.math_500 import math_500_prompt

    details = []
    for row in SUMS:
        doc: Doc = math_500_prompt({**row, "solution": row["answer"]}, "math_500|0")
        doc.generation_size = 4
        response = ModelResponse(input=doc.query, input_tokens=[1, 2], text=["a", "b"], output_tokens=[[5, 6], [5, 6, 7, 8]])
        details.append(DetailsLogger.Detail(doc, response, {"pass@k:k=1&n=1": 1.0}))
    # As in EvaluationTracker.save, lighteval 0.13.0.
    dataset = Dataset.from_list([asdict(one) for one in details])
    path = sums.folder / "details_math_500|0_2026-01-01T00-00-00.000000.parquet"
    with open(path, "wb") as file:
        dataset.select_columns(sorted(dataset.column_names)).to_parquet(file)
    found = sums.taken_in(path, "lighteval_details")
    assert [(row["id"], row["sample"], row["text"]) for row in found] == [
        (asked["id"], sample, text) for asked in sums.items for sample, text in enumerate("ab")
    ]
    assert [(row["finish_reason"], row["prompt_tokens"], row["completion_tokens"]) for row in found[:2]] == [
        ("stop", 2, 2),
        ("length", 2, 4),
    ]


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"columns": {"answer": "x"}}, "columns.answer: unknown key; known are completion_tokens, finish_reason, id"),
        (
            {"format": "csv"},
            f"format: 'csv' is not known; {FORMATS_MESSAGE}",
        ),
        ({"items": {"id": "n"}}, "items.question: missing"),
    ],
)
def test_a_form_with_an_error_is_refused_in_one_line(form, says):
    with pytest.raises(InputError, match=f"^--spec: {says}"):
        SPEC.read(form)
