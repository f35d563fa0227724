"""What a batch teaches and what its loss is, compared with a few lines of plain PyTorch, for each kind of packing."""

import re
from functools import cache

import pytest
import tiny_chat
import tiny_training as tiny

torch = pytest.importorskip("torch")
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402
from transformers import AutoConfig, AutoModelForCausalLM  # noqa: E402
from transformers.training_args import OptimizerNames  # noqa: E402
from trl import SFTTrainer  # noqa: E402

from distill.base.errors import InputError  # noqa: E402
from distill.training import kernels, masks, sft  # noqa: E402
from distill.training.recipe import RECIPE as RECIPE_KEYS  # noqa: E402
from distill.training.recipe import RUNTIME as RUNTIME_KEYS  # noqa: E402
from distill.training.resumable import train_to_end  # noqa: E402
from distill.training.rows import training_rows  # noqa: E402

DEVICES = [torch.device("cpu"), *([torch.device("cuda")] if torch.cuda.is_available() else [])]
KERNELS = [(device, dtype, name) for device in DEVICES for dtype in kernels.GAP for name in kernels.candidates(device, dtype, packed=True)]
RECIPE = RECIPE_KEYS.read(tiny.RECIPE | {"max_length": 128})
RUNTIME = RUNTIME_KEYS.read({"device": "cpu", "micro_batch": 2})


@pytest.fixture
def built(tiny_world, tmp_path):
    """built(**recipe): a trainer over the tiny world, and its rows."""

    def built(template=None, rows=None, runtime=RUNTIME, **changes):
        recipe = RECIPE | changes
        rows = rows or tiny_chat.read_jsonl(tiny_world / "sft.jsonl")
        data = training_rows(tiny_chat.write_jsonl(tmp_path / "sft.jsonl", rows), tmp_path / "rows")
        return sft.build(tiny_world / "base", data, recipe, template, sft.arguments(recipe, tmp_path, runtime, 1), runtime), rows, recipe

    return built


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize(("device", "dtype", "kernel"), KERNELS)
def test_documents_packed_are_documents_alone(tiny_world, device, dtype, kernel, checkpointing):
    config = AutoConfig.from_pretrained(tiny_world / "base")
    proof = kernels.prove(config, kernel, device, dtype, checkpointing)
    assert proof.holds(dtype), proof
    assert proof.leak == 0
    if dtype == "float32":
        assert proof.gap <= 1e-5


def test_the_proof_tells_a_kernel_that_lets_documents_see_each_other(tiny_world):
    proof = kernels.prove(AutoConfig.from_pretrained(tiny_world / "base"), "sdpa", torch.device("cpu"), "float32", False, blind=True)
    assert proof.leak > 100 * kernels.LEAK
    assert not proof.holds("float32")
    assert not proof.holds("bfloat16")


def plain_loss(model, documents) -> float:
    """Cross-entropy of each learned token given what precedes it in its own document, over all learned tokens."""
    total, count = 0.0, 0
    for document in documents:
        ids, learned = torch.tensor(document.ids), torch.tensor(document.carries)[1:]
        logits = model(input_ids=ids[None]).logits[0, :-1].float()
        total += float(torch.nn.functional.cross_entropy(logits[learned], ids[1:][learned], reduction="sum"))
        count += int(learned.sum())
    return total / count


@pytest.mark.parametrize("packing", ["none", "bfd", "bfd_split", "wrapped"])
@pytest.mark.parametrize("loss_on", ["completion", "all"])
def test_the_loss_of_a_batch_is_plain_pytorchs(built, tiny_world, packing, loss_on):
    trainer, rows, recipe = built(packing=packing, loss_on=loss_on)
    masks.check_mask(trainer, rows[0], recipe)
    batch = masks.first_batch(trainer)
    assert len(masks.documents(batch)) >= 2
    with torch.no_grad():
        ours = float(trainer.compute_loss(trainer.model, {**batch}))
        plain = plain_loss(AutoModelForCausalLM.from_pretrained(tiny_world / "base").eval(), masks.documents(batch))
    assert ours == pytest.approx(plain, abs=1e-5)


@pytest.fixture(scope="module")
def few_steps(tiny_world, tmp_path_factory):
    """few_steps(rows_at_once, packing, **runtime): weights and log after six steps of a training."""

    @cache
    def few_steps(rows_at_once=1, packing="none", **runtime):
        folder = tmp_path_factory.mktemp("few")
        recipe, runtime = RECIPE | {"packing": packing}, RUNTIME | runtime
        data = training_rows(tiny_world / "sft.jsonl", folder / "rows")
        args = sft.arguments(recipe, folder, runtime, 1)
        torch.manual_seed(0)
        trainer = sft.build(tiny_world / "base", data, recipe, None, args, runtime)
        trainer.rows_at_once = rows_at_once
        train_to_end(trainer, folder)
        weights = {name: weight.detach().clone() for name, weight in trainer.model.state_dict().items()}
        return weights, [row | {"tokens_per_s": None} for row in sft.log(trainer)]

    return few_steps


