"""Status of the run in this folder: what is done, what is running, with rate and time to go, and what is to come.

From Snakemake's log, the logs of the steps and results/timing/ to text or JSON. Use it from a second terminal; it does not affect the run.
If nothing is running, it shows the last run, and how to go on if that was interrupted.

    python tools/status.py
    python tools/status.py --watch 10
    python tools/status.py --json
"""

import json
import sys
import time
from datetime import datetime
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from distill.base.cli import parser, run
from distill.base.errors import InputError
from distill.base.processes import orphans, snakemake_runs_in
from distill.base.timing import timings
from distill.workflow.status import Folder, SnakemakeRun, facts, parse_log, render

TAIL = 20_000  # bytes of a step's log in which its last line of progress is


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--directory", "--folder", dest="folder", default=".", type=Path, help="where Snakemake runs (default: here)")
    options.add_argument("--watch", type=float, metavar="SECONDS", help="refresh every SECONDS, until Ctrl-C")
    options.add_argument("--json", action="store_true", help="print JSON")
    args = options.parse_args()
    while True:
        status = read_status(args.folder)
        text = json.dumps(status, indent=2) if args.json else render(status).rstrip("\n")
        print(f"\x1b[2J\x1b[H{text}" if args.watch and not args.json else text, flush=True)
        if not args.watch:
            return
        try:
            time.sleep(args.watch)
        except KeyboardInterrupt:
            return


def read_status(folder: Path) -> dict:
    """The status of the run that is alive, else of the newest one."""
    logs = sorted((folder / ".snakemake" / "log").glob("*.snakemake.log"), reverse=True)
    runs = [run for log in logs[:5] if (run := parse_log(log.read_text(encoding="utf-8", errors="replace"))).planned]
    if not runs:
        raise InputError(f"{folder}: no run of Snakemake here whose log lists its jobs; start one without --quiet, or name its --directory")
    alive = snakemake_runs_in(folder)
    chosen = next((one for one in runs if alive and not one.ended), runs[0])
    tails = {job.log: tail(folder / job.log) for job in chosen.of("running") if job.log and (folder / job.log).is_file()}
    found = [] if alive else [(str(work.relative_to(folder)), process.pid) for work, process in orphans(folder / "work")]
    locked = any((folder / ".snakemake" / "locks").glob("*"))
    about = Folder(alive, locked, found, None if folder.resolve() == Path.cwd() else str(folder))
    return facts(chosen, datetime.now(), tails, took(folder / "results" / "timing", chosen), about)


def tail(log: Path) -> tuple[str, float]:
    """(end of a log, seconds since it was written)."""
    with open(log, "rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL))
        return file.read().decode("utf-8", "replace"), time.time() - log.stat().st_mtime


def took(timing: Path, chosen: SnakemakeRun) -> dict[str, float]:
    """{rule: median seconds of a job}, from Snakemake's benchmark files."""
    found = {}
    for rule in chosen.to_come():
        files = [timing / f"{rule}.tsv", *(timing / rule).rglob("*.tsv")]
        seconds = [run.wall_s for file in files for run in timings(file)]
        if seconds:
            found[rule] = median(seconds)
    return found


if __name__ == "__main__":
    run(main)
