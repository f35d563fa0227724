"""What a rollout holds and what is learned from it, compared with a few lines of plain PyTorch."""

import math
from types import SimpleNamespace

import pytest
import tiny_distillation as tiny
import tiny_training

torch = pytest.importorskip("torch")
from transformers import AutoModelForCausalLM, Qwen2ForCausalLM  # noqa: E402

from distill.base.errors import InputError  # noqa: E402
from distill.models.growing_cache import ROOM, GrowingLayer  # noqa: E402
from distill.training import distillation, on_policy  # noqa: E402
from distill.training.on_policy import LengthWatch, RolloutSampler, places_of, seed_of  # noqa: E402
from distill.training.pair import Side  # noqa: E402
from distill.training.prompts import read_prompts  # noqa: E402
from distill.training.recipe import DISTILLATION, RUNTIME  # noqa: E402
from distill.training.resumable import EpochSampler, train_to_end  # noqa: E402


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return tiny.world(tmp_path_factory.mktemp("pair") / "world")


@pytest.fixture
def built(pair, tmp_path):
    """built(**recipe): the trainer of the tiny distillation."""

    def built(teacher=None, micro_batch=2, **changes):
        recipe = DISTILLATION.read(tiny.RECIPE | changes)
        runtime = RUNTIME.read({"device": "cpu", "micro_batch": micro_batch})
        sides = Side.of(pair / "student"), Side.of(teacher or pair / "teacher")
        arguments = distillation.arguments(recipe, tmp_path, runtime, 1)
        return distillation.build(*sides, read_prompts(pair / "sft.jsonl"), recipe, arguments, runtime)

    return built


def first_rollout(trainer) -> list:
    """The parts of the first rollout."""
    trainer.model.train()
    rows = next(iter(trainer.get_train_dataloader()))
    trainer._prepare_inputs(rows)
    return trainer._buffered_inputs


# ---- which rows


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_an_optimizer_step_has_the_same_rows_on_any_number_of_processes(processes):
    rollout, steps, batch = 24, 3, 8
    each = batch // processes
    order = EpochSampler(50, 3, None, rollout)
    dealt = list(RolloutSampler(order, rollout, processes, each, repeats=1))
    assert len(dealt) == 48, "of 50 rows, 2 make no whole rollout"
    for number in range(2):
        of_rank = [dealt[number * rollout + rank * each * steps :][: each * steps] for rank in range(processes)]
        for step in range(steps):
            rows = [row for rank in range(processes) for row in of_rank[rank][step * each : (step + 1) * each]]
            assert rows == list(order)[number * rollout + step * batch :][:batch]


def test_a_rollout_is_repeated_for_each_of_its_forward_passes_and_the_order_follows_the_epoch():
    sampler = RolloutSampler(EpochSampler(12, 0, None, 4), 4, 1, 2, repeats=3)
    rows = list(sampler)
    assert len(rows) == len(sampler) == 36
    assert rows[0:4] == rows[4:8] == rows[8:12] != rows[12:16]
    sampler.set_epoch(1)
    assert list(sampler) != rows


def test_every_completion_has_a_seed_of_its_own():
    seeds = {seed_of(seed, step, place) for seed in (0, 1) for step in (0, 8) for place in range(64)}
    assert len(seeds) == 256
    assert all(0 <= seed < 2**63 for seed in seeds)
    places = [place for rank in range(2) for place in places_of(rank, 24, 2, 4)]
    assert sorted(places) == list(range(24))


# ---- what is sampled


def test_a_completion_depends_on_its_place_and_not_on_what_is_generated_with_it(built):
    whole = first_rollout(built(micro_batch=4))
    parts = first_rollout(built(micro_batch=1))
    assert [len(part["completion_ids"]) for part in parts] == [1] * 12
    texts = [
        [row[mask.bool()].tolist() for part in dealt for row, mask in zip(part["completion_ids"], part["completion_mask"], strict=True)]
        for dealt in (whole, parts)
    ]
    assert texts[0] == texts[1]
    assert len({tuple(text) for text in texts[0]}) == 12


