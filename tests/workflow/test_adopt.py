"""A checkpoint or responses from elsewhere are taken only if they fit; then their manifest says that they were adopted."""

import json

import pytest

from distill.base import manifest
from distill.base.errors import InputError
from distill.base.files import read_jsonl, write_jsonl
from distill.generation.responses import response_set
from distill.workflow.adopt import adopt, check_model, check_responses, known_facts, put_model, put_responses

SPEC = {"engine": "transformers", "n_samples": 2, "temperature": 0.6, "top_p": 1.0, "max_new_tokens": 8, "seed": 0}


def safetensors(size: int) -> bytes:
    header = json.dumps({"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(size)


BROKEN_HEADERS = ["[]", '{"a": 1}', '{"a": {}}', '{"a": {"data_offsets": [0]}}', '{"a": {"data_offsets": [0, null]}}']
BROKEN_INDEXES = ["{}", "[]", '{"weight_map": []}', '{"weight_map": {}}', '{"weight_map": {"w": 1}}']


def spoil_header(folder, header: str) -> None:
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header.encode())


def spoil_index(folder, index: str) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(index, encoding="utf-8")


@pytest.fixture
def checkpoint(tmp_path):
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    for name, text in {"config.json": '{"model_type": "qwen2"}', "tokenizer.json": "{}", "tokenizer_config.json": "{}"}.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "model.safetensors").write_bytes(safetensors(4))
    return folder


def test_what_is_pickled_or_a_trainer_state_is_not_taken(checkpoint):
    for name in ("optimizer.pt", "training_args.bin", "trainer_state.json", ".hidden.json"):
        (checkpoint / name).write_text("x", encoding="utf-8")
    assert check_model(checkpoint) == ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]


def test_a_checkpoint_in_shards_is_taken_by_its_index(checkpoint):
    (checkpoint / "model.safetensors").rename(checkpoint / "model-1.safetensors")
    (checkpoint / "model.safetensors.index.json").write_text('{"weight_map": {"w": "model-1.safetensors"}}', encoding="utf-8")
    assert {"model-1.safetensors", "model.safetensors.index.json"} <= set(check_model(checkpoint))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "config.json").unlink(), "config.json: No such file"),
        (lambda folder: (folder / "config.json").write_text("{}"), "no model_type"),
        (lambda folder: (folder / "config.json").write_text("[]"), "no model_type"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "no tokenizer"),
        (lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"), "weights must be safetensors"),
        (lambda folder: (folder / "model.safetensors").write_bytes(safetensors(4)[:-1]), "the copy is incomplete"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"PK\x03\x04" * 9), "is not a safetensors file"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b""), "is not a safetensors file"),
        *((lambda folder, header=header: spoil_header(folder, header), "is not a safetensors file") for header in BROKEN_HEADERS),
        *((lambda folder, index=index: spoil_index(folder, index), "has no weight_map") for index in BROKEN_INDEXES),
    ],
)
def test_a_folder_that_would_not_load_is_refused_in_one_line(checkpoint, spoil, message):
    spoil(checkpoint)
    with pytest.raises(InputError, match=message) as refused:
        check_model(checkpoint)
    assert "\n" not in str(refused.value)


def test_an_adopted_model_says_so_and_keeps_what_its_own_manifest_said(checkpoint, tmp_path):
    made = manifest.write(checkpoint, made_by="train", recipe={"seed": 0})
    write_jsonl(checkpoint / "log.jsonl", [{"step": 1}])
    put_model(checkpoint, check_model(checkpoint), known_facts(checkpoint), tmp_path / "ours", log=True)
    adopted = manifest.read(tmp_path / "ours")
    assert adopted == {**made, "adopted": True}
    assert list(read_jsonl(tmp_path / "ours" / "log.jsonl")) == [{"step": 1}]


def test_a_folder_that_its_own_manifest_does_not_describe_is_refused(checkpoint):
    manifest.write(checkpoint, made_by="train")
    (checkpoint / "model.safetensors").write_bytes(safetensors(5))
    with pytest.raises(InputError, match=r"does not match manifest\.json next to it"):
        known_facts(checkpoint)


@pytest.mark.parametrize("text", ["{}", "[]", '{"files": []}'])
def test_a_manifest_that_lists_no_files_is_refused_in_one_line(checkpoint, text):
    (checkpoint / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"manifest\.json: lists no files"):
        known_facts(checkpoint)


@pytest.fixture
def asked(tmp_path):
    prompts = tmp_path / "benchmarks" / "mini" / "prompts.jsonl"
    write_jsonl(prompts, [{"id": name, "messages": [{"role": "user", "content": name}]} for name in ("a", "b")])
    return response_set(tmp_path / "work", "digest", prompts, SPEC, tmp_path / "responses" / "mini.jsonl")


def answers() -> list[dict]:
    given = {"text": "t", "finish_reason": "stop", "prompt_tokens": 3, "completion_tokens": 1}
    return [{"id": name, "sample": sample, **given} for name in ("a", "b") for sample in (0, 1)]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: rows[0].update(id="c"), "row 1: id 'c' is not a prompt of this benchmark"),
        (lambda rows: rows[0].update(sample=2), "row 1: sample 2 of 'a'; the protocol wants 2"),
        (lambda rows: rows[1].update(sample=0), "row 2: sample 0 of 'a' is duplicate"),
        (lambda rows: rows.pop(), "1 of 4 answers are missing, first sample 1 of 'b'"),
        (lambda rows: rows.clear(), "4 of 4 answers are missing"),
        (lambda rows: rows[0].pop("text"), "row 1: text must be text"),
        (lambda rows: rows[0].update(prompt_tokens=None), "row 1: prompt_tokens must be a whole number"),
        (lambda rows: rows[0].update(sample=True), "row 1: sample must be a whole number"),
        (lambda rows: rows[0].update(finish_reason="eos"), "row 1: finish_reason 'eos'; write stop or length"),
    ],
)
def test_responses_that_do_not_fit_the_prompts_are_refused_in_one_line(spoil, message, asked, tmp_path):
    rows = answers()
    spoil(rows)
    write_jsonl(tmp_path / "given.jsonl", rows)
    with pytest.raises(InputError, match=message):
        check_responses(tmp_path / "given.jsonl", asked)


def test_adopted_responses_stand_in_the_order_of_respond_and_respond_has_nothing_left_to_ask(asked, tmp_path):
    write_jsonl(tmp_path / "given.jsonl", [{**row, "more": 1} for row in reversed(answers())])
    note = put_responses(check_responses(tmp_path / "given.jsonl", asked), asked, "digest")
    assert list(read_jsonl(asked.output)) == answers()
    assert json.loads(note.read_text(encoding="utf-8"))["adopted"] is True
    again = response_set(tmp_path / "work", "digest", tmp_path / "benchmarks/mini/prompts.jsonl", SPEC, asked.output)
    assert again.missing() == [] and again.is_complete()
    assert list(again.rows()) == answers()


@pytest.mark.parametrize("target", ["results/report.md", "results/models/ours/manifest.json", "results/scores/ours/mini.jsonl", "ours"])
def test_other_targets_are_refused(target, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="cannot be adopted"):
        adopt(tmp_path / target, tmp_path, [])
