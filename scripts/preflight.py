"""Say what a run will take before it costs anything: memory of a device, time, disk, access; what does not fit, and what to change.

From the plan of a configuration (as rules/preflight.smk passes it) and what exists under --results, to preflight.json and a page of
text. With --check nothing is written: one line a job that does not fit, and exit code 2, which is what train, distill and respond do first.
runtime.preflight: warn or ignore lets them go on.

    snakemake --cores 1 preflight
    python scripts/preflight.py --plan plan.json --json preflight.json --text preflight.txt
"""

import sys
from pathlib import Path

from distill.base.cli import parser, run, spec
from distill.base.errors import InputError
from distill.base.files import atomic_write, read_json, write_json
from distill.preflight import access, facts, golds
from distill.preflight.estimate import estimate
from distill.preflight.findings import room_findings, stops
from distill.preflight.page import page
from distill.preflight.pairs import pair_findings


def main() -> None:
    options = parser(__doc__)
    jobs = "trainings, distillations, evaluations, attempts, logits"
    options.add_argument("--plan", help=f"JSON of {jobs}; runs (the tasks), sources, origins, copies, accelerate, runtime")
    options.add_argument("--results", default="results", type=Path, help="results folder (default: %(default)s)")
    options.add_argument("--json", type=Path, help="preflight.json")
    options.add_argument("--text", type=Path, help="the same to read")
    options.add_argument("--offline", action="store_true", help="do not ask the hub")
    options.add_argument("--verdict", type=Path, help="preflight.json: estimate nothing, and end with exit code 1 where it says STOP")
    options.add_argument("--check", action="store_true", help="write nothing; stop where something does not fit")
    args = options.parse_args()
    if args.verdict:
        return verdict(args.verdict)
    if not args.plan:
        raise InputError("--plan: missing; give the plan to estimate, or an estimate as --verdict")

    part = facts.join_tasks(spec(args.plan))
    if args.check:
        return check(part, args.results)
    known = facts.gather(part, args.results, ask=access.model_config if not args.offline else lambda _: None)
    found = estimate(part, known)
    free = facts.free_bytes(args.results)
    found["disk"]["free"] = round(free / 1e9, 1)
    found["sources"], fetching = access.sources(part, known, args.results, not args.offline)
    found["tokenizers"], ending = access.tokenizers(part, args.results)
    found["versions"], missing = access.versions(part)
    found["findings"] += [
        *fetching,
        *ending,
        *pair_findings(part, args.results),
        *missing,
        *golds.findings(part, args.results),
        *room_findings(found["disk"], free, str(args.results)),
    ]
    found["findings"].sort(key=lambda finding: ("stop", "warning", "note").index(finding["level"]))
    if args.json:
        write_json(args.json, found)
    if args.text:
        with atomic_write(args.text) as file:
            file.write(page(found))
    print(page(found), end="")


def verdict(estimated: Path) -> None:
    """End with exit code 1 and the number of findings where an estimate says STOP."""
    stops = [finding for finding in read_json(estimated)["findings"] if finding["level"] == "stop"]
    if stops:
        sys.exit(f"preflight: {len(stops)} of the findings above say STOP: this would not run")


def check(part: dict, results: Path) -> None:
    """Raises InputError for what does not fit, unless runtime.preflight says otherwise."""
    mode = part["runtime"]["preflight"]
    if mode == "ignore":
        return
    found = estimate(part, facts.gather(part, results))
    found["findings"] += golds.findings(part, results)
    lines = stops(found)
    if lines and mode == "stop":
        raise InputError("\n".join([f"preflight: {line}" for line in lines] + ["or set runtime.preflight: warn to go on all the same"]))
    for line in lines:
        print(f"preflight: {line}", file=sys.stderr)


if __name__ == "__main__":
    run(main)
