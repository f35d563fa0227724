"""Requests of a job to its Slurm: the address of a node, and to be requeued."""

import os
import re
from collections.abc import Mapping

from distill.base.machine import output_of

_TIMEOUT_S = 60


def address_of(node: str) -> str:
    """The address of a node, whose name may be known to Slurm only."""
    shown = output_of("scontrol", "--oneliner", "show", "node", node, timeout_s=_TIMEOUT_S)
    found = re.search(r"\bNodeAddr=(\S+)", shown or "")
    return found[1] if found else node


def requeue(env: Mapping[str, str] = os.environ) -> bool:
    """Requeue this job unless somebody cancelled it, and return whether that was done. It ends this job.

    Slurm itself requeues a preempted job only if the job is still running after its grace time, and never one that reached its time limit.
    """
    job = env.get("SLURM_JOB_ID")
    if job is None or env.get("SLURM_NODEID", "0") != "0":
        return False
    state = output_of("squeue", "--noheader", "--format=%T", f"--jobs={job}", timeout_s=_TIMEOUT_S)
    return state == "RUNNING" and output_of("scontrol", "requeue", job, timeout_s=_TIMEOUT_S) is not None
