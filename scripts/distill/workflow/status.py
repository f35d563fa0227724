"""Progress of a run, read from the log of Snakemake 9.27 and the logs of its steps. Changes nothing."""

import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from distill.base.progress import format_duration, parse_progress_line

STAMP = re.compile(r"^\[(\w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4})\]$")
BEGINS = re.compile(r"^(?:local)?(?:rule|checkpoint) (\w+):$")
FINISHED = re.compile(r"^Finished jobid: (\d+) ")
FAILED = re.compile(r"^Error in (?:rule|checkpoint|group) (\w+)")
STEPS = re.compile(r"^(\d+) of (\d+) steps \(\d+%\) done$")
ENDS = ("Complete log(s):", "Nothing to be done")


@dataclass
class LoggedJob:
    """`state`: running, done or failed. `ended` is None while it runs."""

    id: int
    rule: str
    about: str = ""
    log: str | None = None
    started: datetime | None = None
    ended: datetime | None = None
    state: str = "running"

    @property
    def name(self) -> str:
        return f"{self.rule} {self.about}".strip()


@dataclass
class SnakemakeRun:
    """One invocation of Snakemake. `planned` {rule: jobs} is as of its beginning, `total` as it last counted."""

    jobs: dict[int, LoggedJob] = field(default_factory=dict)
    planned: dict[str, int] = field(default_factory=dict)
    done: int = 0
    total: int = 0
    started: datetime | None = None
    last: datetime | None = None
    ended: bool = False

    def of(self, state: str) -> list[LoggedJob]:
        return [job for job in self.jobs.values() if job.state == state]

    def to_come(self) -> dict[str, int]:
        """{rule: jobs that were planned and have not begun}, in the order of the plan. Empty once the run has ended without a failure."""
        begun = Counter(job.rule for job in self.jobs.values())
        left = {rule: count - begun[rule] for rule, count in self.planned.items() if count > begun[rule]}
        return {} if self.ended and not self.of("failed") else left


def parse_log(log: str) -> SnakemakeRun:
    """Parse a .snakemake/log file."""
    run, now, job, failed = SnakemakeRun(), None, None, False
    lines = iter(log.splitlines())
    for line in lines:
        if found := STAMP.match(line):
            now = run.last = datetime.strptime(found[1], "%a %b %d %H:%M:%S %Y")
            run.started = run.started or now
        elif found := BEGINS.match(line):
            job, failed = LoggedJob(-1, found[1], started=now), False
        elif FAILED.match(line):
            job, failed = None, True
        elif found := FINISHED.match(line):
            _end(run, int(found[1]), "done", now)
        elif found := STEPS.match(line):
            run.done, run.total = int(found[1]), int(found[2])
        elif line.startswith("Job stats:"):
            run.planned = _stats(lines)
            run.total = run.total or sum(run.planned.values())
        elif line.startswith(ENDS):
            run.ended = True
        elif failed and (found := re.match(r"^    jobid: (\d+)$", line)):
            _end(run, int(found[1]), "failed", now)
        elif job and (found := re.match(r"^    (\w+): (.*)$", line)):
            _detail(run, job, found[1], found[2])
    return run


def _stats(lines: Any) -> dict[str, int]:
    """Parse the table of jobs: two header lines, then `rule count`, up to an empty line."""
    counts = {}
    for line in lines:
        parts = line.split()
        if not parts:
            break
        if len(parts) == 2 and parts[1].isdigit() and parts[0] != "total":
            counts[parts[0]] = int(parts[1])
    return counts


def _detail(run: SnakemakeRun, job: LoggedJob, key: str, value: str) -> None:
    if key == "jobid":
        job.id = int(value)
        run.jobs[job.id] = job
    elif key == "log":
        job.log = value.split(", ")[0].removesuffix(" (check log file(s) for error details)")
    elif key == "wildcards":
        job.about = " ".join(pair.split("=", 1)[1] for pair in value.split(", "))


def _end(run: SnakemakeRun, number: int, state: str, now: datetime | None) -> None:
    if number in run.jobs:
        run.jobs[number].state, run.jobs[number].ended = state, now


def last_progress(log: str) -> dict[str, Any] | None:
    """The last progress line of a step's log (distill.base.progress), as done, total, unit, rate, left_s, note."""
    return next((found for line in reversed(log.splitlines()) if (found := parse_progress_line(line.strip()))), None)


