"""Accelerators of one machine, each held by one job at a time.

Snakemake counts accelerators (`--resources gpu=8`) but does not say which of them a job is to take: without this all jobs take the first.
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

# What says to ROCm, Ascend, and CUDA (and MetaX) which devices a process may see. The first that is set names the pool that jobs share:
# ROCm looks at HIP's before CUDA's.
VARIABLES = ("HIP_VISIBLE_DEVICES", "ASCEND_RT_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES")


def visible_devices(env: Mapping[str, str], dev: Path = Path("/dev")) -> tuple[str, list[str]]:
    """The variable that names devices, and those that jobs of this machine share: what it says, else NVIDIA's own in /dev."""
    for variable in VARIABLES:
        if variable in env:
            listed = (name.strip() for name in env[variable].split(","))
            # -1 is how one says none: CUDA sees nothing from there on.
            return variable, list(dict.fromkeys(takewhile(lambda name: name != "-1", filter(None, listed))))
    numbers = (re.fullmatch(r"nvidia(\d+)", path.name) for path in dev.glob("nvidia*"))
    return VARIABLES[-1], [str(number) for number in sorted(int(found[1]) for found in numbers if found)]


def assigned_by_slurm(env: Mapping[str, str]) -> bool:
    """Whether a scheduler has given this job devices of its own already. Under Slurm each job may count its own from 0, so that a lock by
    number would be held against jobs that have others."""
    return "SLURM_JOB_ID" in env


def acquire_devices(wanted: int, variable: str, names: list[str], folder: Path, every_s: float = 1.0) -> list[tuple[str, IO[str]]]:
    """Wait until `wanted` of the devices are free, and hold them: each by a lock of the kernel's on a file of its name in `folder`.

    Who holds the files open holds the devices, and a dead process holds none. All are taken at once or none, so that two jobs never wait
    for each other. Raises InputError where there are too few for ever.
    """
    if wanted > len(names):
        there = f"{variable} names {len(names)}" if names else f"none is known here: set {variable}=0,1,... to those that jobs may take"
        raise InputError(f"{wanted} accelerators are asked for, and {there}; runtime.train_gpus and respond_gpus say how many a job takes")
    folder.mkdir(parents=True, exist_ok=True)
    told = False
    while True:
        with open(folder / "lock", "a", encoding="utf-8") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            held = _lock_free_devices(names, wanted, folder)
        if len(held) == wanted:
            return held
        for _, file in held:
            file.close()
        if not told:
            print(f"waiting for {wanted} of the accelerators {', '.join(names)}", flush=True)
            told = True
        time.sleep(every_s)


def _lock_free_devices(names: list[str], wanted: int, folder: Path) -> list[tuple[str, IO[str]]]:
    held: list[tuple[str, IO[str]]] = []
    for name in names:
        if len(held) == wanted:
            break
        file = open(folder / re.sub(r"[^\w.-]", "_", name), "a", encoding="utf-8")  # noqa: SIM115 - it stays open as long as the job
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            continue
        held.append((name, file))
    for _, file in held:
        os.set_inheritable(file.fileno(), True)
    return held
