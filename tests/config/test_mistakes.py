"""Each mistake of docs/mistakes.md is made, and what is said is what the page says."""

import json
import re
import subprocess
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace

import pytest
import readme
import tiny_chat
import yaml

from distill.base.errors import InputError
from distill.base.files import write_jsonl
from distill.base.retry import RetryPolicy
from distill.base.thoughts import completion
from distill.config.files import check_files
from distill.config.load import load
from distill.data.traces import Trace
from distill.preflight import access
from distill.sources.fetch import fetch_source

PROJECT = Path(readme.PROJECT)
PAGE = (PROJECT / "docs" / "mistakes.md").read_text(encoding="utf-8")
SAID = {error: said.replace("\\|", "|") for error, said in re.findall(r"^\| (.*?) \| `(.*)` \|$", PAGE, re.MULTILINE)}


def test_all_mistakes_of_the_page_are_made_here():
    assert len(SAID) == 15 + len(CONFIGS) + len(INPUTS) + len(DECISIONS)


CONFIGS = {
    "a mistyped key": {"models": {"ours": {"train": {"learning_rat": 1.0e-3}}}},
    "a key by its name of another year": {"models": {"ours": {"train": {"max_seq_length": 4096}}}},
    "a number that YAML reads as text": {"models": {"ours": {"train": {"learning_rate": "2e-5"}}}},
    "a name that is not there": {"models": {"ours": {"train": {"base": "bas"}}}},
    "a judge that was trained on what it judges": {"datasets": {"mini_r1": {"filter": {"judge": {"model": "r1-distill-mini"}}}}},
}


@pytest.mark.parametrize("mistake", CONFIGS)
def test_a_mistaken_configuration(mistake):
    with pytest.raises(InputError) as said:
        load(readme.overlay(readme.example("config.yaml"), CONFIGS[mistake]))
    assert str(said.value) == SAID[mistake]


def test_a_file_of_changes_by_itself():
    with pytest.raises(InputError) as said:
        load(deepcopy(readme.example("study.yaml")))
    assert SAID["a file of changes given by itself, such as config/study.yaml"] in str(said.value).split("\n")


@pytest.mark.parametrize(
    ("error", "file", "content"),
    [
        ("a `--configfile` that does not exist", "tutorial.yaml", None),
        ("a target behind `--configfile`, which Snakemake takes for one more file", "results/report.md", None),
        ("a file that is not YAML", "mine.yaml", "title: a: b\n"),
    ],
)
def test_a_file_that_is_no_configuration(error, file, content, tmp_path, monkeypatch):
    monkeypatch.chdir(PROJECT if content is None else tmp_path)
    if content:
        Path(file).write_text(content, encoding="utf-8")
    with pytest.raises(InputError) as said:
        check_files([Path(file)])
    assert f"config: {said.value}" == SAID[error]


