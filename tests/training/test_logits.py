"""What a teacher expects at each token, on disk and in the loss: held against a few lines of PyTorch on the same rows."""

import json
import shutil
import sys
from itertools import pairwise

import logits as program
import numpy as np
import pytest
import tiny_chat
import tiny_training
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from distill.base import manifest
from distill.base.errors import InputError
from distill.training import logits, masks, sft
from distill.training.recipe import RUNTIME, read_recipe
from distill.training.rows import training_rows

EOS = "<|im_end|>"


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """A model of the base's shape with other weights."""
    folder = tiny_training.base(tmp_path_factory.mktemp("teacher"), layers=1)
    model = AutoModelForCausalLM.from_pretrained(folder)
    torch.manual_seed(1)
    for weight in model.parameters():
        weight.data += 0.1 * torch.randn_like(weight)
    model.save_pretrained(folder)
    manifest.write(folder, made_by="test")
    return folder


def make(tiny_world, teacher, output, monkeypatch=None, **spec):
    words = ["logits.py", "--data", tiny_world / "sft.jsonl", "--teacher", teacher, "--tokenizer", tiny_world / "base"]
    words += ["--spec", json.dumps({"eos_token": EOS, **spec}), "--work", output.parent / "work", "--output", output]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", list(map(str, words)))
        program.main()
    return output


@pytest.fixture(scope="module")
def made(tiny_world, teacher, tmp_path_factory):
    """made(top_k): a folder of logits."""
    known = {}

    def made(top_k):
        if top_k not in known:
            known[top_k] = make(tiny_world, teacher, tmp_path_factory.mktemp(f"top{top_k}") / "logits", top_k=top_k)
        return known[top_k]

    return made


def vocabulary(tiny_world):
    return len(AutoTokenizer.from_pretrained(tiny_world / "base"))


@pytest.mark.parametrize("top_k", [1, 5])
def test_the_files_hold_the_teacher_s_most_probable_tokens(tiny_world, teacher, made, top_k):
    found, model = logits.TeacherLogits(made(top_k), max_length=512), AutoModelForCausalLM.from_pretrained(teacher).eval()
    tokenizer = AutoTokenizer.from_pretrained(tiny_world / "base")
    tokens = attended = 0
    for row in tiny_chat.read_jsonl(tiny_world / "sft.jsonl"):
        prompt = tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True, return_dict=False)
        ids = tokenizer.apply_chat_template(row["prompt"] + row["completion"], return_dict=False)
        with torch.no_grad():
            plain = model(input_ids=torch.tensor([ids])).logits[0, len(prompt) - 1 : -1].log_softmax(-1).topk(top_k)
        start, top_ids, top_log_p = found.of(ids)
        assert start == len(prompt)
        assert np.array_equal(top_ids, plain.indices.numpy())
        assert np.allclose(top_log_p, plain.values.numpy(), atol=4e-3)  # half precision at 8
        tokens, attended = tokens + len(ids), attended + len(ids) * (len(ids) + 1) // 2
    about = manifest.read(made(top_k))
    assert (about["rows"], about["tokens"], about["attended"], about["top_k"]) == (48, tokens, attended, top_k)
    assert about["teacher"] == manifest.read(teacher)["digest"]


def test_a_row_that_training_cuts_keeps_what_is_left_of_its_probabilities(made):
    whole = logits.TeacherLogits(made(5), max_length=512)
    ids = list(whole.ids[: np.load(made(5) / "rows.npy")[0, 1]])
    prompt, top_ids, _ = whole.of(ids)
    limit = prompt + 2
    assert limit < len(ids), "the row is cut within its answer"
    assert np.array_equal(logits.TeacherLogits(made(5), max_length=limit).of(ids[:limit])[1], top_ids[:2])


@pytest.fixture
def built(tiny_world, tmp_path):
    def built(folder, **recipe):
        recipe = read_recipe({**tiny_training.RECIPE, "loss": "kl", **recipe})
        runtime = RUNTIME.read({"device": "cpu", "micro_batch": 4})
        data = training_rows(tiny_world / "sft.jsonl", tmp_path / "rows")
        args = sft.arguments(recipe, tmp_path, runtime, 1)
        return sft.build(tiny_world / "base", data, recipe, None, args, runtime, folder)

    return built


