"""TRL's DistillationTrainer as this project runs it: several optimizer steps a rollout, each completion sampled from its own seed,
resumable to the byte, bfloat16 in the loss, and stopped where the completions degenerate.

TRL 1.16 (trl/trainer/distillation_trainer.py) generates for each optimizer step, draws from torch's global generator, deals its rows in
the order of the first epoch again after a resume in a later one (RepeatSampler has no set_epoch), and runs the loss outside of autocast.
"""

import math
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch.utils.data import DataLoader, Sampler
from transformers import GenerationConfig, TrainerCallback
from trl import import_utils

from distill.base.errors import InputError
from distill.models.growing_cache import growing_cache
from distill.models.gumbel import draws
from distill.training.recipe import Recipe
from distill.training.resumable import EpochSampler, Resumable

# TRL imports vLLM where it is installed, to generate with. Completions come from transformers here, and vLLM would take 5 s and its memory
# in each process of a training.
_vllm_available = import_utils.is_vllm_available
import_utils.is_vllm_available = lambda *_, **__: False
try:
    from trl import DistillationTrainer
    from trl.models.utils import unwrap_model_for_generation
finally:
    import_utils.is_vllm_available = _vllm_available

Part = dict[str, torch.Tensor]  # completions of one forward pass, with their prompts
WINDOW = 64  # completions, at least, that a share or a mean length is taken over


class RolloutSampler(Sampler[int]):
    """Rows of whole rollouts, each rollout as often as it is asked for, in the order of an EpochSampler.

    Each process gets every `processes`-th stretch of `each` rows, so that the rows of an optimizer step do not depend on how many there
    are. Rows of an epoch that make no whole rollout are left out.
    """

    def __init__(self, order: EpochSampler, rollout: int, processes: int, each: int, repeats: int) -> None:
        self.order, self.rollout, self.processes, self.each, self.repeats = order, rollout, processes, each, repeats

    def set_epoch(self, epoch: int) -> None:
        self.order.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.order) // self.rollout * self.rollout * self.repeats

    def __iter__(self) -> Iterator[int]:
        rows = list(self.order)
        for start in range(0, len(rows) - self.rollout + 1, self.rollout):
            places = [place for rank in range(self.processes) for place in places_of(rank, self.rollout, self.processes, self.each)]
            for _ in range(self.repeats):
                yield from (rows[start + place] for place in places)


