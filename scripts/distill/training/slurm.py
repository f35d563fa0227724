"""Requests of a job to its Slurm: the address of a node, and to be requeued."""

import os
import re
import subprocess
from collections.abc import Mapping


def address_of(node: str) -> str:
    """The address of a node, whose name may be known to Slurm only."""
    shown = _output("scontrol", "--oneliner", "show", "node", node)
    found = re.search(r"\bNodeAddr=(\S+)", shown or "")
    return found[1] if found else node


def requeue(env: Mapping[str, str] = os.environ) -> bool:
    """Requeue this job unless somebody cancelled it, and return whether that was done. It ends this job.

    Slurm itself requeues a preempted job only if the job is still running after its grace time, and never one that reached its time limit.
    """
    job = env.get("SLURM_JOB_ID")
    if job is None or env.get("SLURM_NODEID", "0") != "0":
        return False
    state = _output("squeue", "--noheader", "--format=%T", f"--jobs={job}")
    return state == "RUNNING" and _output("scontrol", "requeue", job) is not None


def _output(*command: str) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
