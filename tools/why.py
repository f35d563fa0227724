"""Explain why a file of results is (or would be) made again.

From Snakemake's plan and its metadata of the last run to text: the key of the configuration with old and new value, the module, the input,
what is missing; or that it is up to date. Give a file, a rule, or a rule and wildcards. Nothing is run.

    python tools/why.py results/models/ours
    python tools/why.py grade ours mini_math --configfile config/config.yaml my.yaml
    python tools/why.py --directory runs/mine
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from distill.base.cli import parser, run
from distill.workflow.why import why


def main() -> None:
    options = parser(__doc__)
    options.add_argument("target", nargs="*", help="a file or folder under results/, or a rule and names (default: the report)")
    options.add_argument("--configfile", nargs="+", default=[], type=Path, metavar="YAML", help="as Snakemake takes it")
    options.add_argument("--directory", default=".", type=Path, help="where Snakemake was started (default: here)")
    args = options.parse_args()
    configfiles = [path.absolute() for path in args.configfile]
    os.chdir(args.directory)
    print("\n".join(why(args.target or ["results/report.md"], configfiles)))


if __name__ == "__main__":
    run(main)
