"""Start of a training: its processes and nodes, and the command line of `accelerate launch` that follows from them."""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.training.slurm import address_of

ONE_PROCESS = ("NO", "MULTI_CPU")  # accelerate 1.15 starts one process for either, however many were requested, without an error
SEVERAL = "ddp.yaml, zero2.yaml, zero3.yaml or fsdp2.yaml of config/accelerate"
# The settings of config/accelerate/single.yaml, for which accelerate 1.15 sets nothing that a training goes by but OMP_NUM_THREADS.
PLAIN = {
    "compute_environment": "LOCAL_MACHINE",
    "distributed_type": "NO",
    "mixed_precision": "no",
    "num_machines": 1,
    "num_processes": 1,
    "machine_rank": 0,
    "use_cpu": False,
}
# The number of processes that the launcher starts, so that train.py can compare: accelerate can start fewer without an error.
PROCESSES_VARIABLE = "DISTILL_PROCESSES"
# How long the processes of a node may take to save after SIGTERM before torch kills them. Its default of 30 s is too short for the
# checkpoint of a large model, and whoever sent the SIGTERM has its own limit.
SHUTDOWN_S = 1800
NOISE = "ignore::FutureWarning:torch.distributed.c10d_logger"  # DeepSpeed 0.19 calls what torch 2.13 renames, many times a step
PORT = 29500
STOPPED = 75  # EX_TEMPFAIL of sysexits.h: try again


@dataclass(frozen=True)
class Nodes:
    """How many nodes take part, the rank of this one, and the address of the node of rank 0."""

    count: int = 1
    rank: int = 0
    address: str = "127.0.0.1"
    port: int = 0  # any free one

    @classmethod
    def from_environment(
        cls, count: int, rank: int | None = None, address: str | None = None, port: int | None = None, env: Mapping[str, str] = os.environ
    ) -> "Nodes":
        """What is not given comes from Slurm's environment. Raises InputError where that does not have it either."""
        if count == 1:
            return cls()
        if "SLURM_JOB_ID" in env:
            there = int(env.get("SLURM_STEP_NUM_NODES", env.get("SLURM_JOB_NUM_NODES", 1)))
            if there != count:
                raise InputError(f"{count} nodes are requested, and Slurm gives this step {there}: start it with srun --nodes={count}")
            rank = int(env["SLURM_NODEID"]) if rank is None else rank
            address = address or address_of(first_host(env.get("SLURM_STEP_NODELIST") or env["SLURM_JOB_NODELIST"]))
            port = port or PORT + int(env["SLURM_JOB_ID"]) % 10_000  # two jobs may share a node
        if rank is None:
            raise InputError(f"{count} nodes are requested: give each its own --machine-rank, 0 to {count - 1}, or start it with srun")
        if not address:
            raise InputError(f"{count} nodes are requested: give --main-address, where the node of rank 0 can be reached")
        if not 0 <= rank < count:
            raise InputError(f"--machine-rank: {rank} is not a rank of {count} nodes, which are numbered from 0")
        return cls(count, rank, address, port or PORT)


def first_host(nodelist: str) -> str:
    """The first node of a Slurm node list: gpu007 of gpu[007-010,12],cpu1."""
    return re.sub(r"\[(\w+)[^\]]*\]", r"\1", re.match(r"(?:[^,\[]|\[[^\]]*\])*", nodelist)[0])


def command(config: Path, settings: Mapping[str, Any], processes: int, nodes: Nodes) -> list[str]:
    """The options of `accelerate launch` for `processes` on each of `nodes`.

    `settings` is the content of the accelerate file `config`. Raises InputError where accelerate would start fewer processes.
    """
    total = processes * nodes.count
    if str(settings.get("distributed_type")) in ONE_PROCESS and total > 1:
        raise InputError(f"{config}: starts one process, and {total} are requested: name {SEVERAL} as runtime.accelerate")
    options = ["--config_file", str(config), "--num_processes", str(total), "--num_machines", str(nodes.count)]
    options += ["--machine_rank", str(nodes.rank), "--main_process_port", str(nodes.port), "--quiet"]
    return options + (["--main_process_ip", nodes.address] if nodes.count > 1 else [])


def is_plain(settings: Mapping[str, Any], processes: int, nodes: Nodes) -> bool:
    """Whether a training is one process without any feature of accelerate, and needs no launcher: accelerate's imports torch, which takes
    seconds, and holds it as long as the training runs."""
    return processes * nodes.count == 1 and settings.items() <= PLAIN.items()


def processes_of(runtime: Mapping[str, Any]) -> int:
    """The processes of one training on each node, by the configuration's `runtime`."""
    return runtime["train_processes"] or max(runtime["train_gpus"], 1)


def accumulation(global_batch: int, world_size: int, micro_batch: int, way: str = "train") -> tuple[int, int]:
    """(sequences of one forward pass, gradient accumulation steps) of each process; their product with `world_size` is `global_batch`.

    A micro batch larger than a process's share is reduced to it. Raises InputError, with numbers that work, where these do not divide;
    `way` is train or distill, whose key that is.
    """
    if global_batch % world_size:
        fits = ", ".join(str(size) for size in range(1, global_batch + 1) if global_batch % size == 0)
        raise InputError(f"{way}.global_batch: {global_batch} sequences do not divide among {world_size} processes; use {fits} processes")
    share = global_batch // world_size
    micro = min(micro_batch, share)
    if share % micro:
        fits = ", ".join(str(size) for size in range(1, share + 1) if share % size == 0)
        raise InputError(f"runtime.micro_batch: {micro} does not divide the {share} sequences of one process; use one of {fits}")
    return micro, share // micro


def batch_errors(where: str, recipe: Mapping[str, Any], runtime: Mapping[str, Any], way: str = "train") -> Iterator[str]:
    """The error, if any, of a global batch that cannot be divided among the processes of `runtime`."""
    try:
        accumulation(recipe["global_batch"], processes_of(runtime) * runtime["train_nodes"], runtime["micro_batch"], way)
    except InputError as error:
        yield f"{where}: {error}"


def environment(processes: int, nodes: Nodes, env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of the processes of a training."""
    made = {
        "PYTHONWARNINGS": NOISE,
        "TORCH_ELASTIC_SHUTDOWN_TIMEOUT": str(SHUTDOWN_S),
        **env,
        PROCESSES_VARIABLE: str(processes * nodes.count),
    }
    # DeepSpeed compiles on first use and looks for ninja, which pip installs next to the interpreter.
    made["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), env.get("PATH", os.defpath)])
    if processes == 1:
        made.setdefault("CUDA_VISIBLE_DEVICES", "0")  # one process that sees several GPUs would split its batches between them
    return made


def world(env: Mapping[str, str] = os.environ) -> tuple[int, int, str]:
    """World size and rank of this process, and how the model is sharded: single, ddp, zero2, zero3, fsdp2.

    Raises InputError where the world size is not what the launcher started.
    """
    size, rank, requested = int(env.get("WORLD_SIZE", 1)), int(env.get("RANK", 0)), int(env.get(PROCESSES_VARIABLE, 0))
    if requested and requested != size:
        raise InputError(f"{requested} processes were requested and {size} run: name {SEVERAL} as runtime.accelerate")
    if env.get("ACCELERATE_USE_DEEPSPEED") == "true":
        return size, rank, f"zero{env.get('ACCELERATE_DEEPSPEED_ZERO_STAGE', '')}"
    if env.get("ACCELERATE_USE_FSDP") == "true":
        return size, rank, f"fsdp{env.get('FSDP_VERSION', '')}"
    return size, rank, "ddp" if size > 1 else "single"