def places_of(rank: int, rollout: int, processes: int, each: int) -> list[int]:
    """The places in a rollout whose completions a process makes: `each` of every optimizer step."""
    return [place for place in range(rollout) if place // each % processes == rank]


def seed_of(seed: int, step: int, place: int) -> int:
    """The seed of the completion at a place of the rollout that begins at an optimizer step."""
    return int.from_bytes(sha256(f"{seed} {step} {place}".encode()).digest()[:8]) >> 1


class OnPolicyTrainer(Resumable, DistillationTrainer):
    """Set `steps_per_rollout` before training; 1 is TRL's own loop."""

    steps_per_rollout = 1
    vllm: Any = None  # vllm_rollouts.Rollouts, which generates in place of transformers
    attended_seen = 0

    # ---- rollouts

    @property
    def _parts(self) -> int:
        """Forward passes of one rollout on this process."""
        return self.args.gradient_accumulation_steps * self.steps_per_rollout

    @property
    def _each(self) -> int:
        """Completions of one optimizer step on this process."""
        return self.args.per_device_train_batch_size * self.args.gradient_accumulation_steps

    def _get_train_sampler(self, dataset: Dataset | None = None) -> RolloutSampler:
        rows = len(self.train_dataset if dataset is None else dataset)
        processes = self.args.world_size
        rollout = self._each * self.steps_per_rollout * processes
        return RolloutSampler(EpochSampler(rows, self.args.seed, None, rollout), rollout, processes, self._each, self._parts)

    def get_train_dataloader(self) -> DataLoader:
        return self._get_dataloader(
            dataset=self.train_dataset,
            description="Training",
            batch_size=self._each * self.steps_per_rollout,
            sampler_fn=self._get_train_sampler,
            is_training=True,
        )

    def _prepare_inputs(self, rows: Any) -> Part:
        """The completions of the next forward pass; with the first of a rollout, all of them are generated."""
        if self._step % self._parts == 0:
            self._buffered_inputs = self._deal(self._generate_and_score_completions(rows))
        return self._buffered_inputs[self._step % self._parts]

    def _deal(self, rollout: Part) -> list[Part]:
        """The rollout in parts, each with the tokens of its whole optimizer step, over all processes, by which the loss is divided."""
        parts = [_cut(rollout, place, self.args.per_device_train_batch_size) for place in range(self._parts)]
        counts = torch.stack([self._count(part) for part in parts]).view(self.steps_per_rollout, -1, 6)
        counts = self.accelerator.gather(torch.cat([counts[..., :5].sum(1), counts[..., 5:].amax(1)], 1)[None])
        counts = torch.cat([counts[..., :5].sum(0), counts[..., 5:].amax(0)], 1)
        self._counts = counts.tolist()
        for place, part in enumerate(parts):
            part["num_items_in_batch"] = counts[place // self.args.gradient_accumulation_steps, 0]
        return parts

    def _count(self, part: Part) -> torch.Tensor:
        """Tokens of completions, tokens of prompts, tokens that all of these attend to, completions, those that were cut, the longest."""
        lengths = part["completion_mask"].sum(1)
        last = part["completion_ids"].gather(1, (lengths - 1)[:, None])
        cut = ~torch.isin(last, torch.tensor(self.eos_token_ids, device=last.device))
        whole = lengths + part["prompt_mask"].sum(1)
        attended = (whole * (whole + 1) // 2).sum()
        return torch.stack([lengths.sum(), part["prompt_mask"].sum(), attended, (lengths > 0).sum(), cut.sum(), lengths.max()])

    def _generate_single_turn(self, prompt_ids: list[list[int]], *_: Any, **__: Any) -> list[list[int]]:
        """A completion of each prompt, up to its end of turn."""
        args, rollout = self.args, len(prompt_ids) * self.args.world_size
        places = places_of(args.process_index, rollout, args.world_size, self._each)
        seeds = [seed_of(args.seed, self.state.global_step, place) for place in places]
        if self.vllm:
            self.vllm.update()
            return self.vllm.complete(prompt_ids, seeds, self.eos_token_ids)
        made, ends = self._by_transformers(prompt_ids, seeds), set(self.eos_token_ids)
        return [row[: next((place + 1 for place, token in enumerate(row) if token in ends), len(row))] for row in made]

    def _by_transformers(self, prompt_ids: list[list[int]], seeds: list[int]) -> list[list[int]]:
        """A row goes on with padding after its end of turn."""
        args, device, pad = self.args, self.accelerator.device, self._tokenizer.pad_token_id
        width = max(map(len, prompt_ids))
        ids = torch.tensor([[pad] * (width - len(row)) + row for row in prompt_ids], device=device)
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in prompt_ids], device=device)
        greedy = GenerationConfig(  # the draws make it a sampling
            do_sample=False,
            max_new_tokens=self.max_completion_length,
            eos_token_id=self.eos_token_ids,
            pad_token_id=pad,
            use_cache=True,  # whatever the model's own generation config says
            disable_compile=True,
        )
        with (
            unwrap_model_for_generation(
                self.model_wrapped,
                self.accelerator,
                gather_deepspeed3_params=args.ds3_gather_for_generation,
                gradient_checkpointing_kwargs=args.gradient_checkpointing_kwargs,
            ) as model,
            torch.no_grad(),
            self._dist.summon_full_params(self.model_wrapped, recurse=False),
        ):
            drawn = draws(self.temperature, self.top_p, seeds, device)
            cache = growing_cache(model)
            out = model.generate(input_ids=ids, attention_mask=mask, generation_config=greedy, logits_processor=drawn, **cache)
            return out[:, width:].tolist()

    # ---- loss and log

    def _compute_loss(self, *args: Any) -> Any:
        # accelerate puts autocast around model.forward, and TRL calls the layers below it: without this, bfloat16 never reaches the loss.
        with self.accelerator.autocast():
            return super()._compute_loss(*args)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """What TRL logs of a rollout it logs at its first step; here each step has the numbers of its completions."""
        if "loss" in logs:
            step = self.state.global_step
            if not math.isfinite(logs["loss"]):
                raise InputError(f"distill: the loss of step {step} is {logs['loss']}: lower distill.learning_rate")
            before = next((row for row in reversed(self.state.log_history) if "loss" in row), {})
            completion, prompt, attended, count, cut, longest = self._counts[(step - 1) % self.steps_per_rollout]
            self.tokens_seen += completion + prompt
            self.attended_seen += attended
            logs |= {
                "num_attended": self.attended_seen,
                "generated_tokens": before.get("generated_tokens", 0) + completion,
                "mean_length": completion / count,
                "max_length": longest,
                "cut": cut / count,
            }
            entropies = self._metrics["train"]["entropy"]
            self._metrics["train"].clear()
            self._metrics["train"].update(entropy=entropies, num_tokens=[self.tokens_seen])
            self.progress_log.measure(step, self.tokens_seen, self.attended_seen)
        super().log(logs, start_time)

    # ---- checkpoints

    def _save_rng_state(self, output_dir: str) -> None:
        """With the rest of the current rollout: a checkpoint may lie between two of its steps."""
        super()._save_rng_state(output_dir)
        torch.save({"parts": self._buffered_inputs, "counts": self._counts}, self._rollout_file(output_dir))

    def _load_rng_state(self, checkpoint: str | None) -> None:
        super()._load_rng_state(checkpoint)
        if checkpoint is not None:
            # torch 2.13 cannot map to cpu:0, as accelerate calls the device of one of several processes.
            saved = torch.load(self._rollout_file(checkpoint), weights_only=True, map_location="cpu")
            device, self._counts = self.accelerator.device, saved["counts"]
            self._buffered_inputs = [{key: value.to(device) for key, value in part.items()} for part in saved["parts"]]
            self._step = self.state.global_step * self.args.gradient_accumulation_steps

    def _rollout_file(self, folder: str) -> Path:
        return Path(folder) / f"rollout_{self.args.process_index}.pt"


def _cut(rollout: Part, place: int, size: int) -> Part:
    """Rows place * size to (place + 1) * size of a rollout, without columns that are padding in all of them."""
    rows = {key: value[place * size : (place + 1) * size] for key, value in rollout.items() if value.ndim}
    prompt, completion = rows["prompt_mask"].sum(1).max(), rows["completion_mask"].sum(1).max()
    return {
        key: (value[:, value.shape[1] - prompt :] if key.startswith("prompt") else value[:, :completion]).clone()
        for key, value in rows.items()
    }


class LengthWatch(TrainerCallback):
    """Stops a training whose completions have become short, or too many of which are cut: nothing good comes after that.

    The log tells it, so a resumed training is stopped at the same step.
    """

    def __init__(self, min_length: float, max_cut: float, recipe: Recipe) -> None:
        self.min_length, self.max_cut, self.max_new_tokens = min_length, max_cut, recipe["max_new_tokens"]
        self.steps = math.ceil(WINDOW / recipe["global_batch"])

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
        rows = [row for row in state.log_history if "mean_length" in row]
        if "loss" not in logs or len(rows) < self.steps:
            return
        first, last = (sum(row["mean_length"] for row in part) / self.steps for part in (rows[: self.steps], rows[-self.steps :]))
        cut = sum(row["cut"] for row in rows[-self.steps :]) / self.steps
        if last < self.min_length * first:
            raise InputError(
                f"distill: step {state.global_step}: completions have {last:.0f} tokens in the mean, and had {first:.0f} at the start: "
                "lower distill.learning_rate, or distill.min_length if they may be so short"
            )
        if cut > self.max_cut:
            raise InputError(
                f"distill: step {state.global_step}: {cut:.0%} of the completions are cut at {self.max_new_tokens} tokens: "
                "raise distill.max_new_tokens, or distill.max_cut if so many may be cut"
            )
