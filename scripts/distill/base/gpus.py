"""GPUs of one node, each used by one job at a time.

Snakemake counts GPUs (`--resources gpu=8`) but does not assign them to jobs: without this, every job would use the first one.
"""

import fcntl
import os
import re
import time
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import IO

from distill.base.errors import InputError

# Which devices a process sees, for ROCm, Ascend, and CUDA (and MetaX). The first of them that is set lists the devices that jobs share:
# ROCm reads HIP's variable before CUDA's.
VARIABLES = ("HIP_VISIBLE_DEVICES", "ASCEND_RT_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES")


def visible_devices(env: Mapping[str, str], dev: Path = Path("/dev")) -> tuple[str, list[str]]:
    """(variable, device names) for the jobs of this node: those that the variable lists, else all NVIDIA devices in /dev."""
    for variable in VARIABLES:
        if variable in env:
            listed = (name.strip() for name in env[variable].split(","))
            # CUDA ignores -1 and everything after it.
            return variable, list(dict.fromkeys(takewhile(lambda name: name != "-1", filter(None, listed))))
    numbers = (re.fullmatch(r"nvidia(\d+)", path.name) for path in dev.glob("nvidia*"))
    return VARIABLES[-1], [str(number) for number in sorted(int(found[1]) for found in numbers if found)]


def assigned_by_slurm(env: Mapping[str, str]) -> bool:
    """Whether Slurm has assigned devices to this job. Each Slurm job may number its own from 0, so a lock by number would exclude jobs that
    have different devices."""
    return "SLURM_JOB_ID" in env


def acquire_devices(count: int, variable: str, names: list[str], folder: Path, every_s: float = 1.0) -> list[tuple[str, IO[str]]]:
    """Wait until `count` devices are free and lock them, with flock on a file per device in `folder`. Returns (name, open file) pairs.

    The locks last as long as the files are open, so a dead process holds none. All are locked at once or none, so that two jobs cannot
    deadlock. Raises InputError where there are fewer than `count` devices.
    """
    if count > len(names):
        found = f"{variable} lists {len(names)}" if names else f"none was found: set {variable}=0,1,... to those that jobs may use"
        raise InputError(f"{count} GPUs requested, but {found}; runtime.train_gpus and respond_gpus set how many a job uses")
    folder.mkdir(parents=True, exist_ok=True)
    printed = False
    while True:
        with open(folder / "lock", "a", encoding="utf-8") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            held = _lock_free_devices(names, count, folder)
        if len(held) == count:
            return held
        for _, file in held:
            file.close()
        if not printed:
            print(f"waiting for {count} of the GPUs {', '.join(names)}", flush=True)
            printed = True
        time.sleep(every_s)


def _lock_free_devices(names: list[str], count: int, folder: Path) -> list[tuple[str, IO[str]]]:
    held: list[tuple[str, IO[str]]] = []
    for name in names:
        if len(held) == count:
            break
        file = open(folder / re.sub(r"[^\w.-]", "_", name), "a", encoding="utf-8")  # noqa: SIM115 - stays open as long as the job runs
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            continue
        held.append((name, file))
    for _, file in held:
        os.set_inheritable(file.fileno(), True)
    return held
