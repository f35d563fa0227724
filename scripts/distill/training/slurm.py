"""What a job asks of the Slurm that it runs under: where a node listens, and a place in the queue to go on later."""

import os
import re
import subprocess
from collections.abc import Mapping


def address_of(node: str) -> str:
    """Where a node can be reached: its name may be known to Slurm alone."""
    told = _said("scontrol", "--oneliner", "show", "node", node)
    found = re.search(r"\bNodeAddr=(\S+)", told or "")
    return found[1] if found else node


def requeue(env: Mapping[str, str] = os.environ) -> bool:
    """Queue this job anew, unless somebody cancelled it; true where that was done. It ends this job.

    Slurm itself queues a preempted job anew only if the job outlives its grace, and one whose time is up never.
    """
    job = env.get("SLURM_JOB_ID")
    if job is None or env.get("SLURM_NODEID", "0") != "0":
        return False
    state = _said("squeue", "--noheader", "--format=%T", f"--jobs={job}")
    return state == "RUNNING" and _said("scontrol", "requeue", job) is not None


def _said(*command: str) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
