"""TRL's SFTTrainer as this project runs it: resumable to the byte, and no step waits for its log line or for a disk."""

import math
import time
from dataclasses import dataclass
from typing import Any

import torch
from datasets import Dataset
from torch.distributed.tensor import DTensor
from torch.utils.checkpoint import checkpoint
from transformers.trainer_pt_utils import nested_gather
from trl import SFTTrainer

from distill.base.errors import InputError
from distill.training.logits import kl_losses
from distill.training.resumable import EpochSampler, Resumable
from distill.training.sizes import KL_TOKENS
from distill.training.speed import count_attended

ROWS_AT_ONCE = 10  # log rows read from a device at a time: to read one waits for all work that was sent to it
ROWS_EVERY_S = 2.0  # or after so long, which slow steps reach first


@dataclass(frozen=True)
class PendingRow:
    """A log row whose numbers are still on the device; `counts` and `entropy` as in Trainer._reset_sums."""

    step: int
    epoch: float
    learning_rate: float
    loss: torch.Tensor
    grad_norm: torch.Tensor | float
    counts: torch.Tensor
    entropy: torch.Tensor


class Trainer(Resumable, SFTTrainer):
    """SFTTrainer whose data order follows from seed and epoch, and whose log is read from the device some rows at a time."""

    group_by_length = False
    kl_weight: float | None = None  # of loss kl, whose batches hold the teacher's probabilities (logits.py)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rows_at_once = 1 if self.args.device.type == "cpu" or self.aux_loss_enabled else ROWS_AT_ONCE
        self.log_due = False  # a callback sets it: write the log after this step
        self.attended_seen = 0
        self._pending: list[PendingRow] = []
        self._written_at = time.monotonic()
        self._reset_sums()

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> EpochSampler:
        data = self.train_dataset if train_dataset is None else train_dataset
        lengths = [len(ids) for ids in data["input_ids"]] if self.group_by_length else None
        # The global batch, so that the order is that of any other world size.
        batch = self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        return EpochSampler(len(data), self.args.seed, lengths, batch)

    # ---- loss and log

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: torch.Tensor | int | None = None
    ) -> Any:
        """TRL 1.16's loss, by its fused head. TRL's own method reads five numbers from the device for each micro batch, and each read waits
        for all work that was sent there; here they are summed on the device until the log is written."""
        mask = inputs.get("attention_mask")
        self._counts[0] += inputs["input_ids"].numel() if mask is None else mask.sum()
        self._counts[1] += count_attended(inputs)
        if self.kl_weight is not None:
            losses = self._kl_losses(model, inputs)
            return self._scaled(losses, len(losses), num_items_in_batch)
        if return_outputs or self.aux_loss_enabled:  # mixtures of experts have a second loss
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        outputs = model(**inputs, use_cache=False, fused_lm_head=True)
        losses = -outputs.log_probs
        if self.args.loss_type == "dft":
            losses = losses * outputs.log_probs.exp().detach()
        with torch.no_grad():
            self._counts[2] += outputs.label_mask.sum()
            self._counts[3] += outputs.is_top1.sum()
            self._entropy += outputs.entropy.sum()
        return self._scaled(losses, outputs.label_mask.sum(), num_items_in_batch)

    def _scaled(self, losses: torch.Tensor, here: torch.Tensor | int, num_items_in_batch: torch.Tensor | int | None) -> torch.Tensor:
        """The sum of the losses over the tokens of the whole step, or where these are not counted over those `here`."""
        count = here if num_items_in_batch is None else num_items_in_batch
        loss = losses.sum() / torch.as_tensor(count).clamp(min=1)
        if self.args.average_tokens_across_devices and num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes  # it counts the tokens of all processes, and DDP takes the mean of the gradients
        return loss

    def _kl_losses(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        """The loss of each token with loss: the divergence from the teacher, mixed with the negative log-likelihood by kl_weight.

        Needs the logits of the micro batch, (rows, tokens, vocabulary); the rest is made for so many tokens at a time.
        """
        scored = {name: inputs[name] for name in ("teacher_ids", "teacher_log_p")}
        labels = inputs["labels"]
        logits = model(**{key: value for key, value in inputs.items() if key not in (*scored, "labels")}, use_cache=False).logits
        learned = labels[:, 1:] != -100
        tokens = logits[:, :-1][learned], labels[:, 1:][learned], *(numbers[:, 1:][learned] for numbers in scored.values())
        parts = list(zip(*(numbers.split(KL_TOKENS) for numbers in tokens), strict=True))
        with torch.no_grad():
            self._counts[2] += learned.sum()
            for of_vocabulary, targets, *_ in parts:
                log_q = of_vocabulary.float().log_softmax(-1)
                self._counts[3] += (log_q.argmax(-1) == targets).sum()
                self._entropy -= (log_q.exp() * log_q).sum()
        return torch.cat([checkpoint(kl_losses, *part, self.kl_weight, use_reentrant=False) for part in parts])

    def _reset_sums(self) -> None:
        """Counts of the micro batches since the last log row: tokens, tokens that they attend to, tokens with loss, those of them that are
        the model's first choice; and the entropy of its choices, summed over tokens with loss."""
        self._counts = torch.zeros(4, dtype=torch.int64, device=self.args.device)
        self._entropy = torch.zeros((), device=self.args.device)

    def _maybe_log_save_evaluate(
        self, tr_loss: torch.Tensor, grad_norm: Any, model: Any, trial: Any, *args: Any, learning_rate: float | None = None, **kwargs: Any
    ) -> None:
        if self.control.should_log and self.state.global_step > self._globalstep_last_logged:
            if learning_rate is None:
                learning_rate = self._get_learning_rate()
            if isinstance(grad_norm, DTensor):
                grad_norm = grad_norm.full_tensor()
            norm = grad_norm.detach().clone() if isinstance(grad_norm, torch.Tensor) else grad_norm
            mode = self.args.parallel_mode
            loss = nested_gather(tr_loss.detach().clone(), mode).mean()
            counts, entropy = nested_gather(self._counts[None], mode).sum(0), nested_gather(self._entropy, mode).sum()
            self._pending.append(PendingRow(self.state.global_step, self.state.epoch, learning_rate, loss, norm, counts, entropy))
            tr_loss.zero_()
            self._reset_sums()
            self._globalstep_last_logged = self.state.global_step
        if self._pending and self._log_is_due():
            self.write_log()
        super()._maybe_log_save_evaluate(tr_loss, grad_norm, model, trial, *args, learning_rate=learning_rate, **kwargs)

    def _log_is_due(self) -> bool:
        ends = self.control.should_save or self.control.should_training_stop or self.state.global_step >= self.state.max_steps
        late = time.monotonic() - self._written_at >= ROWS_EVERY_S
        return ends or late or self.log_due or self.state.global_step == 1 or len(self._pending) >= self.rows_at_once

    def write_log(self) -> None:
        """Put the pending rows into the log, one `on_log` of the callbacks for each, as if each had been written at its own step.

        Raises InputError where a loss is not a finite number: nothing is learned after that.
        """
        rows, self._pending, self.log_due = self._pending, [], False
        losses, entropies = (torch.stack(numbers).tolist() for numbers in ([row.loss for row in rows], [row.entropy for row in rows]))
        norms = [row.grad_norm for row in rows]
        if isinstance(norms[0], torch.Tensor):
            norms = torch.stack(norms).tolist()
        counts = torch.stack([row.counts for row in rows]).tolist()
        now = self.state.global_step, self.state.epoch
        for row, loss, norm, entropy, (tokens, attended, learned, right) in zip(rows, losses, norms, entropies, counts, strict=True):
            if not math.isfinite(loss):
                raise InputError(f"train: the loss of step {row.step} is {loss}: lower train.learning_rate, or check the training set")
            self._total_loss_scalar += loss
            self.tokens_seen += tokens
            self.attended_seen += attended
            self.state.global_step, self.state.epoch = row.step, row.epoch
            if row is rows[-1]:
                self.progress_log.measure(row.step, self.tokens_seen, self.attended_seen)
            shares = {"entropy": entropy / max(learned, 1), "mean_token_accuracy": right / max(learned, 1)}
            self.log(
                {
                    "loss": loss,
                    "grad_norm": norm,
                    "learning_rate": row.learning_rate,
                    "num_tokens": float(self.tokens_seen),
                    "num_attended": float(self.attended_seen),
                    **({} if self.aux_loss_enabled else shares),
                }
            )
        self.state.global_step, self.state.epoch = now
        self._written_at = time.monotonic()