def test_completions_are_the_same_with_a_growing_cache_with_transformers_own_and_for_a_model_that_is_saved_without_one(built, monkeypatch):
    seen, growing = [], on_policy.growing_cache

    def completions(cache, use_cache):
        trainer = built(max_new_tokens=70)  # more than the cache has room for at first
        trainer.model.generation_config.use_cache = use_cache
        monkeypatch.setattr(on_policy, "growing_cache", lambda model: seen.append(cache(model)) or seen[-1])
        return trainer._generate_single_turn([[3, 4, 5], [6, 7, 8]] * 6)

    made = [completions(growing, True), completions(growing, False), completions(lambda _: {}, True)]
    assert made[0] == made[1] == made[2]
    assert max(map(len, made[0])) > ROOM
    assert [type(layer) for layer in seen[0]["past_key_values"].layers] == [GrowingLayer] * 2


def test_completions_are_drawn_from_the_students_distribution(built):
    """The first token of many completions of one prompt, against the student's own probabilities."""
    trainer = built(temperature=0.7, max_new_tokens=1)
    ids = trainer._tokenizer.apply_chat_template([{"role": "user", "content": "1+2"}], add_generation_prompt=True, return_dict=False)
    draws = torch.tensor(trainer._generate_single_turn([ids] * 4000)).flatten()
    with torch.no_grad():
        expected = (trainer.model(torch.tensor([ids])).logits[0, -1] / 0.7).softmax(-1)
    seen = torch.bincount(draws, minlength=len(expected)) / len(draws)
    chi2 = (4000 * (seen - expected) ** 2 / expected).sum()
    freedom = len(expected) - 1
    assert abs(chi2 - freedom) < 5 * math.sqrt(2 * freedom)


# ---- what is learned


def plain_divergence(student, teacher, parts, beta: float, temperature: float) -> torch.Tensor:
    """The mean over all tokens of completions of the generalised Jensen-Shannon divergence, as arXiv 2306.13649 has it."""
    total, count = torch.zeros(()), 0
    for part in parts:
        for prompt, prompt_mask, completion, mask in zip(
            *(part[key] for key in ("prompt_ids", "prompt_mask", "completion_ids", "completion_mask")), strict=True
        ):
            prompt, completion = prompt[prompt_mask.bool()], completion[mask.bool()]
            ids = torch.cat([prompt, completion])[None]
            p, q = ((model(ids).logits[0, len(prompt) - 1 : -1] / temperature).log_softmax(-1) for model in (teacher, student))
            if beta in (0, 1):
                one, other = (p, q) if beta == 0 else (q, p)
                total = total + (one.exp() * (one - other)).sum()
            else:
                middle = torch.logsumexp(torch.stack([p + math.log(beta), q + math.log(1 - beta)]), 0)
                total = total + beta * (p.exp() * (p - middle)).sum() + (1 - beta) * (q.exp() * (q - middle)).sum()
            count += len(completion)
    return total / count


@pytest.mark.parametrize(("beta", "temperature"), [(0.0, 1.0), (1.0, 1.0), (0.3, 1.0), (0.0, 0.5)])
def test_the_loss_of_a_step_is_the_divergence_over_its_tokens(built, pair, beta, temperature):
    trainer = built(beta=beta, temperature=temperature)
    parts = first_rollout(trainer)[:2]  # two forward passes make one step
    loss = sum(trainer.compute_loss(trainer.model, dict(part)) for part in parts)
    loss.backward()
    student, teacher = (AutoModelForCausalLM.from_pretrained(pair / name) for name in ("student", "teacher"))
    plain = plain_divergence(student, teacher, parts, beta, temperature)
    plain.backward()
    assert loss.item() == pytest.approx(plain.item(), rel=1e-4)
    for (name, one), (_, other) in zip(trainer.model.named_parameters(), student.named_parameters(), strict=True):
        assert torch.allclose(one.grad, other.grad, rtol=1e-3, atol=1e-6), name


def test_bfloat16_reaches_the_loss(built, monkeypatch):
    seen = []
    forward = torch.nn.functional.linear
    monkeypatch.setattr(torch.nn.functional, "linear", lambda *given: seen.append(forward(*given).dtype) or forward(*given))
    trainer = built(dtype="bfloat16")
    parts = first_rollout(trainer)
    seen.clear()
    trainer.compute_loss(trainer.model, dict(parts[0]))
    assert set(seen) == {torch.bfloat16}
    assert {weight.dtype for weight in trainer.model.parameters()} == {torch.float32}
    assert {weight.dtype for weight in trainer.teacher_model.parameters()} == {torch.bfloat16}


