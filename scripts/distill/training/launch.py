"""How a training is started: processes, machines, and who is first among them; the command line of `accelerate launch` from that."""

import ctypes
import os
import re
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.base.errors import InputError
from distill.training.slurm import address_of

ONE_PROCESS = ("NO", "MULTI_CPU")  # accelerate 1.15 starts one process for either, however many are asked for, and says nothing
SEVERAL = "ddp.yaml, zero2.yaml, zero3.yaml or fsdp2.yaml of config/accelerate"
# What the launcher asked for, for the run to hold against what it finds: accelerate can start fewer processes without a word.
ASKED = "DISTILL_PROCESSES"
# How long the processes of a machine may take to save after SIGTERM before torch kills them. Its own 30 s are too
# short for the checkpoint of a large model, and who sent the SIGTERM has a limit of their own.
SHUTDOWN_S = 1800
NOISE = "ignore::FutureWarning:torch.distributed.c10d_logger"  # DeepSpeed 0.19 calls what torch 2.13 renames, many times a step
PORT = 29500
STOPPED = 75  # EX_TEMPFAIL of sysexits.h: try again


@dataclass(frozen=True)
class Machines:
    """How many machines take part, which of them this is, and where the first listens."""

    count: int = 1
    rank: int = 0
    address: str = "127.0.0.1"
    port: int = 0  # any that is free

    @classmethod
    def of(
        cls, count: int, rank: int | None = None, address: str | None = None, port: int | None = None, env: Mapping[str, str] = os.environ
    ) -> "Machines":
        """What is not given comes from Slurm's environment. Raises InputError where it is not there either."""
        if count == 1:
            return cls()
        if "SLURM_JOB_ID" in env:
            there = int(env.get("SLURM_STEP_NUM_NODES", env.get("SLURM_JOB_NUM_NODES", 1)))
            if there != count:
                raise InputError(f"{count} machines are asked for, and Slurm gives this step {there}: start it with srun --nodes={count}")
            rank = int(env["SLURM_NODEID"]) if rank is None else rank
            address = address or address_of(first_host(env.get("SLURM_STEP_NODELIST") or env["SLURM_JOB_NODELIST"]))
            port = port or PORT + int(env["SLURM_JOB_ID"]) % 10_000  # two jobs may share a machine
        if rank is None:
            raise InputError(f"{count} machines are asked for: give each its own --machine-rank, 0 to {count - 1}, or start it with srun")
        if not address:
            raise InputError(f"{count} machines are asked for: give --main-address, where the machine of rank 0 can be reached")
        if not 0 <= rank < count:
            raise InputError(f"--machine-rank: {rank} is none of the {count} machines, which count from 0")
        return cls(count, rank, address, port or PORT)


def first_host(nodelist: str) -> str:
    """The first machine of Slurm's short form: gpu[007-010,12],cpu1 is gpu007."""
    return re.sub(r"\[(\w+)[^\]]*\]", r"\1", re.match(r"(?:[^,\[]|\[[^\]]*\])*", nodelist)[0])


def command(config: Path, settings: Mapping[str, Any], processes: int, machines: Machines) -> list[str]:
    """The options of `accelerate launch` for `processes` on each of `machines`.

    `settings` are those of the accelerate file `config`. Raises InputError where it would start fewer processes than asked for.
    """
    total = processes * machines.count
    if str(settings.get("distributed_type")) in ONE_PROCESS and total > 1:
        raise InputError(f"{config}: starts one process, and {total} are asked for: name {SEVERAL} as runtime.accelerate")
    options = ["--config_file", str(config), "--num_processes", str(total), "--num_machines", str(machines.count)]
    options += ["--machine_rank", str(machines.rank), "--main_process_port", str(machines.port), "--quiet"]
    return options + (["--main_process_ip", machines.address] if machines.count > 1 else [])


def processes_of(runtime: Mapping[str, Any]) -> int:
    """The processes of one training on each machine, by the configuration's `runtime`."""
    return runtime["train_processes"] or max(runtime["train_gpus"], 1)


def accumulation(global_batch: int, world_size: int, micro_batch: int) -> tuple[int, int]:
    """(sequences a device takes at once, gradient accumulation steps) whose product with `world_size` is `global_batch`.

    A micro batch above a device's share is cut to that share. Raises InputError where the numbers do not divide, and says what would.
    """
    if global_batch % world_size:
        fits = ", ".join(str(size) for size in range(1, global_batch + 1) if global_batch % size == 0)
        raise InputError(f"train.global_batch: {global_batch} sequences do not divide among {world_size} processes; use {fits} processes")
    share = global_batch // world_size
    micro = min(micro_batch, share)
    if share % micro:
        fits = ", ".join(str(size) for size in range(1, share + 1) if share % size == 0)
        raise InputError(f"runtime.micro_batch: {micro} does not divide the {share} sequences of one process; use one of {fits}")
    return micro, share // micro


def batch_mistakes(where: str, train: Mapping[str, Any], runtime: Mapping[str, Any]) -> Iterator[str]:
    """What keeps the global batch of a recipe from being shared out, before anything has run."""
    try:
        accumulation(train["global_batch"], processes_of(runtime) * runtime["train_nodes"], runtime["micro_batch"])
    except InputError as error:
        yield f"{where}: {error}"


def environment(processes: int, machines: Machines, env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What the processes of a training find in their environment."""
    made = {"PYTHONWARNINGS": NOISE, "TORCH_ELASTIC_SHUTDOWN_TIMEOUT": str(SHUTDOWN_S), **env, ASKED: str(processes * machines.count)}
    # DeepSpeed compiles on first use and looks for ninja, which pip puts beside the interpreter.
    made["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), env.get("PATH", os.defpath)])
    if processes == 1:
        made.setdefault("CUDA_VISIBLE_DEVICES", "0")  # one process that sees several devices would share batches among them
    return made


def world(env: Mapping[str, str] = os.environ) -> tuple[int, int, str]:
    """Of the process that calls this: (world size, rank, how the model is shared out).

    Raises InputError where the launcher asked for another world size.
    """
    size, rank, asked = int(env.get("WORLD_SIZE", 1)), int(env.get("RANK", 0)), int(env.get(ASKED, 0))
    if asked and asked != size:
        raise InputError(f"{asked} processes were asked for and {size} run: name {SEVERAL} as runtime.accelerate")
    if env.get("ACCELERATE_USE_DEEPSPEED") == "true":
        return size, rank, f"zero{env.get('ACCELERATE_DEEPSPEED_ZERO_STAGE', '')}"
    if env.get("ACCELERATE_USE_FSDP") == "true":
        return size, rank, f"fsdp{env.get('FSDP_VERSION', '')}"
    return size, rank, "ddp" if size > 1 else "single"


def end_with_parent() -> None:
    """Let the kernel kill this process when its parent dies, on Linux: torch starts workers in sessions of their own, which a kill of the
    launcher's group does not reach, and they would train on."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
