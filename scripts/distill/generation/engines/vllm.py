"""Answers by vLLM, offline: a worker process for each group of GPUs (vllm_worker.py), each with a copy of the model.

This process imports neither torch nor vLLM. Each worker leads its own process group, which is killed as a whole, so that no part of a
crashed engine keeps a GPU's memory; a worker whose parent has died ends by itself.
"""

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

from distill.base.errors import InputError
from distill.base.paths import SCRIPTS
from distill.generation.engines import Answer, Request, Sampling, vllm_worker


class Engine:
    """A model in memory, once for each `tensor_parallel` of `respond_gpus` GPUs.

    Runtime: device, respond_gpus (0: one worker on what vLLM finds, a CPU if it is built for one), tensor_parallel, gpu_memory (share of a
    GPU's memory), batch_invariant.
    """

    def __init__(self, model: Path, runtime: dict[str, Any]):
        self.workers: list[Worker] = []
        atexit.register(self.close)
        options = {"device": runtime["device"], "tensor_parallel": runtime["tensor_parallel"]}
        options |= {"gpu_memory": runtime["gpu_memory"], "batch_invariant": bool(runtime.get("batch_invariant"))}
        for gpus in groups(runtime["respond_gpus"], options["tensor_parallel"], os.environ.get("CUDA_VISIBLE_DEVICES")):
            self.workers.append(Worker(model, options, gpus))

    def answers(self, requests: list[Request], sampling: Sampling) -> Iterator[tuple[int, Answer]]:
        """Raises InputError where a prompt does not fit the model's context, or a worker has died."""
        found: Queue[tuple[int, Answer] | Exception | None] = Queue()
        # Every n-th request to each worker, so that each gets its share of every item's samples.
        shares = [range(start, len(requests), len(self.workers)) for start in range(len(self.workers))]
        for worker, places in zip(self.workers, shares, strict=True):
            Thread(target=worker.answer, args=(places, requests, sampling, found), daemon=True).start()
        busy = len(self.workers)
        while busy:
            one = found.get()
            if isinstance(one, Exception):
                self.close()
                raise one
            if one is None:
                busy -= 1
            else:
                yield one

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
        atexit.unregister(self.close)


class Worker:
    """A process with a copy of the model, on these GPUs (None: whatever vLLM finds)."""

    def __init__(self, model: Path, options: dict[str, Any], gpus: list[str] | None):
        self.model = model
        command = [sys.executable, "-m", vllm_worker.__name__, str(model), json.dumps(options)]
        env = worker_environment(os.environ, gpus, options["batch_invariant"])
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, text=True, encoding="utf-8", start_new_session=True
        )

    def answer(self, places: range, requests: list[Request], sampling: Sampling, found: Queue) -> None:
        """Put each answer into `found` with its place, then None; or an exception."""
        job = {"sampling": vars(sampling), "requests": [vars(requests[place]) for place in places]}
        with contextlib.suppress(OSError):  # it has ended; its error can still be read
            print(json.dumps(job), file=self.process.stdin, flush=True)
        for line in self.process.stdout:
            message = json.loads(line)
            if "error" in message:
                found.put(InputError(message["error"]))
                return
            if "done" in message:
                found.put(None)
                return
            found.put((places[message.pop("place")], Answer(**message)))
        code = self.process.wait()
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        found.put(
            InputError(
                f"{self.model}: a vLLM worker has died ({how}); its own messages are above. Answers so far are kept: run the same command "
                "again, with a lower runtime.gpu_memory or a higher runtime.tensor_parallel where memory ran out"
            )
        )

    def kill(self) -> None:
        """End the worker and all that it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def worker_environment(env: Mapping[str, str], gpus: list[str] | None, batch_invariant: bool) -> dict[str, str]:
    """`env` with this project in front of PYTHONPATH, which images of some vendors need for their vLLM. VLLM_* variables stay."""
    made = {**env, "PYTHONPATH": os.pathsep.join([str(SCRIPTS), *filter(None, [env.get("PYTHONPATH")])])}
    if gpus is not None:
        made["CUDA_VISIBLE_DEVICES"] = ",".join(gpus)
    if batch_invariant:
        made["VLLM_BATCH_INVARIANT"] = "1"
    return made


def groups(gpus: int, tensor_parallel: int, visible: str | None) -> list[list[str] | None]:
    """The GPUs of each worker, by the names that CUDA_VISIBLE_DEVICES (`visible`) has for them; for 0 GPUs one worker on what it finds."""
    if gpus == 0:
        return [None]
    if gpus % tensor_parallel:
        raise InputError(f"runtime.respond_gpus: {gpus} is no multiple of tensor_parallel {tensor_parallel}: change one of the two")
    names = [str(number) for number in range(gpus)] if visible is None else [name for name in visible.split(",") if name]
    if len(names) < gpus:
        raise InputError(f"runtime.respond_gpus: {gpus}, but CUDA_VISIBLE_DEVICES shows {len(names)}: lower it or show more")
    return [names[start : start + tensor_parallel] for start in range(0, gpus, tensor_parallel)]
