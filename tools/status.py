"""How far the run in this folder is: done, running with rate and time to go, to come.

From Snakemake's log, the logs of the steps and results/timing/ to a page or JSON. Works from a second terminal while the run goes on, which
does not notice. Without a run that goes on it tells of the last one.

    python tools/status.py
    python tools/status.py --watch 10
    python tools/status.py --json
"""

import csv
import json
import sys
import time
from datetime import datetime
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from distill.base.cli import parser, run
from distill.base.errors import InputError
from distill.workflow.status import SnakemakeRun, facts, parse_log, render

TAIL = 20_000  # bytes of a step's log in which its last line of progress is


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--folder", default=".", type=Path, help="where Snakemake was started (default: here)")
    options.add_argument("--watch", type=float, metavar="SECONDS", help="show it again every so often, until ended by Ctrl-C")
    options.add_argument("--json", action="store_true", help="for programs")
    args = options.parse_args()
    while True:
        told = look(args.folder)
        text = json.dumps(told, indent=2) if args.json else render(told).rstrip("\n")
        print(f"\x1b[2J\x1b[H{text}" if args.watch and not args.json else text, flush=True)
        if not args.watch:
            return
        try:
            time.sleep(args.watch)
        except KeyboardInterrupt:
            return


def look(folder: Path) -> dict:
    """The run that goes on, else the newest: an earlier one that was killed has not ended either."""
    logs = sorted((folder / ".snakemake" / "log").glob("*.snakemake.log"), reverse=True)
    runs = [told for log in logs[:5] if (told := parse_log(log.read_text(encoding="utf-8", errors="replace"))).planned]
    if not runs:
        raise InputError(f"{folder}: no run of Snakemake here that tells of its jobs; start one without --quiet, or name its --folder")
    working = alive(folder)
    chosen = next((one for one in runs if working and not one.ended), runs[0])
    tails = {job.log: tail(folder / job.log) for job in chosen.of("running") if job.log and (folder / job.log).is_file()}
    return facts(chosen, datetime.now(), tails, took(folder / "results" / "timing", chosen), working)


def tail(log: Path) -> tuple[str, float]:
    """The end of a log, and the seconds since it was written."""
    with open(log, "rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL))
        return file.read().decode("utf-8", "replace"), time.time() - log.stat().st_mtime


def took(timing: Path, chosen: SnakemakeRun) -> dict[str, float]:
    """Median seconds of a job by rule, of all that Snakemake's benchmark files here tell."""
    found = {}
    for rule in chosen.to_come():
        files = [timing / f"{rule}.tsv", *(timing / rule).rglob("*.tsv")]
        seconds = [float(row["s"]) for file in files if file.is_file() for row in rows(file)]
        if seconds:
            found[rule] = median(seconds)
    return found


def rows(file: Path) -> list[dict[str, str]]:
    with open(file, encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened, delimiter="\t"))


def alive(folder: Path) -> bool:
    """Whether a Snakemake works in the folder on this machine."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
            if (process / "cwd").resolve() == folder.resolve() and any(is_snakemake(word) for word in words):
                return True
        except OSError:
            continue
    return False


def is_snakemake(word: str) -> bool:
    return word.rpartition("/")[2] == "snakemake" or word.endswith("snakemake/__main__.py")


if __name__ == "__main__":
    run(main)