@dataclass(frozen=True)
class Folder:
    """What is known of the folder of a run besides its logs.

    `alive`: a Snakemake runs in it. `locked`: it holds Snakemake's lock. `orphans`: (work folder, process) pairs of steps that go on
    although their Snakemake was killed. `named`: how it was named on the command line; None where it is the working directory.
    """

    alive: bool = False
    locked: bool = False
    orphans: Sequence[tuple[str, int]] = ()
    named: str | None = None


def facts(
    run: SnakemakeRun, now: datetime, logs: Mapping[str, tuple[str, float]], took: Mapping[str, float], folder: Folder
) -> dict[str, Any]:
    """The status as data. `logs`: {log file: (its end, seconds since it was written)}; `took`: {rule: seconds of a job, as measured}."""
    running = []
    for job in run.of("running"):
        tail, age = logs.get(job.log or "", ("", 0.0))
        progress = last_progress(tail)
        if progress and progress["left_s"] is not None:
            progress["left_s"] = max(0, round(progress["left_s"] - age))
        for_s = round((now - job.started).total_seconds()) if job.started else None
        running.append({"job": job.name, "for_s": for_s, "log": job.log, "progress": progress, "silent_s": round(age) if tail else None})
    to_come = [{"rule": rule, "jobs": count, "each_s": took.get(rule)} for rule, count in run.to_come().items() if rule != "all"]
    state = "failed" if run.of("failed") and run.ended else "finished" if run.ended else "running" if folder.alive else "cut off"
    orphans = [{"folder": work, "process": process} for work, process in folder.orphans]
    if state == "cut off" and orphans:
        state = "orphaned"
    return {
        "state": state,
        "started": run.started.isoformat(sep=" ") if run.started else None,
        "steps_done": run.done,
        "steps": run.total,
        "done": [{"rule": rule, "jobs": count} for rule, count in Counter(job.rule for job in run.of("done")).items() if rule != "all"],
        "running": running if state in ("running", "cut off", "orphaned") else [],
        "failed": [{"job": job.name, "log": job.log} for job in run.of("failed")],
        "to_come": to_come,
        "locked": folder.locked,
        "orphans": orphans,
        "directory": folder.named,
    }


def advice(status: Mapping[str, Any]) -> str:
    """What to do about a run that did not end; empty for any other."""
    if status["state"] not in ("cut off", "orphaned"):
        return ""
    options = f" --directory {shlex.quote(status['directory'])}" if status["directory"] else ""
    unlock = f"python tools/unlock.py{options}, then " if status["locked"] else ""
    again = f"to go on: {unlock}the same command again"
    if status["state"] == "cut off":
        return f"no Snakemake runs in this folder on this machine; {again}"
    processes = ", ".join(f"process {orphan['process']} ({orphan['folder']})" for orphan in status["orphans"])
    return f"Snakemake was killed, but {processes} still works; {again}, which waits for it (runtime.orphans: end stops it)"


def render(status: Mapping[str, Any]) -> str:
    """The status as text."""
    share = f", {100 * status['steps_done'] // status['steps']} %" if status["steps"] else ""
    parts = [f"{status['state']}; {status['steps_done']} of {status['steps']} steps{share}; begun {status['started'] or 'just now'}"]
    parts += [advice(status)]
    parts += [_block("failed", [[entry["job"], f"see {entry['log']}"] for entry in status["failed"]])]
    running = "was running" if status["state"] == "cut off" else "running"
    parts += [_block(running, [_running(entry) for entry in status["running"]])]
    parts += [_block("to come", [[f"{entry['rule']} x {entry['jobs']}", _each(entry["each_s"])] for entry in status["to_come"]])]
    parts += [_block("done", [[f"{entry['rule']} x {entry['jobs']}"] for entry in status["done"]])]
    return "\n".join(part for part in parts if part) + "\n"


def _running(entry: Mapping[str, Any]) -> list[str]:
    at, for_s = entry["progress"], format_duration(entry["for_s"] or 0)
    if at is None:
        return [entry["job"], f"for {for_s}", "no progress line yet"]
    of = f" of {at['total']:,} {at['unit']} ({100 * at['done'] // at['total']} %)" if at["total"] else f" {at['unit']}"
    left = f"{format_duration(at['left_s'])} to go" if at["left_s"] is not None else ""
    return [entry["job"], f"for {for_s}", f"{at['done']:,}{of}", f"{at['rate']:,.2f} {at['unit']}/s", left, at["note"] or ""]


def _each(seconds: float | None) -> str:
    return "" if seconds is None else f"about {format_duration(seconds)} each, as measured here"


def _block(head: str, rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    widths = [max(len(row[at]) for row in rows if at < len(row)) for at in range(max(map(len, rows)))]
    lines = ("    " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in rows)
    return "\n".join([f"{head}:", *lines])
