"""Where the results come from: versions, git commit, machine, resolved config and digests.

From a results folder and the resolved config to provenance.json, the only result with a time stamp. `made_on` has the machines on which
models were trained and answers generated, by their logs. Of the environment, only the variables of vLLM are written, without its keys; a
config with something like an access token in it is refused.

    python scripts/provenance.py --spec '{"config": {...}}' --results results --output results/provenance.json
"""

import platform
from datetime import UTC, datetime
from pathlib import Path

from distill.base import cli
from distill.base.files import write_json
from distill.base.machine import made_on, this_machine
from distill.base.settings import Settings
from distill.report import provenance
from distill.report.compute import as_json, costs
from distill.report.names import KEYS

SPEC = Settings(config={"type": "object"}, made_from=KEYS["made_from"])  # the configuration was checked where it was read


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument(
        "--spec", required=True, help='JSON object (or a file of one): "config", the resolved config; "made_from", the steps of each model'
    )
    parser.add_argument("--command", help="command that reproduces the results")
    parser.add_argument("--results", default="results", help="results folder (default: %(default)s)")
    parser.add_argument("--output", required=True, help="provenance.json to write")
    args = parser.parse_args()

    spec = SPEC.read(cli.spec(args.spec))
    config = spec.get("config", {})
    provenance.refuse_secrets(config)
    provenance.refuse_secrets(args.command, "--command")
    write_json(
        args.output,
        {
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": args.command,
            "python": platform.python_version(),
            "git": provenance.git(Path(__file__).parent),
            "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
            **this_machine(),
            "made_on": made_on(Path(args.results)),
            "config": config,
            "digests": provenance.digests(args.results),
            "compute": as_json(costs(spec.get("made_from") or {}, Path(args.results))),
        },
    )


if __name__ == "__main__":
    cli.run(main)