@pytest.mark.parametrize("kl_weight", [1.0, 0.25, 0.0])
@pytest.mark.parametrize("top_k", [5, None])
def test_the_loss_and_its_gradient_are_plain_pytorchs(tiny_world, teacher, made, built, top_k, kl_weight):
    """With all tokens of the vocabulary it is the whole divergence; with fewer the rest is one outcome."""
    size = vocabulary(tiny_world)
    trainer = built(made(top_k or size), kl_weight=kl_weight)
    batch = masks.first_batch(trainer)
    plain = AutoModelForCausalLM.from_pretrained(tiny_world / "base")
    taught_by = AutoModelForCausalLM.from_pretrained(teacher).eval()
    losses = []
    for document in masks.documents(batch):
        ids, learned = torch.tensor(document.ids), torch.tensor(document.carries)[1:]
        log_q = plain(input_ids=ids[None]).logits[0, :-1].log_softmax(-1)[learned]
        with torch.no_grad():
            p = taught_by(input_ids=ids[None]).logits[0, :-1].softmax(-1)[learned]
        if top_k:
            chosen = p.topk(top_k).indices
            q = log_q.exp()
            p, q = (torch.cat([one.gather(1, chosen), 1 - one.gather(1, chosen).sum(1, keepdim=True)], 1) for one in (p, q))
            log_q_of_p = q.log()
        else:
            log_q_of_p = log_q
        divergence = (p * (p.log() - log_q_of_p)).sum(1)
        nll = -log_q.gather(1, ids[1:][learned][:, None])[:, 0]
        losses.append(kl_weight * divergence + (1 - kl_weight) * nll)
    expected = torch.cat(losses).mean()
    expected.backward()
    loss = trainer.compute_loss(trainer.model, {**batch})
    loss.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=2e-3)  # the teacher's in half precision
    for ours, theirs in zip(trainer.model.parameters(), plain.parameters(), strict=True):
        assert (ours.grad - theirs.grad).norm() <= 5e-3 * theirs.grad.norm()


def test_a_student_that_is_the_teacher_has_nothing_to_learn(tiny_world, built, tmp_path):
    own = make(tiny_world, tiny_world / "base", tmp_path / "logits", top_k=8)
    trainer = built(own)
    assert trainer.compute_loss(trainer.model, {**masks.first_batch(trainer)}).item() == pytest.approx(0, abs=1e-5)


def test_a_divergence_of_merged_outcomes_is_a_lower_bound():
    torch.manual_seed(0)
    log_p, log_q = (torch.randn(50, 20).log_softmax(-1) for _ in range(2))
    found = [logits.divergence(log_q, *reversed(log_p.topk(k)[::1])) for k in (1, 4, 12, 20)]
    whole = (log_p.exp() * (log_p - log_q)).sum(-1)
    assert torch.allclose(found[-1], whole, atol=1e-5)
    for fewer, more in pairwise(found):
        assert (fewer <= more + 1e-5).all() and (fewer >= -1e-5).all()


def test_rows_that_the_teacher_has_not_scored_are_refused(tiny_world, teacher, built, tmp_path):
    (tmp_path / "few").mkdir()
    (tmp_path / "few/base").symlink_to(tiny_world / "base")
    tiny_chat.write_jsonl(tmp_path / "few/sft.jsonl", tiny_chat.read_jsonl(tiny_world / "sft.jsonl")[:2])
    trainer = built(make(tmp_path / "few", teacher, tmp_path / "logits", top_k=2))
    with pytest.raises(InputError, match=r"train\.loss kl: a row is tokenized in another way than the teacher scored it"):
        masks.first_batch(trainer)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"top_k": 100_000}, "logits.top_k: 100000 is more than the"),
        ({}, "token '<|extra|>' is 260 and not missing: name a teacher of the students' vocabulary"),
    ],
)
def test_what_cannot_be_scored_is_one_line(tiny_world, teacher, tmp_path, change, said):
    if not change:
        other = shutil.copytree(teacher, tmp_path / "other")
        tokenizer = AutoTokenizer.from_pretrained(other)
        tokenizer.add_tokens(["<|extra|>"])
        said = said.replace("260", str(tokenizer.convert_tokens_to_ids("<|extra|>")))
        tokenizer.save_pretrained(other)
        manifest.write(other, made_by="test")
        teacher = other
    with pytest.raises(InputError) as error:
        make(tiny_world, teacher, tmp_path / "logits", **change)
    assert said in str(error.value)
