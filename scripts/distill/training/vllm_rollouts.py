"""Rollouts by vLLM within the training process, for models.NAME.distill.engine: vllm.

TRL 1.16's VLLMGeneration walks the weights of a student under any launcher, but its way to push them fails on a CPU with vLLM 0.32
('Parameter' object has no attribute 'weight_loader'), and it has one seed for all requests, which a resume and the number of processes
change. Here vLLM's own reload_weights takes the weights, and each completion has its own seed.
"""

import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from distill.base.errors import InputError
from distill.models.remote_code import remote_code_option
from distill.models.vllm_environment import ENVIRONMENT

os.environ.update({name: os.environ.get(name, value) for name, value in ENVIRONMENT.items()})
with warnings.catch_warnings():
    # It names vLLM up to 0.31; tests/e2e/test_distill_vllm.py runs it with the pinned one.
    warnings.filterwarnings("ignore", "TRL currently supports vLLM")
    from trl.generation.vllm_generation import VLLMGeneration
    from vllm import LLM, SamplingParams
    from vllm.model_executor.layers.vocab_parallel_embedding import ParallelLMHead
    from vllm.platforms import current_platform


class Rollouts(VLLMGeneration):
    """An engine next to the student that is trained, on the same device."""

    def _init_vllm(self) -> None:
        on_cpu, several = current_platform.is_cpu(), self.accelerator.num_processes > 1
        if on_cpu != (self.accelerator.device.type == "cpu"):
            raise InputError(
                f"distill.engine: this vLLM is built for {'CPUs' if on_cpu else 'GPUs'}, and the student is on "
                f"{self.accelerator.device.type}: change runtime.device, or write engine: transformers"
            )
        os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"  # in this process, where the weights are
        with remote_code_option(Path(self.model.name_or_path)) as code:
            self.llm = LLM(
                self.model.name_or_path,
                dtype="float32" if on_cpu else "bfloat16",
                load_format="safetensors",
                max_model_len=self.max_model_length,
                gpu_memory_utilization=self.gpu_memory_utilization,
                enforce_eager=on_cpu,
                enable_prefix_caching=False,  # what is cached is of older weights
                # With chunked prompts vLLM 0.32 rewinds a request's generator, which a CPU's cannot do ("does not use offset").
                enable_chunked_prefill=not on_cpu,
                distributed_executor_backend="external_launcher" if several else None,
                **code,
            )
        self.accelerator.wait_for_everyone()

    def update(self) -> None:
        """Give the engine the student's weights of this moment."""
        self.llm.collective_rpc("reload_weights", kwargs={"weights_iterator": self._weights()})
        self.llm.apply_model(_pack_head)

    def complete(self, prompts: Sequence[Sequence[int]], seeds: Sequence[int], ends: Sequence[int]) -> list[list[int]]:
        """A completion of each prompt, up to and with one of `ends`."""
        params = [self._params(seed, ends) for seed in seeds]
        made = self.llm.generate([{"prompt_token_ids": list(ids)} for ids in prompts], params, use_tqdm=False)
        return [list(one.outputs[0].token_ids) for one in made]

    def _weights(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Copies: vLLM holds those of a layer until it has them all, when ZeRO-3 has taken its own back."""
        dtype = self.llm.model_config.dtype
        for name, weight in self._iter_named_params():
            yield name, weight.detach().to(dtype, copy=True)

    def _params(self, seed: int, ends: Sequence[int]) -> Any:
        return SamplingParams(
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_completion_length,
            seed=seed,
            ignore_eos=True,  # that of the tokenizer, which may differ from the ends
            stop_token_ids=sorted(ends),
            detokenize=False,
        )


def _pack_head(model: torch.nn.Module) -> None:
    """On a CPU vLLM computes with packed copies of its matrices (model_executor/layers/utils.py, dispatch_cpu_unquantized_gemm).

    vLLM 0.32 packs a layer again once its weights are loaded, and never a head that is tied to the embeddings, under whose name no weights
    come (model_executor/model_loader/reload/layerwise.py): it would go on with those of the start. Elsewhere this does nothing.
    """
    for layer in model.modules():
        if isinstance(layer, ParallelLMHead):
            layer.quant_method.process_weights_after_loading(layer)
