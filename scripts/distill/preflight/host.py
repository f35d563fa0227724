"""Memory of a node's host while a model trains or generates there, and the time of an optimizer that works there.

Of a node, with P parameters of which T are trained, and n processes:

| what | bytes |
|---|---|
| each process, with its libraries | ON_CPU, or ON_GPU |
| the model while each process reads it, or the first writes it | the larger of 4P·n (LoRA in bfloat16: 2P·n; ZeRO-3: 0) and 6P |
| a checkpoint's copy, written while the training goes on | 12T with one process or DDP |
| an optimizer on the host | 16T / nodes, and the weights' 2P / nodes where they are there too |
| a training on the CPU | what memory.py counts, of each process |
| generation | the files that all processes read, 2P; on a CPU weights and cache |

All but the first line is taken RESERVE times, for buffers. The factors 4, 16, 18 and RESERVE are those by which DeepSpeed 0.19.8 estimates
what it needs (estimate_zero3_model_states_mem_needs in deepspeed/runtime/zero/stage3.py, and its like in stage_1_and_2.py).
"""

from collections.abc import Mapping

from distill.preflight import memory
from distill.preflight.arch import Arch
from distill.preflight.memory import GB, Batch, Launch

RESERVE = 1.5
ON_CPU = 1.3 * GB  # results/timing/train/*.tsv of the miniature, max_rss
ON_GPU = 5 * GB  # with CUDA's libraries and pinned buffers; assumed
LEAST_MB = 3000  # that a job asks of a cluster
ADAM_BYTES = 28  # that AdamW reads and writes of a parameter: weight, gradient and two moments, all float32


def training(arch: Arch, launch: Launch, batch: Batch, nodes: int = 1) -> int:
    """Bytes of one node's host."""
    of_device = memory.training(arch, launch, batch)["total"] if batch.cpu else 0
    read = 2 if batch.lora and batch.bfloat16 else 4
    return training_of(arch.parameters, batch.trained(arch), launch, nodes, read, of_device, batch.cpu)


def training_of(parameters: int, trained: int, launch: Launch, nodes: int, read: int, of_device: int, cpu: bool) -> int:
    """The same by numbers alone. `read`: bytes of a parameter while it is read; `of_device`: bytes of one process's training on the CPU."""
    here = max(1, launch.processes // nodes)
    model = max(0 if launch.kind == "zero3" else read * parameters * here, 6 * parameters)
    checkpoint = 12 * trained if launch.kind in ("single", "ddp") else 0
    offloaded = (16 * trained if launch.offload_optimizer else 0) + (2 * parameters if launch.offload_weights else 0)
    return round(here * (ON_CPU if cpu else ON_GPU) + RESERVE * (model + checkpoint + offloaded / nodes + here * of_device))


def answering(parameters: int, processes: int, on_cpu: int | None) -> int:
    """Bytes while a model generates in so many processes; `on_cpu`: what weights and cache take, where they are in the host's memory."""
    return round(ON_CPU + RESERVE * on_cpu) if on_cpu is not None else round(processes * ON_GPU + RESERVE * 2 * parameters)


def requested_mb(needed: int) -> int:
    """Bytes as the MiB that a job asks a cluster for, rounded up to a thousand."""
    return max(LEAST_MB, -(-needed // (1000 * 2**20)) * 1000)


def optimizer_s(trained: int, launch: Launch, nodes: int, assumed: Mapping[str, float]) -> float:
    """Seconds that an optimizer on the host adds to each step; 0 for one on the device.

    It reads and writes ADAM_BYTES a parameter in the host's memory, whose bandwidth the processes of a node share; each moves its share of
    gradients and weights, 2 bytes each, over its own link.
    """
    if not launch.offload_optimizer:
        return 0.0
    update = ADAM_BYTES * trained / nodes / (assumed["host_gb_s"] * GB)
    return update + 4 * trained / launch.processes / (assumed["link_gb_s"] * GB)
