"""Remove the lock that a killed Snakemake left in this folder, if no process of that run is alive.

`snakemake --unlock` removes it in any case, also under a run that is alive. This first looks for a Snakemake that runs in the folder, and
for a step of the killed run that still works: one that would write its output under the next run is named, with its process. A training
that still works is no obstacle: the next run waits for it.

    python tools/unlock.py
    python tools/unlock.py --directory runs/tutorial
"""

import shutil
import sys
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from distill.base.cli import parser, run
from distill.base.errors import InputError
from distill.base.paths import SCRIPTS
from distill.base.processes import orphans, scripts_in, snakemake_runs_in

# Processes of other machines that share such a disk cannot be seen from here.
SHARED = {"nfs", "nfs4", "lustre", "gpfs", "beegfs", "cephfs", "ceph", "cifs", "smb3", "glusterfs", "fuse.glusterfs", "9p", "virtiofs"}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--directory", "--folder", dest="folder", default=".", type=Path, help="where Snakemake runs (default: here)")
    options.add_argument("--shared", action="store_true", help="on a network file system: no other machine runs Snakemake in this folder")
    args = options.parse_args()
    folder = args.folder.resolve()
    locks = folder / ".snakemake" / "locks"
    if not any(locks.glob("*")):
        print(f"{folder}: not locked")
        return
    if snakemake_runs_in(folder):
        raise InputError(f"{folder}: a Snakemake is running here: wait for it, or stop it with Ctrl-C; its lock stays")
    waited_for = [family(process) for _, process in orphans(folder / "work")]
    for process in scripts_in(folder, SCRIPTS):
        if not any(process in processes for processes in waited_for):
            raise InputError(
                f"{folder}: process {process.pid} of the killed run still works ({name(process)}): wait for it, or end it "
                f"(kill {process.pid}), then run this again; the lock stays"
            )
    kind = file_system(folder)
    if kind in SHARED and not args.shared:
        raise InputError(f"{folder}: is on {kind}, so a run on another machine cannot be seen from here: add --shared if there is none")
    shutil.rmtree(locks)
    print(f"{folder}: unlocked; run the same command again")


def family(process: psutil.Process) -> list[psutil.Process]:
    """A process with its ancestors and descendants."""
    try:
        return [process, *process.parents(), *process.children(recursive=True)]
    except psutil.Error:
        return [process]


def name(process: psutil.Process) -> str:
    try:
        return next((Path(word).name for word in process.cmdline() if word.endswith(".py")), process.name())
    except psutil.Error:
        return "ended by now"


def file_system(folder: Path) -> str:
    """The type of the file system that holds a folder."""
    mounts = [part for part in psutil.disk_partitions(all=True) if folder.is_relative_to(part.mountpoint)]
    return max(mounts, key=lambda part: len(part.mountpoint)).fstype if mounts else ""


if __name__ == "__main__":
    run(main)