def test_padding_rows_of_a_teacher_change_nothing(built, pair, tmp_path):
    """As Qwen2.5-7B has over the 1.5B: the same tokens, and more rows in the embedding."""
    padded = tmp_path / "padded"
    network = Qwen2ForCausalLM.from_pretrained(pair / "teacher")
    network.resize_token_embeddings(320)
    network.save_pretrained(padded)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (padded / name).write_bytes((pair / "teacher" / name).read_bytes())
    tiny_training.manifest.write(padded, made_by="test")
    losses = []
    for teacher in (pair / "teacher", padded):
        trainer = built(teacher=teacher)
        losses.append(trainer.compute_loss(trainer.model, dict(first_rollout(trainer)[0])).item())
    assert losses[0] == losses[1]


@pytest.mark.parametrize("steps_per_rollout", [1, 3])
def test_the_log_counts_what_each_step_learned_from(built, tmp_path, steps_per_rollout):
    trainer = built(steps=6, steps_per_rollout=steps_per_rollout)
    dealt = []
    deal = trainer._deal
    trainer._deal = lambda rollout: dealt.append(deal(rollout)) or dealt[-1]
    train_to_end(trainer, tmp_path)
    log = distillation.log(trainer)
    assert len(dealt) == 6 // steps_per_rollout and [row["step"] for row in log] == list(range(1, 7))
    parts = [part for rollout in dealt for part in rollout]
    read = written = attended = 0
    for step, row in enumerate(log):
        own = parts[2 * step : 2 * step + 2]
        lengths = torch.cat([part["completion_mask"].sum(1) for part in own])
        written += int(lengths.sum())
        read += int(lengths.sum()) + sum(int(part["prompt_mask"].sum()) for part in own)
        ends = [
            int(ids[mask.bool()][-1]) for part in own for ids, mask in zip(part["completion_ids"], part["completion_mask"], strict=True)
        ]
        cut = sum(end not in trainer.eos_token_ids for end in ends) / len(ends)
        assert (row["tokens"], row["teacher_tokens"], row["generated_tokens"]) == (read, read, written)
        whole = [int(part["prompt_mask"][at].sum() + part["completion_mask"][at].sum()) for part in own for at in range(2)]
        attended += sum(length * (length + 1) // 2 for length in whole)
        assert row["attended"] == attended
        assert (row["mean_length"], row["max_length"], row["cut"]) == (lengths.float().mean(), lengths.max(), cut)
    assert all(0 < row["entropy"] < math.log(trainer.model.config.vocab_size) for row in log)
    assert log[-1]["loss"] < log[0]["loss"]


def test_too_few_prompts_for_a_rollout_are_one_line(built):
    with pytest.raises(InputError, match=r"48 prompts are fewer than the 80 of a rollout .*lower distill\.steps_per_rollout"):
        built(steps_per_rollout=20)


# ---- when it is stopped

STEADY = [(100, 0.02)] * 9


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (STEADY, None),
        ([*STEADY, *[(40, 0)] * 8], None),
        ([*STEADY, (10, 0)], None),
        ([*STEADY, *[(20, 0)] * 8], "completions have 30 tokens in the mean, and had 100 at the start: lower distill.learning_rate"),
        ([(100, 0.6)] * 8, "60% of the completions are cut at 200 tokens: raise distill.max_new_tokens"),
        ([(100, 1.0)] * 7, None),
    ],
)
def test_a_training_is_stopped_where_its_completions_degenerate(steps, said):
    watch = LengthWatch(0.33, 0.5, {"global_batch": 8, "max_new_tokens": 200})
    state = SimpleNamespace(log_history=[], global_step=0)

    def run():
        for length, cut in steps:
            state.log_history.append({"loss": 1.0, "mean_length": length, "cut": cut})
            state.global_step += 1
            watch.on_log(None, state, None, {"loss": 1.0})

    if said is None:
        return run()
    with pytest.raises(InputError) as error:
        run()
    assert said in str(error.value)
    assert "\n" not in str(error.value)