@pytest.mark.parametrize(
    "change",
    [{"rows_at_once": 4}, {"rows_at_once": 100, "save_steps": 4}, {"checkpoint_layers": 1}, {"checkpoint_layers": 2}],
    ids=lambda change: ", ".join(f"{key} {value}" for key, value in change.items()),
)
@pytest.mark.parametrize("packing", ["none", "bfd_split"])
def test_what_changes_speed_or_memory_changes_no_weight_and_no_log_row(few_steps, monkeypatch, packing, change):
    monkeypatch.setattr("distill.training.trainer.ROWS_EVERY_S", 1e9)
    weights, log = few_steps(packing=packing)
    changed, changed_log = few_steps(packing=packing, **change)
    assert [row["step"] for row in log] == list(range(1, 7))
    assert changed_log == log
    assert all(torch.equal(weights[name], changed[name]) for name in weights)


def test_the_fused_adamw_that_a_gpu_gets_takes_the_steps_of_the_plain_one(built):
    weights = []
    for optimizer in (OptimizerNames.ADAMW_TORCH, OptimizerNames.ADAMW_TORCH_FUSED):
        trainer, _, _ = built()
        before = torch.cat([weight.detach().flatten() for weight in trainer.model.parameters()])
        trainer.args.optim, trainer.args.max_steps = optimizer, 4
        trainer.train()
        assert trainer.optimizer.optimizer.defaults["fused"] == (optimizer == OptimizerNames.ADAMW_TORCH_FUSED or None)
        weights.append(torch.cat([weight.detach().flatten() for weight in trainer.model.parameters()]))
    plain, fused = weights
    assert (plain - before).norm() > 0
    assert (fused - plain).norm() <= 1e-3 * (plain - before).norm()


