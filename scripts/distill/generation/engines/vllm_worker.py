"""One vLLM engine in its own process, which vllm.py starts: a line of requests on stdin, a line for each answer on stdout, once it is done.

python -m distill.generation.engines.vllm_worker results/models/ours '{"device": "auto", "tensor_parallel": 1, "gpu_memory": 0.9}'
"""

import json
import os
import signal
import sys
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any, TextIO

from distill.base.errors import InputError
from distill.generation.engines import Request, Sampling
from distill.models.remote_code import remote_code_option
from distill.models.vllm_environment import ENVIRONMENT


def main() -> None:
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # vLLM logs to stdout
    os.environ.update({name: os.environ.get(name, value) for name, value in ENVIRONMENT.items()})
    jobs: Queue[dict[str, Any]] = Queue()
    Thread(target=listen, args=(jobs,), daemon=True).start()
    model, options = Path(sys.argv[1]), json.loads(sys.argv[2])
    try:
        engine = LocalEngine(model, **options)
        while True:
            job = jobs.get()
            engine.answer([Request(**one) for one in job["requests"]], Sampling(**job["sampling"]), out)
            send(out, done=True)
    except InputError as error:
        send(out, error=str(error))


def listen(jobs: Queue) -> None:
    """Pass jobs on; when stdin ends, as it does with our parent, end together with all that vLLM has started."""
    for line in sys.stdin:
        jobs.put(json.loads(line))
    os.killpg(os.getpgrp(), signal.SIGKILL)


def send(out: TextIO, **message: Any) -> None:
    print(json.dumps(message), file=out, flush=True)


class LocalEngine:
    """vLLM with a model in memory."""

    def __init__(self, model: Path, device: str, tensor_parallel: int, gpu_memory: float, batch_invariant: bool = False):
        try:
            from vllm.platforms import current_platform
        except ImportError:
            raise InputError(
                "engine vllm: vLLM is not installed; pip install -r envs/requirements-cuda.txt, or write engine: transformers"
            ) from None
        on_cpu = current_platform.is_cpu()
        if device not in ("auto", "cpu" if on_cpu else "cuda"):
            raise InputError(f"runtime.device: {device}, but this vLLM is built for {'CPUs' if on_cpu else 'GPUs'}: write auto")
        if batch_invariant:
            check_batch_invariance(on_cpu, current_platform)
        if on_cpu:
            os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
        from transformers import GenerationConfig
        from vllm import LLM

        from distill.generation.engines.chat import stop_tokens

        self.name = model
        print(f"vLLM loads {model}", flush=True)
        with remote_code_option(model) as code:
            self.vllm = LLM(
                str(model),
                dtype="float32" if on_cpu else "bfloat16",
                load_format="safetensors",
                tensor_parallel_size=tensor_parallel,
                gpu_memory_utilization=gpu_memory,
                enforce_eager=on_cpu,
                # With chunked prompts vLLM 0.32 rewinds a request's generator, which a CPU's cannot do ("does not use offset").
                enable_chunked_prefill=not on_cpu,
                **code,
            )
        self.tokenizer = self.vllm.get_tokenizer()
        try:
            found = GenerationConfig.from_pretrained(model)
        except OSError:  # it has none
            found = GenerationConfig.from_model_config(self.vllm.model_config.hf_config)
        self.stops = stop_tokens(found, self.tokenizer)

    def answer(self, requests: list[Request], sampling: Sampling, out: TextIO) -> None:
        """Send each answer once it is done."""
        from distill.generation.engines.chat import prompts

        rendered = prompts(self.tokenizer, requests, sampling, self.vllm.model_config.max_model_len, self.name)
        names = self.vllm.enqueue(
            [{"prompt_token_ids": prompt.tokens} for prompt in rendered],
            [self._params(sampling, request.seed, prompt.room) for prompt, request in zip(rendered, requests, strict=True)],
            use_tqdm=False,
        )
        places = {name.partition("-")[0]: place for place, name in enumerate(names)}
        engine = self.vllm.llm_engine
        while engine.has_unfinished_requests():
            for done in engine.step():
                if done.finished:
                    place = places[done.request_id]
                    send(out, place=place, **self._message(rendered[place], list(done.outputs[0].token_ids)))

    def _params(self, sampling: Sampling, seed: int, room: int) -> Any:
        from vllm import SamplingParams

        return SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=room,
            seed=seed if sampling.temperature else None,
            ignore_eos=True,  # that of the tokenizer, which may differ from the generation config's
            stop_token_ids=sorted(self.stops),
            detokenize=False,
        )

    def _message(self, prompt: Any, tokens: list[int]) -> dict[str, Any]:
        ended = bool(tokens) and tokens[-1] in self.stops
        return {
            "text": prompt.opened + self.tokenizer.decode(tokens[:-1] if ended else tokens, skip_special_tokens=True),
            "finish_reason": "stop" if ended else "length",
            "prompt_tokens": len(prompt.tokens),
            "completion_tokens": len(tokens),
        }


def check_batch_invariance(on_cpu: bool, platform: Any) -> None:
    """Raises InputError where VLLM_BATCH_INVARIANT has no effect: vLLM itself accepts it there without a word."""
    import vllm
    from vllm import envs

    why = None
    if "VLLM_BATCH_INVARIANT" not in envs.environment_variables:
        why = f"vLLM {vllm.__version__} has no VLLM_BATCH_INVARIANT: install the version of envs/requirements-cuda.txt"
    elif on_cpu:
        why = "this vLLM is built for CPUs, where it has no batch-invariant kernels"
    elif platform.is_cuda() and not platform.has_device_capability(80):
        why = "this GPU is older than compute capability 8.0, for which vLLM has no batch-invariant kernels"
    if why:
        raise InputError(f"sampling.batch_invariant: {why}; or remove batch_invariant")


if __name__ == "__main__":
    main()