def test_a_path_that_does_not_exist(warm_python, tmp_path):
    config = readme.example("config.yaml")
    config["datasets"]["mini_stratos"]["source"] = {"path": "nowhere.jsonl"}
    (tmp_path / "whole.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = [warm_python, "-m", "snakemake", "-n", "--snakefile", str(PROJECT / "Snakefile"), "--configfile", "whole.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert SAID["a path that does not exist"] in (done.stdout + done.stderr).split("\n")


@pytest.fixture
def said_by(warm_python) -> Callable[..., str]:
    def said_by(script: str, folder: Path, *options: str) -> str:
        done = subprocess.run([warm_python, str(PROJECT / "scripts" / script), *options], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 2
        return done.stderr.strip().split("\n")[-1]

    return said_by


def test_a_data_set_in_another_shape(said_by, tmp_path):
    source = tmp_path / "results/sources/datasets/mine"
    write_jsonl(source / "rows.jsonl", [{"question": "x"}])
    options = ["--input", "results/sources/datasets/mine", "--format", "table", "--output", "traces.jsonl"]
    said = said_by("normalise.py", tmp_path, *options, "--spec", '{"columns": {"question": "q"}}')
    assert said == SAID["a data set in another shape than its `format:` says"]


THINK = "<think>\nHm.\n</think>\n\n\\boxed{7}"
# name: a file and its content, options of normalise.py behind --input and --output
INPUTS = {
    "one JSON object in place of rows": ("in.json", '{\n"data": [{"question": "q"}]\n}', ["--format", "table"]),
    "a table that is not UTF-8": ("in.csv", "question,response\ngr\u00f6\u00dfer,x\n", ["--format", "table"]),
    "a set that has no thoughts": ("in.jsonl", '{"question": "q", "response": "7"}\n', ["--format", "table"]),
    "a jsonl that is not UTF-8": ("in.jsonl", '{"question": "gr\u00f6\u00dfer"}\n', ["--format", "table"]),
    "a table whose columns nothing known divides": ("in.csv", "question|response\n1+1|2\n", ["--format", "table"]),
    "a set under the name of another format": ("in.jsonl", json.dumps({"messages": []}) + "\n", ["--format", "sharegpt"]),
    "a column of `where:` that no row has": (
        "in.jsonl",
        json.dumps({"question": "q", "response": THINK}) + "\n",
        ["--format", "table", "--spec", '{"where": {"levle": {"not": [1]}}}'],
    ),
}


@pytest.mark.parametrize("mistake", INPUTS)
def test_a_file_that_is_not_what_it_should_be(said_by, tmp_path, mistake):
    name, content, options = INPUTS[mistake]
    (tmp_path / name).write_bytes(content.encode("latin-1"))
    assert said_by("normalise.py", tmp_path, "--input", name, "--output", "traces.jsonl", *options) == SAID[mistake]


def test_a_table_with_semicolons_is_read(warm_python, tmp_path):
    (tmp_path / "in.csv").write_text(f"question;response\n1+1?;{json.dumps(THINK)}\n", encoding="utf-8")
    command = [warm_python, str(PROJECT / "scripts/normalise.py"), "--input", "in.csv", "--output", "traces.jsonl", "--format", "table"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and SAID["a `.csv` with semicolons"] in done.stdout.split("\n")


def test_samples_that_are_numbered_from_1_are_read(warm_python, tmp_path):
    write_jsonl(tmp_path / "items.jsonl", [{"problem": "1+1?", "answer": "2"}])
    asked = {"id": "a", "messages": [{"role": "user", "content": "1+1?"}], "gold": "2", "kind": "math"}
    write_jsonl(tmp_path / "prompts.jsonl", [asked])
    (tmp_path / "answers.csv").write_text("id,sample,response\na,1,x\na,2,y\n", encoding="utf-8")
    options = ["--responses", "answers.csv", "--prompts", "prompts.jsonl", "--spec", '{"format": "table"}', "--output", "out.jsonl"]
    command = [warm_python, str(PROJECT / "scripts/import_responses.py"), *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert SAID["recorded answers whose samples are numbered from 1"] in done.stdout.split("\n")


def test_recorded_answers_to_some_items_only(said_by, tmp_path):
    write_jsonl(tmp_path / "prompts.jsonl", [{"id": name, "messages": [{"role": "user", "content": name}], "gold": "2"} for name in "ab"])
    (tmp_path / "answers.csv").write_text("id,response\na,x\n", encoding="utf-8")
    options = ["--responses", "answers.csv", "--prompts", "prompts.jsonl", "--spec", '{"format": "table"}', "--output", "out.jsonl"]
    assert said_by("import_responses.py", tmp_path, *options) == SAID["recorded answers to some items only"]


def test_no_hub_that_can_be_reached(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    once = RetryPolicy(max_failures=0, max_attempts=1, timeout_s=1)
    with pytest.raises(InputError) as said:
        fetch_source({"hub": "owner/model", "repo_type": "model", "revision": "main"}, tmp_path / "out", tmp_path / "work", policy=once)
    assert f"error: {said.value}" == SAID["a hub that cannot be reached"]


def test_a_chat_template_that_adds_to_what_is_trained_on(said_by, tmp_path):
    row = {"id": "a", "prompt": [{"role": "user", "content": "What?"}], "completion": [{"role": "assistant", "content": THINK}]}
    write_jsonl(tmp_path / "sft.jsonl", [row])
    chat = tiny_chat.save(tmp_path / "chat", template=tiny_chat.CHATML.replace("<|im_end|>", " Bye.<|im_end|>"))
    options = ["--sft", "sft.jsonl", "--tokenizer", str(chat), "--spec", '{"thought_style": "think"}', "--output", "audit.json"]
    assert said_by("audit.py", tmp_path, *options) == SAID["a chat template that adds to what is trained on, or deletes the thought"]


TRACE = Trace("a", "What?", "7", "Hm.", "\\boxed{7}", "table").row()


def test_a_judge_s_prompt_without_the_thought(said_by, tmp_path):
    (tmp_path / "judge.txt").write_text("{question}")
    write_jsonl(tmp_path / "traces.jsonl", [TRACE])
    options = ["--traces", "traces.jsonl", "--prompt", "judge.txt", "--tokenizer", "chat", "--output", "prompts.jsonl"]
    assert said_by("judge_prompts.py", tmp_path, *options) == SAID["a judge's prompt that does not show the thought"]


DECISIONS = {
    "decisions made by hand on other rows": [{"id": "b", "decision": "keep"}],
    "a row that is kept and dropped by hand": [{"id": "a", "decision": "keep"}, {"id": "a", "decision": "drop"}],
}


@pytest.mark.parametrize("mistake", DECISIONS)
def test_decisions_that_cannot_be_honoured(said_by, tmp_path, mistake):
    write_jsonl(tmp_path / "traces.jsonl", [TRACE])
    write_jsonl(tmp_path / "decisions.jsonl", DECISIONS[mistake])
    chat = tiny_chat.save(tmp_path / "chat")
    outputs = ["--output", "sft.jsonl", "--dropped", "dropped.jsonl", "--funnel", "funnel.json", "--decisions", "decisions.jsonl"]
    said = said_by("filter.py", tmp_path, "--traces", "traces.jsonl", "--tokenizer", str(chat), *outputs)
    assert said == SAID[mistake]


def test_a_length_that_cuts_the_answers_off(said_by, tmp_path):
    row = {
        "id": "a",
        "prompt": [{"role": "user", "content": "What?"}],
        "completion": [{"role": "assistant", "content": completion("Hm.", "It is \\boxed{7}.", "stratos")}],
    }
    write_jsonl(tmp_path / "sft.jsonl", [row])
    chat = tiny_chat.save(tmp_path / "chat")
    spec = '{"max_length": 8, "packing": "bfd", "thought_style": "stratos", "stop_above": {"lose_boxed_answer": 0.0, "lose_eos": 1}}'
    said = said_by("audit.py", tmp_path, "--sft", "sft.jsonl", "--tokenizer", str(chat), "--spec", spec, "--output", "audit.json")
    assert said == SAID["a `max_length` that cuts the answers off"]


def test_a_gated_benchmark_without_a_token(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    for name in ("HF_TOKEN", "HF_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    part = {"sources": [{"name": "benchmarks/gpqa_diamond", "hub": "Idavidrein/gpqa", "gated": True}]}
    _, (found, *_) = access.sources(part, SimpleNamespace(known={"benchmarks": {}}), tmp_path, online=False)
    assert f"{found['level']}  {found['about']}: {found['text']}" == SAID["a gated benchmark without a token"]


def test_a_script_without_what_it_needs(said_by, tmp_path):
    assert said_by("report.py", tmp_path) == SAID["a script without what it needs"]