class DeviceReads(TorchDispatchMode):
    """Counts what makes a program wait for a GPU: a number that is read from a tensor, and an index whose length depends on one."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        by_mask = func is torch.ops.aten.index.Tensor and any(index is not None and index.dtype == torch.bool for index in args[1])
        waits = (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default, torch.ops.aten.masked_select.default)
        self.count += by_mask or func in waits
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("packing", ["none", "bfd_split"])
def test_a_micro_batch_reads_nothing_from_the_device_that_the_forward_pass_does_not(built, packing):
    trainer, _, _ = built(packing=packing)
    trainer.model.train()
    batch = masks.first_batch(trainer)

    def reads(compute) -> int:
        with DeviceReads() as seen:
            compute()
        return seen.count

    forward = reads(lambda: trainer.model(**batch, use_cache=False, fused_lm_head=True))
    assert reads(lambda: trainer.compute_loss(trainer.model, {**batch})) == forward
    assert reads(lambda: SFTTrainer.compute_loss(trainer, trainer.model, {**batch})) == forward + 5  # TRL 1.16


def test_some_of_the_layers_recompute_their_activations(built):
    trainer, _, _ = built(runtime=RUNTIME | {"checkpoint_layers": 1})
    trainer.args.max_steps = 1
    trainer.train()
    assert [layer.gradient_checkpointing for layer in kernels.decoder_layers(trainer.model)] == [True, False]


def test_a_loss_that_is_not_a_number_ends_the_training(built):
    trainer, _, _ = built()
    with torch.no_grad():
        trainer.model.get_input_embeddings().weight.fill_(float("nan"))
    with pytest.raises(InputError, match=r"train: the loss of step 1 is nan: lower train.learning_rate"):
        trainer.train()


@pytest.mark.parametrize("packing", ["none", "bfd"])
def test_dft_weighs_each_token_by_its_own_probability_which_carries_no_gradient(built, tiny_world, packing):
    trainer, _, _ = built(packing=packing, loss="dft")
    batch = masks.first_batch(trainer)
    plain = AutoModelForCausalLM.from_pretrained(tiny_world / "base")
    logs = []
    for document in masks.documents(batch):
        ids, learned = torch.tensor(document.ids), torch.tensor(document.carries)[1:]
        rows = plain(input_ids=ids[None]).logits[0, :-1].log_softmax(-1)
        logs.append(rows.gather(1, ids[1:, None])[learned, 0])
    log = torch.cat(logs)
    expected = -(log.detach().exp() * log).mean()
    expected.backward()
    made = trainer.compute_loss(trainer.model, {**batch})
    made.backward()
    assert made.item() == pytest.approx(expected.item(), rel=1e-4)
    for ours, theirs in zip(trainer.model.parameters(), plain.parameters(), strict=True):
        assert (ours.grad - theirs.grad).norm() <= 1e-4 * theirs.grad.norm()


@pytest.mark.parametrize("packing", ["none", "bfd", "bfd_split", "wrapped"])
def test_exactly_the_answers_and_their_ends_are_learned(built, packing):
    trainer, rows, _ = built(packing=packing, max_length=512)
    batch = trainer.data_collator([trainer.train_dataset[at] for at in range(len(trainer.train_dataset))])
    learned = [
        trainer.processing_class.decode(document.ids[start:end]) for document in masks.documents(batch) for start, end in document.spans()
    ]
    answers = [row["completion"][0]["content"] + "<|im_end|>\n" for row in rows]
    if packing == "wrapped":  # what its cuts leave
        assert len(set(learned) & set(answers)) > len(set(answers)) / 2
    else:
        assert sorted(learned) == sorted(answers)


@pytest.mark.parametrize("packing", ["none", "bfd_split", "wrapped"])
def test_the_batch_that_is_checked_is_the_first_that_is_trained_on(built, packing):
    trainer, _, _ = built(packing=packing, group_by_length=packing == "none")
    real = next(iter(trainer.get_train_dataloader()))
    assert torch.equal(real["input_ids"], masks.first_batch(trainer)["input_ids"])


def test_an_end_of_turn_that_the_template_does_not_write_is_refused(built):
    trainer, rows, recipe = built(eos_token="<|endoftext|>")
    with pytest.raises(InputError, match=r"the end of turn <\|endoftext\|> is not learned, so the model would never stop"):
        masks.check_mask(trainer, rows[0], recipe)


@pytest.mark.parametrize("packing", ["none", "bfd", "bfd_split", "wrapped"])
def test_a_prompt_that_carries_loss_is_refused(built, packing):
    trainer, rows, recipe = built(packing=packing, loss_on="all")
    with pytest.raises(InputError, match="tokens of the prompt carry loss"):
        masks.check_mask(trainer, rows[0], recipe | {"loss_on": "completion"})


def test_rows_whose_prompts_alone_are_too_long_are_refused(built):
    with pytest.raises(InputError, match=r"train.max_length: no row has a token to learn within 8 tokens"):
        built(max_length=8)


QWEN = (
    "{%- if messages[0]['role'] == 'system' %}{{- '<|im_start|>system\n' + messages[0]['content'] + '<|im_end|>\n' }}"
    "{%- else %}{{- '<|im_start|>system\nPlease reason step by step.<|im_end|>\n' }}{%- endif %}"
    "{%- for message in messages %}{%- if message.role != 'system' %}"
    "{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}"
)


@pytest.mark.parametrize(
    ("template", "changes", "told"),
    [
        (None, {"packing": "bfd_split"}, []),
        (None, {"packing": "wrapped"}, ["documents in one sequence see each other"]),
        (None, {"packing": "bfd", "max_length": 32}, ["documents fill max_length 32: what is longer is cut there"]),
        (None, {"packing": "bfd", "max_length": 512}, []),
        (QWEN, {}, ["Please reason step by step."]),
        ((tiny.PROJECT / "config/templates/chatml.jinja").read_text(), {}, []),
    ],
)
def test_what_people_should_know_is_told_before_step_1(built, template, changes, told):
    trainer, rows, recipe = built(template=template, **changes)
    lines = masks.notes(trainer, rows[0], recipe)
    assert len(lines) == len(told)
    assert all(part in line for part, line in zip(told, lines, strict=True))


def test_nothing_that_trains_or_answers_asks_for_nvidia():
    """MetaX and others answer to torch.cuda; none of them has NVIDIA's tools, and not all its wheels."""
    asking = re.compile(r"\b(nvidia|nvml|nccl|cuda_home|cudnn|get_device_capability|get_device_name)", re.IGNORECASE)
    places = (
        "scripts/train.py",
        "scripts/launch.py",
        "scripts/distill/training/launch.py",
        "scripts/distill/training",
        "scripts/distill/generation/engines",
    )
    files = [tiny.PROJECT / place for place in (*places, "rules", "config/accelerate")]
    files = [path for place in files for path in (sorted(place.rglob("*.*")) if place.is_dir() else [place]) if path.suffix != ".pyc"]
    assert len(files) > 20
    assert not [path.name for path in files if asking.search(path.read_text(encoding="utf-8"))]
    pins = (tiny.PROJECT / "envs/requirements.txt").read_text(encoding="utf-8")
    assert not [line for line in pins.splitlines() if line.startswith(("nvidia", "flash-attn", "flash_attn", "bitsandbytes"))]


def test_the_log_tells_the_kernel_and_the_first_batch(trained):
    out = (trained().parent / "out.txt").read_text()
    assert "attention: sdpa on cpu in float32" in out
    assert "48 rows; the first batch begins, [without loss]:\n[<|im_start|>user\n" in out
    assert "<|im_start|>assistant\n]" in out
