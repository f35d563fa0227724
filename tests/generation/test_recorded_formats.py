"""Small files as other programs write them, each read as what it says. shapes/ has them by program and version, made by hand from the code
that recorded_formats.py names (evalchemy has no versions: commit 15b9b110 of its eval_instruct.py files)."""

import json
from pathlib import Path

import pytest

from distill.base.errors import InputError
from distill.base.files import read_jsonl, write_jsonl
from distill.benchmarks.items import load_items
from distill.benchmarks.prompts import make_prompt
from distill.generation.import_recorded import PromptedItems, join_responses, questions, token_counter
from distill.generation.recorded import read

SHAPES = Path(__file__).with_name("shapes")
COLUMNS = {"question": "problem", "gold": "answer"}
SUMS = [{"problem": f"What is {n} plus\n{n}?", "answer": str(2 * n)} for n in (1, 2, 11)]
GOLDS = [row["answer"] for row in SUMS]


class World:
    """A benchmark of three sums in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, source, prompts = folder, folder / "items.jsonl", folder / "prompts.jsonl"
        write_jsonl(source, SUMS)
        write_jsonl(prompts, (make_prompt(item, {"kind": "math", "user": "{question}"}) for item in load_items(source, COLUMNS)))
        self.items = PromptedItems(prompts, questions(source, COLUMNS))

    def read(self, path: Path, form: str, task: str | None = None, **how) -> list[dict]:
        return list(join_responses(read([path], form, {}, task), self.items, str(path), **how))


@pytest.fixture
def sums(tmp_path) -> World:
    return World(tmp_path)


def parquet(path: Path, folder: Path) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(list(read_jsonl(path))), made := folder / "details.parquet")
    return made


def inspect_log(folder: Path, suffix: str) -> Path:
    """A log that inspect_ai itself writes, of two epochs, with the thought as a separate part."""
    from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalSample, EvalSpec, write_eval_log
    from inspect_ai.model import (
        ChatCompletionChoice,
        ChatMessageAssistant,
        ChatMessageSystem,
        ChatMessageUser,
        ContentReasoning,
        ContentText,
        ModelOutput,
        ModelUsage,
    )

    samples = []
    for number, row in enumerate(SUMS, 1):
        for epoch in (1, 2):
            said = [ContentReasoning(reasoning="Twice."), ContentText(text=f"\\boxed{{{row['answer']}}} {epoch}")]
            message = ChatMessageAssistant(content=said)
            stop = "max_tokens" if epoch == 2 else "stop"
            output = ModelOutput(
                choices=[ChatCompletionChoice(message=message, stop_reason=stop)],
                usage=ModelUsage(input_tokens=20, output_tokens=10 + epoch),
            )
            asked = [ChatMessageSystem(content="Think."), ChatMessageUser(content=f"Solve.\n\n{row['problem']}"), message]
            sample = EvalSample(id=number, epoch=epoch, input=row["problem"], target=row["answer"], messages=asked, output=output)
            samples.append(sample)
    spec = EvalSpec(
        created="2026-01-01T00:00:00+00:00",
        task="sums",
        dataset=EvalDataset(samples=3, sample_ids=[1, 2, 3]),
        model="m",
        config=EvalConfig(epochs=2),
    )
    write_eval_log(EvalLog(status="success", eval=spec, samples=samples), path := folder / f"log{suffix}")
    return path


def thought(text: str, said: str = "Twice.") -> str:
    return f"<think>\n{said}\n</think>\n\n{text}"


# file of shapes/ (or suffix of a log), format, the name of the benchmark; texts of the samples of a gold; tokens and end of each sample
READ = {
    "EvalScope 1.14.1": (
        "evalscope_1.14.1.jsonl",
        "evalscope",
        None,
        lambda gold: [thought(f"\\boxed{{{gold}}}", f"Twice, sample {n}.") for n in range(2)],
        [(None, 40, 10), (None, 40, 11)],
    ),
    "lighteval 0.7.0": (
        "lighteval_0.7.0.jsonl",
        "lighteval_details",
        None,
        lambda gold: [f"First: $\\boxed{{{gold}}}$", f'It\'s \\boxed{{{gold}}}\n"so"'],
        [(None, 5, 3), (None, 5, 4)],
    ),
    "lighteval 0.10.0": (
        "lighteval_0.10.0.jsonl",
        "lighteval_details",
        None,
        lambda gold: [f"First: $\\boxed{{{gold}}}$", f'It\'s \\boxed{{{gold}}}\n"so"'],
        [(None, 5, 3), (None, 5, 4)],
    ),
    "evalchemy": (
        "evalchemy.json",
        "evalchemy",
        "aime24",
        lambda gold: [f"\\boxed{{{gold}}}", f"So \\boxed{{{gold}}}"],
        [(None, None, None)] * 2,
    ),
    "OpenCompass 0.5.4": ("opencompass_0.5.4.json", "opencompass", None, lambda gold: [thought(f"\\boxed{{{gold}}}")], [(None, None, 12)]),
    "Inspect's eval": (".eval", "inspect", None, lambda gold: [thought(f"\\boxed{{{gold}}} {n}") for n in (1, 2)], None),
    "Inspect's json": (".json", "inspect", None, lambda gold: [thought(f"\\boxed{{{gold}}} {n}") for n in (1, 2)], None),
}


@pytest.mark.parametrize("name", READ)
def test_a_file_of_another_program_is_read_as_it_is(sums, name):
    file, form, task, texts_of, known = READ[name]
    path = inspect_log(sums.folder, file) if form == "inspect" else SHAPES / file
    path = parquet(path, sums.folder) if form == "lighteval_details" else path
    found = sums.read(path, form, task)
    assert [(row["sample"], row["text"]) for row in found] == [found for gold in GOLDS for found in enumerate(texts_of(gold))]
    known = known or [("stop", 20, 11), ("length", 20, 12)]
    assert [(row["finish_reason"], row["prompt_tokens"], row["completion_tokens"]) for row in found[: len(known)]] == known


def test_the_log_probabilities_of_lighteval_s_older_details_are_no_text(sums):
    rows = [{"example": row["problem"], "predictions": str([(["a", "b"], [-0.1, -0.2])]), "cont_tokens": "[]"} for row in SUMS]
    write_jsonl(path := sums.folder / "r.jsonl", rows)
    assert [row["text"] for row in sums.read(path, "lighteval_details")] == ["a", "b"] * 3


def test_opencompass_writes_several_samples_as_a_list_and_old_prompts_as_text(sums):
    rows = {str(n): {"origin_prompt": f"Q: {row['problem']}", "prediction": ["x", "y"]} for n, row in enumerate(SUMS)}
    (path := sums.folder / "math.json").write_text(json.dumps(rows), encoding="utf-8")
    assert [(row["sample"], row["text"]) for row in sums.read(path, "opencompass")] == [(0, "x"), (1, "y")] * 3


def test_evalchemy_shows_choices_under_letters_of_its_own():
    text = 'results: {GPQADiamond: {examples: [{Question: "Q?", multiple_choice_string: "A) x, B) y", model_output: "B"}]}}'
    import yaml

    path = Path("r.json")
    row = yaml.safe_load(text)["results"]["GPQADiamond"]["examples"][0]
    from distill.generation.recorded_formats import evalchemy
    from distill.generation.recorded_row import RowReader

    assert [one.question for one in evalchemy(RowReader(str(path), "row 1", row), {})] == ["Q?\nA) x, B) y"]


WRONG = [
    ("evalchemy", {"results": {"AIME24": {"accuracy": 1.0}}}, "holds no examples"),
    ("evalchemy", {"results": {"A": {"examples": [{}]}, "B": {"examples": [{}]}}}, "none of its tasks A, B has the name aime24"),
    ("evalchemy", {"results": {"A": {"examples": [{"x": 1}]}}}, "A example 1 has no problem and no question"),
    ("evalchemy", [1], "not a results file of evalchemy (no JSON object)"),
    ("opencompass", {"accuracy": 30.0}, "not predictions of OpenCompass"),
    ("opencompass", {"0": {"origin_prompt": "x"}}, "entry 0 has no 'prediction'"),
    ("inspect", {"version": 2}, "not a log of Inspect"),
]


@pytest.mark.parametrize(("form", "content", "message"), WRONG)
def test_any_other_file_is_one_line_that_names_it(sums, form, content, message):
    (path := sums.folder / "r.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError) as error:
        sums.read(path, form, "aime24")
    assert message in str(error.value) and str(error.value).startswith(str(path)) and "\n" not in str(error.value)


@pytest.mark.parametrize(("name", "task"), [("aime24", "AIME24"), ("gpqa_diamond", "GPQADiamond"), ("gpqa_diamond", "gpqa:diamond")])
def test_a_task_has_one_name_however_it_is_written(name, task):
    from distill.generation.recorded_files import plain

    assert plain(name) == plain(task)


def test_items_without_an_answer_are_left_out_where_the_configuration_says_so(sums):
    write_jsonl(path := sums.folder / "r.jsonl", [{"question": row["problem"], "response": "x"} for row in SUMS[:2]])
    with pytest.raises(InputError, match="items: answered leaves out the 1 without any answer"):
        sums.read(path, "table")
    assert len(sums.read(path, "table", answered="answered")) == 2
    path.write_text("\n")
    with pytest.raises(InputError, match="no answers: name the files"):
        sums.read(path, "table", answered="answered")


def test_a_thought_that_the_prompt_opened_is_opened_in_the_text(sums):
    texts = ["So.</think> \\boxed{2}", "<think>So.</think> \\boxed{4}", "and on"]
    write_jsonl(path := sums.folder / "r.jsonl", [{"question": r["problem"], "response": t} for r, t in zip(SUMS, texts, strict=True)])
    found = [row["text"] for row in sums.read(path, "table", prefilled_thought=True)]
    assert found == ["<think>\n" + texts[0], texts[1], "<think>\nand on"]


def test_tokens_are_counted_where_a_file_does_not_tell_them(sums, tmp_path):
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    words.save(str(tmp_path / "tokenizer.json"))
    rows = [{"question": row["problem"], "response": "a b c", "completion_tokens": n} for row, n in zip(SUMS, (9, None, None), strict=True)]
    write_jsonl(path := sums.folder / "r.jsonl", rows)
    found = sums.read(path, "table", count_tokens=token_counter(tmp_path))
    assert [row["completion_tokens"] for row in found] == [9, 3, 3]
    with pytest.raises(InputError, match="no tokenizer"):
        token_counter(tmp_path / "nowhere")
